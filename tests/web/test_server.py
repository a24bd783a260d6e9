"""Connections of a running server: how many, for how long, and what they are told."""

import asyncio
import contextlib
import errno
import gc
import json
import logging
import math
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from aiohttp import web

from tests.web.serving import ask, served_at, unguarded, until
from tryconnect import Reason, Report
from tryconnect import testing as peers
from tryconnect.web import WatchedTarget, _delivery, _server
from tryconnect.web._keys import WATCHER
from tryconnect.web._server import served

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def running(
    targets: Iterable[WatchedTarget] = (),
    send_buffer: int = 2**14,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[str, int]]:
    asyncio.get_running_loop().slow_callback_duration = 10.0  # of the tests' own
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)  # which its connections have
    sock.bind(("127.0.0.1", 0))
    address = sock.getsockname()
    app = unguarded(targets)
    for watched in app[WATCHER].targets.values():  # as if they had been watched for an hour
        for _ in range(60):
            watched.take(Report("h", Reason.refused, "nothing listens at h"), 0.0)
    async with served(app, [sock], context):
        yield address


HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


async def works(address: tuple[str, int]) -> bool:
    return (await ask(address, HEALTHZ)).startswith(b"HTTP/1.1 200 ")


# --- who does not read


async def unread(address: tuple[str, int], request: bytes) -> socket.socket:
    """Send requests over a connection that is not read from."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.settimeout(0)
    await loop.sock_connect(sock, address)
    await loop.sock_sendall(sock, request)
    return sock


PATHS = [
    *("/", "/page/page.js", "/metrics", "/healthz", "/probe?target=::::", "/x"),
    *("/api/check?address=::::", "/api/targets", "/api/events", "/api/targets/0"),
]


@pytest.mark.parametrize("path", PATHS)
async def test_whoever_does_not_read_is_cut_off_whatever_was_asked(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_delivery, "WRITE_TIMEOUT", 0.3)
    monkeypatch.setattr(_server, "WRITE_TIMEOUT", 0.3)
    monkeypatch.setattr(_server, "SWEEP_EVERY", 0.1)
    many = 900 if path == "/api/events" else 100  # it is asked once, and has to fill the buffers
    targets = [WatchedTarget(name=f"{n}", address="h", every=1000) for n in range(many)]
    async with running(targets, send_buffer=4096) as address, asyncio.timeout(30):
        request = f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
        with await unread(address, b"") as sock, contextlib.suppress(ConnectionError):
            while True:  # a short answer fits into the buffers, but not a hundred
                await asyncio.get_running_loop().sock_sendall(sock, request)
                await asyncio.sleep(0)

        assert await works(address)


async def test_two_hundred_of_them_cost_a_buffer_each() -> None:
    """Not a copy of the list each, which is 2 MB."""
    targets = [WatchedTarget(name=f"{n}", address="h", every=1000) for n in range(300)]
    async with running(targets) as address, contextlib.AsyncExitStack() as opened:
        whole = len(await ask(address, HEALTHZ.replace(b"/healthz", b"/api/targets")))
        before = buffered()
        for _ in range(200):
            request = b"GET /api/targets HTTP/1.1\r\nHost: h\r\n\r\n"
            opened.enter_context(await unread(address, request))
        await asyncio.sleep(1)

        assert whole > 1_500_000
        assert (before, buffered() < 200 * 2 * _delivery.PIECE) == (0, True)
        assert await works(address)


def connections() -> list[Any]:
    """The connections to the server that are open on its side."""
    found = [each for each in gc.get_objects() if isinstance(each, _server.Connection)]
    return [each._outgoing for each in found if each._outgoing is not None]


def buffered() -> int:
    """The bytes that the server holds for clients."""
    return sum(each.get_write_buffer_size() for each in connections())


async def test_a_connection_that_is_closed_with_unread_bytes_does_not_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_server, "WRITE_TIMEOUT", 1.0)
    monkeypatch.setattr(_server, "SWEEP_EVERY", 0.1)
    async with running() as address:
        # More than the kernel buffers, and less than a response waits for: aiohttp sends all and
        # closes. Else the delivery of the last response would end the connection.
        page = b"GET /page/page.js HTTP/1.1\r\nHost: h\r\n"
        with await unread(
            address, (page + b"\r\n") * 4 + page + b"Connection: close\r\n\r\n"
        ) as sock:
            await until(lambda: [each for each in connections() if each.is_closing()])
            assert buffered()
            await until(lambda: not connections())
            assert sock.fileno() > 0


async def test_who_reads_again_after_a_pause_gets_all_of_it_and_its_time_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_server, "SWEEP_EVERY", 1000.0)
    targets = [WatchedTarget(name=f"{n}", address="h", every=1000) for n in range(40)]
    async with running(targets, send_buffer=4096) as address:
        request = HEALTHZ.replace(b"/healthz", b"/api/targets")
        with await unread(address, request) as sock:
            await until(lambda: buffered() > _delivery.PIECE)
            (connection,) = (
                each
                for each in gc.get_objects()
                if isinstance(each, _server.Connection) and each._outgoing is not None
            )
            connection.sweep(0.0)
            connection.sweep(1.0)
            assert connection._unread_since < math.inf

            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
            answer = b""
            while data := await asyncio.get_running_loop().sock_recv(sock, 2**16):
                answer += data

        assert answer.endswith(b"]}\r\n0\r\n\r\n")
        assert connection._unread_since == math.inf
        await until(lambda: not connections())
        connection.sweep(2.0)  # as the sweep does that finds it just lost


# --- who does not ask


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET / HTTP/1.1\r\nHost: h\r\nX-A: ", HEALTHZ.replace(b"close", b"keep-alive")],
)
async def test_a_head_that_does_not_come_and_an_idle_connection_end(
    beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_server, "IDLE_TIMEOUT", 0.3)
    async with running() as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(beginning)

        async def drip() -> None:
            with contextlib.suppress(ConnectionError):
                while beginning.endswith(b": "):
                    writer.write(b"a")
                    await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        dripping.cancel()
        writer.close()


async def test_a_check_that_takes_its_time_is_no_idle_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_server, "IDLE_TIMEOUT", 0.2)
    async with running() as address, peers.raw(delay=0.8) as slow:
        path = f"/api/check?address={slow.url}".encode()

        assert b'"ok":true' in await ask(address, HEALTHZ.replace(b"/healthz", path))


# --- too many


async def test_beyond_a_number_of_connections_others_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_server, "MOST_CONNECTIONS", 3)
    async with running() as address:
        three = [await asyncio.open_connection(*address) for _ in range(3)]
        waiting = asyncio.create_task(works(address))
        await asyncio.sleep(0.3)
        assert not waiting.done()

        three[0][1].close()

        assert await waiting
        for _, writer in three:
            writer.close()
    assert caplog.messages == ["no more connections are accepted for now: 3 connections are open"]


async def test_without_a_descriptor_it_pauses_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_server, "ACCEPT_PAUSE", 0.01)
    loop = asyncio.get_running_loop()
    real, calls = loop.sock_accept, 0

    async def sock_accept(sock: socket.socket) -> Any:
        nonlocal calls
        calls += 1
        if calls < 20:
            raise OSError(errno.EMFILE, "Too many open files")
        return await real(sock)

    monkeypatch.setattr(loop, "sock_accept", sock_accept)
    async with running() as address:
        assert await works(address)

    assert caplog.messages == ["no more connections are accepted for now: Too many open files"]


async def test_a_connection_that_has_gone_before_it_is_accepted_is_not_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    real, gone = loop.sock_accept, [ConnectionAbortedError(errno.ECONNABORTED, "aborted")]

    async def sock_accept(sock: socket.socket) -> Any:
        if gone:
            raise gone.pop()
        return await real(sock)

    monkeypatch.setattr(loop, "sock_accept", sock_accept)
    async with running() as address:
        assert await works(address)

    assert (gone, caplog.messages) == ([], [])


async def test_a_connection_that_cannot_be_set_up_is_closed_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    real, faults = loop.connect_accepted_socket, [MemoryError("no room")]

    async def connect_accepted_socket(*args: Any, **options: Any) -> Any:
        if faults:
            raise faults.pop()
        return await real(*args, **options)

    monkeypatch.setattr(loop, "connect_accepted_socket", connect_accepted_socket)
    async with running() as address:
        reader, writer = await asyncio.open_connection(*address)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        assert await works(address)

    assert caplog.messages == ["no more connections are accepted for now: MemoryError: no room"]


# --- TLS


async def test_who_speaks_no_tls_is_hung_up_on_without_a_word_and_others_are_answered(
    client_ssl: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(context=peers.server_context()) as address:
        assert b"HTTP" not in await ask(address, HEALTHZ)

        reader, writer = await asyncio.open_connection(*address, ssl=client_ssl)
        writer.write(HEALTHZ)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()

    assert [record for record in caplog.records if record.name == "tryconnect.web"] == []


async def test_a_handshake_that_is_under_way_ends_with_the_server() -> None:
    def opening() -> bool:
        return any("_Server._open" in repr(task.get_coro()) for task in asyncio.all_tasks())

    async with asyncio.timeout(5), running(context=peers.server_context()) as address:
        reader, writer = await asyncio.open_connection(*address)
        await until(opening)

    async with asyncio.timeout(5):
        assert await reader.read() == b""
    assert not opening()
    writer.close()


# --- what is no HTTP


def posted(*headers: bytes, body: bytes = b"hello") -> bytes:
    lines = [
        b"POST /api/check HTTP/1.1",
        b"Host: h",
        b"Content-Type: text/plain",
        *headers,
        b"",
        body,
    ]
    return b"\r\n".join(lines)


BAD = {
    "garbage": b"\x1b[31m<script> \x00\xff HTTP/9\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200 + b"\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: h\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a long path": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    "two lengths": posted(b"Content-Length: 1", b"Content-Length: 2"),
    "a bad chunk": posted(b"Transfer-Encoding: chunked", body=b"zz\r\nhello\r\n"),
    "bad gzip": posted(b"Connection: close", b"Content-Encoding: gzip", b"Content-Length: 5"),
}


@pytest.mark.parametrize("data", BAD.values(), ids=list(BAD))
async def test_a_bad_request_is_told_so_without_versions_and_logged_in_one_line_at_most(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "tryconnect.web"):
        async with running() as address:
            answer = await ask(address, data)
            assert await works(address)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == b"400"
    assert b"\r\nServer: tryconnect\r\n" in head
    assert json.loads(body)["status"] == 400
    for word in (b"aiohttp", b"Python", b"Traceback", b"\x1b"):
        assert word not in answer
    records = [record for record in caplog.records if record.name != "asyncio"]
    assert len(records) <= 1
    assert all(record.exc_info is None and "\n" not in record.getMessage() for record in records)


async def test_a_fault_after_the_beginning_of_an_answer_breaks_it_off_without_another_head(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"begun")
        raise RuntimeError("broken")

    app = web.Application()
    app.router.add_get("/", fail)
    async with served_at(app) as address:
        answer = await ask(address, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n5\r\nbegun\r\n")
    assert "broken" not in caplog.text


async def test_an_application_that_cannot_start_leaves_no_listener_behind() -> None:
    async def fail(_: web.Application) -> None:
        raise RuntimeError("no database")

    app = web.Application()
    app.on_startup.append(fail)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(RuntimeError, match=r"^no database$"):
            async with served(app, [listener]):
                pass

        assert listener.fileno() == -1
