"""The head of an answer, cut out of what arrives: pure, and the same for both transports."""

from __future__ import annotations

from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect._transport.http_head import END_OF_HEAD, LONGEST_HEAD, completed, is_interim

__all__ = ["HeadSplitter", "whole_head"]

_BEGINNING = b"http/1."
_NOT_EMPTY = lazy_pattern(rb"[^\r\n]")
"""Empty lines may stand before a head, as before a request (RFC 9112, section 2.2)."""


_FINAL = lazy_pattern(rb"HTTP/1\.[0-9] [2-9]")


def whole_head(data: bytes) -> bytes | None:
    """Return the head that a first piece begins with, as most do; ``None``: a splitter has to look.

    :class:`HeadSplitter` would find the same head, and takes five times as long: 3 % of a check.
    """
    if _FINAL.match(data) is None or (end := END_OF_HEAD.search(data)) is None:
        return None
    return data[: end.end()]


class HeadSplitter:
    """Waits for one whole head, piece by piece.

    Interim answers (1xx) are passed over: nobody asked for them, and a peer can send thousands.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: bytes | bytearray = b""

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Take what came.

        Returns:
            A head, or what will never become one, and what came behind it; ``None`` while the rest
            of a head is worth waiting for.
        """
        # Most heads come whole, and are not copied for it.
        seen = len(self._held)
        if seen:
            self._held += data
        held = self._held or data
        start = _skip_empty_lines(held, 0)
        while (end := END_OF_HEAD.search(held, max(start, seen - 3))) is not None:
            if not is_interim(held, start):
                return bytes(held[start : end.end()]), bytes(held[end.end() :])
            start = _skip_empty_lines(held, end.end())
        if start or not seen:
            self._held = bytearray(held[start:])
        return None if self._may_become_a_head() else (bytes(self._held), b"")

    def finish(self) -> bytes:
        """Return what a peer's orderly end makes a head of; nothing if there is no status."""
        return completed(bytes(self._held))

    def _may_become_a_head(self) -> bool:
        beginning = bytes(self._held[: len(_BEGINNING)]).lower()
        return _BEGINNING.startswith(beginning) and len(self._held) < LONGEST_HEAD


def _skip_empty_lines(held: bytes | bytearray, start: int) -> int:
    """Return where a head begins."""
    found = _NOT_EMPTY.search(held, start)
    return len(held) if found is None else found.start()
