"""The functions of the package, and the client that all calls of a loop share."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from yarl import URL

import tryconnect
import tryconnect.sync
from tests.support.event_loops import LoopFactory, each_factory, on_each_loop
from tests.support.programs import run
from tryconnect import FetchError, Reason
from tryconnect import testing as peers
from tryconnect._api import _leases
from tryconnect._check.session import Checker
from tryconnect._keywords import explains_keywords

CALLS: list[Callable[..., Awaitable[object]]] = [
    tryconnect.try_connect,
    tryconnect.probe,
    tryconnect.fetch,
    tryconnect.fetch_text,
]
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)


class Counted(Checker):
    """A session that is counted."""

    opened = 0
    closed = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        type(self).opened += 1
        super().__init__(*args, **options)

    async def aclose(self) -> None:
        await super().aclose()
        type(self).closed += 1


@pytest.fixture(autouse=True)
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Counted]]:
    """Count sessions, and see that nobody holds the shared client after the calls."""
    monkeypatch.setattr("tryconnect._check.session.Checker", Counted)
    monkeypatch.setattr(Counted, "opened", 0)
    monkeypatch.setattr(Counted, "closed", 0)
    yield Counted
    assert Counted.opened == Counted.closed
    assert not _leases


@on_each_loop
async def test_what_they_return(http_server: peers.HttpServer) -> None:
    assert await tryconnect.try_connect(http_server.url) is True
    assert (await tryconnect.probe(http_server.url)).status == 200
    assert await tryconnect.fetch_text(http_server.url) == "hello"
    assert (await tryconnect.fetch(http_server.url)).report.ok


async def test_a_yarl_url_will_do(http_server: peers.HttpServer) -> None:
    assert await tryconnect.try_connect(URL(http_server.url))
    assert await tryconnect.fetch_text(URL(http_server.url)) == "hello"


async def test_expectations_pass_through(http_server: peers.HttpServer) -> None:
    assert not await tryconnect.try_connect(http_server.url, expect=404)
    assert (await tryconnect.probe(http_server.url, expect="4xx")).reason is Reason.status
    with pytest.raises(FetchError):
        await tryconnect.fetch_text(http_server.at("/status/404"))
    assert await tryconnect.fetch_text(http_server.at("/status/404"), expect=404) == ""
    with pytest.raises(FetchError):
        await tryconnect.fetch_text(http_server.url, max_bytes=4)


@on_each_loop
async def test_deadlines_pass_through() -> None:
    async with peers.silent() as peer:
        assert not await tryconnect.try_connect(peer.url, timeout=0.05)
        assert (await tryconnect.probe(peer.url, timeout=0.05)).reason is Reason.timeout
        with pytest.raises(FetchError):
            await tryconnect.fetch_text(peer.url, timeout=0.05)


@pytest.mark.slow
@on_each_loop
async def test_fifty_calls_share_one_session(
    http_server: peers.HttpServer, sessions: type[Counted]
) -> None:
    answers = await asyncio.gather(*(tryconnect.try_connect(http_server.url) for _ in range(50)))

    assert answers == [True] * 50
    assert (sessions.opened, sessions.closed) == (1, 1)


async def test_the_next_call_opens_another(
    http_server: peers.HttpServer, sessions: type[Counted]
) -> None:
    for count in (1, 2):
        assert await tryconnect.try_connect(http_server.url)
        assert (sessions.opened, sessions.closed) == (count, count)


async def test_the_last_one_out_closes(
    http_server: peers.HttpServer, sessions: type[Counted]
) -> None:
    async with peers.silent() as silent:
        first = asyncio.ensure_future(tryconnect.try_connect(silent.url, timeout=0.1))
        while not silent.connections:  # noqa: ASYNC110 - the peer has no event for it
            await asyncio.sleep(0.001)
        assert await tryconnect.try_connect(http_server.url)
        assert (sessions.opened, sessions.closed) == (1, 0)
        assert not await first
    assert (sessions.opened, sessions.closed) == (1, 1)


async def test_no_connection_is_kept(http_server: peers.HttpServer) -> None:
    async with peers.silent() as silent:
        first = asyncio.ensure_future(tryconnect.try_connect(silent.url, timeout=0.1))
        for _ in range(3):
            assert await tryconnect.try_connect(http_server.url)
        assert not await first

    assert http_server.connections == 3


@each_factory
def test_each_loop_has_a_session_of_its_own(
    loop_factory: LoopFactory, sessions: type[Counted]
) -> None:
    with peers.in_thread(peers.http_server()) as server:
        for _ in range(2):
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                assert runner.run(tryconnect.try_connect(server.url))

    assert (sessions.opened, sessions.closed) == (2, 2)


@each_call
@pytest.mark.parametrize("address", [None, 42, b"http://127.0.0.1/", object()])
async def test_an_address_is_a_text_or_a_url(
    call: Callable[..., Awaitable[object]], address: object
) -> None:
    with pytest.raises(TypeError, match=r"^an address is a str or a yarl\.URL, not "):
        await call(address)


@each_call
@pytest.mark.parametrize(
    ("options", "words"),
    [({"timeout": 0}, "timeout is"), ({"timeout": "1"}, "timeout is"), ({"expect": "?"}, "status")],
)
async def test_nonsense_is_refused(
    call: Callable[..., Awaitable[object]], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await call("http://127.0.0.1:1/", **options)


@on_each_loop
@each_call
async def test_a_cancellation_passes(call: Callable[..., Awaitable[object]]) -> None:
    async with peers.silent() as peer:
        task = asyncio.ensure_future(call(peer.url))
        while not peer.connections:  # noqa: ASYNC110 - the peer has no event for it
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@on_each_loop
async def test_a_cancelled_call_does_not_harm_the_others(sessions: type[Counted]) -> None:
    async with peers.raw(delay=0.05) as peer:
        tasks = [asyncio.ensure_future(tryconnect.try_connect(peer.url)) for _ in range(10)]
        await asyncio.sleep(0.01)
        for task in tasks[::2]:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert [end if isinstance(end, bool) else type(end) for end in ends] == [
        asyncio.CancelledError,
        True,
    ] * 5
    assert (sessions.opened, sessions.closed) == (1, 1)


async def test_cancelled_before_its_first_step(http_server: peers.HttpServer) -> None:
    task = asyncio.ensure_future(tryconnect.try_connect(http_server.url))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert http_server.connections == 0


async def test_a_session_that_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease is given back; the next call begins anew."""

    def fail(*_: object, **__: object) -> None:
        raise LookupError("no session")

    with monkeypatch.context() as patch:
        patch.setattr(Counted, "__init__", fail)
        with pytest.raises(LookupError):
            await tryconnect.try_connect("http://127.0.0.1:1/")
        assert not _leases
    assert not await tryconnect.try_connect("http://127.0.0.1:1/")


