"""What the probe server answers to programs, and to those who ask nonsense."""

import asyncio
import contextlib
import io
import json
import ssl
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer

from tests.web.serving import HERE, Asker, asking, idle, problem, unguarded, until
from tryconnect import Client, Guard, Reason
from tryconnect import testing as peers
from tryconnect.web import WatchedTarget, probe_app

pytestmark = pytest.mark.slow

LINES = {"Content-Type": "text/plain"}


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with asking(unguarded(limit=3)) as client:
        yield client


@pytest.fixture
async def roomy() -> AsyncIterator[Asker]:
    async with asking(unguarded()) as client:
        yield client


async def reports(asker: Asker, addresses: list[str], **options: Any) -> list[dict[str, Any]]:
    async with asker.post("/api/check", json=addresses, **options) as response:
        assert response.status == 200
        assert response.content_type == "application/x-ndjson"
        return [json.loads(line) async for line in response.content]


# --- one check


async def test_a_check_is_a_report(asker: Asker, http_server: peers.HttpServer) -> None:
    response = await asker.get("/api/check", params={"address": http_server.at("/redirect/1")})

    told = await response.json()
    assert (response.status, response.content_type) == (200, "application/json")
    assert told.keys() == HERE_IS.keys()
    assert told | {"timings": {}, "detail": "", "checked_at": ""} == HERE_IS | {
        "address": http_server.at("/redirect/1"),
        "url": http_server.url,
        "hops": [{"status": 302, "url": http_server.at("/redirect/1")}],
    }


HERE_IS = {
    "address": "",
    "ok": True,
    "reason": "ok",
    "detail": "",
    "status": 200,
    "url": "",
    "ip": "127.0.0.1",
    "hops": [],
    "tls": None,
    "timings": {},
    "checked_at": "",
    "error": None,
}


@pytest.mark.parametrize(
    ("path", "expect", "reason"),
    [
        ("/status/503", "", "ok"),
        ("/status/503", "&expect=2xx", "status"),
        ("/status/204", "&expect=204", "ok"),
        ("/", "&body=hell", "ok"),
        ("/", "&body=heaven", "body"),
    ],
)
async def test_what_is_expected_is_asked_with_the_address(
    path: str, expect: str, reason: str, asker: Asker, http_server: peers.HttpServer
) -> None:
    response = await asker.get(f"/api/check?address={http_server.at(path)}{expect}")

    assert (await response.json())["reason"] == reason


async def test_what_is_no_address_is_a_report_too(asker: Asker) -> None:
    response = await asker.get("/api/check?address=http://127.0.0.1:80443/")

    assert response.status == 200
    assert (await response.json())["reason"] == "invalid_address"


async def test_the_time_of_a_check_is_asked_with_the_address(asker: Asker) -> None:
    async with peers.silent() as silent:
        response = await asker.get(f"/api/check?address={silent.url}&timeout=0.1")

        told = await response.json()
    assert told["reason"] == "timeout"
    assert 0.1 <= told["timings"]["total"] < 1


async def test_no_secret_of_an_address_is_told(asker: Asker, http_server: peers.HttpServer) -> None:
    address = http_server.url.replace("://", "://me:secret@") + "?key=secret"

    response = await asker.get("/api/check", params={"address": address})

    assert "secret" not in await response.text()
    assert http_server.requests[0].startswith(b"GET /?key=secret ")


async def test_each_check_takes_a_connection_of_its_own(
    asker: Asker, http_server: peers.HttpServer
) -> None:
    """A kept one would hide that nobody new can connect any more."""
    for _ in range(3):
        await asker.get("/api/check", params={"address": http_server.url})

    assert http_server.connections == 3


async def test_who_hangs_up_ends_the_check(asker: Asker) -> None:
    async with peers.silent() as silent:
        question = {"address": silent.url, "timeout": "100"}
        asked = asyncio.create_task(asker.get("/api/check", params=question))
        await until(lambda: silent.requests)
        assert "in_flight 1.0" in await (await asker.get("/metrics")).text()

        asked.cancel()

        await until(lambda: idle(asker))


# --- for Prometheus


async def test_a_probe_is_told_to_prometheus(asker: Asker, http_server: peers.HttpServer) -> None:
    response = await asker.get("/probe", params={"target": http_server.at("/status/503")})

    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    rows = (await response.text()).splitlines()
    assert {
        "probe_success 0.0",
        "probe_http_status_code 503.0",
        'tryconnect_probe_reason{reason="status"} 1.0',
    } <= set(rows)


