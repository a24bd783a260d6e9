"""A channel of c-ares: it asks one name server, and hands the answers to the running loop.

c-ares sends, reads and checks the answers, and comes again over TCP. What it does besides is left
out, because the system's resolver does otherwise: EDNS and cookies (some forwarders drop or garble
them), the search list, the hosts file, the choice among servers.

Three things cannot be turned off, so channels are many and short-lived. After three answers c-ares
lets a server's speed decide how long it waits, repeats the question, and takes no answer to the
first one any more: a server that takes 2 s for a name after fast ones would need 5. It keeps
answers: nobody may ask a channel for a name twice. And nothing cancels one question among several.
So a channel takes new questions only until the third answer, none for a name that it knows and none
beside a forgotten one, and closes with the last question that somebody waits for.
"""

from __future__ import annotations

import contextlib
import os
import socket
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

import pycares

from tryconnect._runtime.threads import ThreadsafeLoop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["CaresChannel", "OnAnswer", "Question"]

OnAnswer: TypeAlias = "Callable[[list[str], int | None], object]"
"""Gets the addresses, and c-ares' number of what went wrong or ``None``."""

ANSWER_TIMEOUT = 5.0
"""Seconds, the most that c-ares takes: whoever asks decides when to repeat a question."""

MAX_ANSWERS = 2
"""One less than c-ares needs for an average (``MIN_COUNT_FOR_AVERAGE``)."""


