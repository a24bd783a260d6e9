"""What a survey costs beside its checks: of the client, the scheduler and the workers.

Run from the root of a checkout with the extra ``dask``, as root on Linux (each run is in a network
of its own)::

    nice -n 5 python -m benchmarks.survey [--size ADDRESSES] [--rounds ROUNDS] [--picture]

Of the addresses one in 20 is served, one in 20 is a name that a local name server knows, and the
others are refused. The client's process holds the scheduler too; the servers are processes apart.
With ``--picture``, Chromium draws the report page of the run for the docs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import servers, usage
from benchmarks.names import APART
from benchmarks.rounds import ROOT
from benchmarks.table import Claim, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["survey"]

SIZE, ROUNDS = 1_000_000, 5
WORKERS = 2
OTHERS = 20
"""One address in so many is served, and one is a name."""
LATENCY = 0.2
"""Seconds until the late server answers."""
LATE = 8_000
"""Addresses that are asked of it, at 100 a process: 16 s of one."""
BATCHES = 8_000
"""Refused addresses that are checked through Arrow, and without it."""
PICTURE = ROOT / "docs/_static/survey-report.png"
FIRST = ip_address("127.1.0.1")


def survey(*, size: int = SIZE, rounds: int = ROUNDS, picture: bool = False) -> Table:
    """Run all, and compare with what was promised."""
    mixes = {5_000: _apart("mix", size, 5_000, 0), 50_000: _apart("mix", size, 50_000, picture)}
    late: dict[int, list[float]] = {1: [], WORKERS: []}
    for _ in range(rounds):
        for workers, taken in late.items():
            taken.append(_apart("late", min(LATE, size), workers)["seconds"])
    first = statistics.median(_apart("first", 1000)["seconds"] for _ in range(rounds))
    arrow = statistics.median(_apart("arrow", BATCHES)["ratio"] for _ in range(rounds))
    head = ("rows a part", "reading, µs", "checking, µs", "MiB at 10 %", "MiB at 100 %")
    rows = [
        [
            f"{rows:,}",
            *(f"{mix[key]:.1f}" for key in ("reading", "checking", "early", "late")),
            f"{mix['workers']:.0f}",
            f"{mix['speed']:,.0f}",
            f"{mix['rows']:,} / {mix['distinct']:,}",
        ]
        for rows, mix in mixes.items()
    ]
    one, two = (statistics.median(each) for each in late.values())
    claims = [
        Claim("client and scheduler, 5,000 a part", mixes[5_000]["checking"], 15, " µs"),
        Claim("client and scheduler, 50,000 a part", mixes[50_000]["checking"], 2, " µs"),
        *(Claim(f"memory, {n:,} a part", m["late"] / m["early"], 1.1) for n, m in mixes.items()),
        Claim("a worker's peak", max(mix["workers"] for mix in mixes.values()), 300, " MiB"),
        Claim("first check after the start", first, 2.5, " s"),
        Claim("processor time of probe_batches ÷ probe_many", arrow, 1.15),
        Claim(f"{WORKERS} · t({WORKERS}) ÷ t(1), latency-bound", WORKERS * two / one, 1 / 0.9),
    ]
    more = ("a worker, MiB", "addresses/s", "rows / distinct")
    note = f"{size:,} addresses. t(1) ÷ ({WORKERS} · t({WORKERS})) = {one / (WORKERS * two):.3f}."
    return Table((*head, *more), rows, claims, ["distributed", "pyarrow"], note)


def _apart(kind: str, *words: int) -> dict[str, float]:
    """Run one survey in a network of its own, and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        conf, switch = Path(folder, "resolv.conf"), Path(folder, "nsswitch.conf")
        conf.write_text("nameserver 127.0.0.1\n")
        switch.write_text("hosts: files dns\n")
        run = [sys.executable, "-m", "benchmarks.survey", "--inside", kind]
        run += [str(int(word)) for word in words]
        done = subprocess.run(  # noqa: S603 - our own words
            ["unshare", "--net", "--mount", "sh", "-c", APART, "sh", conf, switch, *run],  # noqa: S607
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return dict(json.loads(done.stdout))


# --- within


_SERVER = ["benchmarks.survey", "--server"]


class _Watch:
    """Notes processor time and memory as a survey goes on."""

    def __init__(self) -> None:
        self.began = self.planned = 0.0
        self.started = self.ended = 0.0
        self.memory: list[tuple[float, int]] = []
        self.workers = 0

    def take(self, progress: Any) -> None:
        """Note the state of the processes, and when it was."""
        self.ended = time.monotonic()
        if not progress.total:
            self.began = time.process_time()
            return
        if not self.planned:
            self.planned, self.started = time.process_time(), time.monotonic()
        self.memory.append((progress.checked / progress.total, usage.memory("self")))
        self.workers = max([self.workers, *map(usage.peak, _workers())])

    def memory_at(self, share: float) -> float:
        """Return the memory when this share was done, in MiB."""
        return next(each for done, each in self.memory if done >= share) / usage.MIB


def _workers() -> Iterator[str]:
    """Yield the processes that this one's server of forks has started."""
    for child in _children("self"):
        with contextlib.suppress(OSError):
            if b"forkserver" in Path(f"/proc/{child}/cmdline").read_bytes():
                yield from _children(child)


def _children(process: str) -> list[str]:
    found = Path(f"/proc/{process}/task").glob("*/children")
    return [child for each in found for child in each.read_text().split()]


def _mix(size: int, rows: int, picture: int) -> dict[str, float]:
    import tryconnect  # noqa: PLC0415 - only within

    watch = _Watch()
    command = ["benchmarks.names", "--server"]
    with servers.pages() as site, tempfile.TemporaryDirectory() as folder, _piped(command) as names:
        names.stdout.readline()
        listed = Path(folder, "list.txt")
        with listed.open("w") as file:
            file.writelines(f"{_address(number, site.ports[0])}\n" for number in range(size))
        out = Path(folder, "out")
        found = tryconnect.survey(
            [listed], out, workers=WORKERS, rows_per_part=rows, on_progress=watch.take
        )
        if found.failed:
            raise RuntimeError(f"parts failed: {found.failed}")
        ended = time.process_time()
        seconds = watch.ended - watch.started
        distinct = len(set(found.dataset().to_table(columns=["row"])["row"].to_pylist()))
        if picture:
            _draw(out)
    return {
        "reading": (watch.planned - watch.began) / size * 1e6,
        "checking": (ended - watch.planned) / size * 1e6,
        "early": watch.memory_at(0.1),
        "late": watch.memory[-1][1] / usage.MIB,
        "workers": watch.workers / usage.MIB,
        "speed": size / seconds,
        "rows": sum(found.counts.values()),
        "distinct": distinct,
    }


def _draw(out: Path) -> None:
    """Let a browser draw the report page."""
    from tryconnect._survey.report import write_report  # noqa: PLC0415 - only within

    page = write_report(out).as_uri()
    words = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1100,1500"]
    words += ["--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
    subprocess.run(  # noqa: S603 - our own words
        ["chromium", *words, f"--screenshot={PICTURE}", page],  # noqa: S607 - as above
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _address(number: int, port: int) -> str:
    kind = number % OTHERS
    if kind == 0:
        return f"http://{FIRST + number % 2**20}:{port}/1k"
    return f"tcp://name{number}.test:9" if kind == 1 else f"http://{FIRST + number % 2**20}:1/"


def _late(count: int, workers: int) -> dict[str, float]:
    """Return how long a survey takes, from its first check on."""
    import tryconnect  # noqa: PLC0415 - only within

    watch = _Watch()
    with _piped(_SERVER) as server, tempfile.TemporaryDirectory() as out:
        port = int(server.stdout.readline())
        found = tryconnect.survey(
            (f"http://{FIRST + number}:{port}/" for number in range(count)),
            out,
            engine="dask" if workers > 1 else "none",
            workers=workers,
            rows_per_part=count // 8,
            on_progress=watch.take,
        )
        seconds = watch.ended - float(server.stdout.readline())
    if found.counts != {tryconnect.Reason.ok: count}:
        raise RuntimeError(f"not all answer: {found.counts}")
    return {"seconds": seconds}


def _first(count: int) -> dict[str, float]:
    """Return how long the command takes from its start to its first check."""
    with _piped(_SERVER) as server, tempfile.TemporaryDirectory() as folder:
        port = int(server.stdout.readline())
        listed = Path(folder, "list.txt")
        listed.write_text("".join(f"http://{FIRST + n}:{port}/\n" for n in range(count)))
        command = [
            sys.executable,
            "-m",
            "tryconnect",
            "survey",
            str(listed),
            "--out",
            f"{folder}/out",
        ]
        began = time.monotonic()
        subprocess.run([*command, "-q"], check=True)  # noqa: S603 - our own words
        return {"seconds": float(server.stdout.readline()) - began}


def _arrow(count: int) -> dict[str, float]:
    """Return what Arrow in and out adds to the processor time of checks."""
    import pyarrow as pa  # noqa: PLC0415 - only within

    import tryconnect  # noqa: PLC0415 - as above
    from tryconnect.arrow import probe_batches  # noqa: PLC0415 - as above

    addresses = [_address(2, number) for number in range(count)]
    table = pa.table({"address": addresses})

    async def many() -> int:
        async with tryconnect.probe_many(addresses) as probes:
            return len([report.reason async for report in probes])

    runs: list[Callable[[], int]] = [
        lambda: asyncio.run(many()),
        lambda: sum(len(batch) for batch in probe_batches(table)),
    ]
    taken: list[list[float]] = [[], []]
    for _ in range(16):
        for run, each in zip(runs, taken, strict=True):
            began = time.process_time()
            if run() != count:
                raise RuntimeError("reports are missing")
            each.append(time.process_time() - began)
    plain, arrow = (statistics.median(each[1:]) for each in taken)
    return {"ratio": arrow / plain}


_INSIDE: dict[str, Callable[..., dict[str, float]]] = {
    "mix": _mix,
    "late": _late,
    "first": _first,
    "arrow": _arrow,
}


@contextlib.contextmanager
def _piped(words: list[str]) -> Iterator[Any]:
    """Run a server, until the context exits."""
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            yield server
        finally:
            server.terminate()


class _Late(asyncio.Protocol):
    """Answers each request late; the first one's time is printed."""

    first = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer after a while."""
        del data
        if _Late.first:
            _Late.first = False
            print(time.monotonic(), flush=True)
        asyncio.get_running_loop().call_later(LATENCY, self._answer)

    def _answer(self) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.transport.close()


async def _serve() -> None:
    (sock,) = servers.listening(servers.ANY)
    server = await asyncio.get_running_loop().create_server(_Late, sock=sock, backlog=4096)
    print(sock.getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Print the table, or be one of its processes."""
    parser = argparse.ArgumentParser("python -m benchmarks.survey", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="addresses (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the others (default: 5)")
    parser.add_argument("--picture", action="store_true", help="draw the report page for the docs")
    parser.add_argument("--inside", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--server", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.server:
        asyncio.run(_serve())
    elif options.inside:
        kind, *words = options.inside
        print(json.dumps(_INSIDE[kind](*map(int, words))))
    else:
        print(survey(size=options.size, rounds=options.rounds, picture=options.picture))


if __name__ == "__main__":
    main()