def test_the_file_for_the_type_checker_uses_every_name() -> None:
    program = (Path(__file__).parent / "support" / "typing_user.py").read_text("utf-8")
    words = set(re.findall(r"\w+", program))

    assert set(tryconnect.__all__) | set(tryconnect.sync.__all__) <= words


# --- at hand


def test_the_entry_points_are_there_and_load_when_they_are_used() -> None:
    program = """
import sys, tryconnect
before = [name for name in ("doctor", "sync", "web") if f"tryconnect.{name}" in sys.modules]
found = [getattr(tryconnect, name).__name__ for name in ("doctor", "sync", "web")]
print(before, found, {"doctor", "sync", "web"} <= set(dir(tryconnect)))
try:
    tryconnect.snyc
except AttributeError as error:
    print(error)
"""
    done = run(program)
    assert done.stdout.splitlines() == [
        "[] ['tryconnect.doctor', 'tryconnect.sync', 'tryconnect.web'] True",
        "module 'tryconnect' has no attribute 'snyc'",
    ]
    assert not done.stderr


KEYWORDS: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (tryconnect.probe, {"headers": {}}, "probe() got …: headers belongs to Client(headers=…)"),
    (
        tryconnect.Client.fetch,
        {"proxy": 1},
        "Client.fetch() got …: proxy belongs to Client(proxy=…)",
    ),
    (tryconnect.sync.probe, {"ssl": False}, "probe() got …: ssl belongs to Client(ssl=…)"),
    (tryconnect.watch, {"within": 1}, "watch() got …: within belongs to expect=Expect(within=…)"),
    (
        tryconnect.probe_many,
        {"any_of": 1},
        "probe_many() got …: any_of belongs to wait_until_up(…) and ",
    ),
    (tryconnect.try_connect, {"verify": 0}, "try_connect() got …: write Client(ssl=False), or "),
    (tryconnect.probe, {"limit": 1}, "probe() got …: limit belongs to probe_many(…)"),
    (tryconnect.Client, {"body": ""}, "Client() got …: body belongs to expect=Expect(body=…)"),
    (tryconnect.sync.Client, {"every": 1}, "Client() got …: every belongs to watch(…)"),
]


