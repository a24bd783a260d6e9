"""SOCKS proxies: real ones, and others that say no in each way that there is."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from tests.support.event_loops import on_each_loop
from tests.support.ports import free_port
from tests.transport.test_proxies import NAMES, opened
from tryconnect import Client, Guard, Reason, Report
from tryconnect import testing as peers
from tryconnect._transport import proxies
from tryconnect._transport.resolver import Resolver
from tryconnect._transport.socks import connected_through

VERSIONS = ["socks4", "socks4a", "socks5", "socks5h"]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.delenv(spelling, raising=False)


@contextlib.asynccontextmanager
async def socks(
    code: int | None = None,
    *,
    password: tuple[bytes, bytes] | None = None,
    breaks_off: bool = False,
) -> AsyncIterator[Any]:
    """Run one, which answers with a code in place of connecting, if there is one."""
    asked: list[tuple[str, int]] = []

    async def handler(connection: peers.Connection) -> None:
        first = await connection.receive()
        if breaks_off:
            return
        if first[0] == 4:
            asked.append(_asked_by_4(first))
            await connection.send(bytes([0, code or 90]) + bytes(6))
        elif not await _greeted(connection, first, password):
            return
        else:
            asked.append(_asked_by_5(await connection.receive()))
            await connection.send(bytes([5, code or 0, 0, 1]) + bytes(6))
        if code is None:
            await _carry(connection, asked[-1])

    async with peers.serve(handler) as peer:
        peer.asked = asked  # type: ignore[attr-defined]
        yield peer


async def _greeted(
    connection: peers.Connection, first: bytes, password: tuple[bytes, bytes] | None
) -> bool:
    if password is None:
        await connection.send(b"\x05\x00")
        return True
    if 2 not in first[2:]:
        await connection.send(b"\x05\xff")
        return False
    await connection.send(b"\x05\x02")
    given = await connection.receive()
    user = given[2 : 2 + given[1]]
    good = (user, given[3 + given[1] :]) == password
    await connection.send(b"\x01\x00" if good else b"\x01\x01")
    return good


def _asked_by_4(request: bytes) -> tuple[str, int]:
    port = int.from_bytes(request[2:4])
    if request[4:7] == bytes(3):  # 4a: the name comes last
        return request[8:].split(b"\0")[1].decode(), port
    return socket.inet_ntoa(request[4:8]), port


def _asked_by_5(request: bytes) -> tuple[str, int]:
    port = int.from_bytes(request[-2:])
    if request[3] == 3:
        return request[5:-2].decode(), port
    family = socket.AF_INET if request[3] == 1 else socket.AF_INET6
    return socket.inet_ntop(family, request[4:-2]), port


async def _carry(connection: peers.Connection, place: tuple[str, int]) -> None:
    host, port = place
    with socket.create_connection((NAMES.get(host, host), port)) as onward:
        onward.settimeout(0)
        there = peers.Connection(onward, connection.peer)
        back = asyncio.ensure_future(_pump(there, connection))
        await _pump(connection, there)
        await back


async def _pump(source: peers.Connection, sink: peers.Connection) -> None:
    with contextlib.suppress(OSError):
        while data := await source.receive():
            await sink.send(data)
        sink.sock.shutdown(socket.SHUT_WR)


async def by_each_way(client: Client, address: str) -> list[Report]:
    reports = [await client.probe(address, timeout=5)]
    return reports + [each async for each in client.probe_many([address], timeout=5)]


@on_each_loop
@pytest.mark.parametrize("version", VERSIONS)
async def test_names_are_looked_up_here_or_there(
    version: str, http_server: peers.HttpServer
) -> None:
    async with socks() as proxy, opened(f"{version}://{proxy.address}") as client:
        reports = await by_each_way(client, f"http://good.test:{http_server.port}/redirect/1")

    asked = "good.test" if version in {"socks4a", "socks5h"} else "127.0.0.1"
    assert {report.reason for report in reports} == {Reason.ok}, reports
    assert {report.ip for report in reports} == {"127.0.0.1"}
    assert set(proxy.asked) == {(asked, http_server.port)}
    assert all((report.timings.dns is None) is (asked == "good.test") for report in reports)


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_environment_may_name_one(
    version: str, http_server: peers.HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with socks() as proxy:
        monkeypatch.setenv("ALL_PROXY", f"{version}://{proxy.address}")
        async with opened() as client:
            assert all(await by_each_way(client, f"http://good.test:{http_server.port}/"))
    assert len(proxy.asked) == 2


@pytest.mark.wants(program="microsocks")
async def test_tls_goes_through(tmp_path: Path) -> None:
    async with (
        peers.http_server(tls=peers.server_context()) as server,
        real(microsocks, tmp_path) as proxy,
        opened(f"socks5h://127.0.0.1:{proxy}") as client,
    ):
        (report, _) = await by_each_way(client, server.url)

    assert report.ok
    assert report.tls is not None


CODES = {
    ("socks5", 1): (Reason.proxy, "says that it failed when asked for good.test:"),
    ("socks5", 2): (Reason.proxy, "does not allow the connection when asked for good.test:"),
    ("socks5h", 3): (Reason.unreachable, "there is no way to good.test:"),
    ("socks5", 4): (Reason.unreachable, "there is no way to good.test:"),
    ("socks5h", 5): (Reason.refused, "nothing listens at good.test:"),
    ("socks5", 6): (Reason.timeout, ""),
    ("socks5", 7): (Reason.proxy, "does not know how to connect"),
    ("socks5", 8): (Reason.proxy, "cannot connect to this kind of address"),
    ("socks4", 91): (Reason.proxy, "refuses the connection, or failed"),
    ("socks4a", 92): (Reason.proxy, "wants to know who asks"),
}


@pytest.mark.parametrize(("version", "code"), CODES)
async def test_blame_goes_where_it_belongs(version: str, code: int) -> None:
    reason, words = CODES[version, code]
    async with socks(code) as proxy, opened(f"{version}://{proxy.address}") as client:
        report = await client.probe("http://good.test:1234/")

    assert report.reason is reason, report
    assert words in report.detail
    assert (f"the proxy {proxy.address}" in report.detail) is (reason is Reason.proxy)


PEERS = {
    "closed": (peers.closed_port, "cannot be reached"),
    "silent": (peers.silent, "gave no answer for"),
    "http": (peers.http_server, "broke the connection off"),
    "breaks off": (lambda: socks(breaks_off=True), "broke the connection off"),
    "wants a password": (lambda: socks(password=(b"a", b"b")), "wants a user name and password"),
}


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_at_fault_is_named(name: str, scheme: str) -> None:
    make, words = PEERS[name]
    async with make() as proxy, opened(f"socks5h://{proxy.address}") as client:  # type: ignore[operator]
        report = await client.probe(f"{scheme}://good.test:1234/", timeout=0.2)

    assert report.reason is Reason.proxy, report
    assert f"the proxy {proxy.address}" in report.detail
    if name != "http":
        assert words in report.detail


async def test_a_password_is_given_and_shown_nowhere(http_server: peers.HttpServer) -> None:
    url = f"http://good.test:{http_server.port}/"
    async with socks(password=(b"me", b"s3cret")) as proxy:
        async with opened(f"socks5h://me:s3cret@{proxy.address}") as client:
            assert await client.try_connect(url)
        async with opened(f"socks5h://me:wr0ng@{proxy.address}") as client:
            report = await client.probe(url)

    assert report.reason is Reason.proxy
    assert "does not accept the user name and password in its URL" in report.detail
    assert "wr0ng" not in repr(report.as_dict())


async def test_a_guard_has_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in VERSIONS:
        with pytest.raises(ValueError, match="with a guard there can be no proxy"):
            Client(guard=Guard.public(), proxy=f"{version}://127.0.0.1:1080")
    async with socks() as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://{proxy.address}")
        async with Client(guard=Guard.public()) as client:
            assert (await client.probe("http://127.0.0.1:7/")).reason is Reason.blocked
        assert not proxy.asked


async def test_without_the_extra_the_proxy_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda _: None)
    monkeypatch.setattr("tryconnect._options._has", lambda _: False)
    with pytest.raises(ValueError, match=r'needs python-socks: pip install "tryconnect\[socks\]"'):
        Client(proxy="socks5://127.0.0.1")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1")
    async with Client() as client:
        report = await client.probe("http://127.0.0.1:7/")

    assert report.reason is Reason.proxy
    assert "cannot be used without python-socks" in report.detail


# --- real ones


DANTE = """
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: none
client pass {{ from: 127.0.0.0/8 to: 0/0 }}
socks pass {{ from: 127.0.0.0/8 to: 0/0 }}
"""


def microsocks(port: int, _: Path) -> list[str]:
    return ["microsocks", "-i", "127.0.0.1", "-p", str(port)]


def danted(port: int, folder: Path) -> list[str]:
    (folder / "danted.conf").write_text(DANTE.format(port=port))
    return ["danted", "-f", str(folder / "danted.conf"), "-p", str(folder / "danted.pid")]


@contextlib.asynccontextmanager
async def real(command: Callable[[int, Path], list[str]], folder: Path) -> AsyncIterator[int]:
    """Run a real one until the block ends."""
    port = free_port()
    server = subprocess.Popen(command(port, folder), stderr=subprocess.DEVNULL)  # noqa: ASYNC220, S603
    try:
        async with Client(proxy=None) as client:
            await client.wait_until_up(f"127.0.0.1:{port}", timeout=10)
        yield port
    finally:
        server.terminate()  # dante ends its children then
        server.wait()


# Dante 1.4.2 connects to 0.0.0.1 where SOCKS4a names a host; curl meets the same.
SPOKEN = {microsocks: ["socks5", "socks5h"], danted: ["socks4", "socks5", "socks5h"]}
REAL = [
    pytest.param(command, version, marks=pytest.mark.wants(program=command.__name__))
    for command, versions in SPOKEN.items()
    for version in versions
]


@pytest.mark.parametrize(("command", "version"), REAL)
async def test_a_real_one_carries_checks_and_texts(
    command: Callable[[int, Path], list[str]],
    version: str,
    http_server: peers.HttpServer,
    tmp_path: Path,
) -> None:
    async with (
        real(command, tmp_path) as port,
        Client(proxy=f"{version}://localhost:{port}") as client,
    ):
        url = f"http://localhost:{http_server.port}/"
        assert all(await by_each_way(client, url))
        assert await client.fetch_text(url) == "hello"
        async with peers.closed_port() as closed:
            report = await client.probe(closed.url)

    # SOCKS4 has one word for all that fails.
    assert report.reason is (Reason.proxy if version == "socks4" else Reason.refused)


async def test_a_name_of_the_proxy_is_looked_up_by_ours() -> None:
    async with (
        peers.dns_server({"proxy.test": ["127.0.0.1"]}) as dns,
        socks(5) as proxy,
    ):
        names = Resolver(**dns.resolver_arguments)
        async with Client(proxy=f"socks5h://proxy.test:{proxy.port}", resolver=names) as client:
            report = await client.probe("http://good.test/")
        await names.close()

    assert report.reason is Reason.refused
    assert proxy.asked == [("good.test", 80)]


async def without_a_trace(proxy: Any, port: int) -> socket.socket:
    async def connect() -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)  # noqa: FBT003
        await asyncio.get_running_loop().sock_connect(sock, (proxy.host, proxy.port))
        return sock

    url = URL(f"socks5://{proxy.address}")
    return await connected_through(url, ["127.0.0.1"], port, trace=None, connect=connect)


async def test_who_keeps_no_trace_is_told_why_a_target_cannot_be_reached() -> None:
    async with socks(5) as proxy:
        with pytest.raises(ConnectionRefusedError):
            await without_a_trace(proxy, 1)
