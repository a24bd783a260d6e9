"""Runs checks at a steady rate over all peers, and reports whether anything grows::

    python -m tools.soak --minutes 30 --rate 200
    python -m tools.soak --minutes 20 --rate 500 --faults

The peers run in their own process, so that memory, descriptors and threads are the client's alone.
They remember every connection, so each act of a minute has fresh peers and new clients. After each
act, when everything is closed, a line reports what is held and what was observed; the last line is
the verdict: flat or not. With ``--faults``, descriptors, memory and threads run out, a resolver
dies, the clock jumps and the process stands still, again and again (``tools/faults.py``).
"""

import argparse
import asyncio
import contextlib
import functools
import multiprocessing
import os
import random
import ssl
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, NamedTuple

import tryconnect
from tests.support.memory import held
from tools.faults import DyingResolver, inject
from tryconnect import Client, FetchError, Reason
from tryconnect import testing as peers
from tryconnect._transport.resolver import Resolver
from tryconnect.testing import dns, tls
from tryconnect.testing._encoded import PACKERS

TIMEOUT = 0.5
ACT = 60.0
"""Seconds of an act; less if there would be fewer than ten acts."""

GROWTH = 1.0
"""MiB an hour by which memory may grow, after a third of the time."""

SETTLING = 0.5
"""Seconds in which closed resources may disappear."""

WARMING = 10
"""How many times the rate the first act has: the room is full then, and memory as scattered as it
ever is. Otherwise the first moment in which the machine is busy elsewhere looks like growth."""

BOMB = bytes(20 * 2**20)
MOST_BYTES = 2**20
ZONE: dns.Zone = {
    "good.test": ["127.0.0.1"],
    "both.good.test": ["::1", "127.0.0.1"],
    "alias.good.test": dns.alias("good.test"),
    "loop.test": dns.alias("loop.test"),
    "missing.test": dns.NXDOMAIN,
    "empty.test": dns.NODATA,
    "broken.test": dns.SERVFAIL,
    "refusing.test": dns.REFUSED,
    "silent.test": dns.SILENT,
    "garbage.test": dns.GARBAGE,
    "forged.test": dns.WRONG_ID,
    "late.good.test": dns.late(0.1, "127.0.0.1"),
    "large.good.test": dns.truncated("127.0.0.1"),
}


class Check(NamedTuple):
    """One kind of check to repeat."""

    name: str
    address: str
    client: str = "own"
    """The client that runs it: see ``clients``."""
    fetches: bool = False
    costs: int = 1
    """It runs once while others run this many times: some peers keep a processor busy."""


class Cast(NamedTuple):
    """The peers of one act, as sent to the client's process."""

    checks: list[Check]
    name_server: str
    proxies: dict[str, str]
    authority: str


# --- the peers' process

PLAIN: Mapping[str, Callable[[], AbstractAsyncContextManager[peers.Peer]]] = {
    **{f"reply {name}": functools.partial(peers.raw, row) for name, row in peers.REPLIES.items()},
    "silent": peers.silent,
    "accepts late": lambda: peers.accepts_late(0.1),
    "accepts too late": lambda: peers.accepts_late(2 * TIMEOUT),
    "hangs up": lambda: peers.closes("accept"),
    "hangs up when asked": lambda: peers.closes("request"),
    "reset at once": lambda: peers.reset("accept"),
    "reset when asked": lambda: peers.reset("request"),
    "reset in status": lambda: peers.reset("status"),
    "reset in headers": lambda: peers.reset("headers"),
    "reset in body": lambda: peers.reset("body"),
    "drips status": lambda: peers.drip("status"),
    "drips headers": lambda: peers.drip("headers"),
    "drips body": lambda: peers.drip("body"),
    "big header": lambda: peers.big_header(2**20),
    "closed port": peers.closed_port,
    "black hole": peers.full_backlog,
}
COSTLY = {
    "endless headers": peers.endless_headers,
    "endless 1xx": peers.endless_1xx,
    "endless body": peers.endless_body,
}
ROUTES = ("/", "/status/204", "/status/500", "/redirect/3", "/redirect/11", "/loop", "/cookie")
LEADS = ("ftp://h/", "javascript:1", "", "//", "http://me:pw@127.0.0.1:1/", "%ff", "/status/404")
PASSWORD = ("me", "pw")


