"""A user of ``examples/qt_status.py``, who types, clicks and looks: prints what came of it as JSON.

``python -m tests.examples.qt_user {qasync,qtasyncio} [SCREENSHOT]``
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest

import tryconnect
from examples import qt_status
from tests.examples.town import Town

LEFT = Qt.MouseButton.LeftButton
SETTLE_TIMEOUT = 20.0
"""Seconds; nothing takes that long but on a machine that stands still."""


class User:
    """Has eyes and fingers, and no other way into the program."""

    def __init__(self, window: qt_status.Window) -> None:
        self.window = window
        self.ticks: list[float] = []
        self.timer = QTimer(window)
        self.timer.timeout.connect(lambda: self.ticks.append(time.monotonic()))
        self.timer.start(16)

    def types(self, address: str) -> None:
        QTest.keyClicks(self.window.address, address)

    def presses_return(self) -> None:
        QTest.keyClick(self.window.address, Qt.Key.Key_Return)

    def clicks(self, button: Any) -> None:
        QTest.mouseClick(button, LEFT)

    def sees(self, row: int, column: int) -> str:
        item = self.window.table.item(row, column)
        return item.text() if item is not None else ""

    def sees_colour(self, row: int) -> str:
        return str(self.window.table.item(row, qt_status.STATE).data(qt_status.ROLE).name())

    async def waits(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + SETTLE_TIMEOUT
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(self.everything())
            await asyncio.sleep(0.01)

    async def waits_for(self, row: int, reason: str) -> None:
        await self.waits(lambda: self.sees(row, qt_status.REASON) == reason)

    def everything(self) -> list[list[str]]:
        table = self.window.table
        return [
            [self.sees(row, column) for column in range(table.columnCount())]
            for row in range(table.rowCount())
        ]


async def session(town: Town, screenshot: str | None) -> None:
    """Use the program from its start to its end."""
    async with tryconnect.Client(loop="auto", proxy=None, resolver=town.names) as client:
        window = qt_status.Window(client, every=0.05, timeout=60)
        window.show()
        seen = await use(User(window), town, screenshot)
        window.close()
        await window.closed
        await window.ended()
    print(json.dumps(seen))  # noqa: T201 - to the test


async def use(user: User, town: Town, screenshot: str | None) -> dict[str, Any]:
    """Do what the test is about; return what was seen."""
    window = user.window
    seen: dict[str, Any] = {}
    user.types("http://shop.example/")
    user.presses_return()
    await user.waits_for(0, "ok")
    seen["typed and pressed Return"] = [user.sees_colour(0), user.sees(0, qt_status.DETAIL)]
    user.types("http://wiki.example:8080/start")
    user.clicks(window.watch_button)
    await user.waits_for(1, "ok")
    user.types("http://reports.example/")
    user.presses_return()
    for address in ("http://nowhere.example/", "http://localhost:80443/"):
        user.types(address)
        user.presses_return()
    await user.waits_for(3, "dns_not_found")
    await user.waits_for(4, "invalid_address")
    await user.waits(lambda: len(window.rows[2].latencies) > 20)

    await _off_the_loop(town.wiki_goes)
    await user.waits_for(1, "refused")
    seen["a server went away"] = [user.sees_colour(1), window.count.text()]

    user.types("http://printer.example/")
    user.presses_return()
    await user.waits(lambda: bool(town.printer.requests))
    if screenshot is not None:
        window.grab().save(screenshot)
    ticks = len(user.ticks)
    await asyncio.sleep(0.5)
    seen["ticks while a check hangs"] = len(user.ticks) - ticks
    seen["the hanging one"] = user.sees(5, qt_status.REASON)

    begun = time.monotonic()
    user.clicks(window.stop_button)
    await window.ended()
    seen["seconds to stop"] = round(time.monotonic() - begun, 2)
    seen["stopped"] = [row[qt_status.REASON] for row in user.everything()]
    seen["a stop button to click"] = window.stop_button.isEnabled()
    return seen


async def _off_the_loop(work: Callable[[], None]) -> None:
    """Do blocking work in a thread of our own: QtAsyncio's executor is for its own threads."""
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():  # noqa: ASYNC110 - of a thread
        await asyncio.sleep(0.01)


def main() -> None:
    loop, *rest = sys.argv[1:]
    with Town.founded() as town:
        qt_status.run(session(town, rest[0] if rest else None), loop)


if __name__ == "__main__":
    main()
