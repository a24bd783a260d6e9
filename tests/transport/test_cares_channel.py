"""A channel of c-ares, in loops that watch sockets and in those that cannot."""

import asyncio
import gc
import inspect
import socket
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pycares
import pytest

from tests.support.event_loops import on_each_loop
from tests.support.leaks import Guard
from tryconnect import testing as peers
from tryconnect._transport import cares_channel
from tryconnect._transport.cares_channel import MAX_ANSWERS, CaresChannel
from tryconnect.testing import dns

A, AAAA = pycares.QUERY_TYPE_A, pycares.QUERY_TYPE_AAAA
HERE = "127.0.0.1"
ZONE: dns.Zone = {
    "box.test": [HERE, "127.0.0.2", "::1"],
    "www.test": dns.alias("box.test"),
    "no.test": dns.NODATA,
    "broken.test": dns.SERVFAIL,
    "refused.test": dns.REFUSED,
    "garbage.test": dns.GARBAGE,
    "long.test": dns.truncated(HERE),
    "late.test": dns.late(1, HERE),
    "silent.test": dns.SILENT,
    **{f"n{number}.test": [HERE] for number in range(10)},
}
errors = pycares.errno


@pytest.fixture(params=["watched by the loop", "in a thread of c-ares'"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if "thread" in request.param:
        monkeypatch.setattr(cares_channel, "_watches_sockets", lambda _: False)
    return str(request.param)


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[CaresChannel, dns.DnsServer]]:
    async with peers.dns_server(ZONE) as server:
        channel = CaresChannel(asyncio.get_running_loop(), server.address, **options)
        try:
            yield channel, server
        finally:
            channel.close()


async def answer(channel: CaresChannel, name: str, kind: int = A) -> tuple[list[str], int | None]:
    answered: asyncio.Future[tuple[list[str], int | None]] = (
        asyncio.get_running_loop().create_future()
    )
    channel.ask(name, kind, lambda ips, error: answered.set_result((ips, error)))
    assert not answered.done()
    return await answered


ANSWERS = [
    ("box.test", A, [HERE, "127.0.0.2"], None),
    ("box.test", AAAA, ["::1"], None),
    ("www.test", A, [HERE, "127.0.0.2"], None),
    ("long.test", A, [HERE], None),
    ("no.test", A, [], errors.ARES_ENODATA),
    ("none.test", A, [], errors.ARES_ENOTFOUND),
    ("broken.test", A, [], errors.ARES_ESERVFAIL),
    ("refused.test", A, [], errors.ARES_EREFUSED),
    ("garbage.test", A, [], errors.ARES_EBADRESP),
    ("x" * 64 + ".test", A, [], errors.ARES_EBADNAME),
]


@on_each_loop
@pytest.mark.parametrize(("name", "kind", "ips", "error"), ANSWERS)
async def test_what_is_answered(
    name: str, kind: int, ips: list[str], error: int | None, way: str
) -> None:
    del way
    async with opened() as (channel, _):
        assert await answer(channel, name, kind) == (ips, error)


@on_each_loop
async def test_over_tcp(way: str) -> None:
    del way
    async with opened(tcp=True) as (channel, server):
        assert await answer(channel, "box.test") == ([HERE, "127.0.0.2"], None)
        assert {query.over for query in server.queries} == {"tcp"}


async def test_nobody_listens(way: str) -> None:
    del way
    async with peers.closed_port() as closed:
        channel = CaresChannel(asyncio.get_running_loop(), closed.address)
        assert await answer(channel, "box.test") == ([], errors.ARES_ECONNREFUSED)
        channel.close()


async def test_questions_have_no_edns(way: str) -> None:
    del way
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HERE, 0))
    with sock:
        address = f"{HERE}:{sock.getsockname()[1]}"
        channel = CaresChannel(asyncio.get_running_loop(), address)
        channel.ask("box.test", A, lambda *_: None)
        sock.settimeout(5)
        packet = sock.recv(512)
        channel.close()

    assert packet[2:12] == b"\1\0\0\1\0\0\0\0\0\0"  # one question, and nothing else


async def test_it_takes_new_questions_until_c_ares_would_be_hasty() -> None:
    async with opened() as (channel, _):
        for number in range(MAX_ANSWERS + 1):
            assert channel.takes("other.test")
            await answer(channel, f"n{number}.test")
        assert not channel.takes("other.test")


async def test_it_takes_no_name_that_c_ares_remembers() -> None:
    async with opened() as (channel, _):
        await answer(channel, "box.test")
        await answer(channel, "broken.test")
        assert not channel.takes("box.test")
        assert channel.takes("broken.test")


@pytest.mark.slow
async def test_without_new_questions_c_ares_waits_as_long_as_we_do(way: str) -> None:
    """After three answers it would ask again after a quarter of a second."""
    del way
    async with opened() as (channel, server):
        late = asyncio.ensure_future(answer(channel, "late.test"))
        for number in range(MAX_ANSWERS + 1):
            await answer(channel, f"n{number}.test")
        assert await late == ([HERE], None)
        assert [query.name for query in server.queries].count("late.test") == 1


@on_each_loop
@pytest.mark.slow
async def test_a_forgotten_question_ends_with_the_last_that_somebody_waits_for(way: str) -> None:
    del way
    async with opened() as (channel, _):
        heard: list[object] = []
        forgotten = channel.ask("silent.test", A, lambda *_: heard.append(1))
        late = asyncio.ensure_future(answer(channel, "late.test"))
        await asyncio.sleep(0)
        forgotten.forget()
        forgotten.forget()
        assert not channel.takes("other.test")
        assert await late == ([HERE], None)
        assert channel._ares is None
        assert heard == []


