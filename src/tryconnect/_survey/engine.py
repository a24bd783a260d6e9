"""Dask distributed as the engine of surveys: the one file that knows it.

It is used by four calls that have been stable for ten years: ``Client.submit``, ``as_completed``,
``WorkerPlugin`` and ``LocalCluster``. Whatever it calls may be called again, on another worker.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import platform
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import dask
import distributed
from distributed import Client, LocalCluster, Security, WorkerPlugin, as_completed, get_worker

from tryconnect._runtime.descriptors import raise_limit
from tryconnect._survey.lanes import Done
from tryconnect._survey.parts import PARTS_PER_PROCESS, in_flight, resume_parts, stop_parts
from tryconnect._version import __version__
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

__all__ = ["Dask", "check_scheduler"]

_SETTINGS = {
    # Its samples, each 10 ms, are of no use here.
    "distributed.worker.profile.enabled": False,
    # The scheduler looks at its loop's lag 50 times a second, and at its memory twice: more than
    # all it does for a survey.
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    # A part that kills its worker is not to kill many; it is tried once more at the end, alone.
    "distributed.scheduler.allowed-failures": 1,
    # A worker that stands still is given up after this time; 5 minutes by default.
    "distributed.scheduler.worker-ttl": "30s",
    # What workers need is imported once, as the client starts; elsewhere systems bear no fork.
    "distributed.worker.multiprocessing-method": (
        "forkserver" if sys.platform == "linux" else "spawn"
    ),
    "logging": {"distributed": "critical", "tornado": "critical", "bokeh": "critical"},
}

_POLL = 0.05
"""Seconds between looks at what has ended."""

_IN_FLIGHT = "tryconnect"
"""The metric that tells, with each heartbeat, how far the parts under way are."""


def check_scheduler(address: str, *, insecure: bool) -> None:
    """Refuse a scheduler to which others could send code.

    Raises:
        ValueError: Its connections are plain, and leave this machine.
    """
    scheme, mark, place = address.rpartition("://")
    host = place.rpartition(":")[0].strip("[]")
    if insecure or (mark and scheme in _ENCRYPTED) or _is_loopback(host or place):
        return
    raise ValueError(
        f"{address} is not encrypted, and whoever reaches it runs code as you: use tls://, or say "
        "--insecure-scheduler if nobody else is on that network"
    )


_ENCRYPTED = {"tls", "wss", "inproc"}


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux: those that this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Dask:
    """Calls functions on the workers of a cluster, its own on this machine or one that is there.

    Args:
        scheduler: The address of one, a file that names it, or a ``distributed.Client``; ``None``:
            one of its own, with workers on this machine.
        workers: How many of them; ``None``: one for each processor.
        insecure: Whether a scheduler on another machine may be without TLS.
        dashboard: Whether its own shows what it does, on the loopback device.
    """

    slots: int

    def __init__(
        self,
        scheduler: Any = None,
        *,
        workers: int | None = None,
        insecure: bool = False,
        dashboard: bool = False,
    ) -> None:
        self._scheduler = scheduler
        self._workers = workers or _processors()
        self._insecure = insecure
        self._dashboard = dashboard
        self._cluster: LocalCluster | None = None
        self._futures: dict[str, tuple[int, Any]] = {}
        self._run = os.urandom(4).hex()

    def submit(
        self, ticket: int, function: Callable[..., Any], *arguments: Any, avoid: frozenset[str]
    ) -> None:
        """Call a function, on none of these workers if there are others."""
        seeing = sorted(self.workers() - avoid) if avoid else []
        future = self._client.submit(
            _on_worker,
            function,
            *arguments,
            key=f"tryconnect-{self._run}-{ticket}",
            pure=False,
            workers=seeing or None,
        )
        self._futures[future.key] = ticket, future
        self._completed.add(future)

    def completed(self, seconds: float) -> list[Done]:
        """Return the calls that have ended, once there is one, or the time is over."""
        until = time.monotonic() + seconds
        while not self._completed.has_ready():
            if time.monotonic() > until:
                return []
            time.sleep(_POLL)
        return [self._done(future) for future in self._completed.next_batch(block=False)]

    def _done(self, future: Any) -> Done:
        ticket, _ = self._futures.pop(future.key)
        try:
            worker, result, error = future.result()
        except Exception as failure:  # noqa: BLE001 - a worker was killed, or cannot read what it got
            return Done(ticket, error=failure)
        finally:
            # A future that is kept is computed anew when its worker dies, though it is done.
            future.release()
        return Done(ticket, result, error, worker)

    def workers(self) -> set[str]:
        """Return the addresses of the workers there are."""
        return set(self._client.scheduler_info(n_workers=-1)["workers"])

    def in_flight(self) -> int:
        """Return how many addresses of the parts under way have been checked."""
        told = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(each["metrics"].get(_IN_FLIGHT, 0) for each in told)

    def halt(self) -> None:
        """End the parts that a client which is gone has left on the workers."""
        self._client.run(stop_parts)

    def resume(self) -> None:
        """Let parts begin."""
        self._client.run(resume_parts)

    # --- begin and end

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            stack.enter_context(dask.config.set(_SETTINGS))
            with _uninterrupted():
                self._client = self._connected(stack)
            self._check_versions()  # first: nothing else of ours can be read where it is missing
            self._client.register_plugin(_Setup())
            told = self._client.scheduler_info(n_workers=-1)["workers"].values()
            self.slots = sum(each["nthreads"] for each in told)
            if not self.slots:
                raise TryConnectError("the scheduler has no workers")
            self._completed = as_completed()
            self._stack = stack.pop_all()
        return self

    def _connected(self, stack: contextlib.ExitStack) -> Client:
        if isinstance(self._scheduler, Client):
            return self._scheduler
        if self._scheduler is not None:
            address, options = _address_of(self._scheduler)
            check_scheduler(address, insecure=self._insecure)
            try:
                client = Client(address, **options)
            except OSError as error:
                raise TryConnectError(f"there is no scheduler at {address}: {error}") from error
            return stack.enter_context(client)
        raise_limit()
        security = Security.temporary()
        self._cluster = cluster = LocalCluster(
            n_workers=self._workers,
            threads_per_worker=PARTS_PER_PROCESS,
            host="127.0.0.1",
            protocol="tls",
            security=security,
            memory_limit=0,
            dashboard_address="127.0.0.1:8787" if self._dashboard else None,
            silence_logs=logging.CRITICAL,
        )
        stack.enter_context(cluster)
        return stack.enter_context(Client(cluster, security=security))

    def _check_versions(self) -> None:
        """Compare what the workers have with what is here.

        Raises:
            TryConnectError: They differ.
        """
        try:
            told = self._client.run(_versions)
        except Exception as error:
            raise TryConnectError(
                f"the workers cannot run tryconnect {__version__}: install it there, with the "
                f"extra dask ({type(error).__name__}: {error})"
            ) from error
        ours = _versions()
        for worker, theirs in told.items():
            if theirs != ours:
                raise TryConnectError(f"{worker} has {theirs}, and this process {ours}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._abandon()
        self._stack.close()

    def _abandon(self) -> None:
        """End the parts under way at once."""
        if self._cluster is None:
            with contextlib.suppress(Exception):
                self._client.cancel([future for _, future in self._futures.values()])
                self._client.run(stop_parts)
            return
        # Workers finish what they do before they go: there is nothing that could not be lost.
        for nanny in self._cluster.workers.values():
            nanny.auto_restart = False
            with contextlib.suppress(ProcessLookupError, TypeError):
                os.kill(nanny.pid, signal.SIGKILL)


class _Setup(WorkerPlugin):  # type: ignore[misc] # Dask's types are not read
    """Prepares a worker, also one that comes later."""

    name = "tryconnect"

    def setup(self, worker: Any) -> None:
        """Raise its limits, and let it tell of its progress."""
        raise_limit()
        worker.metrics[_IN_FLIGHT] = lambda _: in_flight()
        if threading.current_thread() is threading.main_thread():
            # Ctrl-C reaches all processes of a terminal; the client ends its workers.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        resume_parts()


def _on_worker(function: Callable[..., Any], *arguments: Any) -> tuple[str, Any, Any]:
    """Call a function; return its outcome, as Dask logs the arguments of what raises."""
    worker = get_worker().address
    try:
        return worker, function(*arguments), None
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the client
        error.__traceback__ = error.__cause__ = error.__context__ = None
        return worker, None, error


def _versions() -> str:
    python = ".".join(platform.python_version_tuple()[:2])
    return f"tryconnect {__version__}, distributed {distributed.__version__}, Python {python}"


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put Ctrl-C off: a cluster that is half made cannot be ended in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


def _address_of(scheduler: Any) -> tuple[str, dict[str, Any]]:
    """Return the address of a scheduler, and how to connect to it."""
    if isinstance(scheduler, Path):
        return json.loads(scheduler.read_text("utf-8"))["address"], {}
    return str(scheduler), {}
