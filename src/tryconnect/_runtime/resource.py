"""What is opened in a loop, and closed by ``async with``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from tryconnect._runtime.threads import cannot_await

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["AsyncResource"]


class AsyncResource:
    """A context manager that closes itself, or lets go where nothing can be awaited any more."""

    _loop: AbstractEventLoop | None = None

    async def aclose(self) -> None:
        """Close it, and return when nothing is left."""
        self._abandon()

    def _abandon(self) -> None:
        """Let go of it without awaiting: its loop is closed, or its coroutine is finalised."""

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._loop is not None and cannot_await(self._loop, kind):
            self._abandon()
        else:
            await self.aclose()
