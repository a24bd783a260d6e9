"""What the checks of one bulk run share of their look-ups.

A name that many addresses have is looked up once for all that wait for it, and what a name server
said of it is used for ``KEEP`` seconds. Nothing else remembers answers: single checks, waits and
watches ask each time.
"""

from __future__ import annotations

import socket
import time
from contextvars import ContextVar
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect._transport.addresses import Address

__all__ = ["AnswerCache", "OnDone", "Pending", "Source", "shared_answers"]

KEEP = 10.0
"""Seconds for which an answer is used."""

MAX_NAMES = 1000
"""How many names' answers are kept; the oldest go."""

OnDone: TypeAlias = "Callable[[list[Address], Exception | None], object]"
"""Gets the addresses in the order in which they are to be tried, or why there are none."""


class Pending(Protocol):
    """A look-up under way."""

    @property
    def error(self) -> OSError | None:
        """What is to be said if nobody can wait longer: a fault that is not confirmed yet."""

    def cancel(self) -> None:
        """Wait no longer; ``on_done`` is not called any more."""


class Source(Protocol):
    """Who looks names up."""

    def look_up(self, host: str, family: int, on_done: OnDone) -> Pending:
        """Begin to look a name up; ``on_done`` is called once, maybe before this returns."""


class AnswerCache:
    """The look-ups of one run, in one event loop."""

    def __init__(self) -> None:
        self._kept: dict[_Key, _Answer] = {}
        self._under_way: dict[_Key, _Shared] = {}

    def look_up(self, source: Source, host: str, family: int, on_done: OnDone) -> Pending:
        """Look a name up, or join who does so already.

        Args:
            source: is asked where the answer is not known.
            host: the name.
            family: of the addresses; ``AF_UNSPEC`` for all.
            on_done: called with the answer, once; before this returns if it is known.
        """
        key = source, host.lower(), family
        answer = self._kept.get(key)
        if answer is not None and time.monotonic() < answer.expires:
            on_done(answer.addresses, copy(answer.error))
            return _NOTHING
        if (shared := self._under_way.get(key)) is not None:
            return shared.join(on_done)
        shared = self._under_way[key] = _Shared(partial(self._done, key))
        waiter = shared.join(on_done)
        try:
            shared.pending = source.look_up(host, family, shared.done)
        except BaseException:
            self._under_way.pop(key, None)
            raise
        return waiter

    def _done(self, key: _Key, answer: _Answer | None) -> None:
        del self._under_way[key]
        if answer is not None and (answer.error is None or _is_final(answer.error)):
            self._kept.pop(key, None)
            if len(self._kept) >= MAX_NAMES:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = answer


shared_answers: ContextVar[AnswerCache | None] = ContextVar("tryconnect_answers", default=None)
"""What the running code may share with other checks: the cache of its bulk run, if it has one."""


class _Answer(NamedTuple):
    addresses: list[Address]
    error: Exception | None
    expires: float


class _Shared:
    """A look-up that several wait for; it is cancelled with the last of them."""

    pending: Pending

    def __init__(self, on_end: Callable[[_Answer | None], object]) -> None:
        self._on_end = on_end
        self._waiting: dict[_Waiter, None] = {}

    def join(self, on_done: OnDone) -> _Waiter:
        waiter = _Waiter(self, on_done)
        self._waiting[waiter] = None
        return waiter

    def leave(self, waiter: _Waiter) -> None:
        if self._waiting.pop(waiter, 0) is None and not self._waiting:
            self.pending.cancel()
            self._on_end(None)

    def done(self, addresses: list[Address], error: Exception | None) -> None:
        waiting, self._waiting = self._waiting, {}
        self._on_end(_Answer(addresses, error, time.monotonic() + KEEP))
        for waiter in waiting:
            waiter.on_done(addresses, copy(error))  # each is raised, and gets a traceback


class _Waiter:
    def __init__(self, shared: _Shared, on_done: OnDone) -> None:
        self._shared = shared
        self.on_done = on_done

    @property
    def error(self) -> OSError | None:
        return self._shared.pending.error

    def cancel(self) -> None:
        self._shared.leave(self)


class _Nothing:
    error = None

    def cancel(self) -> None:
        """There is nothing to wait for."""


_NOTHING = _Nothing()
_Key: TypeAlias = tuple[Source, str, int]


def _is_final(error: Exception) -> bool:
    return isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME
