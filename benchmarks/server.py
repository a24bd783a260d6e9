"""Compares the probe server with blackbox_exporter: the same probes, requested by ab, in turns.

Run from the root of a checkout with the group ``bench`` and the extra ``serve``, on Linux::

    python -m benchmarks.server

Each round requests 1,000 probes of an nginx page from one server, then from the other, 50 at a
time, each over its own connection, as ab makes them. Figures are medians over rounds.
"""

from __future__ import annotations

import contextlib
import csv
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode
from urllib.request import urlopen

from benchmarks import servers
from benchmarks.rounds import clean_environment
from benchmarks.table import Table
from benchmarks.usage import busy

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["server"]

PROBES, DEFAULT_LIMIT, ROUNDS = 1000, 50, 15

THEIRS = "prometheus-blackbox-exporter"

MODULES = """\
modules:
  http_2xx:
    prober: http
    http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: "{ca}"}}}}
  tcp_connect:
    prober: tcp
    tcp: {{preferred_ip_protocol: ip4}}
"""

HEAD = ("probes of", "requests a second", "÷ theirs", "99 %, ms", "÷ theirs", "CPU, µs", "÷ theirs")


class Prober(NamedTuple):
    """A server that probes."""

    process: int
    port: int

    def url(self, target: str, module: str) -> str:
        """Return the URL of a probe."""
        return (
            f"http://127.0.0.1:{self.port}/probe?{urlencode({'target': target, 'module': module})}"
        )


class Round(NamedTuple):
    """The figures of one series of requests."""

    rate: float
    """Requests per second."""
    slowest: float
    """Milliseconds within which 99 % were answered."""
    cpu: float
    """Seconds of CPU time for each probe."""


def server(*, quick: bool) -> Table:
    """1,000 probes, 50 at once, of a page over http, over https, and of a port."""
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(servers.pages()).ports[0]
        secure = stack.enter_context(servers.secure_pages(1))
        ours = stack.enter_context(our_prober(secure.ca))
        theirs = stack.enter_context(their_prober(secure.ca)) if shutil.which(THEIRS) else None
        targets = {
            "a page over http": (f"http://127.0.0.1:{plain}/1k", "http_2xx"),
            "a page over https": (f"https://127.0.0.1:{secure.ports[0]}/1k", "http_2xx"),
            "an open port": (f"127.0.0.1:{plain}", "tcp_connect"),
        }
        rows = [
            row(name, compare(ours, theirs, *asked, quick=quick)) for name, asked in targets.items()
        ]
    missing = "" if theirs else f"Not installed, and left out: {THEIRS}."
    return Table(HEAD, rows, libraries=["aiohttp", "prometheus-client"], note=missing)


def compare(
    ours: Prober, theirs: Prober | None, target: str, module: str, *, quick: bool
) -> list[list[Round]]:
    """Return the rounds of both servers, in turns."""
    urls = {each: each.url(target, module) for each in (ours, theirs) if each}
    for url in urls.values():
        if b"\nprobe_success 1" not in fetched(url):
            raise RuntimeError(f"a probe that must succeed fails: {url}")
    rounds: dict[Prober, list[Round]] = {each: [] for each in urls}
    for _ in range(1 if quick else ROUNDS):
        for each, url in urls.items():
            rounds[each].append(measured(each, url, PROBES // 10 if quick else PROBES))
    return list(rounds.values())


def row(name: str, rounds: list[list[Round]]) -> list[str]:
    """Format tryconnect's medians, and their ratios to blackbox_exporter's."""
    ours, *others = [Round(*map(statistics.median, zip(*each, strict=True))) for each in rounds]
    ratios = ["?"] * len(ours)
    for theirs in others:
        ratios = [f"{one / other:.2f}" for one, other in zip(ours, theirs, strict=True)]
    figures = [f"{ours.rate:.0f}", f"{ours.slowest:.0f}", f"{ours.cpu * 1e6:.0f}"]
    return [name, *(cell for pair in zip(figures, ratios, strict=True) for cell in pair)]


def measured(prober: Prober, url: str, count: int) -> Round:
    """Request probes with ab.

    Raises:
        RuntimeError: ``ab`` is not installed, or a status was not 200.
    """
    ab = shutil.which("ab")
    if ab is None:
        raise RuntimeError("ab is not installed: in Debian it is in apache2-utils")
    before = busy(prober.process)
    with tempfile.NamedTemporaryFile("r") as shares:
        options = ["-q", "-l", "-n", str(count), "-c", str(DEFAULT_LIMIT), "-e", shares.name]
        done = subprocess.run([ab, *options, url], capture_output=True, text=True, check=True)  # noqa: S603
        slowest = dict(list(csv.reader(shares))[1:])["99"]
    cpu = (busy(prober.process) - before) / count
    if "Failed requests:        0\n" not in done.stdout or "Non-2xx" in done.stdout:
        raise RuntimeError(done.stdout)
    rate = re.search(r"Requests per second: +([0-9.]+)", done.stdout)
    return Round(float(rate[1]) if rate else 0.0, float(slowest), cpu)


@contextlib.contextmanager
def our_prober(ca: str | None) -> Iterator[Prober]:
    """Run ``tryconnect serve``."""
    port = free_port()
    words = [sys.executable, "-m", "tryconnect", "serve", "--port", str(port)]
    with running(words, port, ca) as process:
        yield Prober(process, port)


@contextlib.contextmanager
def their_prober(ca: str | None) -> Iterator[Prober]:
    """Run blackbox_exporter."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "blackbox.yml"
        file.write_text(MODULES.format(ca=ca), "utf-8")
        words = [THEIRS, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}"]
        with running(words, port, ca) as process:
            yield Prober(process, port)


@contextlib.contextmanager
def running(words: list[str], port: int, ca: str | None) -> Iterator[int]:
    """Run a server until the context exits; yields its process id."""
    with subprocess.Popen(  # noqa: S603 - our own words
        words,
        env=clean_environment(ca),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(port)
            yield process.pid
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """Wait until a port accepts connections."""
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def fetched(url: str) -> bytes:
    """Return the body of a response."""
    with urlopen(url, timeout=10) as response:  # noqa: S310 - of our own server
        body: bytes = response.read()
        return body


if __name__ == "__main__":
    print(server(quick=False))
