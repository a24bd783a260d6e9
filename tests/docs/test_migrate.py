"""docs/howto/migrate.rst: its checks answer what its table says, before and after."""

from __future__ import annotations

import asyncio
import inspect
import re
import textwrap
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests

from tests.docs.rows import PLAIN, Open, rows
from tryconnect import testing as peers

PAGE = (Path(__file__).parents[2] / "docs/howto/migrate.rst").read_text("utf-8")
BLOCK = re.compile(r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", re.MULTILINE)

HEADER, *TABLE = rows(PAGE, "What each answers")
LIBRARIES = HEADER[1:]

Check = Callable[[str], bool]

PEERS: dict[str, tuple[Open, str]] = PLAIN | {
    "sends a byte now and then": (partial(peers.drip, interval=0.02), ""),
    "the body breaks off": (partial(peers.raw, peers.REPLIES["short_body"]), ""),
    "redirects once": (peers.http_server, "redirect/1"),
    "redirects 11 times": (peers.http_server, "redirect/11"),
    "redirects, and wants its cookie back": (peers.http_server, "cookie-redirect"),
}

BY_PROXY = "answers 200, behind a proxy in ``HTTP_PROXY``"
NETRC = "answers 200, with a password in ``.netrc``"


def checks(library: str) -> tuple[Check, Check]:
    """The check of a section of the page, before and after, with a shorter deadline."""
    section = PAGE.partition(f"\n{library}\n{'-' * len(library)}\n")[2]
    before, after = BLOCK.findall(section)[:2]
    return _defined(before), _defined(after)


def _defined(block: str) -> Check:
    names: dict[str, Callable[[str], bool | Awaitable[bool]]] = {}
    source = re.sub(r"(timeout=|ClientTimeout\()5", r"\g<1>0.5", textwrap.dedent(block))
    exec(f"import tryconnect\n{source}", names)  # noqa: S102 - running the page is the point
    is_up = names["is_up"]

    async def answer(address: str) -> bool:
        answered = is_up(address)
        return await answered if inspect.isawaitable(answered) else answered

    if inspect.iscoroutinefunction(is_up):
        return lambda address: asyncio.run(answer(address))
    return is_up  # type: ignore[return-value]  # this one is no coroutine function


def shown(before: str, after: str) -> str:
    """A cell of the table."""
    return before if before == after else f"{before} → {after}"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in ("http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    urllib.request.install_opener(None)  # it keeps the proxies it knew
    yield monkeypatch
    urllib.request.install_opener(None)


def test_the_table_has_every_peer() -> None:
    assert [label for label, *_ in TABLE] == [*PEERS, BY_PROXY, NETRC]


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("label", PEERS)
def test_each_answers(label: str, library: str) -> None:
    serve, path = PEERS[label]
    with peers.in_thread(serve()) as peer:
        answers = [str(check(peer.url + path)) for check in checks(library)]

    assert shown(*answers) == cell(label, library)


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_by_the_proxy_of_the_environment(library: str, no_proxies: pytest.MonkeyPatch) -> None:
    ways = []
    with peers.in_thread(peers.http_server()) as peer, peers.in_thread(peers.proxy()) as proxy:
        no_proxies.setenv("HTTP_PROXY", proxy.url)
        no_proxies.setenv("http_proxy", proxy.url)
        for check in checks(library):
            asked = proxy.connections
            assert check(peer.url)
            ways.append("by the proxy" if proxy.connections > asked else "directly")

    assert shown(*ways) == cell(BY_PROXY, library)


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_passwords_of_netrc(library: str, no_proxies: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".netrc"
    file.write_text("machine 127.0.0.1 login me password secret\n")
    file.chmod(0o600)
    no_proxies.setenv("NETRC", str(file))
    no_proxies.setenv("HOME", str(tmp_path))
    sent = []
    with peers.in_thread(peers.http_server()) as peer:
        for check in checks(library):
            assert check(peer.url)
            sent.append("sent" if b"authorization:" in peer.requests[-1].lower() else "not sent")

    assert shown(*sent) == cell(NETRC, library)


def cell(label: str, library: str) -> str:
    (row,) = (row for row in TABLE if row[0] == label)
    return row[1 + LIBRARIES.index(library)]


async def test_how_long_they_wait_by_default() -> None:
    assert inspect.signature(requests.get).parameters.get("timeout") is None  # in **kwargs
    assert httpx.Client(verify=False).timeout == httpx.Timeout(5)  # noqa: S501 - it asks nobody
    async with aiohttp.ClientSession() as session:
        assert session.timeout.total == 300