async def test_a_probe_of_nonsense_fails(asker: Asker) -> None:
    response = await asker.get("/probe?target=http://127.0.0.1:80443/")

    assert response.status == 200
    rows = await response.text()
    assert "probe_success 0.0" in rows
    assert 'tryconnect_probe_reason{reason="invalid_address"} 1.0' in rows


async def test_a_probe_can_be_explained(asker: Asker, http_server: peers.HttpServer) -> None:
    address = http_server.at("/redirect/1") + "?key=secret"
    asked = {"target": address, "debug": "true", "hostname": "shop.test", "timeout": "3"}
    response = await asker.get("/probe", params=asked)

    text = await response.text()
    assert (response.status, response.content_type) == (200, "text/plain")
    logs, rest = text.split("Metrics that would have been returned:\n")
    shown, module = rest.split("Module configuration:\n")
    assert "asking for the host shop.test\n" in logs
    assert "redirected with 302" in logs
    assert "probe_success 1.0\n" in shown
    assert "timeout: 3 s\n" in module
    assert "secret" not in text


async def test_an_explained_probe_tells_of_the_certificate(
    https_server: peers.HttpServer, client_ssl: ssl.SSLContext
) -> None:
    asked = {"target": https_server.url, "debug": "true"}
    async with asking(probe_app(client=Client(proxy=None, ssl=client_ssl))) as asker:
        text = await (await asker.get("/probe", params=asked)).text()

    assert "\nTLSv1.3, certificate until 3000-01-01 00:00:00+00:00\n" in text


