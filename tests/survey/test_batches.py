"""Arrow batches in, Arrow batches out: each row once, whoever is busy meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.survey.counting import Counting, counting
from tryconnect import Reason, sync
from tryconnect import testing as peers

pa = pytest.importorskip("pyarrow")
arrow = pytest.importorskip("tryconnect.arrow")

from tryconnect._survey.batches import REPORT, arrow_batch, row_of  # noqa: E402 - where there is pyarrow

pytestmark = pytest.mark.wants(module="pyarrow")

REFUSED = "http://127.0.0.1:1/"


def batch(addresses: Iterable[str | None], **columns: list[Any]) -> Any:
    return pa.record_batch({"address": pa.array(list(addresses), pa.string()), **columns})


def table(batches: Iterable[Any]) -> Any:
    return pa.Table.from_batches(list(batches))


def some(count: int, start: int = 0) -> Any:
    return batch(f"{REFUSED}{number}" for number in range(start, start + count))


# --- rows


@pytest.mark.parametrize("rows_per_batch", [1, 7, 4096])
def test_each_row_comes_once_whatever_the_batches(rows_per_batch: int) -> None:
    reports = table(
        arrow.probe_batches((some(10, start) for start in (0, 10)), rows_per_batch=rows_per_batch)
    ).sort_by("row")

    assert reports.column("row").to_pylist() == list(range(20))
    assert reports.column("address").to_pylist() == [f"{REFUSED}{n}" for n in range(20)]
    assert set(reports.column("reason").to_pylist()) == {"refused"}


def test_the_same_address_twice_is_two_rows() -> None:
    reports = table(arrow.probe_batches([batch([REFUSED] * 3, id=["a", "b", "c"])]))
    assert sorted(reports.column("id").to_pylist()) == ["a", "b", "c"]


def test_columns_go_through_and_reports_carry_the_schema() -> None:
    given = batch([REFUSED], id=[7], note=["x"])
    reports = table(arrow.probe_batches([given]))
    kept = [field for field in given.schema if field.name != "address"]

    assert reports.schema == arrow.report_schema(kept)
    assert reports.select(["row", "id", "note"]).to_pylist() == [{"row": 0, "id": 7, "note": "x"}]


def test_keep_chooses_the_columns() -> None:
    given = batch([REFUSED], id=[7], note=["x"])
    assert table(arrow.probe_batches([given], keep=["note"])).column_names[:3] == [
        "row",
        "note",
        "address",
    ]


def test_a_row_column_of_the_input_goes_through() -> None:
    reports = table(arrow.probe_batches([batch([REFUSED], row=["key"])]))
    assert reports.column("row").to_pylist() == ["key"]


WRONG: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "no column": ([batch([REFUSED])], {"column": "host"}, ValueError, "no column 'host'"),
    "a report's name": ([batch([REFUSED], status=[1])], {}, ValueError, "status"),
    "nothing to keep": ([batch([REFUSED])], {"keep": ["id"]}, ValueError, "no column id"),
    "numbers": ([pa.record_batch({"address": [1]})], {}, TypeError, "int64"),
    "no batches": ([REFUSED], {}, TypeError, "record batches"),
    "a limit": ([batch([REFUSED])], {"limit": 0}, ValueError, "limit"),
    "a size": ([batch([REFUSED])], {"rows_per_batch": 0}, ValueError, "rows_per_batch"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_named(case: str) -> None:
    batches, options, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        list(arrow.probe_batches(batches, **options))


def test_a_missing_address_is_an_invalid_one() -> None:
    reports = table(arrow.probe_batches([batch([None, "two words"])]))
    assert reports.column("reason").to_pylist() == ["invalid_address"] * 2


def test_an_empty_input_keeps_its_columns() -> None:
    assert list(arrow.probe_batches([])) == []
    [empty] = arrow.probe_batches([batch([], id=pa.array([], pa.int64()))])
    assert (empty.num_rows, empty.column_names[:2]) == (0, ["row", "id"])


@pytest.mark.parametrize(
    "of", [lambda b: b, lambda b: pa.Table.from_batches([b]), lambda b: [b], lambda b: iter([b])]
)
def test_whatever_holds_arrow_data_is_read(of: Any) -> None:
    assert table(arrow.probe_batches(of(some(3)))).num_rows == 3


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_kind_of_text_is_read(kind: Any) -> None:
    column = pa.array([REFUSED], kind)
    for each in (column, pa.array([REFUSED]).dictionary_encode()):
        reports = table(arrow.probe_batches([pa.record_batch({"address": each})]))
        assert reports.column("reason").to_pylist() == ["refused"]


# --- values


@pytest.mark.parametrize("show_secrets", [False, True])
def test_a_row_says_what_json_says(show_secrets: bool) -> None:  # noqa: FBT001 - a parameter
    with peers.in_thread(peers.http_server()) as server:
        addresses = [
            server.at("/status/404"),
            server.at("/redirect/2"),
            f"http://me:secret@127.0.0.1:{server.port}/?token=1#part",
            "http://me:pa/ss@host/",
            "\udcff",
            REFUSED,
        ]
        reports = list(sync.probe_many(addresses, ordered=True))
    values = [row_of(report, show_secrets=show_secrets) for report in reports]
    rows = arrow_batch(values, pa.schema(REPORT)).to_pylist()

    for row, report in zip(rows, reports, strict=True):
        told = report.as_dict(show_secrets=show_secrets)
        if told["tls"]:
            told["tls"]["expires"] = row["tls"]["expires"]
        assert row["checked_at"] == report.checked_at
        told["checked_at"] = row["checked_at"]
        assert row == {key: without_bytes(value) for key, value in told.items()}


def without_bytes(value: Any) -> Any:
    return value.replace("\udcff", "\\xff") if isinstance(value, str) else value


def test_a_certificate_s_end_is_a_moment() -> None:
    with peers.in_thread(peers.http_server(tls=peers.server_context())) as server:
        client = {"ssl": peers.trusting()}
        reports = table(arrow.probe_batches([batch([server.at("/")])], client=client))
    [tls] = reports.column("tls").to_pylist()
    assert tls["version"] == "TLSv1.3"
    assert tls["expires"].utcoffset() is not None


# --- busy consumers and producers


TIMEOUT = 0.6
BUSY = 0.8
"""Seconds: longer than the timeout of a check, whose answer comes after 0.2 s."""


def busy_producer(server: Counting, count: int) -> Iterator[Any]:
    for start in range(0, 3 * count, count):
        time.sleep(BUSY)
        yield batch(server.url(n) for n in range(start, start + count))


@pytest.mark.slow
@pytest.mark.parametrize("busy", ["consumer", "producer"])
def test_whoever_is_busy_causes_no_time_out(busy: str) -> None:
    reasons: list[str] = []
    with counting(0.2) as server:
        given: Any = busy_producer(server, 30)
        if busy == "consumer":
            given = [batch(server.url(n) for n in range(90))]
        for reports in arrow.probe_batches(given, timeout=TIMEOUT, limit=20, rows_per_batch=20):
            reasons += reports.column("reason").to_pylist()
            if busy == "consumer":
                time.sleep(BUSY)

    assert reasons == ["ok"] * 90


def test_the_input_is_pulled_in_the_consumer_s_thread() -> None:
    threads = []

    def batches() -> Iterator[Any]:
        threads.append(threading.get_ident())
        yield some(3)

    list(arrow.probe_batches(batches()))
    assert threads == [threading.get_ident()]


def test_an_input_without_an_end_is_pulled_as_it_is_read() -> None:
    pulled = 0

    def endless() -> Iterator[Any]:
        nonlocal pulled
        while True:
            pulled += 1
            yield some(10)

    with_limit = arrow.probe_batches(endless(), limit=5, rows_per_batch=10)
    for _ in range(5):
        next(with_limit)
    with_limit.close()

    assert pulled <= 12


def test_the_error_of_a_producer_is_the_consumer_s() -> None:
    def batches() -> Iterator[Any]:
        yield some(3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(arrow.probe_batches(batches()))


async def test_it_blocks_inside_a_loop_too_as_in_a_notebook() -> None:
    await asyncio.sleep(0)
    assert table(arrow.probe_batches([some(3)])).num_rows == 3


@pytest.mark.parametrize("read", [0, 1])
def test_what_is_left_half_way_leaves_nothing(read: int) -> None:
    with peers.in_thread(peers.silent()) as silent:
        addresses = [REFUSED, *(f"{silent.url}{n}" for n in range(20))]
        reports = arrow.probe_batches([batch(addresses)], rows_per_batch=1)
        for _ in range(read):
            next(reports)
        reports.close()  # the guard of every test looks for sockets and tasks


# --- frames


def test_a_frame_comes_back_in_its_order_with_its_index() -> None:
    pd = pytest.importorskip("pandas")
    from tryconnect.pandas import probe_frame  # noqa: PLC0415 - it needs pandas

    frame = pd.DataFrame({"address": ["two words", REFUSED], "id": [1, 2]}, index=["x", "y"])
    reports = probe_frame(frame)

    assert reports["reason"].to_dict() == {
        "x": str(Reason.invalid_address),
        "y": str(Reason.refused),
    }
    assert reports["id"].tolist() == [1, 2]
    assert list(probe_frame(frame.head(0)).columns) == list(reports.columns)


def test_addresses_that_are_taken_while_others_come_are_counted() -> None:
    from tryconnect._survey.batches import CheckOptions, Turns, _Flow  # noqa: PLC0415 - an extra

    options = CheckOptions(2, None, 1.0, None, None)
    flow = _Flow(options, Turns(), 10, 1.0, lambda report: (report.reason,))
    flow.feed(iter([("a.test:1", (0,))]), 1)

    def coming() -> Iterator[tuple[str, Any]]:
        assert not flow.is_empty()
        yield "b.test:1", (1,)

    flow.feed(coming(), 1)
    assert flow.pulled == 2
    assert [flow.pop(), flow.pop(), flow.pop()] == [("a.test:1", (0,)), ("b.test:1", (1,)), None]


async def test_addresses_that_come_as_it_begins_to_wait_for_some_are_taken() -> None:
    from tryconnect._survey.batches import CheckOptions, Turns, _Flow  # noqa: PLC0415 - an extra

    class Meanwhile(_Flow):
        def _has_plenty(self) -> bool:
            self.feed(iter([("a.test:1", (0,))]), 1)
            return super()._has_plenty()

    flow = Meanwhile(CheckOptions(2, None, 1.0, None, None), Turns(), 10, 1.0, lambda _: ())
    assert await asyncio.wait_for(anext(flow), 10) == ("a.test:1", (0,))


@pytest.mark.slow
def test_a_batch_that_falls_due_as_it_is_looked_at_is_not_kept_until_the_end() -> None:
    from tryconnect._runtime import portal  # noqa: PLC0415 - only here
    from tryconnect._survey.batches import CheckOptions, Turns, _Flow  # noqa: PLC0415 - an extra

    class Late(_Flow):
        looks = 0

        def is_due(self) -> bool:
            if not self._done or self.looks:
                return super().is_due()
            self.looks += 1
            self._given_out_at = time.monotonic()
            due = super().is_due()
            time.sleep(2 * self._seconds)  # as on a busy machine
            return due

    with peers.in_thread(peers.silent()) as silent:
        options = CheckOptions(2, None, 2.0, None, None)
        flow = Late(options, Turns(), 10, 0.1, lambda report: (report.reason,))
        flow.feed(iter([(REFUSED, (0,)), (silent.url, (1,))]), 2)
        flow.end()
        try:
            assert portal.run(flow.take) == [(0, "refused")]
        finally:
            portal.run(flow.stop)


def test_a_frame_whose_column_is_named_as_the_index_is_refused() -> None:
    pd = pytest.importorskip("pandas")
    from tryconnect.pandas import probe_frame  # noqa: PLC0415 - it needs pandas

    with pytest.raises(ValueError, match="rename or drop the column 'row'"):
        probe_frame(pd.DataFrame({"address": [REFUSED], "row": [7]}))


def test_tables_and_batches_are_read_from_one_iterable() -> None:
    reports = table(arrow.probe_batches([pa.Table.from_batches([some(2)]), some(3, start=2)]))
    addresses = reports.sort_by("row").column("address").to_pylist()
    assert addresses == [f"{REFUSED}{n}" for n in range(5)]


def test_batches_with_other_columns_than_the_first_are_refused() -> None:
    given = [batch([REFUSED], id=[1]), batch([REFUSED], id=["a"])]
    with pytest.raises(ValueError, match="differ in their columns"):
        list(arrow.probe_batches(given))


def test_what_the_garbage_collector_ends_in_the_portal_s_thread_leaves_nothing() -> None:
    from tryconnect._runtime import portal  # noqa: PLC0415 - only here

    with peers.in_thread(peers.silent()) as silent:
        addresses = [REFUSED, *(f"{silent.url}{n}" for n in range(5))]
        reports = arrow.probe_batches([batch(addresses)], rows_per_batch=1)
        next(reports)

        async def collect() -> None:
            reports.close()  # the guard of every test looks for sockets and tasks

        portal.run(collect)
    assert list(reports) == []


def failing() -> Iterator[tuple[str, Any]]:
    yield REFUSED, (0,)
    raise ZeroDivisionError("of the input")


ENDS: dict[str, tuple[Callable[[], Iterator[tuple[str, Any]]], type[Exception], str]] = {
    "an error": (failing, ZeroDivisionError, "of the input"),
    "nothing": (lambda: iter([(REFUSED, (0,))]), RuntimeError, "ended before their addresses"),
}


@pytest.mark.parametrize("end", ENDS)
def test_who_waits_for_checks_that_have_ended_is_told(end: str) -> None:
    from tryconnect._runtime import portal  # noqa: PLC0415 - only here
    from tryconnect._survey.batches import CheckOptions, Turns, _Flow  # noqa: PLC0415 - an extra

    addresses, error, words = ENDS[end]
    flow = _Flow(CheckOptions(2, None, 1.0, None, None), Turns(), 10, 0.01, lambda _: ())
    flow.feed(addresses(), 2)
    flow.end()
    try:
        with pytest.raises(error, match=words):
            list(iter(partial(portal.run, flow.take), None))
    finally:
        portal.run(flow.stop)
