"""A user of ``examples/tk_status.py``, who types, clicks and looks: prints what came of it as JSON.

``python -m tests.examples.tk_user``, with a screen (Xvfb).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import tryconnect
from examples import tk_status
from tests.examples.town import Town

SETTLE_TIMEOUT = 20.0
"""Seconds; nothing takes that long but on a machine that stands still."""


class User:
    """Has eyes and fingers, and no other way into the program."""

    def __init__(self, window: tk_status.Window) -> None:
        self.window = window

    def types(self, address: str) -> None:
        self.window.address.focus_force()
        for character in address:
            self.window.address.event_generate("<Key>", keysym=KEYSYMS.get(character, character))

    def presses_return(self) -> None:
        self.window.address.event_generate("<Return>")

    def clicks(self, button: Any) -> None:
        button.update_idletasks()
        button.event_generate("<Enter>", x=5, y=5)
        button.event_generate("<ButtonPress-1>", x=5, y=5)
        button.event_generate("<ButtonRelease-1>", x=5, y=5)

    def sees(self) -> list[list[str]]:
        rows = self.window.list
        return [[str(cell) for cell in rows.item(row)["values"]] for row in rows.get_children()]

    async def waits(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + SETTLE_TIMEOUT
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(self.sees())
            await asyncio.sleep(0.01)

    async def waits_for(self, row: int, reason: str) -> None:
        await self.waits(lambda: len(self.sees()) > row and self.sees()[row][1] == reason)


KEYSYMS = {":": "colon", "/": "slash", ".": "period"}


async def session(town: Town) -> None:
    """Use the program from its start to its end."""
    async with tryconnect.Client(loop="portal", proxy=None, resolver=town.names) as client:
        window = tk_status.Window(client, every=0.05, timeout=60)
        turning = asyncio.ensure_future(window.turn())
        await asyncio.sleep(0.2)
        seen = await use(User(window), town)
        window.close()
        await turning
    print(json.dumps(seen))  # noqa: T201 - to the test


async def use(user: User, town: Town) -> dict[str, Any]:
    """Do what the test is about; return what was seen."""
    window = user.window
    seen: dict[str, Any] = {}
    user.types("http://shop.example/")
    user.presses_return()
    await user.waits_for(0, "ok")
    seen["typed and pressed Return"] = user.sees()[0][:2]
    user.types("http://wiki.example:8080/")
    user.clicks(window.watch_button)
    await user.waits_for(1, "ok")
    for address in ("http://nowhere.example/", "http://localhost:80443/"):
        user.types(address)
        user.presses_return()
    await user.waits_for(2, "dns_not_found")
    await user.waits_for(3, "invalid_address")
    await asyncio.to_thread(town.wiki_goes)
    await user.waits_for(1, "refused")
    user.types("http://printer.example/")
    user.presses_return()
    await user.waits(lambda: bool(town.printer.requests))
    seen["the hanging one"] = user.sees()[4][1]
    begun = time.monotonic()
    user.clicks(window.stop_button)
    await asyncio.gather(*window.tasks, return_exceptions=True)
    seen["seconds to stop"] = round(time.monotonic() - begun, 2)
    seen["stopped"] = [row[1] for row in user.sees()]
    return seen


def main() -> None:
    with Town.founded() as town:
        asyncio.run(session(town))


if __name__ == "__main__":
    main()
