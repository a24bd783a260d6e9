"""A cluster of two hosts, one of which comes to grief: ``python -m tests.survey.two_hosts EVENT``.

It runs in a network of its own (``unshare --net``), with the targets, the scheduler, the client
and one worker. The other worker is at the far end of a cable, in a second network::

    10.79.0.1 ── cable ── 10.79.0.2     the scheduler and a worker; the other worker
    10.80.0.0/16                        the targets, all on this side

The outcome is printed as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tryconnect
from tests.support.own_network.cable import DEVICE, FAR_DEVICE, alone, system
from tests.survey.counting import Counting, counting

NEAR, FAR, TARGETS = "10.79.0.1", "10.79.0.2", "10.80"
SCHEDULER = f"tcp://{NEAR}:8786"
COUNT, HOSTS, LATENCY = 1200, 40, 0.1
AFTER, LASTS = 1.0, 12.0
"""Seconds until it happens, amid parts, and until what can be mended is mended: longer than the
scheduler waits for a worker."""
SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_LOGGING__DISTRIBUTED": "critical",
}


@contextlib.contextmanager
def running(*words: str, by: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the context exits."""
    environment = {**os.environ, **SETTINGS}
    with subprocess.Popen(  # noqa: S603 - our own words
        [*by, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


@contextlib.contextmanager
def far() -> Iterator[tuple[str, ...]]:
    """Lay the cable; yield the command prefix that runs a command at its far end."""
    system("ip", "link", "set", "lo", "up")
    system("ip", "route", "add", "local", f"{TARGETS}.0.0/16", "dev", "lo")
    with running("unshare", "--net", "sleep", "1000") as machine:
        ours = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{machine.pid}/ns/net").readlink() == ours:
            pass
        by = ("nsenter", "--net", "--target", str(machine.pid))
        system("ip", "link", "add", DEVICE, "type", "veth", "peer", "name", FAR_DEVICE)
        system("ip", "link", "set", FAR_DEVICE, "netns", str(machine.pid))
        for device, ip, prefix in ((DEVICE, NEAR, ()), (FAR_DEVICE, FAR, by)):
            system(*prefix, "ip", "address", "add", f"{ip}/24", "dev", device)
            system(*prefix, "ip", "link", "set", device, "up")
        system(*by, "ip", "link", "set", "lo", "up")
        system(*by, "ip", "route", "add", f"{TARGETS}.0.0/16", "via", NEAR)
        yield by


def later(seconds: float, work: Callable[[], object]) -> None:
    """Do something after a while."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


def blind(by: tuple[str, ...], nanny: int) -> None:
    """Take the far worker's route to the targets: it still hears the scheduler."""
    del nanny
    system(*by, "ip", "route", "delete", f"{TARGETS}.0.0/16")


def cut(by: tuple[str, ...], nanny: int) -> None:
    """Cut the cable, and mend it."""
    del by, nanny
    system("ip", "link", "set", DEVICE, "down")
    later(LASTS, lambda: system("ip", "link", "set", DEVICE, "up"))


def stopped(by: tuple[str, ...], nanny: int) -> None:
    """Stop the far worker's process, and let it go on."""
    del by
    (worker,) = (
        int(child)
        for children in Path(f"/proc/{nanny}/task").glob("*/children")
        for child in children.read_text().split()
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    os.kill(worker, signal.SIGSTOP)

    def go_on() -> None:
        with contextlib.suppress(ProcessLookupError):  # the nanny has ended it
            os.kill(worker, signal.SIGCONT)

    later(LASTS, go_on)


EVENTS = {each.__name__: each for each in (blind, cut, stopped)}


def surveyed(server: Counting, happen: Callable[[], None], out: str) -> dict[str, Any]:
    """Run the survey, with the event once the first parts are done; return what came out."""
    before: list[int] = []

    def watch(progress: Any) -> None:
        if progress.finished >= 2 and not before:
            before.append(server.clients[FAR])
            later(AFTER, happen)

    urls = [server.url(n, n % HOSTS, TARGETS) for n in range(COUNT)]
    found = tryconnect.survey(
        urls,
        out,
        scheduler=SCHEDULER,
        insecure_scheduler=True,
        canaries=[server.url(COUNT, HOSTS, TARGETS)],
        per_host=1,
        limit=20,
        timeout=2,
        rows_per_part=50,
        on_progress=watch,
    )
    rows = found.dataset().to_table(columns=["row"])["row"].to_pylist()
    server.asked.pop(f"/{COUNT}", None)
    return {
        "far": server.clients[FAR],
        "far_before": sum(before),
        "rows": len(rows),
        "distinct": len({*rows}),
        "counts": {str(reason): count for reason, count in found.counts.items()},
        "failed": [*found.failed],
        "asked_again": server.asked.total() - COUNT,
        "most": max(count for host, count in server.most.items() if not host.endswith(".41")),
        "seconds": server.ended - server.began,
    }


def main(event: str) -> None:
    """Set all up, and print the outcome."""
    alone()
    os.environ.update(SETTINGS)
    dask = (sys.executable, "-m", "dask")
    worker = (*dask, "worker", SCHEDULER, "--nthreads", "2", "--nanny", "--no-dashboard")
    more = ("--memory-limit", "0", "--local-directory")
    with (
        far() as by,
        counting(LATENCY) as server,
        tempfile.TemporaryDirectory() as folder,
        running(*dask, "scheduler", "--host", NEAR, "--port", "8786", "--no-dashboard"),
        running(*worker, *more, f"{folder}/a"),
        running(*worker, *more, f"{folder}/b", by=by) as nanny,
    ):
        _wait_for_workers(2)
        found = surveyed(server, lambda: EVENTS[event](by, nanny.pid), f"{folder}/out")
    sys.stdout.write(json.dumps(found))


def _wait_for_workers(count: int) -> None:
    from distributed import Client  # noqa: PLC0415 - an extra

    with Client(SCHEDULER, timeout="60s") as client:
        client.wait_for_workers(count, timeout=120)


if __name__ == "__main__":
    main(sys.argv[1])
