"""Fuzzes ``probe`` and ``fetch`` with mutated replies over real sockets::

    python -m tools.fuzz_replies --count 50000 --seed 1

Each case is a script: some mutated replies, and how they are sent. A server on loopback plays it
once for each kind of call. The properties: ``fetch`` raises only ``FetchError``, the others
nothing; every call ends in time; every report can be shown; nothing is left at the end. A case
depends only on the seed and its number: ``--first 4711 --count 1`` reproduces one.
"""

import argparse
import asyncio
import itertools
import json
import random
import re
import socket
import sys
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import check_report
from tests.support import leaks
from tests.support.memory import held
from tryconnect import Client, Expect, FetchError, Guard, Report
from tryconnect.testing import REPLIES, Connection, Peer, serve
from tryconnect.testing._encoded import PACKERS

TIMEOUT = 1.0
LATE = 0.25
"""Seconds by which a busy machine may miss a deadline."""

HUNG = 10.0
"""Seconds after which a call is given up."""

CONCURRENCY = 20
BATCH = 10
"""Cases that one server plays; it remembers all its clients while it runs."""

MOST_BYTES = 2**20
PAGE = b"<!doctype html><meta charset=gbk><title>\xc4\xe3\xba\xc3</title>" + b"<p>hello" * 40


def answer(*headers: bytes, body: bytes = b"", status: bytes = b"200 OK") -> bytes:
    """A complete reply, with its length unless its body is chunked."""
    if not any(header.startswith(b"Transfer-Encoding") for header in headers):
        headers = (*headers, b"Content-Length: %d" % len(body))
    return b"HTTP/1.1 " + b"\r\n".join([status, *headers, b"", b""]) + body


def redirect(location: bytes, status: bytes = b"302 Found") -> bytes:
    return answer(b"Location: " + location, status=status)


def chunked(body: bytes) -> bytes:
    chunks = (body[at : at + 30] for at in range(0, len(body), 30))
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


PACKED = [
    answer(b"Content-Encoding: " + name.encode(), body=pack(body))
    for name, pack in PACKERS.items()
    for body in (PAGE, bytes(2 * MOST_BYTES))
]
REDIRECTS = [
    *(redirect(location) for location in (b"/next", b"next?a=b", b"//127.0.0.1:1/", b"http://h/")),
    *(redirect(location) for location in (b"ftp://h/", b"javascript:1", b"http://[::1", b"\xe9")),
    redirect(b"http://me:pw@localhost/", b"301 Moved Permanently"),
    redirect(b"https://localhost/", b"308 Permanent Redirect"),
]
COOKIES = [
    answer(b"Set-Cookie: " + cookie, b"Location: /again", status=b"302 Found")
    for cookie in (b"a=b", b'a="\\042"; Path=/; Max-Age=9', b"a=b; Domain=.h; Expires=Thu, 1 Jan")
]
PAGES = [
    answer(b"Content-Type: text/html", body=PAGE),
    answer(b"Content-Type: text/html;charset=euc-jp", b"Connection: close", body=PAGE),
    answer(b"Transfer-Encoding: chunked", b"Trailer: X", body=chunked(PAGE)),
    answer(
        b"Content-Encoding: gzip",
        b"Transfer-Encoding: chunked",
        body=chunked(PACKERS["gzip"](PAGE)),
    ),
]
ORIGINALS = [
    *(reply.data for reply in REPLIES.values()),
    *(REDIRECTS * 2),
    *(COOKIES * 2),
    *(PACKED * 2),
    *(PAGES * 2),
]
SPEAKING_FIRST = [reply.data for reply in REPLIES.values() if reply.speaks_first]
WORDS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b";",
        b"HTTP/1.1 ",
        b"HTTP/1.0",
    ),
    *(b"Content-Length: ", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"-1"),
    *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: br, zstd\r\n", b"Location: /x\r\n"),
    *(b"Connection: keep-alive\r\n", b"Connection: close\r\n", b"Set-Cookie: a=b; =\r\n", b"0\r\n"),
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"ffffffffffffffff\r\n", b"1_0", b"+5", b"99999999999"),
    *(b"Content-Type: text/html; charset=", b"utf-16", b"idna", b"undefined", b"302", b"101"),
]


