"""What a name costs: processor time of the client for each look-up, and for each check in bulk.

Run from the root of a checkout, as root on Linux (in a network of its own)::

    python -m benchmarks.names [--quick] [--beside OTHER_CHECKOUT]

The name server, the one that listens and each client are processes of their own, in turns; medians.
Of 20,000 names one in ten is missing; each has an IPv4 address and no IPv6 one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.rounds import ROOT
from benchmarks.table import Table

__all__ = ["names"]

ROUNDS = 3
AT_ONCE = 100
OURS, BESIDE = "tryconnect", "tryconnect, the other checkout"
GETADDRINFO, AIODNS = "getaddrinfo, 8 threads", "aiodns.getaddrinfo"
MISSING = 10
"""One name in so many does not exist."""

APART = """
mount --make-rprivate /
ip link set lo up
mount --bind "$1" /etc/resolv.conf
mount --bind "$2" /etc/nsswitch.conf
shift 2
exec "$@"
"""


def names(*, quick: bool, beside: Path | None = None) -> Table:
    """Look-ups of names that are all different, then checks of them."""
    count = 500 if quick else 20_000
    trees = {OURS: ROOT} | ({BESIDE: beside} if beside else {})
    tasks = [(tree, "look-up") for tree in (*trees, AIODNS, GETADDRINFO)]
    tasks += [(tree, "check") for tree in trees]
    figures: dict[tuple[str, str], list[dict[str, Any]]] = {task: [] for task in tasks}
    for _ in range(1 if quick else ROUNDS):
        for who, what in tasks:
            figures[who, what].append(_run(who, what, count, trees.get(who, ROOT)))
    rows = []
    for (who, what), runs in figures.items():
        micro, asked = (statistics.median(run[key] for run in runs) for key in ("cpu", "asked"))
        mine = statistics.median(run["cpu"] for run in figures[OURS, what])
        right = f"{min(run['right'] for run in runs):,} of {count:,}"
        rows.append([who, what, f"{micro:.0f}", f"{mine / micro:.2f}", f"{asked:,.0f}", right])
    head = ("client", "of each", "CPU, µs", "ours ÷ its", "questions", "right")
    return Table(head, rows, libraries=["pycares", "aiodns"])


def _run(who: str, what: str, count: int, tree: Path) -> dict[str, Any]:
    """Run one client in a network of its own, and return its figures."""
    with tempfile.TemporaryDirectory() as folder:
        conf, switch = Path(folder, "resolv.conf"), Path(folder, "nsswitch.conf")
        conf.write_text("nameserver 127.0.0.1\n")
        switch.write_text("hosts: files dns\n")
        words = [sys.executable, "-m", "benchmarks.names", "--client", who, what, str(count)]
        done = subprocess.run(  # noqa: S603 - our own words
            ["unshare", "--net", "--mount", "sh", "-c", APART, "sh", conf, switch, *words],  # noqa: S607
            env={**os.environ, "PYTHONPATH": str(tree / "src")},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    return dict(json.loads(done.stdout))


# --- within


def _client(who: str, what: str, count: int) -> dict[str, Any]:
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.names", "--server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if server.stdout is not None:
        server.stdout.readline()
    wanted = [f"name{number}.test" for number in range(count)]
    for place in range(0, count, MISSING):
        wanted[place] = f"missing{place}.test"
    right, cpu = asyncio.run(_checks(wanted) if what == "check" else _look_ups(who, wanted))
    asked, _ = server.communicate("")
    return {"cpu": cpu / count * 1e6, "right": right, "asked": int(asked)}


async def _look_ups(who: str, wanted: list[str]) -> tuple[int, float]:
    resolve = _resolve(who)
    waiting = iter(wanted)

    async def worker() -> int:
        right = 0
        for name in waiting:
            try:
                found = await resolve(name)
            except Exception:  # noqa: BLE001 - each has its own
                found = False
            right += found is name.startswith("name")
        return right

    await resolve("name.test")  # warm
    started = time.process_time()
    right = sum(await asyncio.gather(*(worker() for _ in range(AT_ONCE))))
    return right, time.process_time() - started


def _resolve(who: str) -> Any:
    """Return what looks a name up, and tells whether it has an address."""
    if who == AIODNS:
        import aiodns  # noqa: PLC0415 - only where it is measured

        ares = aiodns.DNSResolver()

        async def by_aiodns(name: str) -> bool:
            return bool((await ares.getaddrinfo(name, port=80, type=socket.SOCK_STREAM)).nodes)

        return by_aiodns
    if who == GETADDRINFO:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - likewise

        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(8))

        async def by_system(name: str) -> bool:
            return bool(await loop.getaddrinfo(name, 80, type=socket.SOCK_STREAM))

        return by_system
    resolver = _resolver()

    async def by_us(name: str) -> bool:
        return bool(await resolver.resolve(name, 80))

    return by_us


def _resolver() -> Any:
    """Return the resolver of whichever version is measured."""
    try:
        from tryconnect._transport.resolver import Resolver  # noqa: PLC0415 - by PYTHONPATH
    except ImportError:
        from tryconnect import _names  # type: ignore[attr-defined]  # noqa: PLC0415

        return _names.Names()
    return Resolver()


async def _checks(wanted: list[str]) -> tuple[int, float]:
    import tryconnect  # noqa: PLC0415 - by PYTHONPATH

    reasons: Counter[tuple[bool, str]] = Counter()
    async with tryconnect.Client(proxy=None) as client:
        await client.probe("tcp://name.test:9")
        started = time.process_time()
        addresses = (f"tcp://{name}:9" for name in wanted)
        async for report in client.probe_many(addresses, limit=AT_ONCE, timeout=10):
            reasons[report.address.startswith("tcp://name"), str(report.reason)] += 1
        taken = time.process_time() - started
    return reasons[True, "ok"] + reasons[False, "dns_not_found"], taken


def _server() -> None:
    """Answer at ports 53 and 9 until the input ends; then say how many questions came."""
    listener = socket.create_server(("127.0.0.1", 9), backlog=1000)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind(("127.0.0.1", 53))
    asked = [0]
    for work in (lambda: _accept(listener), lambda: _answer(sock, asked)):
        threading.Thread(target=work, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    print(asked[0], flush=True)


def _accept(listener: socket.socket) -> None:
    while True:
        listener.accept()[0].close()


def _answer(sock: socket.socket, asked: list[int]) -> None:
    address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"
    while True:
        packet, peer = sock.recvfrom(512)
        asked[0] += 1
        end = packet.index(b"\4test\0", 12) + 10
        question = packet[12:end]
        if packet[13:].startswith(b"missing"):
            flags, count, answer = b"\x81\x83", b"\0\0", b""
        elif packet[end - 3] == 1:
            flags, count, answer = b"\x81\x80", b"\0\1", address
        else:
            flags, count, answer = b"\x81\x80", b"\0\0", b""
        head = packet[:2] + flags + b"\0\1" + count + b"\0\0\0\0"
        sock.sendto(head + question + answer, peer)


def main() -> None:
    """Print the table, or be one of its processes."""
    parser = argparse.ArgumentParser("python -m benchmarks.names", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few names only")
    parser.add_argument("--beside", type=Path, help="another checkout, measured in turns")
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--server", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.server:
        _server()
    elif options.client:
        who, what, count = options.client
        print(json.dumps(_client(who, what, int(count))))
    else:
        print(names(quick=options.quick, beside=options.beside))


if __name__ == "__main__":
    main()
