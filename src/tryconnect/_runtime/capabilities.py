"""What an event loop cannot do: learnt from how a check failed, and remembered for the next."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tryconnect._model.faults import links
from tryconnect._runtime.clock import keeps_time

if TYPE_CHECKING:
    import asyncio

__all__ = ["LoopCapabilities"]


class LoopCapabilities:
    """What is known about a loop.

    It is remembered by the loop's class, which has the missing methods, and to which weak
    references can be made, as they cannot to some loops.

    Args:
        loop: Any event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lacking = _lacking.setdefault(type(loop), set())
        self._keeps_time = keeps_time(loop)

    def lacks(self, scheme: str) -> bool:
        """Return whether the loop is known to be unfit for addresses of a scheme.

        Without a monotonic clock it is unfit for all: no deadline would hold there.
        """
        return not self._keeps_time or scheme in self._lacking

    def lacking(self, scheme: str) -> None:
        """Remember that the loop is unfit for addresses of a scheme."""
        self._lacking.add(scheme)

    def is_missing_feature(self, error: BaseException | None) -> bool:
        """Return whether an error, or one that led to it, says that a feature is missing."""
        return any(
            isinstance(link, NotImplementedError)
            # A loop that is no AbstractEventLoop may not even have the method.
            or (isinstance(link, AttributeError) and link.obj is self._loop)
            for link in links(error)
        )

    async def is_to_blame(self, error: BaseException | None) -> bool:
        """Return whether a check failed because the loop lacks a feature."""
        if self.is_missing_feature(error):
            return True
        return any(map(_may_hide_it, links(error))) and not await self._connects()

    async def _connects(self) -> bool:
        """Return whether the loop can connect a UDP socket on loopback, which sends nothing."""
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(0)
                await self._loop.sock_connect(sock, _HERE)
        except Exception as error:  # noqa: BLE001 - it has tried, or there was no socket to try with
            return not self.is_missing_feature(error)
        return True


_HERE = ("127.0.0.1", 9)


def _may_hide_it(error: BaseException) -> bool:
    """Return whether an error may stand for the errors of several addresses of a name.

    If those differ, aiohappyeyeballs joins their texts in an ``OSError`` without a number; if it
    expected none of them, it raises an ``IndexError``.
    """
    return isinstance(error, IndexError) or (type(error) is OSError and error.errno is None)


_lacking: WeakKeyDictionary[type, set[str]] = WeakKeyDictionary()
