"""Bulk runs, waits and watches over real sockets, from the package and from a client."""

from __future__ import annotations

import asyncio
import itertools
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import tryconnect
from tests.support.event_loops import on_each_loop
from tests.support.ports import free_port
from tryconnect import Client, Guard, InvalidAddress, Probes, Reason, Report, WaitTimeout, Watch
from tryconnect import testing as peers
from tryconnect._runs import bulk

LATE = 0.25
"""Seconds that a busy machine may add."""


@pytest.fixture
async def ways(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Any]]:
    """What offers these functions: the package, and a client."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    async with Client(proxy=None) as client:
        yield [tryconnect, client]


async def read(probes: Probes) -> list[Report]:
    async with probes:
        return [report async for report in probes]


@pytest.mark.slow
@on_each_loop
async def test_good_and_bad_addresses_make_a_report_each(
    ways: list[Any], http_server: peers.HttpServer
) -> None:
    for way in ways:
        async with peers.closed_port() as closed, peers.silent() as silent:
            addresses = [http_server.url, closed.url, silent.url, "no address", "a:b:c", ""]

            reports = await read(way.probe_many(addresses, timeout=0.2, ordered=True))

        assert [report.address for report in reports] == addresses
        assert [report.reason for report in reports] == [
            Reason.ok,
            Reason.refused,
            Reason.timeout,
            *[Reason.invalid_address] * 3,
        ]


@pytest.mark.slow
async def test_the_deadline_of_a_check_begins_with_it(ways: list[Any]) -> None:
    """Twelve checks of 0.2 s, four at a time: the last ones begin after 0.4 s."""
    for way in ways:
        async with peers.silent() as silent:
            started = time.monotonic()
            reports = await read(way.probe_many([silent.url] * 12, limit=4, timeout=0.2))

        assert {report.reason for report in reports} == {Reason.timeout}
        assert all(0.2 <= report.timings.total < 0.2 + LATE for report in reports)
        assert 0.6 <= time.monotonic() - started < 0.6 + LATE


async def test_each_address_of_a_list_is_held_to_what_applies_to_it(
    ways: list[Any], http_server: peers.HttpServer
) -> None:
    for way in ways:
        place = f"127.0.0.1:{http_server.port}"

        reports = await read(way.probe_many([place, f"{place}/"], expect=404, ordered=True))

        assert [report.reason for report in reports] == [Reason.ok, Reason.status]


async def test_what_applies_to_none_of_a_list_is_told_behind_its_reports(
    ways: list[Any], http_server: peers.HttpServer
) -> None:
    for way in ways:
        run = way.probe_many([http_server.address, "h:-1"], expect=200)
        reports = [await anext(run), await anext(run)]

        assert sorted(report.reason for report in reports) == ["invalid_address", "ok"]
        with pytest.raises(ValueError, match=f"^status .* of {http_server.address}: only of "):
            await anext(run)


async def test_each_address_that_is_waited_for_is_held_to_what_applies_to_it(
    ways: list[Any], http_server: peers.HttpServer
) -> None:
    for way in ways:
        reports = await way.wait_until_up(http_server.address, http_server.url, expect=200)

        assert [report.reason for report in reports] == [Reason.ok] * 2


async def test_an_answer_of_any_kind_is_not_down(ways: list[Any]) -> None:
    async with peers.raw(b"HTTP/1.1 503 Draining\r\n\r\n") as draining:
        for way in ways:
            with pytest.raises(WaitTimeout):
                await way.wait_until_down(draining.url, timeout=0.1)
            assert await way.wait_until_down(draining.url, timeout=5, expect="2xx")


async def test_a_watch_asks_whether_it_is_well_and_tells_each_change(ways: list[Any]) -> None:
    statuses = [200, 503] * 4

    async def alternate(connection: peers.Connection) -> None:
        await connection.head()
        await connection.send(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % statuses.pop(0))

    for way in ways:
        async with peers.serve(alternate) as peer:
            watch = way.watch(peer.url, every=0.01)
            found = [(await anext(watch)).status for _ in range(4)]
            await watch.aclose()

        assert found == [200, 503, 200, 503]
        statuses[:] = [200, 503] * 4


async def test_any_answer_may_be_watched_for(ways: list[Any]) -> None:
    for way in ways:
        async with peers.raw(b"HTTP/1.1 503 No\r\n\r\n") as peer:
            watch = way.watch(peer.url, expect="any")
            assert (await anext(watch)).ok
            await watch.aclose()


@pytest.mark.parametrize("addresses", [[], ["h:-1"]])
async def test_where_there_is_no_address_nothing_has_to_apply(
    ways: list[Any], addresses: list[str]
) -> None:
    for way in ways:
        assert len(await read(way.probe_many(addresses, expect=200))) == len(addresses)


async def test_connections_are_fresh_and_none_is_kept(
    ways: list[Any], http_server: peers.HttpServer
) -> None:
    for count, way in enumerate(ways, 1):
        assert all(await read(way.probe_many([http_server.url] * 10, limit=2)))

        assert http_server.connections == 10 * count


async def test_a_clients_options_hold_for_its_runs(http_server: peers.HttpServer) -> None:
    client = Client(guard=Guard.public())

    (report,) = await read(client.probe_many([http_server.url]))

    assert report.reason is Reason.blocked


@pytest.mark.parametrize("keep", [False, True])
async def test_failures_lose_their_frames_unless_they_are_asked_for(keep: bool) -> None:  # noqa: FBT001
    async with peers.closed_port() as closed:
        run = tryconnect.probe_many([closed.url], keep_tracebacks=keep)
        (report,) = await read(run)

    error = report.error
    assert isinstance(error, OSError)
    assert (error.__traceback__ is not None) is keep
    inner = error.__cause__ or error.__context__
    assert inner is not None
    assert (inner.__traceback__ is not None) is keep


async def test_frames_are_found_behind_groups_and_in_circles() -> None:
    first, second = ValueError(), ValueError()
    for error in (first, second):
        try:
            raise error
        except ValueError:
            pass
    group = ExceptionGroup("both", [first])
    group.__cause__, second.__context__ = second, group

    bulk._forget_tracebacks(group)

    assert first.__traceback__ is second.__traceback__ is None


NONSENSE: dict[str, Callable[[Any], Any]] = {
    "a limit of nothing": lambda way: way.probe_many([], limit=0),
    "a bound of half a host": lambda way: way.probe_many([], per_host=0.5),
    "a negative timeout": lambda way: way.probe_many([], timeout=-1),
    "an expectation of nonsense": lambda way: way.probe_many([], expect="good"),
    "a watch without a pause": lambda way: way.watch("a.test", every=0),
    "a rise of nothing": lambda way: way.watch("a.test", rise=0),
    "a fall that is no number": lambda way: way.watch("a.test", fall="2"),
    "a watch for an answer of what is not asked": lambda way: way.watch("a.test:1", expect=200),
}
NONSENSE_TO_WAIT_FOR: dict[str, Callable[[Any], Any]] = {
    "no address": lambda way: way.wait_until_up(),
    "no time": lambda way: way.wait_until_up("a.test", timeout=0),
    "an answer of what is not asked": lambda way: way.wait_until_up("a.test:1", expect="2xx"),
    "the same for down": lambda way: way.wait_until_down("a.test:1", expect="2xx"),
}


@pytest.mark.parametrize("call", NONSENSE.values(), ids=list(NONSENSE))
async def test_nonsense_is_told_at_once(ways: list[Any], call: Callable[[Any], Any]) -> None:
    for way in ways:
        with pytest.raises(ValueError, match=r"\w"):
            call(way)


@pytest.mark.parametrize("call", NONSENSE_TO_WAIT_FOR.values(), ids=list(NONSENSE_TO_WAIT_FOR))
async def test_nonsense_is_not_waited_for(ways: list[Any], call: Callable[[Any], Any]) -> None:
    for way in ways:
        with pytest.raises(ValueError, match=r"\w"):
            await call(way)


async def test_what_is_no_address_is_told_at_once(ways: list[Any]) -> None:
    for way in ways:
        for wait in (way.wait_until_up, way.wait_until_down):
            with pytest.raises(InvalidAddress):
                await wait("a.test", "no address")
            with pytest.raises(TypeError):
                await wait(7)
        with pytest.raises(InvalidAddress):
            way.watch("no address")
        with pytest.raises(TypeError):
            way.watch(7)


@pytest.mark.slow
@on_each_loop
async def test_a_server_that_starts_late_is_waited_for(ways: list[Any]) -> None:
    for way in ways:
        port = free_port()
        waiting = asyncio.ensure_future(
            way.wait_until_up(f"http://127.0.0.1:{port}/", f"127.0.0.1:{port}", timeout=10)
        )
        await asyncio.sleep(0.1)
        assert not waiting.done()
        async with peers.http_server(port=port):
            reports = await waiting

        assert len(reports) == 2
        assert all(reports)


@pytest.mark.slow
async def test_a_status_that_is_not_2xx_is_not_up_unless_it_is_wanted(
    ways: list[Any], http_server: peers.HttpServer
) -> None:
    http_server.pages["/soon"] = peers.CannedResponse(b"", (), 503)
    url = f"{http_server.url}soon"
    for way in ways:
        with pytest.raises(WaitTimeout) as caught:
            await way.wait_until_up(url, timeout=0.2)
        assert caught.value.report.reason is Reason.status
        assert await way.wait_until_up(url, timeout=0.2, expect=None)


@pytest.mark.slow
async def test_a_server_that_goes_is_waited_for(ways: list[Any]) -> None:
    for way in ways:
        async with peers.http_server() as server:
            waiting = asyncio.ensure_future(way.wait_until_down(server.url, timeout=10))
            await asyncio.sleep(0.1)
            assert not waiting.done()
        (report,) = await waiting

        # Reset, if it went in the middle of a check.
        assert report.reason in {Reason.refused, Reason.reset}


@pytest.mark.slow
async def test_a_wait_in_vain_ends_in_time(ways: list[Any]) -> None:
    for way in ways:
        async with peers.silent() as silent:
            started = time.monotonic()
            with pytest.raises(WaitTimeout) as caught:
                await way.wait_until_up(silent.url, timeout=0.3)

        assert 0.3 <= time.monotonic() - started < 0.3 + LATE
        assert caught.value.__cause__ is caught.value.report.error


@on_each_loop
async def test_a_watch_tells_each_change(ways: list[Any]) -> None:
    for way in ways:
        port = free_port()
        watch = way.watch(f"http://127.0.0.1:{port}/", every=0.02, fall=2)
        assert isinstance(watch, Watch)

        assert (await anext(watch)).reason is Reason.refused
        async with peers.http_server(port=port):
            assert (await anext(watch)).ok
        assert (await anext(watch)).reason is Reason.refused
        await watch.aclose()
        assert [report async for report in watch] == []


@pytest.mark.slow
@on_each_loop
async def test_breaking_out_leaves_at_once(ways: list[Any]) -> None:
    """The leak guard sees that no socket and no task is left."""
    for way in ways:
        async with peers.raw() as quick, peers.silent() as silent:
            read = 0
            addresses = itertools.chain([quick.url] * 10, itertools.repeat(silent.url))
            async for report in way.probe_many(addresses, limit=50):
                assert report
                read += 1
                if read == 10:
                    break
            async with way.probe_many(addresses, limit=50, timeout=0.1) as probes:
                await anext(probes)
                left = time.monotonic()
            assert time.monotonic() - left < 0.05 + LATE


POOR = """
import asyncio, resource, sys
import tryconnect

resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

async def main():
    port, limit, count = map(int, sys.argv[1:])
    hosts = (f"http://127.1.{n // 256}.{n % 256}:{port}/" for n in range(count))
    reasons = {}
    async with tryconnect.probe_many(hosts, limit=limit) as probes:
        async for report in probes:
            reasons[report.reason.value] = reasons.get(report.reason.value, 0) + 1
    print(reasons)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
@pytest.mark.parametrize(("limit", "warned"), [(100, False), (1000, True)])
def test_with_few_descriptors_every_answer_is_right(limit: int, warned: bool) -> None:  # noqa: FBT001
    with peers.in_thread(peers.raw(host="0.0.0.0")) as server:  # noqa: S104 - all of loopback
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-X", "dev", "-c", POOR, str(server.port), str(limit), "400"],
            capture_output=True,
            text=True,
            check=True,
        )

    assert done.stdout == "{'ok': 400}\n"
    assert done.stderr.count("RuntimeWarning") == warned
    assert ("limit=1000 is lowered to" in done.stderr) is warned


async def test_the_warning_points_at_the_caller(
    ways: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    for way in ways:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            way.probe_many([], limit=1000)

        assert [warning.filename for warning in caught] == [__file__]
