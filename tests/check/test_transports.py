"""Which check takes which transport is one table, which the documents show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.transports import options
from tryconnect import Reason, probe_many
from tryconnect import testing as peers
from tryconnect._address.target import TargetKind, parse
from tryconnect._check.dispatch import Dispatcher
from tryconnect._check.transports import ROWS, Circumstances, Transport, aiohttp_only, choose

PAGE = Path(__file__).parents[2] / "docs/reference/transports.rst"

CHOICES = [
    (Circumstances(), "reactor"),
    (Circumstances(chosen="aiohttp"), "aiohttp"),
    (Circumstances(body=True), "aiohttp"),
    (Circumstances(proxied=True), "aiohttp"),
    (Circumstances(watchable=False), "aiohttp"),
    (Circumstances(single=True), "aiohttp"),
    (Circumstances(single=True, kind=TargetKind.tcp), "reactor"),
    (Circumstances(single=True, kind=TargetKind.unix), "reactor"),
    (Circumstances(single=True, kind=TargetKind.tcp, watchable=False), "aiohttp"),
]


@pytest.mark.parametrize(("check", "transport"), CHOICES)
def test_the_first_row_that_fits_decides(check: Circumstances, transport: str) -> None:
    assert choose(check) == transport


def test_aiohttp_only_is_for_a_while() -> None:
    with aiohttp_only(), aiohttp_only():
        assert choose(Circumstances()) is Transport.aiohttp
    assert choose(Circumstances()) is Transport.reactor


def test_the_page_shows_the_table() -> None:
    shown = PAGE.read_text("utf-8").split("\n   * - ")[2:]

    assert [cell.split("\n     - ") for cell in map(str.rstrip, shown)] == [
        [row.what, str(row.transport), row.why] for row in ROWS
    ]


async def _carried_by(address: str, **chosen: object) -> str:
    """The transport that the dispatcher gives a check of many."""
    dispatcher = Dispatcher(options(**chosen), keep_alive=False)
    try:
        await dispatcher._preparation.done(parse(address))  # else the first goes another way
        cancel = dispatcher.start(
            parse(address), timeout=1, transport="auto", on_done=lambda _: None
        )
        if cancel is not None:
            cancel()
        return "aiohttp" if cancel is None else "reactor"
    finally:
        await dispatcher.aclose()


PROXY = "http://127.0.0.1:1"
CARRIED = [
    ("http://127.0.0.1/", {}, "reactor"),
    ("https://127.0.0.1/", {}, "reactor"),
    ("tcp://127.0.0.1:1", {}, "reactor"),
    ("unix:///x", {}, "reactor"),
    ("http://127.0.0.1/", {"proxy": PROXY}, "aiohttp"),
    ("tcp://127.0.0.1:1", {"proxy": PROXY}, "reactor"),
    ("http://127.0.0.1/", {"loop": "portal"}, "aiohttp"),
]


@pytest.mark.parametrize(("address", "chosen", "transport"), CARRIED)
async def test_what_carries_a_check(address: str, chosen: dict[str, str], transport: str) -> None:
    assert await _carried_by(address, **chosen) == transport


async def test_a_proxy_that_cannot_be_used_is_aiohttps_to_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:1")

    assert await _carried_by("http://a.test/", proxy="env") == "aiohttp"


@pytest.mark.parametrize("missing", ["add_reader", "call_later"])
async def test_a_loop_that_cannot_watch(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio  # noqa: PLC0415

    def cannot(*_: object) -> None:
        raise NotImplementedError

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, missing, cannot)
    monkeypatch.setattr("tryconnect._runtime.capabilities._lacking", {})

    assert await _carried_by("http://127.0.0.1/") == "aiohttp"


async def test_a_redirect_to_where_a_proxy_is_begins_anew_by_aiohttp(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with peers.http_server() as server, peers.proxy() as proxy:
        server.pages["/away"] = peers.CannedResponse(
            status=302, headers=(("Location", f"http://127.0.0.2:{server.port}/"),)
        )
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        reports = [report async for report in probe_many([server.at("/away")], timeout=5)]

    (report,) = reports
    assert len(report.hops) == 1
    assert report.reason in {Reason.ok, Reason.refused, Reason.status}
    assert len(proxy.requests) == 1
    assert [each.split()[1] for each in server.requests if b"/away" in each] == [b"/away"] * 2
