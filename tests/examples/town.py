"""The servers that the users of the examples ask, under invented names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Self

from tests.docs.documents import Invented
from tryconnect import testing as peers


@dataclass
class Town:
    """The servers that the user asks: names, and what is behind them."""

    names: Invented
    printer: peers.Peer
    """Accepts, and never answers."""
    wiki_goes: Callable[[], None]

    @classmethod
    @contextlib.contextmanager
    def founded(cls) -> Iterator[Self]:
        """Start them; before any of Qt's loops, whose policy would rule their threads, too."""
        with contextlib.ExitStack() as stack:

            def start(peer: AbstractAsyncContextManager[peers.Peer]) -> peers.Peer:
                return stack.enter_context(peers.in_thread(peer))

            shop, printer = start(peers.http_server()), start(peers.silent())
            reports = start(peers.accepts_late(0.12))
            open_hours = stack.enter_context(contextlib.ExitStack())
            wiki = open_hours.enter_context(peers.in_thread(peers.http_server()))
            places = {
                ("shop.example", 80): shop.port,
                ("reports.example", 80): reports.port,
                ("wiki.example", 8080): wiki.port,
                ("printer.example", 80): printer.port,
            }
            yield cls(Invented(places), printer, open_hours.close)
