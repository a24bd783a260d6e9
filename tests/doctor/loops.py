"""Event loops with one fault each, and a few of other people's: factories for ``--loop``."""
# mypy: disable-error-code="override"
# Their faults are all that matters of their signatures.

from __future__ import annotations

import asyncio
import importlib
import itertools
import logging
import time
from collections.abc import Callable
from typing import Any

Stock = asyncio.SelectorEventLoop
"""What all these are but for their fault."""


# --- other threads


class NeverWoken(Stock):
    """``call_soon_threadsafe`` queues the call, and lets the loop sleep."""

    def _write_to_self(self) -> None:
        pass


def wake(loop: Any) -> None:
    """Wake a loop as the stock one does, whatever it thinks of that."""
    Stock._write_to_self(loop)  # type: ignore[attr-defined]


class StandsStill(NeverWoken):
    """Once asleep, not even a timer wakes it."""

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_later(delay if delay < 0.5 else 1e4, callback, *args, context=context)


class Executor(Stock):
    """Has the outcome of the executor's jobs changed on its way by ``pass_on``."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        inner = super().run_in_executor(executor, func, *args)
        outer = self.create_future()
        inner.add_done_callback(lambda done: self.pass_on(done.exception(), outer))
        return outer

    def pass_on(self, error: BaseException | None, outer: asyncio.Future[Any]) -> None:
        raise NotImplementedError


class LosesFrames(Executor):
    """Makes the exception anew from its class."""

    def pass_on(self, error: BaseException | None, outer: asyncio.Future[Any]) -> None:
        if error is not None and not outer.cancelled():
            outer.set_exception(type(error)())


class ChangesErrors(Executor):
    """Makes another exception of it."""

    def pass_on(self, error: BaseException | None, outer: asyncio.Future[Any]) -> None:
        if error is not None and not outer.cancelled():
            outer.set_exception(SystemError("error return without exception set"))


class LosesErrors(Executor):
    """Forgets to hand the exception on: who awaits it awaits for ever."""

    def pass_on(self, error: BaseException | None, outer: asyncio.Future[Any]) -> None:
        pass


class HandsOnThatItHasNone(Executor):
    """Has no executor, as who awaits the job is told."""

    def pass_on(self, error: BaseException | None, outer: asyncio.Future[Any]) -> None:
        if error is not None and not outer.cancelled():
            outer.set_exception(NotImplementedError())


class HasNoExecutor(Stock):
    def run_in_executor(self, *_: Any) -> Any:
        raise NotImplementedError


class Silent(Stock):
    """Says nothing of failures that nobody awaits."""

    def call_exception_handler(self, _: Any) -> None:
        pass


class SpeaksToTheLog(Stock):
    """Asks no handler."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        logging.getLogger("asyncio").error(context["message"], exc_info=context.get("exception"))


# --- clock and timers


class WallClock(Stock):
    def time(self) -> float:
        return time.time()


class GoesBackwards(Stock):
    _steps = itertools.count()

    def time(self) -> float:
        return super().time() - next(self._steps) % 5 / 100


class CountsMilliseconds(Stock):
    """Its timers take seconds all the same."""

    def time(self) -> float:
        return super().time() * 1000

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_later(delay * 1000, callback, *args, context=context)


class TimersTooEarly(Stock):
    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_later(delay / 1000, callback, *args, context=context)


class TimersNever(Stock):
    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return super().call_later(delay + 1e4, callback, *args, context=context)


class HasNoTimers(Stock):
    def call_later(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


# --- threads


class StaysWhereItIs(Stock):
    """Runs in the thread that made it, and in no other, as loops of windows do."""

    def run_until_complete(self, _: Any) -> Any:
        raise RuntimeError("this loop runs in the main thread only")


class EndsBadly(Stock):
    """Does what it is asked to, and fails afterwards."""

    def run_until_complete(self, future: Any) -> Any:
        super().run_until_complete(future)
        raise RuntimeError("this loop has lost its window")


# --- sockets


class HasNoSockConnect(Stock):
    async def sock_connect(self, *_: Any) -> Any:
        raise NotImplementedError


class HasNoConnections(Stock):
    async def create_connection(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


class HasNoTls(Stock):
    async def create_connection(self, *args: Any, **options: Any) -> Any:
        if options.get("ssl"):
            raise NotImplementedError
        return await super().create_connection(*args, **options)


class ConnectsNever(Stock):
    async def create_connection(self, *_: Any, **__: Any) -> Any:
        await self.create_future()


class BreaksTls(Stock):
    async def create_connection(self, *args: Any, **options: Any) -> Any:
        if options.get("ssl"):
            raise OSError("TLS is broken here")
        return await super().create_connection(*args, **options)


class HearsNothing(Stock):
    """Opens connections, and never reads from them."""

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        transport, protocol = await super().create_connection(*args, **options)
        transport.pause_reading()
        return transport, protocol


class HasNoReaders(Stock):
    def add_reader(self, *_: Any) -> Any:
        raise NotImplementedError


class ReadsNothing(Stock):
    def add_reader(self, *_: Any) -> Any:
        pass


# --- other people's


def qasync_loop() -> Any:
    widgets = importlib.import_module("PySide6.QtWidgets")
    return importlib.import_module("qasync").QEventLoop(widgets.QApplication([]))


def qtasyncio_loop() -> Any:
    widgets = importlib.import_module("PySide6.QtWidgets")
    events = importlib.import_module("PySide6.QtAsyncio.events")
    return events.QAsyncioEventLoop(widgets.QApplication([]))


# --- no loops


not_callable = 1


def no_loop() -> None:
    pass
