"""Each check logs one DEBUG record, without secrets."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from urllib.parse import quote

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect import Client, Expect, FetchError
from tryconnect import testing as peers

SECRET = "s3cret"  # noqa: S105 - nobody's password


@pytest.fixture(autouse=True)
def _listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tryconnect")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with Client(ssl=peers.trusting(), proxy=None) as client:
        yield client


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("tryconnect")]


def formatted(record: logging.LogRecord) -> str:
    """Format a record as in a log file, with the traceback."""
    return logging.Formatter("%(levelname)s %(name)s %(message)s").format(record)


# --- one for each


@on_each_loop
@pytest.mark.parametrize("path", ["/", "/status/500", "/redirect/3"])
async def test_an_answer_is_one_record(
    path: str, client: Client, http_server: peers.HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    report = await client.probe(http_server.at(path))

    (record,) = ours(caplog)
    assert (record.name, record.levelno) == ("tryconnect", logging.DEBUG)
    assert record.getMessage() == repr(report)
    assert "reason='ok'" in record.getMessage()
    assert record.exc_info is None


FAILING: dict[str, Callable[[], AbstractAsyncContextManager[peers.Peer]]] = {
    "refused": peers.closed_port,
    "reset": peers.reset,
    "timeout": peers.silent,
    "protocol": partial(peers.raw, peers.REPLIES["ssh"]),
    "tls_certificate": partial(peers.tls_server, "expired"),
    "tls_handshake": partial(peers.tls_server, "alert_in_handshake"),
}


@pytest.mark.parametrize("reason", FAILING)
async def test_a_failure_is_one_record_with_its_traceback(
    reason: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with FAILING[reason]() as peer:
        report = await client.probe(peer.url, timeout=0.1 if reason == "timeout" else 5)

    (record,) = ours(caplog)
    assert f"reason='{reason}'" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is report.error
    assert "Traceback" in formatted(record)


async def test_an_unmet_expectation_is_one_record(
    client: Client, http_server: peers.HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    await client.probe(http_server.url, expect=404)
    await client.probe(http_server.url, expect=Expect(body="bye"))

    assert [record.exc_info for record in ours(caplog)] == [None, None]
    assert "reason='status'" in ours(caplog)[0].getMessage()
    assert "reason='body'" in ours(caplog)[1].getMessage()


async def test_an_invalid_address_is_one_record(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await client.probe("http://127.0.0.1:99999/")

    (record,) = ours(caplog)
    assert "reason='invalid_address'" in record.getMessage()
    assert record.exc_info is not None


async def test_texts_are_one_record_each(
    client: Client, http_server: peers.HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    await client.fetch_text(http_server.url)
    with pytest.raises(FetchError):
        await client.fetch_text(http_server.at("/status/404"))
    with pytest.raises(FetchError):
        await client.fetch_text("tcp://127.0.0.1:7")

    reasons = [record.getMessage().split("reason=")[1].split(",")[0] for record in ours(caplog)]
    assert reasons == ["'ok'", "'status'", "'invalid_address'"]


async def test_without_listeners_nothing_is_made(
    client: Client,
    http_server: peers.HttpServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tryconnect._check.session.redacted_error", None)
    caplog.set_level(logging.INFO, "tryconnect")

    async with peers.closed_port() as closed:
        assert not await client.probe(closed.url)
        assert await client.probe(http_server.url)

    assert not ours(caplog)


# --- no secrets

REPLIES = {
    "good": peers.REPLIES["plain"].data,
    "bad status line": b"HTTP/1.1 none OK\r\n\r\n",
    "banner": peers.REPLIES["ssh"].data,
    "hangs up": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "broken body": peers.REPLIES["broken_chunk"].data,
    "short body": peers.REPLIES["short_body"].data,
    "redirect to nowhere": (
        f"HTTP/1.1 302 Found\r\nLocation: ftp://me:{SECRET}@host/?token={SECRET}\r\n\r\n".encode()
    ),
    "redirect to itself": (
        f"HTTP/1.1 302 Found\r\nLocation: /?token={SECRET}#{SECRET}\r\n"
        "Content-Length: 0\r\n\r\n".encode()
    ),
    "secret in the status line": f"HTTP/1.1 none http://me:{SECRET}@host/\r\n\r\n".encode(),
}


@pytest.mark.parametrize("how", ["probe", "fetch_text"])
@pytest.mark.parametrize("reply", REPLIES)
async def test_no_secret_of_an_address_is_logged(
    reply: str, how: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async with peers.raw(REPLIES[reply]) as peer:
        url = f"http://me:{SECRET}@{peer.address}/path?token={SECRET}&sig={SECRET}#{SECRET}"
        if how == "probe":
            await client.probe(url)
        else:
            with pytest.raises(FetchError) if reply != "good" else contextlib.nullcontext():
                await client.fetch_text(url)

        assert SECRET in peer.requests[0].decode()
    (record,) = ours(caplog)
    assert SECRET not in formatted(record)


@pytest.mark.parametrize(
    "address",
    [
        "http://me:{}@127.0.0.1:1/?token={}",
        "https://{}@127.0.0.1:1/#token={}",
        "http://me:{}@127.0.0.1:99999/?token={}",
        "http://me:pa/ss{}@127.0.0.1/?token={}",
        "ftp://me:{}@127.0.0.1/?token={}",
        "me:{}@127.0.0.1/?token={}",
        "http://127.0.0.1:1/?q={}\x1b{}",
        "http://[{}@/?{}",
    ],
)
async def test_nor_of_one_that_does_not_answer(
    address: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    report = await client.probe(address.format(SECRET, SECRET))

    (record,) = ours(caplog)
    assert SECRET not in formatted(record)
    assert SECRET not in report.detail
    assert not report


async def test_nor_of_a_redirect(
    client: Client, http_server: peers.HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with peers.raw(b"nonsense\r\n\r\n") as peer:
        there = f"http://you:{SECRET}@{peer.address}/?token={SECRET}"
        await client.probe(http_server.at(f"/redirect-to?location={quote(there, safe='')}"))

    (record,) = ours(caplog)
    assert "reason='protocol'" in record.getMessage()
    assert SECRET not in formatted(record)


async def test_nor_of_a_header(
    http_server: peers.HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    secret = {"Authorization": f"Bearer {SECRET}", "Cookie": f"id={SECRET}"}
    async with Client(headers=secret, proxy=None) as client, peers.closes() as closes:
        await client.probe(http_server.url)
        await client.probe(closes.url)

    assert len(ours(caplog)) == 2
    assert not [record for record in ours(caplog) if SECRET in formatted(record)]


@pytest.mark.parametrize("proxied", ["dead", "refusing"])
async def test_nor_of_a_proxy(proxied: str, caplog: pytest.LogCaptureFixture) -> None:
    peer = peers.closed_port() if proxied == "dead" else peers.proxy(refuses=403)
    async with peer as server:
        proxy = server.url.replace("://", f"://me:{SECRET}@")
        async with Client(proxy=proxy) as client:
            for scheme in ("http", "https"):
                await client.probe(f"{scheme}://127.0.0.1:7/?token={SECRET}")

    assert len(ours(caplog)) == 2
    assert not [record for record in ours(caplog) if SECRET in formatted(record)]
