"""What counts without an expectation: help, docs and behaviour say the same."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from multidict import MultiDict

import tryconnect
from tests.cli.commands import ran_here
from tryconnect import Client, FetchError, WaitTimeout, sync
from tryconnect import testing as peers
from tryconnect._check.loading import load_aiohttp
from tryconnect._options import UP
from tryconnect.web import WatchedTarget
from tryconnect.web._parameters import check_question, probe_question

load_aiohttp()  # a client would do so in the loop

PAGE = Path(__file__).parents[2] / "docs/reference/expectations.rst"

BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

WELL, ANY = "2xx", "any answer"

DEFAULTS = {
    "try_connect": ANY,
    "probe": ANY,
    "probe_many": ANY,
    "tryconnect check": ANY,
    "/api/check": ANY,
    "wait_until_up": WELL,
    "tryconnect wait": WELL,
    "wait_until_down": ANY,
    "tryconnect wait --gone": ANY,
    "watch": WELL,
    "tryconnect watch": WELL,
    "target files": WELL,
    "/probe": WELL,
    "fetch": WELL,
    "fetch_text": WELL,
    "tryconnect fetch": WELL,
}
"""Whoever asks, and what counts there."""


def test_the_docs_say_so() -> None:
    text = PAGE.read_text("utf-8").partition("What counts\n")[2].partition("\n\nAn argument")[0]
    told = {}
    for asking, counts in re.findall(r"\* - (.+)\n     - (.+)", text):
        for name in re.split(r"[,;]", asking.replace("``", "")):
            name = name.strip().removesuffix(" of tryconnect serve")  # noqa: PLW2901
            told[name] = WELL if counts == "2xx" else ANY
    assert told == DEFAULTS


HELP = [name for name in DEFAULTS if name.startswith("tryconnect ") and "--" not in name]


@pytest.mark.parametrize("name", HELP)
def test_help_says_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = " ".join(ran_here(capsys, name.split()[1], "--help").out.split())
    (told,) = re.findall(r"--expect STATUS .*?\(default: (.*?)\)", shown)
    assert told.partition(";")[0] == DEFAULTS[name]
    if name == "tryconnect wait":
        assert told.partition("; ")[2] == f"with --gone, {DEFAULTS['tryconnect wait --gone']}"


@pytest.mark.parametrize("owner", [tryconnect, sync])
def test_signatures_say_so(owner: Any) -> None:
    for name, counts in DEFAULTS.items():
        if hasattr(owner, name):
            default = inspect.signature(getattr(owner, name)).parameters["expect"].default
            assert default in ({UP, "2xx"} if counts == WELL else {None}), name


@pytest.mark.slow
async def test_functions_do_so() -> None:
    async with peers.raw(BUSY) as peer, Client(proxy=None) as client:
        for way in (tryconnect, client):
            found = {
                "try_connect": await way.try_connect(peer.url),
                "probe": (await way.probe(peer.url)).ok,
                "probe_many": [each.ok async for each in way.probe_many([peer.url])] == [True],
                "wait_until_up": await counts_as_up(way, peer.url),
                "wait_until_down": not await counts_as_down(way, peer.url),
                "watch": (await anext(way.watch(peer.url))).ok,
                "fetch": await can_be_fetched(way.fetch, peer.url),
                "fetch_text": await can_be_fetched(way.fetch_text, peer.url),
            }
            assert found == {name: DEFAULTS[name] == ANY for name in found}


async def counts_as_up(way: Any, url: str) -> bool:
    try:
        return bool(await way.wait_until_up(url, timeout=0.5))
    except WaitTimeout:
        return False


async def counts_as_down(way: Any, url: str) -> bool:
    try:
        return bool(await way.wait_until_down(url, timeout=0.5))
    except WaitTimeout:
        return False


async def can_be_fetched(fetch: Any, url: str) -> bool:
    try:
        await fetch(url)
    except FetchError:
        return False
    return True


@pytest.mark.slow
def test_the_command_line_does_so(capsys: pytest.CaptureFixture[str]) -> None:
    with peers.in_thread(peers.raw(BUSY)) as peer:
        found = {
            name: ran_here(capsys, *words.split(), peer.url).code == 0
            for name, words in {
                "tryconnect check": "check",
                "tryconnect fetch": "fetch",
                "tryconnect wait": "wait --timeout 0.1",
            }.items()
        }
        gone = ran_here(capsys, "wait", "--gone", "--timeout", "0.1", peer.url).code == 0
    assert found == {name: DEFAULTS[name] == ANY for name in found}
    assert gone is (DEFAULTS["tryconnect wait --gone"] != ANY)


def test_the_server_does_so() -> None:
    target = WatchedTarget(name="a", address="http://h/")
    assert target.request.expect == UP
    assert WatchedTarget(name="a", address="http://h/", expect="any").request.expect is None
    assert WatchedTarget(name="a", address="tcp://h:1").request.expect is None
    assert probe_question(query("target"), {}).expect == UP
    assert check_question(query("address")).expect is None


def query(name: str) -> Any:
    return MultiDict({name: "http://h/"})
