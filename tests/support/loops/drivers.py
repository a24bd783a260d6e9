"""Runs a coroutine to completion in each supported event loop.

A driver creates what the loop belongs to (an application, a window), and closes it. The third-party
modules may be missing, so only the drivers import them.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from tests.support.loops.minimal import MinimalLoop, SlottedLoop

Work = Coroutine[Any, Any, None]


def stock(work: Work) -> None:
    asyncio.run(work)


def uvloop(work: Work) -> None:
    with asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop) as runner:
        runner.run(work)


def qasync(work: Work) -> None:
    app = importlib.import_module("PySide6.QtWidgets").QApplication([])
    with importlib.import_module("qasync").QEventLoop(app) as loop:
        loop.run_until_complete(work)


def qtasyncio(work: Work) -> None:
    importlib.import_module("PySide6.QtWidgets").QApplication([])
    importlib.import_module("PySide6.QtAsyncio").run(work, keep_running=False)


def rloop(work: Work) -> None:
    loop = importlib.import_module("rloop").new_event_loop()
    loop.run_until_complete(work)
    loop.close()


def glib(work: Work) -> None:
    context = importlib.import_module("gi.repository.GLib").MainContext.default()
    loop = importlib.import_module("gi.events").GLibEventLoop(context)
    loop.run_until_complete(work)
    loop.close()


def tk(work: Work) -> None:
    """A stock loop that updates the window every 10 ms."""
    root = importlib.import_module("tkinter").Tk()
    main_loop = importlib.import_module("async_tkinter_loop").main_loop

    async def beside_the_window() -> None:
        window = asyncio.ensure_future(main_loop(root))
        try:
            await work
        finally:
            root.destroy()
            await window

    asyncio.run(beside_the_window())


def tk_pumped(work: Work) -> None:
    """A window that runs a stock loop once every 5 ms."""
    root = importlib.import_module("tkinter").Tk()
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    task.add_done_callback(lambda _: root.quit())

    def pump() -> None:
        loop.call_soon(loop.stop)
        loop.run_forever()
        root.after(5, pump)

    root.after(0, pump)
    root.mainloop()
    root.destroy()
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    task.result()


def nest_asyncio(work: Work) -> None:
    """A stock loop that runs inside one of its own steps."""
    importlib.import_module("nest_asyncio").apply()

    async def outer() -> None:
        asyncio.get_running_loop().run_until_complete(work)

    asyncio.run(outer())


def trio_asyncio(work: Work) -> None:
    module = importlib.import_module("trio_asyncio")

    async def main() -> None:
        await module.aio_as_trio(work)

    module.run(main)


def minimal(work: Work) -> None:
    loop = MinimalLoop()  # type: ignore[abstract]
    loop.run_until_complete(work)
    loop.close()


def slotted(work: Work) -> None:
    loop = SlottedLoop()
    loop.run_until_complete(work)
    loop.close()


class Driver(NamedTuple):
    """A loop, what it requires, and what is known about it.

    Attributes:
        title: Its name in docs/howto/event-loops.rst.
        run: Runs a coroutine in it.
        wants: Arguments of the mark of ``tests/support/wants.py``.
        through_portal: The schemes that it does not support itself.
        threads: How many threads the loop itself starts: libuv's four, which resolve addresses, and
            Tcl's notifier.
        noise: Warnings that it causes itself, as arguments of ``-W``.
    """

    title: str
    run: Callable[[Work], None]
    wants: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    through_portal: frozenset[str] = frozenset()
    threads: int = 0
    noise: tuple[str, ...] = ()


NOTHING = frozenset({"http", "https", "tcp", "unix"})

DRIVERS: dict[str, Driver] = {
    "stock": Driver("asyncio's own", stock),
    "uvloop": Driver("uvloop", uvloop, {"module": "uvloop"}, threads=4),
    "qasync": Driver("qasync, with PySide6", qasync, {"module": "qasync"}),
    "qtasyncio": Driver("PySide6.QtAsyncio", qtasyncio, {"module": "PySide6.QtAsyncio"}, NOTHING),
    "rloop": Driver(
        "rloop",
        rloop,
        {"module": "rloop"},
        frozenset({"https"}),
        noise=("ignore::ResourceWarning:rloop.loop",),
    ),
    "glib": Driver("GLib (PyGObject's ``gi.events``)", glib, {"module": "gi.events"}),
    "tk": Driver(
        "Tk, by async-tkinter-loop",
        tk,
        {"module": "async_tkinter_loop", "program": "Xvfb"},
        threads=1,
    ),
    "tk_pumped": Driver(
        "Tk, pumping asyncio's own", tk_pumped, {"module": "tkinter", "program": "Xvfb"}, threads=1
    ),
    "nest_asyncio": Driver("nest_asyncio", nest_asyncio, {"module": "nest_asyncio"}),
    "trio_asyncio": Driver(
        "trio-asyncio",
        trio_asyncio,
        {"module": "trio_asyncio"},
        noise=("ignore:'AbstractChildWatcher':DeprecationWarning",),
    ),
    "minimal": Driver("``AbstractEventLoop``, bare", minimal, through_portal=NOTHING),
    "slotted": Driver("no ``AbstractEventLoop`` at all", slotted, through_portal=NOTHING),
}