@asynccontextmanager
async def cast() -> AsyncIterator[Cast]:
    """Open all peers."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        checks = []
        for name, opening in PLAIN.items():
            peer = await enter(opening())
            checks += [Check(name, peer.url), Check(name, peer.url, "shared", fetches=True)]
        for name, opening in COSTLY.items():
            peer = await enter(opening())
            checks += [
                Check(name, peer.url, costs=100),
                Check(name, peer.url, fetches=True, costs=100),
            ]
        checks += [
            Check(f"TLS {kind}", (await enter(peers.tls_server(kind))).url, costs=2)
            for kind in tls.KINDS
        ]
        http = await enter(peers.http_server())
        https = await enter(peers.http_server(tls=peers.server_context()))
        for name, pack in PACKERS.items():
            header = (("Content-Encoding", name),)
            http.pages[f"/bomb/{name}"] = peers.CannedResponse(packed_bomb(name), header)
            http.pages[f"/packed/{name}"] = peers.CannedResponse(pack(b"hello" * 1000), header)
        routes = [*ROUTES, *(f"/redirect-to?location={lead}" for lead in LEADS)]
        checks += [Check(f"http {route}", http.at(route)) for route in routes]
        checks += [Check(f"https {route}", https.at(route), fetches=True) for route in ROUTES[:4]]
        for path in http.pages:
            checks.append(Check(f"http {path}", http.at(path), fetches=True, costs=4))
        checks += [Check("tcp", f"tcp://{http.address}"), Check("tcp", https.address)]
        unix = await enter(peers.unix_server())
        checks += [Check("unix", unix.url), Check("unix nowhere", f"{unix.url}-")]
        checks += [Check("dying resolver", f"http://good.test:{http.port}/", "dying")]
        names = await enter(peers.dns_server(ZONE))
        checks += [Check(name, f"http://{name}:{http.port}/", "names") for name in ZONE]
        proxies = {
            "proxy": (await enter(peers.proxy())).url,
            "proxy with password": (await enter(peers.proxy(auth=PASSWORD))).url_for(PASSWORD),
            "proxy without password": (await enter(peers.proxy(auth=PASSWORD))).url,
            "silent proxy": (await enter(peers.silent())).url,
        }
        for name in proxies:
            checks += [
                Check(f"{name} http", http.url, name),
                Check(f"{name} https", https.url, name),
            ]
        yield Cast(checks, names.address, proxies, peers.ca_pem().decode("ascii"))


@functools.cache
def packed_bomb(name: str) -> bytes:
    """A bomb, compressed only once, since that takes a while."""
    return PACKERS[name](BOMB)


async def play(pipe: Pipe) -> None:
    """Open fresh peers for each act; a message through the pipe ends it."""
    while True:
        async with cast() as on:
            pipe.send(on)
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)


def playing(pipe: Pipe) -> None:
    """Run as the peers' process, until the pipe is closed."""
    with contextlib.suppress(KeyboardInterrupt, EOFError, ConnectionError):
        asyncio.run(play(pipe))


@contextlib.contextmanager
def theatre() -> Iterator[Pipe]:
    """Run the peers' process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=playing, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    with ours:
        yield ours
    process.join(10)


# --- the client's process


@asynccontextmanager
async def clients(on: Cast) -> AsyncIterator[dict[str, Any]]:
    """Open the clients of one act; "shared" stands for the functions of the package."""
    trusting = ssl.create_default_context(cadata=on.authority)
    names = Resolver(nameservers=[on.name_server], domains=[])
    async with AsyncExitStack() as stack:
        stack.push_async_callback(names.close)

        async def opened(**options: Any) -> Client:
            return await stack.enter_async_context(Client(ssl=trusting, **options))

        yield {
            "shared": tryconnect,
            "own": await opened(proxy=None),
            "names": await opened(proxy=None, resolver=names),
            "dying": await opened(proxy=None, resolver=DyingResolver(random.Random(3))),  # noqa: S311
            **{name: await opened(proxy=url) for name, url in on.proxies.items()},
        }


@dataclass
class Tally:
    """The results of the checks of one act, or of all."""

    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a check had a reason."""
    late: Counter[int] = field(default_factory=Counter)
    """By how many tenths of a millisecond an expired deadline was missed, and how often."""
    behind: float = 0.0
    """The most that the loop itself was late."""
    raised: Counter[str] = field(default_factory=Counter)
    injected: Counter[str] = field(default_factory=Counter)
    """How often there was each fault."""

    def add(self, other: "Tally") -> None:
        """Add the results of another."""
        self.reasons += other.reasons
        self.raised += other.raised
        self.injected += other.injected
        self.late += other.late
        self.behind = max(self.behind, other.behind)

    def lateness(self, share: float) -> float:
        """Return the milliseconds by which at most this share of the deadlines were missed."""
        passed = 0
        for tenths, count in sorted(self.late.items()):
            passed += count
            if passed >= share * self.late.total():
                return tenths / 10
        return 0.0

    def __str__(self) -> str:
        total: Counter[str] = Counter()
        for (_, reason), count in self.reasons.items():
            total[reason] += count
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in total.most_common())
        return (
            f"{total.total():,} checks: {reasons}; raised {self.raised.total()}; "
            f"late p99 {self.lateness(0.99):.1f} ms, max {self.lateness(1):.1f} ms "
            f"(the loop: {self.behind * 1000:.1f} ms)"
        )


