"""The addresses that a bulk run is fed with, from any kind of iterable, pulled one at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast

from tryconnect._runtime.threads import cannot_await

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

    from yarl import URL

__all__ = ["Addresses", "Source", "iterate"]

_T = TypeVar("_T")

Addresses: TypeAlias = "Iterable[str | URL] | AsyncIterable[str | URL]"


class Source:
    """The input of a run: pulled by one worker at a time."""

    def __init__(self, addresses: Addresses) -> None:
        self.exhausted = False
        self._iterator: Iterator[Any] | AsyncIterator[Any]
        self._lock: asyncio.Lock | None = None
        if hasattr(addresses, "__aiter__"):
            self._iterator = aiter(cast("AsyncIterable[Any]", addresses))
            self._lock = asyncio.Lock()
        else:
            self._iterator = iterate(cast("Iterable[Any]", addresses))

    async def pull(self, take: Callable[[Any], _T]) -> _T:
        """Return what ``take`` makes of the next address, before anybody pulls the one after it.

        Raises:
            StopAsyncIteration: There is none.
        """
        try:
            if self._lock is None:
                return take(next(self._iterator))  # type: ignore[arg-type]
            async with self._lock:  # an async iterator cannot be asked twice at once
                return take(await anext(self._iterator))  # type: ignore[arg-type]
        except (StopIteration, StopAsyncIteration):
            self.exhausted = True
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # An async generator that is left half way: a loop may never finalise it.
        close = getattr(self._iterator, "aclose", None)
        if close is not None and not cannot_await(self._loop, kind):
            await close()


def iterate(addresses: Iterable[_T]) -> Iterator[_T]:
    """Iterate over addresses; one text is an iterable too, but not meant as one.

    Raises:
        TypeError: The addresses are no iterable, or one text.
    """
    if isinstance(addresses, str):
        raise TypeError("addresses are a list or another iterable of addresses, not one text")
    return iter(addresses)
