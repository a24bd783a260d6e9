"""Peers for blocking code: they run in a thread of their own."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

P = TypeVar("P")


class OpenPeer(Protocol):
    """The type of the fixture ``tryconnect_open_peer``, for annotations.

    Example:
        >>> from tryconnect.testing import OpenPeer, silent
        >>> def test_a_deadline(tryconnect_open_peer: OpenPeer):
        ...     peer = tryconnect_open_peer(silent())
        ...     assert not tryconnect.sync.try_connect(peer.url, timeout=0.1)

    .. versionadded:: 0.1
    """

    def __call__(self, opening: AbstractAsyncContextManager[P], /) -> P:
        """Open a peer until the test ends."""


@contextlib.contextmanager
def in_thread(opening: AbstractAsyncContextManager[P]) -> Iterator[P]:
    """Run a peer in a thread and a loop of its own, for blocking code.

    Args:
        opening: The peer, not yet entered: ``with in_thread(silent()) as peer: …``.

    Example:
        >>> from tryconnect.testing import closed_port, in_thread
        >>> with in_thread(closed_port()) as peer:
        ...     print(tryconnect.sync.try_connect(peer.url))
        False

    .. versionadded:: 0.1
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="peers", daemon=True)
    thread.start()
    try:
        peer = asyncio.run_coroutine_threadsafe(_enter(opening), loop).result()
        try:
            yield peer
        finally:
            asyncio.run_coroutine_threadsafe(_leave(opening), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _enter(opening: AbstractAsyncContextManager[P]) -> P:
    return await opening.__aenter__()


async def _leave(opening: AbstractAsyncContextManager[P]) -> None:
    await opening.__aexit__(None, None, None)
