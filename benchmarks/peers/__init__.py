"""The clients that are measured: each does the same work, written as its users would.

Each sends a GET, and closes the connection after the headers if it can. httpx has two rows, since
its documentation reads the body. Each is in its own module, so a process only has in memory what
its client needs. A client whose library is not installed is skipped.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.work import Tally, Work

__all__ = ["AIOHTTP", "BY_AIOHTTP", "FLOOR", "OURS", "PEERS", "Peer", "installed"]


class Peer(NamedTuple):
    """One client: its module, the library that it needs, and the loop that runs it."""

    place: str
    """A module of this package, and a function in it."""
    library: str
    loop: str | None = "asyncio"
    """The module of its event loop; ``None`` if it needs none."""
    apart: bool = False
    """Whether it runs in its own environment."""

    @property
    def python(self) -> str | None:
        """The interpreter that runs it; ``None`` if its library cannot be installed."""
        if not self.apart:
            return sys.executable
        from benchmarks import apart  # noqa: PLC0415 - no client has this in its memory

        return apart.python(self.library)

    @property
    def missing(self) -> list[str]:
        """The modules that are not installed."""
        if self.apart:
            return [] if self.python else [self.library]
        needed = (self.library, self.loop or self.library)
        return [name for name in dict.fromkeys(needed) if importlib.util.find_spec(name) is None]

    def load(self) -> Callable[[Work, Tally], Any]:
        """Return the function that does the work."""
        module, _, name = self.place.partition(".")
        main = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        return main if self.loop is None else functools.partial(_in_loop, self.loop, main)


def _in_loop(loop: str, main: Callable[[Work, Tally], Any], work: Work, tally: Tally) -> None:
    factory = importlib.import_module(loop).new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main(work, tally))


OURS = "tryconnect"
BY_AIOHTTP = "tryconnect, by aiohttp"
AIOHTTP = "aiohttp, tuned"
FLOOR = "asyncio.Protocol"

PEERS: dict[str, Peer] = {
    OURS: Peer("ours.probe_many", "tryconnect"),
    BY_AIOHTTP: Peer("ours.probe_many_by_aiohttp", "tryconnect"),
    AIOHTTP: Peer("aiohttps.tuned", "aiohttp"),
    "aiohttp, tuned, asyncio.timeout": Peer("aiohttps.outer", "aiohttp"),
    "aiohttp": Peer("aiohttps.default", "aiohttp"),
    "tryconnect, Client.probe": Peer("ours.client_probe", "tryconnect"),
    "requests, default executor": Peer("threads.executor", "requests"),
    "requests, sessions in a pool": Peer("threads.pool", "requests", loop=None),
    "httpx": Peer("others.httpx", "httpx"),
    "httpx, headers only": Peer("others.httpx_stream", "httpx"),
    "niquests": Peer("others.niquests", "niquests", apart=True),
    "pyreqwest (Rust)": Peer("others.pyreqwest", "pyreqwest"),
    "pycurl, multi": Peer("libcurl.multi", "pycurl", loop=None),
    FLOOR: Peer("floor.protocol", "asyncio"),
    "tryconnect, uvloop": Peer("ours.probe_many", "tryconnect", loop="uvloop"),
    "aiohttp, tuned, uvloop": Peer("aiohttps.tuned", "aiohttp", loop="uvloop"),
}
"""By the name in the tables."""


def installed(names: Iterable[str]) -> list[str]:
    """Return those of these clients that can run here."""
    return [name for name in names if not PEERS[name].missing]
