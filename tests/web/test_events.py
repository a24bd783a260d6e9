"""Events go to who listens, as long as they listen."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from aiohttp import ClientError, ClientResponse, web

from tests.web.serving import Asker, asking, problem, unguarded, until
from tryconnect import testing as peers
from tryconnect.web import WatchedTarget
from tryconnect.web import _delivery as delivery
from tryconnect.web import _events as streams
from tryconnect.web._events import EventStream, Queue, as_json
from tryconnect.web._keys import EVENTS
from tryconnect.web._problems import Problem

pytestmark = pytest.mark.slow


async def events(response: ClientResponse) -> AsyncGenerator[tuple[str, Any], None]:
    """Yield the events of a stream as a browser reads them."""
    while line := (await response.content.readline()).decode():
        if line.startswith("event: "):
            data = (await response.content.readline()).decode()
            assert data.startswith("data: ")
            assert await response.content.readline() == b"\n"
            yield line[7:-1], json.loads(data[6:])


async def some(response: ClientResponse, count: int) -> list[tuple[str, Any]]:
    async with asyncio.timeout(10), contextlib.aclosing(events(response)) as stream:
        return [await anext(stream) for _ in range(count)]


# --- over HTTP


async def test_a_listener_hears_how_things_stand_and_then_what_happens() -> None:
    async with peers.http_server() as server:
        server.pages["/"] = peers.CannedResponse(b"", status=200)
        target = WatchedTarget(name="shop", address=server.url, every=0.1, expect="2xx")
        async with asking(unguarded([target])) as asker, asker.get("/api/events") as response:
            assert response.content_type == "text/event-stream"
            ((event, told),) = await some(response, 1)
            assert (event, [each["name"] for each in told]) == ("targets", ["shop"])
            heard = dict(await some(response, 2)) if told[0]["up"] is None else {}
            server.pages["/"] = peers.CannedResponse(b"", status=503)
            while "change" not in heard or heard["change"]["up"]:
                heard |= dict(await some(response, 1))

    assert heard["check"].keys() == {
        *("name", "number", "time", "ok", "reason", "seconds", "detail")
    }
    assert heard["check"]["reason"] == "status"
    assert heard["change"]["last"]["status"] == 503


async def test_what_a_target_says_cannot_make_an_event() -> None:
    evil = b"HTTP/1.1 302 Found\r\nLocation: x:\n\nevent: change\ndata: {}\n\n\r\n\r\n"
    async with peers.raw(evil) as hostile:
        target = WatchedTarget(name="evil", address=hostile.url, every=0.1)
        async with asking(unguarded([target])) as asker, asker.get("/api/events") as response:
            heard = await some(response, 6)

    assert {event for event, _ in heard[1:]} <= {"check", "change"}
    assert all(data["name"] == "evil" for _, data in heard[1:])


async def test_silence_is_broken_by_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    async with asking(unguarded()) as asker, asker.get("/api/events") as response:
        assert await some(response, 1) == [("targets", [])]

        assert await response.content.readline() == b":\n"


async def test_so_many_listen_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_LISTENERS", 2)
    async with asking(unguarded()) as asker:
        async with asker.get("/api/events") as one, asker.get("/api/events") as other:
            response = await asker.get("/api/events")

            assert await problem(response, 503)
            assert response.headers["Retry-After"] == "60"
            one.close()
            other.close()
        await until(lambda: not asker.app[EVENTS].count)
        assert (await asker.get("/api/events")).status == 200


async def test_listeners_are_let_go_at_the_end() -> None:
    async with asking(unguarded()) as asker:
        response = await asker.get("/api/events")
        assert await some(response, 1)
        waiting = asyncio.create_task(response.read())
        await asyncio.sleep(0)
        await asker.server.close()

        assert await waiting == b""


async def test_many_targets_do_not_hold_the_loop() -> None:
    many = [WatchedTarget(name=str(number), address="h", every=1000) for number in range(50)]
    steps = 0

    async def count() -> None:
        nonlocal steps
        while True:
            await asyncio.sleep(0)
            steps += 1

    async with asking(unguarded(many)) as asker:
        counting = asyncio.create_task(count())
        told = await (await asker.get("/api/targets")).json()
        counting.cancel()

    assert [each["name"] for each in told["targets"]] == [each.name for each in many]
    assert steps >= 49


# --- slow readers


async def small_window(asker: Asker) -> socket.socket:
    """Connect with a small buffer, so that what is not read is soon felt."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(0)
    await asyncio.get_running_loop().sock_connect(sock, (asker.host, asker.port))
    return sock


async def test_a_listener_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "WRITE_TIMEOUT", 0.2)
    async with asking(unguarded()) as asker:
        listeners = asker.app[EVENTS]
        with await small_window(asker) as sock:
            request = b"GET /api/events HTTP/1.1\r\nHost: h\r\n\r\n"
            await asyncio.get_running_loop().sock_sendall(sock, request)
            await until(lambda: listeners.count)

            def cut_off() -> bool:
                listeners.publish("check", {"name": "x" * 100_000})
                return not listeners.count

            await until(cut_off)
        assert (await asker.get("/healthz")).status == 200


