"""One absolute name is asked for, of one name server after another, as glibc's ``res_send`` does.

A server has the word for as long as resolv.conf gives it, then the next one has; each is asked for
IPv4 and IPv6 at once. What a server has not answered stays asked: an answer that comes late still
counts. A server that fails (SERVFAIL, REFUSED, nobody listens) hands on at once.

In one thing it is quicker than glibc, which waits 5 s for a dead first server each time: a server
that keeps silent is not waited for to the end where the next one has found the name meanwhile. Only
what is found counts before its turn: that another server does not know a name says nothing.

c-ares alone would choose the servers by its own measurements, and give up by them: it would stay
with the second server once the first was late, and fail after 0.6 s where a fast server has a slow
name.
"""

from __future__ import annotations

import enum
import itertools
import math
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import pycares

from tryconnect._transport.cares_channel import CaresChannel

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from tryconnect._transport.addresses import Address
    from tryconnect._transport.cares_channel import Question
    from tryconnect._transport.resolv_conf import ResolvConf

__all__ = ["RESOLUTION_DELAY", "DnsClient", "NameQuery", "Outcome"]

RESOLUTION_DELAY = 0.35
"""Seconds that the addresses of one family wait for the other's (RFC 8305, section 3): a question
that was lost is repeated in them. Some name servers, and boxes between them and us, never answer
for IPv6; glibc waits for 5 s."""

REPEAT, LAST_REPEAT = 1.0, 4.0
"""Seconds until a question is asked again, which is what gets lost most; doubled each time."""

REPEAT_ONE = 0.1
"""Seconds until one family's question is asked again where the other's was answered."""

RESERVE = 2.5
"""Seconds for a server that is silent so far, where the next one has found the name."""

TICK = 0.05
"""Seconds between two looks at the time while questions are under way."""

WINDOW = 200
"""How many questions may be without an answer that were asked since the last look: 5,000 at once
would be lost, by the name server's socket or by ours. (Linux keeps 277 small packets.)"""


class Outcome(enum.Enum):
    """How the questions for a name ended."""

    found = "found"
    no_name = "no name"
    no_address = "no address"
    servfail = "servfail"
    """No server could tell, and the last to say so said SERVFAIL."""
    failed = "failed"
    """No server could tell."""


OnOutcome: TypeAlias = "Callable[[NameQuery], object]"


