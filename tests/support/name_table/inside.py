"""Puts each situation of the table before ``getaddrinfo`` and before our resolver.

Run as a program, with a folder for the results. Each situation has a process, a network and a
folder ``/etc`` of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.name_table.situation import Daemon, Served, Servers, Situation, Step
from tests.support.name_table.table import SITUATIONS
from tryconnect._transport.resolver import Resolver
from tryconnect.testing import _serve, dns

JOBS = 6
ETC = Path("/etc")
NEWNS, NEWNET = 0x20000, 0x40000000
ALONE = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
cp -a /etc /mnt
mount --bind /mnt/etc /etc
mount -t tmpfs tmpfs /mnt
ip link set lo up
"""
"""What makes a namespace a machine of its own."""

FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
RECURSION_AVAILABLE = 0x80


# --- name servers


@contextlib.asynccontextmanager
async def served(host: str, what: Served) -> AsyncIterator[None]:
    """Answer at port 53 of an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = dns.DnsServer(host=host, port=53)
    count = iter(range(10**9))

    async def reply(packet: bytes, *, over: str) -> bytes:
        if what.policy and (said := what.policy(packet, next(count))) is not None:
            return said
        said = await dns.answer(what.zone, server, packet, over=over)
        # As recursive servers do: without the bit, "no address" means that another is to be asked.
        return said and said[:3] + bytes([said[3] | RECURSION_AVAILABLE]) + said[4:]

    tasks: list[asyncio.Task[None]] = []
    async with contextlib.AsyncExitStack() as stack:
        if "udp" in what.only:
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.bind((host, 53))
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: dns._OverUdp(functools.partial(reply, over="udp"), tasks), sock=sock
            )
            stack.callback(transport.abort)
        if "tcp" in what.only:
            listener = stack.enter_context(_serve.listening(host, 53))
            handler = dns.over_tcp(what.zone, server)
            await stack.enter_async_context(_serve.serve_on(listener, handler, server))
        yield
        for task in tasks:
            task.cancel()


@contextlib.contextmanager
def all_served(servers: Servers) -> Iterator[None]:
    """Answer at all of these addresses, in a thread."""
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for host, what in servers.items():
                one = what if isinstance(what, Served) else Served(what)
                await stack.enter_async_context(served(host, one))
            ready.set()
            while not done.is_set():  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(0.005)

    thread = threading.Thread(target=asyncio.run, args=[serve()], daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("the name servers do not start")
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def running(daemon: Daemon) -> Iterator[None]:
    """Start a real name server, and wait until it answers."""
    folder = Path("/mnt", daemon.program)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    (folder / "config").write_text(daemon.config.format(folder=folder))
    (folder / "zone").write_text(daemon.zone)
    words = [word.format(file=folder / "config", folder=folder) for word in daemon.arguments]
    program = shutil.which(daemon.program)
    if program is None:
        raise RuntimeError(f"{daemon.program} is not installed")
    with Path(folder, "log").open("w") as log:
        process = subprocess.Popen([program, *words], stdout=log, stderr=log)  # noqa: S603
    try:
        _wait_for_an_answer(process, folder / "log")
        yield
    finally:
        process.kill()
        process.wait()


def _wait_for_an_answer(process: subprocess.Popen[bytes], log: Path) -> None:
    question = b"\0\7\1\0\0\1\0\0\0\0\0\0\5ready\4test\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.1)
        sock.connect(("127.0.0.1", 53))
        for _ in range(100):
            with contextlib.suppress(OSError):
                sock.send(question)
                sock.recv(512)
                return
            if process.poll() is not None:
                break
            time.sleep(0.02)
    raise RuntimeError(f"no answer: {log.read_text()}")


# --- who is asked

Said = dict[str, Any]
"""The verdict, the addresses, and the seconds that it took."""


def by_glibc(names: list[str], situation: Situation) -> list[Said]:
    def one(name: str) -> Said:
        begun = time.monotonic()
        try:
            infos = socket.getaddrinfo(
                name, None, FAMILIES[situation.family], type=socket.SOCK_STREAM
            )
        except OSError as error:
            return _said(error, [], begun)
        return _said(None, [str(info[4][0]) for info in infos], begun)

    with ThreadPoolExecutor(len(names) if situation.at_once else 1) as pool:
        return list(pool.map(one, names))


def by_us(names: list[str], situation: Situation) -> list[Said]:
    return runners[0].run(_by_us(names, situation))


async def _by_us(names: list[str], situation: Situation) -> list[Said]:
    async def one(name: str) -> Said:
        begun = time.monotonic()
        confirming: list[float] = []

        def note(*answer: Any) -> None:
            found.set_result(answer)

        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        pending = resolver.look_up(name, FAMILIES[situation.family], note)
        while not found.done():
            await asyncio.wait([found], timeout=0.01)
            if pending.error is not None and not confirming:
                confirming.append(time.monotonic() - begun)
        addresses, error = found.result()
        said = _said(error, [address[1] for address in addresses], begun)
        return said | {"first": confirming[0] if confirming else said["took"]}

    resolver = resolvers[0]
    if situation.at_once:
        return list(await asyncio.gather(*map(one, names)))
    return [await one(name) for name in names]


resolvers: list[Resolver] = []
"""One that lives on from step to step, in one loop."""
runners: list[asyncio.Runner] = []


def _said(error: Exception | None, ips: list[str], begun: float) -> Said:
    if error is None:
        verdict = "found"
    else:
        verdict = "not found" if getattr(error, "errno", 0) in _NO_NAME else "failed"
    return {"verdict": verdict, "addresses": ips, "took": time.monotonic() - begun}


_NO_NAME = {socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY}


# --- situations


def write(files: dict[str, str | None]) -> None:
    """Put files into /etc, each as a new one; ``None`` removes it."""
    for name, text in files.items():
        path = ETC / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            fresh = path.with_name(f"{path.name}.new")
            fresh.write_text(text)
            fresh.replace(path)


Ask = Callable[[list[str], Situation], list[Said]]


def asked(situation: Situation, ask: Ask) -> list[list[Said]]:
    """Make everything anew, and ask, once more after each step."""
    files = {"resolv.conf": situation.resolv, "hosts": situation.hosts}
    write({**files, "nsswitch.conf": situation.nsswitch, **situation.files})
    os.environ.update(situation.environment)
    said = []
    with contextlib.ExitStack() as stack:
        for daemon in situation.daemons:
            stack.enter_context(running(daemon))
        servers = situation.servers()
        for step in (Step(), *situation.steps):
            write(dict(step.files))
            servers = servers if step.servers is None else step.servers
            with all_served(servers):
                said.append(ask(list(situation.names), situation))
    return said


def compared(situation: Situation) -> list[Said]:
    """Return what was said by both, for each name and step."""
    with asyncio.Runner() as runner:
        runners[:], resolvers[:] = [runner], [Resolver()]
        ours = asked(situation, by_us)
        runner.run(resolvers[0].close())
    theirs = asked(situation, by_glibc)
    return [
        {"name": name, "step": number, "ours": us, "glibc": them}
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True))
        for name, us, them in zip(situation.names, one, other, strict=True)
    ]


def alone() -> None:
    """Go into a network and a mount namespace of our own; nothing else is ever asked."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEWNS | NEWNET):
        raise OSError(ctypes.get_errno(), "no namespaces")
    shell(ALONE)


def shell(words: str) -> None:
    subprocess.run(["/bin/sh", "-c", words], check=True)  # noqa: S603 - our own words


def child(name: str, folder: Path) -> None:
    """Try one situation, and write down what was said."""
    situation = SITUATIONS[name]
    try:
        alone()
        for command in situation.commands:
            shell(command)
        result: Any = compared(situation)
    except BaseException:  # noqa: BLE001 - it belongs to the reader
        result = traceback.format_exc()
    path = folder / str([*SITUATIONS].index(name))
    path.write_text(json.dumps(result))


def main(folder: Path, names: list[str]) -> None:
    """Try situations, some at a time; the slowest first."""
    waiting = names or sorted(SITUATIONS, key=_slow, reverse=True)
    running_now = 0
    while waiting or running_now:
        if waiting and running_now < JOBS:
            name = waiting.pop(0)
            if not os.fork():
                child(name, folder)
                os._exit(0)
            running_now += 1
        else:
            os.wait()
            running_now -= 1


def _slow(name: str) -> bool:
    return bool(SITUATIONS[name].daemons) or "timeout" in (SITUATIONS[name].resolv or "")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
