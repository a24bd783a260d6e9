"""The addresses that a bulk run is fed with, from any kind of iterable, pulled one at a time."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, Union, cast

from tryconnect._runtime.resource import AsyncResource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yarl import URL

__all__ = ["END", "Address", "Addresses", "Source", "iterate"]

_T = TypeVar("_T")

# Not a string, nor "|" between a type and a string: neither could be used in a user's own unions.
Address: TypeAlias = Union[str, "URL"]
"""What a check is given: a text, or a :class:`yarl.URL`."""

Addresses: TypeAlias = Iterable[Address] | AsyncIterable[Address]
"""What a bulk run is given: addresses from any iterable, also one that is awaited."""


END = object()
"""Stands behind the last address."""


class Source(AsyncResource):
    """The input of a run, which one task pulls.

    Attributes:
        never_waits: The addresses come from a plain iterable.
        exhausted: There are no more.
    """

    def __init__(self, addresses: Addresses) -> None:
        self.exhausted = False
        self.never_waits = not hasattr(addresses, "__aiter__")
        self._iterator: Any
        if self.never_waits:
            self._iterator = iterate(cast("Iterable[Any]", addresses))
        else:
            self._iterator = aiter(cast("AsyncIterable[Any]", addresses))

    def pull(self) -> object:
        """Return the next address of a plain iterable, or ``END``."""
        pulled = next(self._iterator, END)
        self.exhausted = pulled is END
        return pulled

    async def wait(self) -> object:
        """Return the next address of an asynchronous iterable, or ``END``."""
        pulled = await anext(self._iterator, END)
        self.exhausted = pulled is END
        return pulled

    async def aclose(self) -> None:
        """Close an async generator that is left half way: a loop may never finalise it."""
        close = getattr(self._iterator, "aclose", None)
        if close is not None:
            await close()


def iterate(addresses: Iterable[_T]) -> Iterator[_T]:
    """Iterate over addresses; one text is an iterable too, but not meant as one.

    Raises:
        TypeError: The addresses are no iterable, or one text.
    """
    if isinstance(addresses, str):
        raise TypeError("addresses are a list or another iterable of addresses, not one text")
    return iter(addresses)
