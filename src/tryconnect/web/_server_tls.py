"""The certificate that a server shows, which can be renewed while it runs."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Certificate"]


class Certificate:
    """A certificate with its key, in files.

    Args:
        cert: The certificate and those that lead to its authority, as PEM.
        key: The private key, as PEM without a password; ``None``: it is in the same file.

    Raises:
        ValueError: They cannot be read, or do not belong together.

    Attributes:
        context: For the server's connections.
    """

    def __init__(self, cert: Path, key: Path | None) -> None:
        self._cert = cert
        self._key = key
        self.context = self._loaded(_context())

    def renew(self) -> None:
        """Read the files again, for new connections; if they are broken, nothing changes.

        Raises:
            ValueError: They cannot be read, or do not belong together.
        """
        self._loaded(_context())
        self._loaded(self.context)

    def _loaded(self, context: ssl.SSLContext) -> ssl.SSLContext:
        try:
            # A key with a password would be asked for at the terminal.
            context.load_cert_chain(self._cert, self._key, password=lambda: "")
        except OSError as error:  # ssl.SSLError is one
            files = f"{self._cert}" if self._key is None else f"{self._cert} and {self._key}"
            why = error.strerror or str(error)
            raise ValueError(f"cannot use {files} for TLS: {why}") from error
        return context


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    return context
