"""The name servers of this machine, and how long each takes to answer."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pycares

from tryconnect._model.render import duration
from tryconnect.doctor._findings import Finding, fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["name_servers"]

_ANSWER_TIMEOUT = 2.0
"""Seconds for an answer: how long a check waits for the first server before it asks the next."""

_SLOW = 0.5
"""Seconds; a name server in the same building takes a few milliseconds."""

_QUESTION = "."
"""The root: nearly every name server knows its name servers, and no search list applies."""


def name_servers(*, servers: Sequence[str] | None = None) -> Iterator[Finding]:
    """Ask each name server for the root's name servers.

    Args:
        servers: ``ip`` or ``ip:port``; ``None``: those that this machine uses.
    """
    asked = _Asked.all(configured() if servers is None else servers)
    if not asked:
        yield fault("there is no name server", _NAME_ONE)
    alive = any(each.responds for each in asked)
    for each in asked:
        yield each.finding(others_answer=alive)


def configured() -> Sequence[str]:
    """Return the name servers that c-ares takes from the system's settings."""
    channel = pycares.Channel()
    try:
        return [str(server) for server in channel.servers]
    finally:
        channel.close()


_NAME_ONE = (
    "configure a name server that answers, in /etc/resolv.conf or in the system's network settings"
)

# An answer, even if there are no such records.
_ANSWERS = {pycares.errno.ARES_SUCCESS, pycares.errno.ARES_ENODATA, pycares.errno.ARES_ENOTFOUND}
_UNWILLING = {
    pycares.errno.ARES_EREFUSED: "refuses to answer this machine",
    pycares.errno.ARES_ENOTIMP: "does not answer this kind of question",
    pycares.errno.ARES_EFORMERR: "does not understand the question",
    pycares.errno.ARES_EBADRESP: "answers with something that is not DNS",
}


class _Asked:
    """One name server, and its answer."""

    @classmethod
    def all(cls, servers: Sequence[str]) -> list[_Asked]:
        """Ask all at once, and wait for their answers."""
        asked = [cls(server) for server in servers]
        # c-ares enforces its timeout in a thread of its own.
        end = time.monotonic() + 2 * _ANSWER_TIMEOUT
        for each in asked:
            each.over.wait(max(0, end - time.monotonic()))
            each.channel.close()
        return asked

    def __init__(self, server: str) -> None:
        self.server = server.removesuffix(":53")
        self.over = threading.Event()
        self.took: float | None = None
        self.code = pycares.errno.ARES_ETIMEOUT
        self.channel = pycares.Channel(servers=[server], timeout=_ANSWER_TIMEOUT, tries=1)
        self._begun = time.monotonic()
        self.channel.query(_QUESTION, pycares.QUERY_TYPE_NS, callback=self._note)

    @property
    def answered(self) -> bool:
        return self.code in _ANSWERS

    @property
    def responds(self) -> bool:
        return self.answered or self.code == pycares.errno.ARES_ESERVFAIL

    def finding(self, *, others_answer: bool) -> Finding:
        took = duration(self.took if self.took is not None else _ANSWER_TIMEOUT)
        server = f"the name server {self.server}"
        if self.answered and (self.took or 0) < _SLOW:
            return ok(f"{server} answers in {took}")
        if self.answered:
            advice = "list a nearer name server first: checks of new names wait for this one"
            return warning(f"{server} takes {took} to answer", advice)
        if self.responds:  # as servers of closed networks do, which know their own zones only
            advice = "nothing to do if the names that you check are found; else see its forwarders"
            return warning(f"{server} cannot answer for the root (SERVFAIL)", advice)
        if self.code in _UNWILLING:
            sentence = f"{server} {_UNWILLING[self.code]}"
        elif self.code == pycares.errno.ARES_ECONNREFUSED:
            sentence = f"{server} is not there: nothing listens"
        else:
            sentence = f"{server} does not answer within {took}"
        if others_answer:
            return warning(sentence, "remove it from the list: the others answer in its place")
        return fault(sentence, _NAME_ONE)

    def _note(self, _: object, code: int | None) -> None:
        if self.over.is_set():  # the channel's closing
            return
        self.took = time.monotonic() - self._begun
        self.code = pycares.errno.ARES_SUCCESS if code is None else code
        self.over.set()