@pytest.mark.parametrize(("call", "keywords", "sentence"), KEYWORDS)
def test_a_keyword_says_where_it_belongs(
    call: Callable[..., Any], keywords: dict[str, Any], sentence: str
) -> None:
    (name,) = keywords
    words = [] if isinstance(call, type) else ["h"] * 2
    with pytest.raises(TypeError) as caught:
        # Before Python 3.12, coroutines raise where they are awaited.
        call(*words, **keywords).send(None)
    told = str(caught.value).replace(f"got an unexpected keyword argument '{name}'", "got …")
    assert told.startswith(sentence)


def test_any_other_keyword_is_as_python_says() -> None:
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'tiemout'"):
        tryconnect.probe_many([], tiemout=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing"):
        tryconnect.probe_many()  # type: ignore[call-arg]


async def test_before_python_3_12_a_coroutine_function_stays_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def probe(address: str) -> str:
        await asyncio.sleep(0)
        return address

    monkeypatch.delattr(inspect, "markcoroutinefunction", raising=False)
    call: Any = explains_keywords(probe)

    assert inspect.iscoroutinefunction(call)
    assert inspect.signature(call) == inspect.signature(probe)
    assert await call("h") == "h"
    with pytest.raises(TypeError, match=r"body belongs to expect=Expect\(body=…\)$"):
        await call("h", body="")


@pytest.mark.parametrize("name", ["probe", "try_connect", "fetch", "wait_until_up"])
def test_what_is_awaited_is_a_coroutine_function(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(tryconnect, name))
    assert inspect.iscoroutinefunction(getattr(tryconnect.Client, name))


@pytest.mark.slow
@pytest.mark.wants(module="pyright")
@pytest.mark.parametrize(("mistake", "code"), [("", 0), ("tryconnect.probe(1)", 1)])
def test_pyright_accepts_a_program_with_every_name(mistake: str, code: int, tmp_path: Path) -> None:
    """As strict as it can be; mypy reads the same program with all of the tests."""
    program = (Path(__file__).parent / "support" / "typing_user.py").read_text("utf-8")
    (tmp_path / "program.py").write_text(f"{program}\n{mistake}\n")
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}))
    words = ("-m", "pyright", "--project", str(tmp_path), "--pythonpath", sys.executable)

    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, *words], capture_output=True, text=True, check=False
    )

    assert done.returncode == code, done.stdout
    assert ("reportArgumentType" in done.stdout) is bool(mistake)


def test_the_types_of_options_stand_in_unions_at_run_time() -> None:
    for alias in (tryconnect.Address, tryconnect.Addresses, tryconnect.ExpectLike):
        assert type(None) in get_args(alias | None)
