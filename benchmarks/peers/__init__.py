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
    from pathlib import Path

    from benchmarks.work import Tally, Work

__all__ = [
    "AIOHTTP",
    "BESIDE",
    "BY_AIOHTTP",
    "FLOOR",
    "OTHER_PYTHONS",
    "OURS",
    "PEERS",
    "Peer",
    "environment_beside",
    "installed",
    "measure_beside",
]


class Peer(NamedTuple):
    """One client: its module, the library that it needs, and the loop that runs it."""

    place: str
    """A module of this package, and a function in it."""
    library: str
    loop: str | None = "asyncio"
    """The module of its event loop; ``None`` if it needs none."""
    apart: bool = False
    """Whether it runs in its own environment."""
    version: str = ""
    """The Python that runs it, as ``3.11``, in an environment of its own; else this one."""
    checkout: Path | None = None
    """Another checkout that ours is imported from; ``None``: this one."""

    @property
    def python(self) -> str | None:
        """The interpreter that runs it; ``None`` if its library cannot be installed."""
        if not self.apart and not self.version:
            return sys.executable
        from benchmarks import apart  # noqa: PLC0415 - no client has this in its memory

        return apart.python(self.library, self.version)

    @property
    def missing(self) -> list[str]:
        """The modules that are not installed."""
        if self.apart or self.version:
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
BESIDE = "tryconnect, the other checkout"
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

_PYTHONS = {
    f"tryconnect, Python {version}": Peer("ours.probe_many", "tryconnect", version=version)
    for version in ("3.11", "3.12", "3.13", "3.14", "3.15")
}
PEERS |= _PYTHONS  # each of these Pythons finds itself there

OTHER_PYTHONS = [
    name
    for name, peer in _PYTHONS.items()
    if peer.version != f"{sys.version_info[0]}.{sys.version_info[1]}"
]
"""The same, run by whichever of these are on this machine."""


def installed(names: Iterable[str]) -> list[str]:
    """Return those of these clients that can run here."""
    here = [name for name in names if not PEERS[name].missing]
    if OURS in here and BESIDE in PEERS:
        here.insert(here.index(OURS) + 1, BESIDE)
    return here


def measure_beside(checkout: Path) -> None:
    """Measure tryconnect as another checkout has it, too, wherever ours is measured."""
    PEERS[BESIDE] = PEERS[OURS]._replace(checkout=checkout.resolve())


def environment_beside(name: str) -> dict[str, str]:
    """Return the variables that a client, by its name, needs in its process."""
    checkout = PEERS[name].checkout if name in PEERS else None
    return {} if checkout is None else {"PYTHONPATH": str(checkout / "src")}