async def test_a_list_for_somebody_who_does_not_read_is_given_up(
    monkeypatch: pytest.MonkeyPatch, http_server: peers.HttpServer
) -> None:
    monkeypatch.setattr(delivery, "WRITE_TIMEOUT", 0.2)
    address = http_server.url + "x" * 8_000  # longer ones aiohttp's server would not take
    body = "\n".join([address] * 100).encode()
    async with asking(unguarded()) as asker:
        with await small_window(asker) as sock:
            head = f"POST /api/check HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n"
            kind = "Content-Type: text/plain\r\n\r\n"
            await asyncio.get_running_loop().sock_sendall(sock, (head + kind).encode() + body)

            async def given_up() -> bool:
                text = await (await asker.get("/metrics")).text()
                return bool(http_server.requests) and "in_flight 0.0" in text

            await until(given_up)
        assert (await asker.get("/healthz")).status == 200
        response = await asker.get("/api/check", params={"address": http_server.url})
        assert (await response.json())["ok"]


LONG = b"0123456789abcdef" * (2 * delivery.PIECE // 16) + b"end"


async def long_answer(_: web.Request) -> web.Response:
    return web.Response(body=LONG, status=203, headers={"X-A": "b"}, content_type="text/csv")


def delivering() -> web.Application:
    app = web.Application(middlewares=[delivery.delivered])
    app.router.add_get("/long", long_answer)
    return app


async def test_a_long_answer_arrives_whole_and_goes_out_piece_by_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[int] = []
    real = web.StreamResponse.write

    async def write(response: web.StreamResponse, data: bytes | bytearray | memoryview) -> None:
        written.append(len(data))
        await real(response, data)

    monkeypatch.setattr(web.StreamResponse, "write", write)
    async with asking(delivering()) as asker:
        response = await asker.get("/long")

        assert await response.read() == LONG
        assert (response.status, response.content_type) == (203, "text/csv")
        assert response.headers["X-A"] == "b"
        assert response.headers["Content-Length"] == str(len(LONG))
        assert written == [delivery.PIECE, delivery.PIECE, 3]

        head = await asker.head("/long")
        assert (head.headers["Content-Length"], await head.read()) == (str(len(LONG)), b"")
        assert len(written) == 3


async def test_whoever_does_not_read_a_long_answer_is_disconnected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "WRITE_TIMEOUT", 0.1)
    monkeypatch.setattr(delivery, "SLOWEST", 2**40)
    monkeypatch.setattr(f"{__name__}.LONG", LONG * 50)  # more than the kernel takes
    disconnected: list[web.Request] = []
    real = delivery.disconnect

    def disconnect(request: web.Request) -> None:
        disconnected.append(request)
        real(request)

    monkeypatch.setattr(delivery, "disconnect", disconnect)
    async with asking(delivering()) as asker:
        with await small_window(asker) as sock:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(sock, b"GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
            await until(lambda: disconnected)

            read = 0
            with contextlib.suppress(ConnectionResetError):
                while data := await loop.sock_recv(sock, 2**16):
                    read += len(data)
            assert read < len(LONG)


# --- the queue of one listener


async def test_a_queue_gives_all_that_waits_at_once() -> None:
    queue = Queue()
    queue.put(b"1")
    queue.put(b"2")

    assert await queue.get() == b"12"


async def test_much_is_given_piece_by_piece() -> None:
    queue = Queue()
    for _ in range(5):
        queue.put(b"x" * (delivery.PIECE // 2))

    assert [len(await queue.get() or b"") for _ in range(3)] == [
        *(delivery.PIECE, delivery.PIECE, delivery.PIECE // 2)
    ]


async def test_a_queue_that_is_too_long_is_the_end_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LONGEST_QUEUE", 3)
    queue = Queue()
    for _ in range(2):  # what has been read does not count
        queue.put(b"123")
        assert await queue.get() == b"123"
    for _ in range(4):
        queue.put(b"1")
    queue.put(b"1")

    assert await queue.get() is None


async def test_who_comes_after_the_end_is_let_go_at_once() -> None:
    listeners = EventStream()
    listeners.close()

    with listeners.subscribed() as queue:
        assert await queue.get() is None


def test_a_message_is_one_event() -> None:
    message = EventStream.message("check", as_json({"detail": "a\n\nevent: b\r\ndata: c"}))

    assert message == b'event: check\ndata: {"detail":"a\\n\\nevent: b\\r\\ndata: c"}\n\n'


def test_too_many_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_LISTENERS", 0)

    with pytest.raises(Problem), EventStream().subscribed():
        raise AssertionError


async def test_whoever_has_gone_already_can_be_disconnected_again() -> None:
    transports: list[object] = []

    async def leave(request: web.Request) -> web.Response:
        delivery.disconnect(request)
        try:
            await asyncio.sleep(60)
        finally:
            left = request.transport
            delivery.disconnect(request)
            transports.append(left)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", leave)
    async with asking(app) as asker:
        with pytest.raises(ClientError):
            await asker.get("/")
        await until(lambda: transports)

    assert {*transports} == {None}