class CaresChannel:
    """Questions to one name server.

    Args:
        loop: the running one.
        server: its address, as ``1.2.3.4:53``; ``None``: whom c-ares finds in the system's
            settings, with their search list.
        tcp: ask over TCP only.

    Raises:
        pycares.AresError: c-ares cannot be set up.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, server: str | None, *, tcp: bool = False
    ) -> None:
        self._loop = loop
        self._stale = False
        self._came = 0
        self._wanted = 0
        self._known: set[str] = set()
        self._answers: deque[tuple[Question, Any, int | None]] = deque()
        self._watched: set[tuple[int, bool]] = set()
        self._threadsafe = None if _watches_sockets(loop) else ThreadsafeLoop(loop)
        flags = pycares.ARES_FLAG_NOCHECKRESP | (pycares.ARES_FLAG_USEVC if tcp else 0)
        options: dict[str, Any] = {"flags": flags, "timeout": ANSWER_TIMEOUT, "tries": 1}
        if server is not None:
            options |= {"servers": [server], "lookups": "b", "resolvconf_path": os.devnull}
        if self._threadsafe is None:
            options["sock_state_cb"] = _weakly(self)
        self._ares: pycares.Channel | None = pycares.Channel(**options)
        self._open: set[Question] = set()
        # pycares holds its channels and our callbacks as long as questions have no answer.
        weakref.finalize(self, _end, self._ares).atexit = False
        self._ask = self._ares.search if server is None else self._ares.query

    def takes(self, name: str) -> bool:
        """Return whether it may be asked for a name."""
        return not self._stale and self._came <= MAX_ANSWERS and name not in self._known

    def ask(self, name: str, kind: int, on_answer: OnAnswer) -> Question:
        """Ask for one kind of record.

        Args:
            name: absolute, without the dot at the end.
            kind: ``pycares.QUERY_TYPE_A`` or ``QUERY_TYPE_AAAA``.
            on_answer: called in the loop, once, and never before this returns.
        """
        question = Question(self, name, kind, on_answer)
        self._wanted += 1
        self._open.add(question)
        try:
            self._ask(name, kind, callback=_Relay(question))
        except pycares.AresError as error:  # c-ares may have answered as well
            if not any(each is question for each, *_ in self._answers):
                self._answers.append((question, None, error.args[0]))
        if self._answers:
            self._loop.call_soon(self._deliver)
        return question

    def retire(self) -> None:
        """Take no new questions, and close when nobody waits for an answer any more."""
        self._stale = True
        if not self._wanted:
            self.close()

    def close(self) -> None:
        """Forget all questions and close all sockets."""
        ares, self._ares = self._ares, None
        self._stale = True
        self._wanted = 0
        if ares is not None:
            _end(ares)
        self._open.clear()
        self._answers.clear()

    def answered(self, question: Question, result: Any, error: int | None) -> None:
        """Take note of an answer: c-ares is on the stack, and would swallow an exception.

        Where the loop watches no sockets, c-ares does so in a thread of its own.
        """
        self._came += 1
        self._answers.append((question, result, error))
        if self._threadsafe is not None:
            self._threadsafe.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        while self._answers and self._ares is not None:
            question, result, error = self._answers.popleft()
            self._open.discard(question)
            if error in _FROM_A_SERVER:
                self._known.add(question.name)
            on_answer, question.on_answer = question.on_answer, None
            if on_answer is not None:
                self._wanted -= 1
                try:
                    on_answer(_addresses(result, question.kind), error)
                except BaseException:
                    self._loop.call_soon(self._deliver)  # what the others wait for
                    raise
        if self._stale and not self._wanted:
            self.close()

    def forget(self) -> None:
        """Take note that nobody waits for the answer to a question any more."""
        self._wanted -= 1
        self.retire()

    def _process(self, readable: int, writable: int) -> None:
        if self._ares is not None:
            self._ares.process_fd(readable, writable)
            self._deliver()

    def _watch(self, fd: int, *, readable: bool, writable: bool) -> None:
        loop = self._loop
        for wanted, key, add, remove, ends in (
            (readable, (fd, False), loop.add_reader, loop.remove_reader, (fd, _NONE)),
            (writable, (fd, True), loop.add_writer, loop.remove_writer, (_NONE, fd)),
        ):
            if wanted and key not in self._watched:
                self._watched.add(key)
                add(fd, self._process, *ends)
            elif not wanted and key in self._watched:
                self._watched.discard(key)
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    remove(fd)


class Question:
    """A question under way."""

    __slots__ = ("__weakref__", "channel", "kind", "name", "on_answer")

    def __init__(self, channel: CaresChannel, name: str, kind: int, on_answer: OnAnswer) -> None:
        self.channel = channel
        self.name = name
        self.kind = kind
        self.on_answer: OnAnswer | None = on_answer

    def forget(self) -> None:
        """Wait for the answer no longer."""
        if self.on_answer is not None:
            self.on_answer = None
            self.channel.forget()


class _Relay:
    """What c-ares calls with the answer to a question, if that is still there."""

    __slots__ = ("_question",)

    def __init__(self, question: Question) -> None:
        self._question = weakref.ref(question)

    def __call__(self, result: Any, error: int | None) -> None:
        if (question := self._question()) is not None:
            question.channel.answered(question, result, error)


def _end(ares: pycares.Channel) -> None:
    with contextlib.suppress(RuntimeError):  # it was closed before
        ares.cancel()
    ares.close()


_NONE = pycares.ARES_SOCKET_BAD
_FROM_A_SERVER = {None, pycares.errno.ARES_ENODATA, pycares.errno.ARES_ENOTFOUND}


def _addresses(result: Any, kind: int) -> list[str]:
    if result is None:
        return []
    return [record.data.addr for record in result.answer if record.type == kind]


def _weakly(channel: CaresChannel) -> Callable[[int, bool, bool], None]:
    """Return what c-ares tells about its sockets; c-ares must not keep the channel alive."""
    reference = weakref.ref(channel)

    def watch(fd: int, readable: bool, writable: bool) -> None:  # noqa: FBT001 - pycares' own
        if (channel := reference()) is not None:
            channel._watch(fd, readable=readable, writable=writable)  # noqa: SLF001

    return watch


_watching: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()


def _watches_sockets(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether a loop has ``add_reader``: seen once for its class, by trying."""
    kind = type(loop)
    if kind not in _watching:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                loop.add_reader(sock.fileno(), sock.fileno)
                loop.remove_reader(sock.fileno())
            except (NotImplementedError, AttributeError):
                _watching[kind] = False
            else:
                _watching[kind] = True
    return _watching[kind]


def _after_fork() -> None:
    """Give the child of a fork a pycares whose thread is not the parent's.

    It would wait for ever for that thread to take channels apart, and keep them all.
    """
    if hasattr(pycares, "_shutdown_manager"):
        pycares._shutdown_manager = type(pycares._shutdown_manager)()  # noqa: SLF001 - no other way


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
