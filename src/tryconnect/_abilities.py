"""What an event loop cannot do: seen in how a check failed, and remembered for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tryconnect._portal import keeps_time

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

__all__ = ["Abilities"]


class Abilities:
    """What is known of a loop.

    It is remembered by the loop's class: what a loop cannot do, its class has not got; and a class
    can be referred to weakly, which some loops cannot.

    Args:
        loop: any one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lacking = _lacking.setdefault(type(loop), set())
        self._keeps_time = keeps_time(loop)

    def lacks(self, scheme: str) -> bool:
        """Tell whether the loop is known to be unfit for addresses of a scheme.

        Without an even clock it is for all: no deadline would hold there.
        """
        return not self._keeps_time or scheme in self._lacking

    def lacking(self, scheme: str) -> None:
        """Remember that the loop is unfit for addresses of a scheme."""
        self._lacking.add(scheme)

    def explain(self, error: BaseException | None) -> bool:
        """Tell whether an error says that the loop is unable, itself or by what led to it."""
        return any(
            isinstance(link, NotImplementedError)
            # A loop that is no AbstractEventLoop may not even have the method.
            or (isinstance(link, AttributeError) and link.obj is self._loop)
            for link in _links(error)
        )


_lacking: WeakKeyDictionary[type, set[str]] = WeakKeyDictionary()


def _links(error: BaseException | None) -> Iterator[BaseException]:
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