@pytest.mark.parametrize("debug", ["1", "yes", "True", ""])
async def test_it_is_explained_for_true_alone(debug: str, asker: Asker) -> None:
    """As blackbox_exporter has it."""
    response = await asker.get("/probe", params={"target": "::::", "debug": debug})

    assert (await response.text()).startswith("# HELP probe_success")


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_health_is_told_as_prometheus_servers_do(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(unguarded(token="x")) as asker:  # noqa: S106 - a test's
        assert (await asker.get(path)).status == 200
        monkeypatch.setattr("tryconnect.web._watcher.Watcher.healthy", False)
        assert await problem(await asker.get(path), 503)


async def test_a_scrape_bounds_its_probe(asker: Asker) -> None:
    async with peers.silent() as silent:
        response = await asker.get(
            "/probe",
            params={"target": silent.url},
            headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.6"},
        )

        rows = dict(line.split(" ", 1) for line in (await response.text()).splitlines())
    assert rows['tryconnect_probe_reason{reason="timeout"}'] == "1.0"
    assert 0.3 <= float(rows["probe_duration_seconds"]) < 0.6


async def test_the_server_tells_of_itself(asker: Asker, http_server: peers.HttpServer) -> None:
    for address in [http_server.url, http_server.url, "::::"]:
        await asker.get("/api/check", params={"address": address})
    await reports(asker, [http_server.url, http_server.at("/loop")])

    rows = set((await (await asker.get("/metrics")).text()).splitlines())

    assert {
        'tryconnect_checks_total{reason="ok"} 3.0',
        'tryconnect_checks_total{reason="invalid_address"} 1.0',
        'tryconnect_checks_total{reason="too_many_redirects"} 1.0',
        'tryconnect_checks_total{reason="timeout"} 0.0',
        "tryconnect_check_duration_seconds_count 5.0",
        "tryconnect_checks_in_flight 0.0",
        "tryconnect_turned_away_total 0.0",
    } <= rows


# --- many checks


async def test_a_list_is_answered_as_checks_finish(
    roomy: Asker, http_server: peers.HttpServer
) -> None:
    async with peers.raw(delay=0.3) as slow:
        addresses = [slow.url, http_server.url, "::::", http_server.url]
        told = await reports(roomy, addresses)

    assert {each["index"] for each in told} == {0, 1, 2, 3}
    assert [each["index"] for each in told][-1] == 0
    assert {each["index"]: each["address"] for each in told} == dict(enumerate(addresses))
    assert {each["index"]: each["reason"] for each in told} == {
        0: "ok",
        1: "ok",
        2: "invalid_address",
        3: "ok",
    }


async def test_a_line_comes_before_the_others_are_done(roomy: Asker) -> None:
    async with (
        peers.silent() as silent,
        roomy.post("/api/check", json=[silent.url, "::::"]) as response,
    ):
        async with asyncio.timeout(5):
            line = await response.content.readline()

        assert json.loads(line)["index"] == 1
        response.close()


async def test_addresses_may_come_as_lines(asker: Asker, http_server: peers.HttpServer) -> None:
    body = f"\ufeff{http_server.url}\r\n\n  ::::  \n"

    async with asker.post("/api/check?timeout=3", data=body, headers=LINES) as response:
        told = [json.loads(line) async for line in response.content]

    assert {each["reason"] for each in told} == {"ok", "invalid_address"}


async def test_an_expectation_is_for_all_of_them(
    asker: Asker, http_server: peers.HttpServer
) -> None:
    addresses = [http_server.at("/status/503"), http_server.url, http_server.address]

    told = await reports(asker, addresses, params={"expect": "2xx"})

    assert {each["index"]: each["reason"] for each in told} == {
        0: "status",
        1: "ok",
        2: "ok",  # a status cannot be expected of tcp://
    }


async def test_what_applies_to_none_of_a_list_is_refused(asker: Asker) -> None:
    async with asker.post("/api/check?expect=2xx", json=["h:1", "tcp://h:2"]) as response:
        assert response.status == 400
        assert "status cannot be expected of h:1, tcp://h:2: only of " in await response.text()


async def test_no_more_of_a_list_run_at_once_than_there_is_room(asker: Asker) -> None:
    async with peers.raw(delay=0.05) as slow:
        told = await reports(asker, [slow.url] * 12)

        assert len(told) == 12
    assert slow.connections == 12


async def test_who_hangs_up_ends_the_checks_of_a_list(asker: Asker) -> None:
    async with peers.silent() as silent:
        async with asker.post("/api/check", json=[silent.url] * 50) as response:
            await until(lambda: len(silent.requests) == 1)
            response.close()

        await until(lambda: idle(asker))
        assert len(silent.requests) == 1


async def test_a_list_leaves_room_for_single_checks_and_for_other_lists(
    http_server: peers.HttpServer,
) -> None:
    """Half of the room is for lists, and each takes half of what is left of that."""
    async with asking(unguarded(limit=20)) as asker, peers.silent() as silent:
        for most in (5, 7, 8, 9, 10):
            asyncio.create_task(asker.post("/api/check", json=[silent.url] * 300))  # noqa: RUF006
            await until(partial(_has, silent.requests, most))
        refused = await asker.post("/api/check", json=[silent.url])
        assert await problem(refused, 503)

        single = await asker.get("/api/check", params={"address": http_server.url})

        assert (await single.json())["ok"]


def _has(requests: list[bytes], number: int) -> bool:
    return len(requests) == number


async def test_a_list_ends_when_its_time_is_over_and_tells_of_each_address(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tryconnect.web._api.LIST_TIMEOUT", 0.5)
    async with peers.silent() as silent:
        told = await reports(asker, ["::::", *[silent.url] * 20])
        await until(lambda: idle(asker))

    assert sorted(each["index"] for each in told) == [*range(21)]
    assert {each["reason"] for each in told} == {"invalid_address", "local"}
    assert told[-1]["detail"] == "the list's time was over before this check"


# --- too much


async def test_there_is_room_for_so_many_checks_and_no_more(
    asker: Asker, http_server: peers.HttpServer
) -> None:
    async with peers.silent() as silent:
        three = [
            asyncio.create_task(asker.get("/api/check", params={"address": silent.url}))
            for _ in range(3)
        ]
        await until(lambda: len(silent.requests) == 3)

        for path in ("/api/check?address=h", "/probe?target=h"):
            response = await asker.get(path)
            sentence = "too many checks are running: try again in a second"
            assert await problem(response, 503) == sentence
            assert response.headers["Retry-After"] == "1"
        response = await asker.post("/api/check", json=["h"])
        assert await problem(response, 503)
        assert (await asker.get("/healthz")).status == 200

        for each in three:
            each.cancel()
        await asyncio.wait(three)
        await until(lambda: idle(asker))
        assert (await asker.get("/api/check", params={"address": http_server.url})).status == 200
    assert "tryconnect_turned_away_total 3.0" in await (await asker.get("/metrics")).text()


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b'["' + b"x" * 10 * 2**20 + b'"]', 413, "a body has at most 1,048,576 bytes"),
        (json.dumps(["h"] * 10_001).encode(), 413, "at most 10,000 addresses, this one has 10,001"),
        (b"", 400, "the body is not JSON: line 1, column 1"),
        (b"[", 400, "the body is not JSON"),
        (b"[" * 100_000, 400, "the body is no"),
        (b"1" * 5000, 400, "the body is no"),
        (b"[]", 400, "the body has no addresses"),
        (b"{}", 400, "the body is not a JSON list of strings"),
        (b'"http://h/"', 400, "the body is not a JSON list of strings"),
        (b"[1]", 400, "the body is not a JSON list of strings"),
        (b'[["h"]]', 400, "the body is not a JSON list of strings"),
        (b'["\xff"]', 400, "the body is not UTF-8"),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(
    body: bytes, status: int, sentence: str, asker: Asker
) -> None:
    response = await asker.post(
        "/api/check", data=io.BytesIO(body), headers={"Content-Type": "application/json"}
    )

    assert sentence in await problem(response, status)
    assert (await asker.get("/healthz")).status == 200


async def test_a_long_body_is_refused_also_where_it_comes_in_pieces(asker: Asker) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"http://h/\n" * 1000

    with contextlib.suppress(ClientError):  # the server need not hear it out
        response = await asker.post("/api/check", data=pieces(), headers=LINES)
        assert "the body is too long" in await problem(response, 413)
    assert (await asker.get("/healthz")).status == 200


async def test_a_body_of_another_kind_is_refused(asker: Asker) -> None:
    response = await asker.post("/api/check", data={"address": "h"})

    assert (
        "a JSON list of addresses (application/json), or have one address per line"
        in await problem(response, 415)
    )


async def test_a_body_that_does_not_come_is_not_waited_for(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tryconnect.web._address_list.READ_TIMEOUT", 0.1)
    reader, writer = await asyncio.open_connection(asker.host, asker.port)
    writer.write(b"POST /api/check HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\n")
    writer.write(b"Content-Length: 10\r\n\r\nhttp")

    head = await reader.readuntil(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408 ")
    writer.close()


# --- nonsense


BAD = {
    "/probe": (400, "the parameter target is missing"),
    "/probe?target=": (400, "the parameter target is missing"),
    "/probe?target=h&expect=good": (400, "an expected status looks like"),
    "/probe?target=h&hostname=a:80": (400, "hostname is the name of a host"),
    "/probe?target=h&hostname=a/b": (400, "hostname is the name of a host"),
    "/probe?target=h&hostname=127.0.0.1": (400, "hostname is the name of a host"),
    "/probe?target=h&hostname=a%0d%0ab:c": (400, "hostname is the name of a host"),
    "/probe?target=tcp://h:1&hostname=a": (400, "for a target that is asked by HTTP"),
    "/probe?target=h&timeout=1e9": (400, "timeout is a number of seconds above 0, and at most 120"),
    "/api/check": (400, "the parameter address is missing"),
    "/api/check?address=h&expect=%1b[31m": (400, "an expected status looks like"),
    "/api/check?address=h&%1b[31m%0a=1": (400, "unknown parameter '\\x1b[31m\\n'; the known ones"),
    "/api/targets/x": (404, "there is no target of this name"),
    "/api/targets/%1b%0a%00": (404, "there is no target of this name"),
    "/api/nothing": (404, "there is nothing at this path"),
    "/%0d%0aSet-Cookie:a=b": (404, "there is nothing at this path"),
    "/page/../../_app.py": (404, "there is nothing at this path"),
}


@pytest.mark.parametrize(("path", "answer"), BAD.items(), ids=list(BAD))
async def test_nonsense_is_told_what_is_wrong(
    path: str, answer: tuple[int, str], asker: Asker
) -> None:
    status, sentence = answer

    assert sentence in await problem(await asker.get(path), status)
    assert (await asker.get("/healthz")).status == 200


async def test_another_method_is_refused(asker: Asker) -> None:
    response = await asker.delete("/api/check")

    assert response.headers["Allow"] == "GET, HEAD, POST"
    assert await problem(response, 405) == "DELETE is not allowed here, only GET, HEAD, POST"


async def test_a_fault_of_the_servers_own_is_a_problem_and_is_logged_without_escapes(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError(words)

    words = "broken \x1b[31m\n" + "http://me:secret@h/?key=secret"
    monkeypatch.setattr("tryconnect.web._admission.Admission.one", fail)
    async with asking(unguarded()) as asker:
        response = await asker.get("/api/check?address=h")

        assert await problem(response, 500) == "internal error; see the server's log"
        assert (await asker.get("/healthz")).status == 200
    (record,) = caplog.records
    assert record.name == "tryconnect.web"
    assert "RuntimeError" in record.getMessage()
    assert "\x1b" not in record.getMessage()
    assert "secret" not in record.getMessage()


async def test_a_fault_in_the_middle_of_an_answer_breaks_it_off(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("tryconnect.web._metrics.Metrics.count", fail)
    async with asking(unguarded()) as asker:
        with pytest.raises(ClientError):
            await reports(asker, ["::::"])

        assert (await asker.get("/healthz")).status == 200
    assert [record.name for record in caplog.records] == ["tryconnect.web"]


async def test_a_list_of_targets_that_takes_too_long_is_broken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tryconnect.web._api.LONGEST_LISTING", 0.0)
    many = [WatchedTarget(name=name, address="tcp://127.0.0.1:1", every=1000) for name in "abcde"]
    async with asking(unguarded(many)) as asker:
        with pytest.raises(ClientError):
            await (await asker.get("/api/targets")).read()

        assert (await asker.get("/healthz")).status == 200


async def test_who_asks_for_the_head_alone_gets_no_targets(asker: Asker) -> None:
    response = await asker.head("/api/targets")

    assert (response.status, response.content_type) == (200, "application/json")
    assert await response.read() == b""


# --- hostile targets


EVIL = b'\x1b[31m<script>alert(1)</script> "\r\n'

HOSTILE = {
    "terminal escapes for an answer": b"\x1b]0;owned\x07\x1b[31m\r\n\r\n",
    "markup for an answer": b"<script>alert(1)</script>\r\n\r\n",
    "escapes in the reason": b"HTTP/1.1 503 \x1b[31m<b>sorry</b>\r\nContent-Length: 0\r\n\r\n",
    "a redirect to markup": b"HTTP/1.1 302 Found\r\nLocation: javascript:<script>\x1b[3m\r\n\r\n",
    "a redirect with a quote": b'HTTP/1.1 302 F\r\nLocation: "><script>a</script>\r\n\r\n',
    "1 MB of one header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2**20 + b"\r\n\r\n",
    "1 MB of headers": b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 180_000 + b"\r\n",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=list(HOSTILE))
async def test_what_a_hostile_target_says_is_data(answer: bytes, asker: Asker) -> None:
    async with peers.raw(answer) as hostile:
        asked = {"address": hostile.url, "expect": "2xx", "timeout": "5"}
        response = await asker.get("/api/check", params=asked)
        probed = await asker.get("/probe", params={"target": hostile.url, "timeout": "5"})
        (listed,) = await reports(asker, [hostile.url], params={"timeout": "5"})

    text = await response.text()
    assert (response.status, response.content_type) == (200, "application/json")
    assert text.isascii()
    assert text.isprintable()
    assert not json.loads(text)["detail"].count("\x1b")
    assert Reason[json.loads(text)["reason"]] is not Reason.unknown
    assert listed["index"] == 0
    rows = await probed.text()
    assert "probe_success" in rows
    assert "<" not in rows
    assert "\x1b" not in rows
    assert (await asker.get("/healthz")).status == 200


# --- the guard


async def test_a_guard_is_on_unless_it_is_taken_off(http_server: peers.HttpServer) -> None:
    async with asking(probe_app()) as asker:
        response = await asker.get("/api/check", params={"address": http_server.url})
        probed = await asker.get("/probe", params={"target": http_server.url})
        (listed,) = await reports(asker, [http_server.url])

        assert (await response.json())["reason"] == "blocked"
        assert 'tryconnect_probe_reason{reason="blocked"} 1.0' in await probed.text()
        assert listed["reason"] == "blocked"
    assert http_server.connections == 0


async def test_watched_targets_are_not_guarded(http_server: peers.HttpServer) -> None:
    target = WatchedTarget(name="ours", address=http_server.url)
    async with asking(probe_app(targets=[target], target_client=HERE)) as asker:

        async def up() -> object:
            return (await (await asker.get("/api/targets/ours")).json())["up"]

        await until(up)
    assert http_server.requests


# --- mounted


async def test_it_can_be_mounted_in_another_application(http_server: peers.HttpServer) -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="the shop")

    shop = web.Application()
    shop.add_routes([web.get("/", hello)])
    shop.add_subapp("/probe/", unguarded([WatchedTarget(name="ours", address=http_server.url)]))
    async with asking(shop) as asker:
        assert await (await asker.get("/")).text() == "the shop"
        assert "<title>tryconnect</title>" in await (await asker.get("/probe/")).text()
        probed = await asker.get("/probe/probe", params={"target": http_server.url})
        assert "probe_success 1.0" in await probed.text()
        told = await (await asker.get("/probe/api/targets")).json()
        assert [each["name"] for each in told["targets"]] == ["ours"]
        assert await problem(await asker.get("/probe/nothing"), 404)
        assert (await asker.get("/nothing")).content_type == "text/plain"
        assert "Content-Security-Policy" not in (await asker.get("/")).headers


async def test_a_large_body_is_refused_where_the_host_would_take_it() -> None:
    shop = web.Application(client_max_size=100 * 2**20)
    shop.add_subapp("/probe/", unguarded())
    async with asking(shop) as asker:
        body = io.BytesIO(b"http://h/\n" * 200_000)
        response = await asker.post("/probe/api/check", data=body, headers=LINES)

        assert await problem(response, 413) == "a body has at most 1,048,576 bytes"


async def test_nor_does_it_matter_that_it_comes_in_pieces_there() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"http://h/\n" * 1000

    shop = web.Application(client_max_size=100 * 2**20)
    shop.add_subapp("/probe/", unguarded())
    async with asking(shop) as asker:
        response = await asker.post("/probe/api/check", data=pieces(), headers=LINES)

        assert await problem(response, 413) == "a body has at most 1,048,576 bytes"


class Host(TestServer):
    """Lets handlers go on when who asked has left, as aiohttp does unless it is told else."""

    async def _make_runner(self, **options: Any) -> web.BaseRunner:
        return await super()._make_runner(**options | {"handler_cancellation": False})


async def half_asked(asker: Asker, path: str) -> asyncio.StreamWriter:
    """Begin a list that never comes to its end."""
    _, writer = await asyncio.open_connection(asker.host, asker.port)
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n"
    writer.write(f"{head}Content-Type: text/plain\r\n\r\nhttp://h/".encode())
    await writer.drain()
    return writer


async def test_a_host_that_does_not_cancel_handlers_hears_of_no_fault_of_ours(
    http_server: peers.HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Of who hangs up in the middle of the question, nor of the answer."""
    app = unguarded()
    before = len(asyncio.all_tasks())
    server = Host(app)
    await server.start_server(access_log=None)
    async with TestClient(server) as asker:
        writer = await half_asked(asker, "/api/check")
        await until(lambda: len(asyncio.all_tasks()) > before)
        writer.transport.abort()

        urls = [http_server.at(f"/delay/{number / 100}") for number in range(40)]
        async with asker.post("/api/check", json=urls) as response:
            await response.content.readline()
            response.close()

        await until(lambda: idle(asker))
    assert [record for record in caplog.records if record.name == "tryconnect.web"] == []


# --- how it is made


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"token": ""}, "a token is one word of printable ASCII characters"),
        ({"token": "two words"}, "a token is one word"),
        ({"token": "schlüssel"}, "a token is one word"),
        ({"limit": 0}, "limit is a whole number above 0"),
        (
            {
                "targets": [
                    WatchedTarget(name="a", address="h"),
                    WatchedTarget(name="a", address="i"),
                ]
            },
            "two targets are called 'a'",
        ),
    ],
)
async def test_options_that_make_no_sense_are_refused(options: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        probe_app(**options)


async def test_a_guard_of_ones_own(http_server: peers.HttpServer) -> None:
    client = HERE.__class__(guard=Guard(lambda ip: ip.is_loopback, ports={http_server.port}))
    async with asking(probe_app(client=client)) as asker:
        response = await asker.get("/api/check", params={"address": http_server.url})

        assert (await response.json())["ok"]
