"""Compressed bodies: in one coding or several, corrupt ones, and bombs."""

from __future__ import annotations

import functools
import gzip
import importlib
import zlib
from typing import TYPE_CHECKING

from tryconnect.testing._misbehaving import raw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tryconnect.testing._misbehaving import Opening

    Packer = Callable[[bytes], bytes]

__all__ = ["PACKERS", "bomb", "packed"]

TEXT = b"Franz jagt im komplett verwahrlosten Taxi quer durch Bayern. " * 20


def _compressor(*names: str, **options: int) -> Packer | None:
    """Return the ``compress`` of the first of these modules that is installed."""
    for name in names:
        try:
            return functools.partial(importlib.import_module(name).compress, **options)
        except ImportError:
            continue
    return None


_OPTIONAL = {
    "br": _compressor("brotli", quality=5),  # its default, 11, takes 10 s for a bomb
    "zstd": _compressor("compression.zstd", "backports.zstd"),
}
PACKERS: dict[str, Packer] = {
    "gzip": functools.partial(gzip.compress, mtime=0),
    "deflate": zlib.compress,
    **{name: packer for name, packer in _OPTIONAL.items() if packer},
}
"""The function that compresses a body, by coding, for those that are installed."""


def packed(*codings: str, body: bytes = TEXT, corrupt: bool = False) -> Opening:
    """Answer 200 with a compressed body.

    Args:
        codings: ``gzip``, ``deflate``, ``br`` or ``zstd``; several are applied in this order.
        body: The body to compress.
        corrupt: Overwrite all but the first bytes afterwards.

    Raises:
        ModuleNotFoundError: The package for a coding is not installed.

    Example:
        >>> from tryconnect.testing import packed
        >>> async with packed("gzip", "deflate") as peer:
        ...     print((await tryconnect.fetch(peer.url)).headers["content-encoding"])
        gzip, deflate

    .. versionadded:: 0.1
    """
    for coding in codings:
        body = _packer(coding)(body)
    if corrupt:
        body = body[:4] + b"\xff" * (len(body) - 4)
    return _answer(codings, body)


def _answer(codings: Sequence[str], body: bytes) -> Opening:
    head = f"Content-Encoding: {', '.join(codings)}\r\nContent-Length: {len(body)}\r\n"
    return raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n%b\r\n%b" % (head.encode(), body))


def bomb(coding: str = "gzip", *, size: int = 64 * 2**20) -> Opening:
    """Answer 200 with a small body that expands to a huge one.

    Args:
        coding: As for :func:`packed`.
        size: Bytes of the expanded body, all zeros.

    Raises:
        ModuleNotFoundError: The package for the coding is not installed.

    Example:
        >>> from tryconnect.testing import bomb
        >>> async with bomb() as peer:
        ...     try:
        ...         await tryconnect.fetch(peer.url)
        ...     except tryconnect.FetchError as error:
        ...         print(error.report.reason)
        too_large

    .. versionadded:: 0.1
    """
    return _answer((coding,), _zeros(coding, size))


@functools.cache
def _zeros(coding: str, size: int) -> bytes:
    """Return compressed zeros, made once."""
    return _packer(coding)(bytes(size))


def _packer(coding: str) -> Packer:
    if coding in PACKERS:
        return PACKERS[coding]
    package = {"br": "Brotli", "zstd": "backports.zstd"}[coding]
    sentence = f"this peer needs {package}: pip install 'tryconnect[testing]'"
    raise ModuleNotFoundError(sentence, name=package)