async def test_retired_it_answers_and_closes(way: str) -> None:
    del way
    async with opened() as (channel, _):
        waiting = asyncio.ensure_future(answer(channel, "box.test"))
        await asyncio.sleep(0)
        channel.retire()
        assert await waiting == ([HERE, "127.0.0.2"], None)
        assert channel._ares is None


async def test_closing_forgets_everything(way: str) -> None:
    del way
    async with opened() as (channel, _):
        heard: list[object] = []
        question = channel.ask("silent.test", A, lambda *_: heard.append(1))
        channel.close()
        channel.close()
        question.forget()
        await asyncio.sleep(0.01)
        assert heard == []


async def test_an_answer_may_ask_the_next_question_and_close(way: str) -> None:
    del way
    async with opened() as (channel, _):
        done = asyncio.Event()

        def then(*_: object) -> None:
            channel.close()
            done.set()

        channel.ask("box.test", A, lambda *_: channel.ask("www.test", A, then))
        await done.wait()


@pytest.mark.slow
@pytest.mark.usefixtures("way")
async def test_who_cannot_take_an_answer_costs_nobody_else_theirs(leak_guard: Guard) -> None:
    def refuse(*_: object) -> NoReturn:
        raise MemoryError

    with peers.in_thread(peers.dns_server(ZONE)) as server:
        channel = CaresChannel(asyncio.get_running_loop(), server.address)
        channel.ask("box.test", A, refuse)
        others = [asyncio.ensure_future(answer(channel, f"n{number}.test")) for number in range(5)]
        await asyncio.sleep(0)  # they have asked
        time.sleep(0.2)  # noqa: ASYNC251 - all answers come in one turn
        async with asyncio.timeout(2):
            found = await asyncio.gather(*others)
        channel.close()

    assert found == [([HERE], None)] * 5
    assert len(leak_guard.expect_complaints()) == 1


def test_a_channel_of_a_closed_loop_is_let_go(leak_guard: Guard) -> None:
    kept = []

    async def leave() -> None:
        async with peers.dns_server(ZONE) as server:
            channel = CaresChannel(asyncio.get_running_loop(), server.address)
            channel.ask("silent.test", A, lambda *_: None)
            kept.append(channel)

    asyncio.run(leave())
    kept.pop().close()
    gc.collect()

    assert not leak_guard.expect_complaints()


async def test_a_channel_that_nobody_holds_is_closed(way: str, leak_guard: Guard) -> None:
    """pycares holds its own as long as a question has no answer; the guard sees the sockets."""
    del way
    async with peers.dns_server(ZONE) as server:
        channel = CaresChannel(asyncio.get_running_loop(), server.address)
        ares = weakref.ref(channel._ares)
        channel.ask("silent.test", A, lambda *_: None)
        channel._loop = asyncio.new_event_loop()  # as if its own no longer watched the socket
        for fd, _ in channel._watched:
            asyncio.get_running_loop().remove_reader(fd)
        channel._loop.close()
        del channel
        gc.collect()
        assert ares() is None

    assert not leak_guard.expect_complaints()


def test_where_c_ares_does_not_start_an_error_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> NoReturn:
        raise pycares.AresError("no")

    monkeypatch.setattr(pycares, "Channel", fail)
    with asyncio.Runner() as runner, pytest.raises(pycares.AresError):
        CaresChannel(runner.get_loop(), HERE)


async def test_a_question_that_c_ares_has_no_memory_for_is_answered_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise pycares.AresError(errors.ARES_ENOMEM, "no")

    async with opened() as (channel, _):
        monkeypatch.setattr(channel, "_ask", refuse)
        assert await answer(channel, "box.test") == ([], errors.ARES_ENOMEM)


class Bare(asyncio.SelectorEventLoop):
    """A loop that watches no sockets."""

    def add_reader(self, *_: object) -> NoReturn:
        raise NotImplementedError


@pytest.mark.parametrize("kind", [asyncio.SelectorEventLoop, Bare])
def test_whether_a_loop_watches_sockets_is_seen_by_trying(
    kind: type[asyncio.SelectorEventLoop],
) -> None:
    loop = kind()
    try:
        assert cares_channel._watches_sockets(loop) is (kind is not Bare)
        assert cares_channel._watching[kind] is (kind is not Bare)
    finally:
        loop.close()


async def test_a_socket_that_is_ready_after_the_end_is_left_alone() -> None:
    async with opened() as (channel, _):
        answers: list[object] = []
        channel.ask("box.test", A, lambda *said: answers.append(said))
        fd = next(fd for fd, _ in channel._watched)
        channel.close()
        channel._process(fd, -1)

    assert answers == []


# --- what we rely on


def test_pycares_has_what_a_fork_needs() -> None:
    """Else channels of a child are never taken apart."""
    assert hasattr(pycares, "_shutdown_manager")
    assert not inspect.signature(type(pycares._shutdown_manager)).parameters


def test_the_child_of_a_fork_has_a_pycares_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pycares._shutdown_manager
    monkeypatch.setattr(pycares, "_shutdown_manager", before)

    cares_channel._after_fork()
    assert pycares._shutdown_manager is not before

    monkeypatch.delattr(pycares, "_shutdown_manager")
    cares_channel._after_fork()
