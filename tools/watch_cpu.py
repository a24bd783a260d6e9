"""How much of a core ``tryconnect serve`` takes to watch thousands of targets::

    python -m tools.watch_cpu
    python -m tools.watch_cpu --targets 5000 --every 10 --seconds 30 --https
    python -m tools.watch_cpu --seconds 1200 --history

CPU time of the server's process, over real connections on loopback; who answers is in other
processes. The first round, in which all targets change their state, is not measured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from multiprocessing.connection import Connection
from pathlib import Path

from tryconnect.testing.certificates import authority

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
TICKS = os.sysconf("SC_CLK_TCK")


class Peer(asyncio.Protocol):
    """Answers a request, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        del data
        self.transport.write(ANSWER)
        self.transport.close()


def answer(pem: str | None, told: Connection) -> None:
    async def run() -> None:
        context = None
        if pem is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(pem)
        server = await asyncio.get_running_loop().create_server(
            Peer, "127.0.0.1", 0, ssl=context, backlog=1024
        )
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def cpu(process: int) -> float:
    """Seconds of CPU time that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rows(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}metrics", timeout=60) as response:  # noqa: S310 - ours
        lines = [line.rpartition(" ") for line in response.read().decode().splitlines()]
    return {name: float(value) for name, _, value in lines if not name.startswith("#")}


def measure(url: str, process: int, every: float, seconds: float) -> None:
    time.sleep(1.5 * every)
    before, spent, began = rows(url), cpu(process), time.monotonic()
    time.sleep(seconds)
    spent, passed = cpu(process) - spent, time.monotonic() - began
    after = rows(url)
    rates = {
        name.split('"')[1]: (number - before[name]) / passed
        for name, number in after.items()
        if name.startswith("tryconnect_checks_total{") and number > before[name]
    }
    rate = sum(rates.values())
    with urllib.request.urlopen(f"{url}healthz", timeout=60) as response:  # noqa: S310 - ours
        health = json.load(response)
    told = ", ".join(f"{number:.0f} {reason}" for reason, number in rates.items())
    print(f"{rate:.0f} checks a second ({told}), {spent / passed:.1%} of a core")
    print(f"{spent / passed / max(rate, 1) * 1e6:.0f} us a check; {health}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=5000)
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--https", action="store_true")
    parser.add_argument("--history", action="store_true", help="keep one, in a file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        pem, environment = None, {**os.environ, "NO_PROXY": "*"}
        if options.https:
            leaf = authority().issue_cert("127.0.0.1")
            pem = str(Path(folder, "leaf.pem"))
            leaf.private_key_and_cert_chain_pem.write_to_path(pem)
            trusted = Path(folder, "ca.pem")
            authority().cert_pem.write_to_path(trusted)
            environment["SSL_CERT_FILE"] = str(trusted)
        told, tell = multiprocessing.Pipe(duplex=False)
        peer = multiprocessing.Process(target=answer, args=(pem, tell), daemon=True)
        peer.start()
        opened.callback(peer.terminate)
        scheme = "https" if options.https else "http"
        port = told.recv()
        file = Path(folder, "targets.toml")
        file.write_text(
            "".join(
                f'[[target]]\nname = "{n}"\naddress = "{scheme}://127.0.0.1:{port}/{n}"\n'
                f"every = {options.every}\n"
                for n in range(options.targets)
            ),
            "utf-8",
        )
        words = ["-m", "tryconnect", "serve", "--port", "0", "--targets", str(file)]
        history = Path(folder, "history.db")
        if options.history:
            words += ["--history", str(history)]
        server = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        opened.callback(server.wait)
        opened.callback(server.terminate)
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        measure(url, server.pid, options.every, options.seconds)
        if options.history:
            print(f"{history.stat().st_size / 1e6:.0f} MB of history")


if __name__ == "__main__":
    main()