class Usage(NamedTuple):
    """The resources that this process holds."""

    memory: float
    """Allocated memory in MiB."""
    descriptors: int
    threads: int

    @classmethod
    def now(cls) -> "Usage":
        """Measure this process, on Linux."""
        descriptors, threads = (Path("/proc/self", what).iterdir() for what in ("fd", "task"))
        # The descriptor that lists the directory is counted, too.
        return cls(held(), sum(1 for _ in descriptors) - 1, sum(1 for _ in threads))

    def __str__(self) -> str:
        return f"{self.memory:.1f} MiB, {self.descriptors} descriptors, {self.threads} threads"


async def act(
    on: Cast,
    *,
    seconds: float,
    rate: float,
    room: asyncio.Semaphore,
    chance: random.Random,
    faults: bool,
) -> Tally:
    """Check at a steady rate for ``seconds``, and wait for the last ones."""
    tally = Tally()
    injecting = asyncio.create_task(inject(tally.injected)) if faults else None
    weights = [1 / each.costs for each in on.checks]
    async with clients(on) as asking, asyncio.TaskGroup() as group:
        start = due = time.perf_counter()
        while (now := time.perf_counter()) - start < seconds:
            tally.behind = max(tally.behind, now - due)
            await asyncio.sleep(due - now)
            await room.acquire()  # a machine that is too slow checks less often
            due = max(due + 1 / rate, time.perf_counter() - 1)
            (chosen,) = chance.choices(on.checks, weights)
            done = group.create_task(check(chosen, asking[chosen.client], tally))
            done.add_done_callback(lambda _: room.release())
        if injecting is not None:
            injecting.cancel()
    return tally


async def check(chosen: Check, asking: Any, tally: Tally) -> None:
    """Run one check, and record the result."""
    start = time.perf_counter()
    try:
        if chosen.fetches:
            page = await asking.fetch(chosen.address, timeout=TIMEOUT, max_bytes=MOST_BYTES)
            report = page.report
        else:
            report = await asking.probe(chosen.address, timeout=TIMEOUT)
    except FetchError as error:
        report = error.report
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        tally.raised[f"{chosen.name}: {error!r}"] += 1
        return
    late = time.perf_counter() - start - TIMEOUT
    if late > 0 or report.reason is Reason.timeout:
        tally.late[round(max(late, 0.0) * 10_000)] += 1
    tally.reasons[f"{chosen.name}{' (fetch)' * chosen.fetches}", str(report.reason)] += 1


async def soak(pipe: Pipe, *, minutes: float, rate: float, faults: bool) -> Iterator[str]:
    """Run all acts, and return the final lines."""
    acts = max(10, round(minutes * 60 / ACT))
    chance = random.Random(1)  # noqa: S311 - the same at each run
    room = asyncio.Semaphore(round(rate * 2 * TIMEOUT))
    total, usages = Tally(), []
    for number in range(1, acts + 1):
        seconds = minutes * 60 / acts
        pace = rate * WARMING if number == 1 else rate
        tally = await act(
            pipe.recv(), seconds=seconds, rate=pace, room=room, chance=chance, faults=faults
        )
        pipe.send("thank you")
        await asyncio.sleep(SETTLING)
        usages.append(Usage.now())
        total.add(tally)
        say(f"{number}/{acts}: {usages[-1]}; {tally}")
    return verdict(total, usages[acts // 3 :], minutes / acts)


def slope(values: list[float], every: float) -> float:
    """Return by how much values grow in an hour, by least squares.

    Args:
        values: measured one after the other.
        every: the minutes between two of them.
    """
    hours = [number * every / 60 for number in range(len(values))]
    return statistics.linear_regression(hours, values).slope


def verdict(total: Tally, usages: list[Usage], every: float) -> Iterator[str]:
    """Return the summary and the verdict as lines."""
    for (name, reason), count in sorted(total.reasons.items()):
        yield f"  {name:<45}{reason:<20}{count:>8,}"
    yield from (f"raised {count:,} times: {what}" for what, count in total.raised.items())
    yield f"in all: {total}"
    if total.injected:
        yield f"faults: {dict(total.injected)}"
    early, late = usages[0], usages[-1]
    growth = slope([usage.memory for usage in usages], every)
    flat = (
        growth <= GROWTH
        and late.descriptors <= early.descriptors
        and late.threads <= early.threads
        and not total.raised
    )
    yield (
        f"{'flat' if flat else 'NOT FLAT'}: {early} after a third; {late} at the end; "
        f"{growth:+.2f} MiB an hour"
    )


def say(line: str) -> None:
    """Print without buffering, for readers of a log file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the command line."""
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=200, help="checks per second")
    parser.add_argument("--faults", action="store_true", help="bring faults about")
    chosen = parser.parse_args()
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # the package's functions obey them
    with theatre() as pipe:
        lines = list(asyncio.run(soak(pipe, **vars(chosen))))
    say("\n".join(lines))
    sys.exit(not lines[-1].startswith("flat"))


if __name__ == "__main__":
    main()
