"""What a client trusts and shows, if that is not what the process does."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TlsSettings"]


class TlsSettings(NamedTuple):
    """How a client's TLS contexts differ from the process's.

    Attributes:
        verified: whether certificates are verified.
        by_system: the operating system verifies them.
        ca_file: a file, or a folder, of the only authorities that are trusted.
        cert_file: a client's certificate, for servers that ask for one.
        key_file: its key; ``None``: it is in the same file.
    """

    verified: bool = True
    by_system: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