class DnsClient:
    """The name servers of one loop, asked through channels that all names share.

    Args:
        loop: the running one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._channels: dict[tuple[str | None, bool], CaresChannel] = {}
        self._queries: set[NameQuery] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._tick_number = 0
        self._window = 0
        self._waiting: deque[NameQuery] = deque()
        self.silent: set[str | None] = set()
        """Servers that let their last turn pass."""
        self._conf: ResolvConf | None = None
        self._turns: Iterator[list[tuple[int, float]]] = iter(())

    def ask(
        self, conf: ResolvConf, name: str, families: tuple[int, ...], on_outcome: OnOutcome
    ) -> NameQuery:
        """Ask for the addresses of a name.

        Args:
            conf: whom, and how patiently.
            name: absolute, without the dot at the end.
            families: of which addresses.
            on_outcome: called in the loop with the query, never before this returns; a second time
                where an answer comes after it has been given up.
        """
        if conf is not self._conf:
            self.retire()
            self._conf = conf
            self._turns = itertools.cycle([conf.stages(turn) for turn in range(len(conf.servers))])
        query = NameQuery(self, conf, name, families, on_outcome, iter(next(self._turns)))
        self._queries.add(query)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK, self._tick)
        query.advance()
        return query

    def retire(self) -> None:
        """Use the channels no more for new names."""
        for channel in self._channels.values():
            channel.retire()
        self._channels.clear()

    def close(self) -> None:
        """End everything, without a word to those who wait."""
        for query in list(self._queries):
            query.stop()
        self.retire()

    def channel_for(
        self, server: str | None, name: str, *, tcp: bool, apart: bool = False
    ) -> CaresChannel:
        """Return a channel to a server that may be asked for the name.

        Args:
            server: its address.
            name: no channel that knows it is returned.
            tcp: ask over TCP only.
            apart: return one that no other name uses; the caller lets it retire.

        Raises:
            pycares.AresError: none could be set up.
            OSError: there is no descriptor to be had.
        """
        if apart:
            return CaresChannel(self._loop, server, tcp=tcp)
        channel = self._channels.get((server, tcp))
        if channel is not None:
            if channel.takes(name):
                return channel
            channel.retire()
        self._channels[server, tcp] = fresh = CaresChannel(self._loop, server, tcp=tcp)
        return fresh

    def admit(self, query: NameQuery) -> bool:
        """Return whether a query may ask now; if not, it is told to :meth:`NameQuery.go_on`."""
        if self._window < WINDOW:
            return True
        self._waiting.append(query)
        return False

    def asked(self) -> int:
        """Take note of a question, and return what :meth:`answered` wants to know."""
        self._window += 1
        return self._tick_number

    def answered(self, tick_number: int) -> None:
        """Take note of an answer, and let others ask."""
        if tick_number == self._tick_number:
            self._window -= 1
        self._let_go_on()

    def ended(self, query: NameQuery) -> None:
        """Look after a query no more."""
        self._queries.discard(query)
        if not self._queries:
            self._waiting.clear()
            self._end_timer()

    def _let_go_on(self) -> None:
        while self._waiting and self._window < WINDOW:
            query = self._waiting.popleft()
            if query in self._queries:
                query.go_on()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK, self._tick)
        self._tick_number += 1
        self._window = 0
        self._let_go_on()
        now = time.monotonic()
        for query in [query for query in self._queries if query.due <= now]:
            query.time_is_up(now)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@dataclass(slots=True, eq=False, repr=False)
class NameQuery:
    """A name that is being asked for; made by :meth:`DnsClient.ask`."""

    _client: DnsClient
    _conf: ResolvConf
    name: str
    _families: tuple[int, ...]
    _on_outcome: OnOutcome
    _stages: Iterator[tuple[int, float]]
    outcome: Outcome | None = None
    addresses: list[Address] = field(default_factory=list)
    error: int = pycares.errno.ARES_ETIMEOUT
    """c-ares' number of what went wrong last."""
    _server: int = -1
    _open: dict[_Key, list[Question]] = field(default_factory=dict)
    _replies: dict[_Key, _Reply] = field(default_factory=dict)
    _apart: set[_Key] = field(default_factory=set)
    _had: set[int] = field(default_factory=set)
    _repeat: float = math.inf
    _stage_end: float = math.inf
    _enough: float = math.inf
    _reserve: float = math.inf
    _waits_since: float = 0.0
    _pause: float = REPEAT

    @property
    def due(self) -> float:
        """When to call :meth:`time_is_up`."""
        return math.inf if self._waits_since else min(self._repeat, self._stage_end, self._enough)

    def advance(self) -> None:
        """Give the word to the next server, or give up where there is none."""
        now = time.monotonic()
        self._server, patience = next(self._stages, (-1, math.inf))
        if self._server < 0:
            self._stage_end = self._repeat = math.inf
            servfail = self.error == pycares.errno.ARES_ESERVFAIL
            self._tell(Outcome.servfail if servfail else Outcome.failed)
            return
        self._had.add(self._server)
        self._pause = REPEAT
        self._stage_end = now + patience
        self._ask(now)
        silent = self._conf.servers[self._server] in self._client.silent
        self._reserve = now + (RESOLUTION_DELAY if silent else RESERVE)
        if silent:
            self._ask_next()
        if all((self._server, family) in self._replies for family in self._families):
            self._weigh(self._server)  # it was asked before its turn

    def time_is_up(self, now: float) -> None:
        """Make do with one family, give the word to the next server, or ask again."""
        gives_up = not self._stage_end  # no channel could be set up: no fault of the server's
        silent = not gives_up and all(server != self._server for server, _ in self._replies)
        if silent and now >= min(self._enough, self._stage_end):
            self._client.silent.add(self._conf.servers[self._server])
        if now >= self._enough:
            self._found()
        elif now >= self._stage_end:
            if not gives_up:
                self.error = pycares.errno.ARES_ETIMEOUT
            self.advance()
        else:
            self._pause = min(2 * self._pause, LAST_REPEAT)
            self._ask(now)
            if silent:
                self._ask_next()

    def stop(self) -> None:
        """Ask no more, and tell nothing."""
        for questions in self._open.values():
            for question in questions:
                question.forget()
        self._open.clear()
        self._client.ended(self)

    def go_on(self) -> None:
        """Ask what had to wait; a server's time begins when it is asked."""
        now = time.monotonic()
        self._stage_end += now - self._waits_since
        self._reserve += now - self._waits_since
        self._waits_since = 0.0
        self._ask(now)

    def _ask(self, now: float) -> None:
        """Ask the server that has the word for what it has not answered."""
        if not self._client.admit(self):
            self._waits_since = now
            return
        self._repeat = now + self._pause
        for family in self._families:
            key = self._server, family
            if isinstance(self._replies.get(key, 0), int):
                self._replies.pop(key, None)
                self._ask_one(key)

    def _ask_next(self) -> None:
        """Ask the server whose turn comes next, if there is one."""
        following = (self._server + 1) % len(self._conf.servers)
        if following not in self._had:
            for key in ((following, family) for family in self._families):
                if key not in self._open and key not in self._replies:
                    self._ask_one(key)

    def _ask_one(self, key: _Key, *, apart: bool = False) -> None:
        server, family = key
        address, tcp = self._conf.servers[server], self._conf.tcp
        try:
            channel = self._client.channel_for(address, self.name, tcp=tcp, apart=apart)
        except (pycares.AresError, OSError, MemoryError):  # give up with the next tick
            self.error = pycares.errno.ARES_ENOMEM
            self._stages, self._stage_end = iter(()), 0.0
            return
        on_answer = partial(self._came, key, self._client.asked())
        question = channel.ask(self.name, _KINDS[family], on_answer)
        self._open.setdefault(key, []).append(question)
        if apart:
            channel.retire()

    def _came(self, key: _Key, tick_number: int, ips: list[str], error: int | None) -> None:
        self._client.answered(tick_number)
        if error == pycares.errno.ARES_ETIMEOUT:  # c-ares': ours is not over
            return
        for question in self._open.pop(key):
            question.forget()
        if error == pycares.errno.ARES_EBADRESP and key not in self._apart:
            # What is no DNS at all fails all questions of a channel: it may be another's answer.
            self._apart.add(key)
            self._ask_one(key, apart=True)
            return
        if error != pycares.errno.ARES_ECONNREFUSED:
            self._client.silent.discard(self._conf.servers[key[0]])
        if ips:
            self._replies[key] = ips
        elif error is None:  # aliases that lead to no address
            self._replies[key] = Outcome.no_address
        else:
            self._replies[key] = _NEGATIVE.get(error, error)
        self._weigh(key[0])

    def _weigh(self, server: int) -> None:
        """Draw a conclusion of what a server has answered so far."""
        replies = [self._replies.get((server, each)) for each in self._families]
        kinds = {type(each) for each in replies}
        now = time.monotonic()
        if server not in self._had:
            if list in kinds:
                self._enough = min(self._enough, max(self._reserve, now + RESOLUTION_DELAY))
        elif _NOTHING in kinds:
            self._repeat = min(self._repeat, now + REPEAT_ONE)
            if list in kinds:
                self._enough = min(self._enough, now + RESOLUTION_DELAY)
        elif list in kinds:
            self._found()
        elif int not in kinds:
            self._end(Outcome.no_name if Outcome.no_name in replies else Outcome.no_address)
        elif self.outcome is None and server == self._server:
            self.error = next(each for each in replies if isinstance(each, int))
            if self.error == pycares.errno.ARES_EFORMERR:  # glibc takes it for an answer
                self._stages = iter(())
            self.advance()

    def _found(self) -> None:
        """End with the addresses of one server, of one whose turn it was if there is one."""
        found = {key: reply for key, reply in self._replies.items() if isinstance(reply, list)}
        best = min((server for server, _ in found), key=lambda server: server not in self._had)
        self.addresses = [
            (family, ip, 0, 0)
            for (server, family), ips in found.items()
            if server == best
            for ip in ips
        ]
        self._end(Outcome.found)

    def _end(self, outcome: Outcome) -> None:
        self.stop()
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._on_outcome(self)


_Key: TypeAlias = tuple[int, int]
"""A server, by its place in resolv.conf, and a family."""

_Reply: TypeAlias = list[str] | Outcome | int
"""Addresses, that there are none, or c-ares' number of what went wrong."""

_NOTHING = type(None)

_KINDS: dict[int, int] = {
    socket.AF_INET: pycares.QUERY_TYPE_A,
    socket.AF_INET6: pycares.QUERY_TYPE_AAAA,
}
_NEGATIVE = {
    pycares.errno.ARES_ENOTFOUND: Outcome.no_name,
    pycares.errno.ARES_EBADNAME: Outcome.no_name,
    pycares.errno.ARES_ENODATA: Outcome.no_address,
}