@dataclass(frozen=True)
class Case:
    """The server's script: a reply for each request in turn, the last one repeated."""

    number: int
    replies: tuple[bytes, ...]
    speaks_first: bool
    stays: bool
    """Whether the connection stays open after a reply."""
    pieces: int
    """The number of pieces in which a reply is sent."""


def case(seed: int, number: int) -> Case:
    """Return the case with that number."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - the same at each run
    speaks_first = chance.random() < 0.05
    originals = SPEAKING_FIRST if speaks_first else ORIGINALS
    borrowed = [*ORIGINALS, *WORDS, *WORDS]
    most = chance.choice([1, 1, 2, 4])
    chosen = [chance.choice(originals) for _ in range(chance.choice([1, 1, 2, 3]))]
    return Case(
        number,
        tuple(mutated(chance, reply, borrowed, most=most) for reply in chosen),
        speaks_first=speaks_first,
        stays=chance.random() < 0.06,
        pieces=chance.choice([1, 1, 1, 2, 5]),
    )


class Stage:
    """Plays cases: a server that follows the current script."""

    def __init__(self) -> None:
        self.play(case(0, 0))

    def play(self, chosen: Case) -> None:
        """Start a script, the same again or another one."""
        self.case = chosen
        self.script = itertools.chain(chosen.replies, itertools.repeat(chosen.replies[-1]))

    async def handler(self, connection: Connection) -> None:
        """Serve one client, by the script that is played when it comes."""
        case, script = self.case, self.script
        # Without it the system delays a second small piece until the first is acknowledged.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if case.speaks_first:
            await say(connection, next(script), case.pieces)
            if not case.stays:
                await connection.head()
                return
        while await connection.head():
            await say(connection, next(script), case.pieces)
            if not case.stays:
                return


async def say(connection: Connection, reply: bytes, pieces: int) -> None:
    """Send a reply."""
    size = len(reply) // pieces + 1
    for start in range(0, len(reply), size):
        await connection.send(reply[start : start + size])
        await asyncio.sleep(0)


class Here(AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        """Return one address."""
        del family
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Do nothing."""


Call = Callable[[Client, str], Awaitable[Report]]


async def probed(client: Client, url: str) -> Report:
    return await client.probe(url, timeout=TIMEOUT)


async def expected(client: Client, url: str) -> Report:
    wanted = Expect(status="2xx", body=re.compile("hello"))
    return await client.probe(url, timeout=TIMEOUT, expect=wanted)


async def fetched(client: Client, url: str) -> Report:
    try:
        page = await client.fetch(url, timeout=TIMEOUT, max_bytes=MOST_BYTES)
    except FetchError as error:
        json.dumps(str(error))
        return error.report
    page.text.encode()  # no lone surrogates
    return page.report


CALLS: tuple[Call, ...] = (probed, fetched, expected)


@dataclass
class Figures:
    """The results."""

    reasons: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    broken: list[str] = field(default_factory=list)
    """The properties that were broken, a sentence each."""
    late: list[tuple[int, Call]] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    """MiB, after each hundredth of the cases."""


@dataclass
class Theatre:
    """One run: its client, its figures, and the ports that its guard lets through."""

    client: Client
    ports: set[int]
    figures: Figures

    async def call(self, chosen: Case, call: Call, stage: Stage, peer: Peer) -> float:
        """Make one call, check the properties, and return how long it took."""
        stage.play(chosen)
        what = f"case {chosen.number}, {call.__name__}"
        start = time.perf_counter()
        try:
            async with asyncio.timeout(HUNG):
                report = await call(self.client, peer.url)
            taken = time.perf_counter() - start
            self.figures.reasons[f"{call.__name__} {report.reason}"] += 1
            check_report(report)
        except Exception:  # noqa: BLE001 - this is what is looked for
            taken = time.perf_counter() - start
            self.figures.broken.append(f"{what}:\n{traceback.format_exc()}")
        return taken

    async def work(self, cases: Iterator[Case]) -> None:
        """Play the cases that no other task has taken."""
        while batch := list(itertools.islice(cases, BATCH)):
            async with self.stage() as (stage, peer):
                for chosen in batch:
                    for call in CALLS:
                        taken = await self.call(chosen, call, stage, peer)
                        self.figures.slowest = max(self.figures.slowest, taken)
                        if taken > TIMEOUT + LATE:
                            self.figures.late.append((chosen.number, call))

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[tuple[Stage, Peer]]:
        """Open a server, and let the client's guard allow it."""
        stage = Stage()
        async with serve(stage.handler) as peer:
            self.ports.add(peer.port)
            try:
                yield stage, peer
            finally:
                self.ports.discard(peer.port)

    async def look_again(self, seed: int) -> None:
        """Repeat late cases alone: the machine may have been busy."""
        async with self.stage() as (stage, peer):
            for number, call in self.figures.late:
                taken = await self.call(case(seed, number), call, stage, peer)
                if taken > TIMEOUT + LATE:
                    self.figures.broken.append(f"case {number}, {call.__name__}: {taken:.2f} s")


async def run(*, count: int, seed: int, first: int = 0) -> Figures:
    """Play ``count`` cases, ``CONCURRENCY`` at once."""
    figures = Figures()
    ports: set[int] = set()
    guard = Guard(lambda ip: ip.is_loopback, ports)
    leaks.Snapshot.take()  # a snapshot opens the portal: do that before the watch begins
    try:
        async with leaks.watch() as watching, Client(guard=guard, resolver=Here()) as client:
            theatre = Theatre(client, ports, figures)
            cases = watched(count, seed, first, figures.memory)
            async with asyncio.TaskGroup() as group:
                for _ in range(CONCURRENCY):
                    group.create_task(theatre.work(cases))
            await theatre.look_again(seed)
            kinds = Counter(re.split("[\"']", each)[0] for each in watching.expect_complaints())
            figures.broken += [f"heard {count:,} times: {kind}" for kind, count in kinds.items()]
    except AssertionError as left:
        figures.broken.append(str(left))
    return figures


def watched(count: int, seed: int, first: int, memory: list[float]) -> Iterator[Case]:
    """Yield the cases, and measure the memory after each hundredth."""
    step = max(1, count // 100)
    for number in range(count):
        if number % step == 0:
            memory.append(held())
        yield case(seed, first + number)
    memory.append(held())


def told(figures: Figures, seconds: float) -> Iterator[str]:
    """Return the figures as lines."""
    yield f"{figures.reasons.total():,} calls in {seconds:.0f} s; slowest {figures.slowest:.3f} s"
    for reason, times in sorted(figures.reasons.items()):
        yield f"  {reason:<30}{times:>8,}"
    memory = figures.memory
    yield f"memory: {memory[len(memory) // 10]:.1f} MiB at 10 %, {memory[-1]:.1f} MiB at the end"
    yield f"late once: {len(figures.late)}; laws broken: {len(figures.broken)}"
    yield from figures.broken[:20]


def main() -> int:
    """Run, print the figures, and return 1 if a property was broken."""
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    chosen = parser.parse_args()
    start = time.perf_counter()
    figures = asyncio.run(run(count=chosen.count, seed=chosen.seed, first=chosen.first))
    sys.stdout.writelines(f"{line}\n" for line in told(figures, time.perf_counter() - start))
    return bool(figures.broken)


if __name__ == "__main__":
    sys.exit(main())
