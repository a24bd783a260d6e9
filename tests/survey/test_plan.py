"""The parts of a survey hold each row once, and a host in one lane only."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._survey import plan
from tryconnect._survey.plan import BUCKETS, bucket_of, lanes_by_host, lanes_by_rows

files = st.lists(
    st.dictionaries(st.integers(0, BUCKETS - 1), st.integers(0, 300), max_size=6), max_size=4
)


def counts_of(sparse: dict[int, int]) -> list[int]:
    return [sparse.get(bucket, 0) for bucket in range(BUCKETS)]


@given(files, st.integers(1, 200))
def test_each_row_is_in_one_part_and_each_bucket_in_one_lane(
    sparse: list[dict[int, int]], rows: int
) -> None:
    named = [(f"file-{number}", counts_of(each)) for number, each in enumerate(sparse)]
    lanes = lanes_by_host(named, rows)

    rows_of: Counter[tuple[str, int | None, int]] = Counter()
    lanes_of: dict[int | None, set[int]] = {}
    for number, lane in enumerate(lanes):
        for part in lane:
            assert 0 < part.rows <= max(1, int(rows * 1.25))
            assert part.rows == sum(each.rows for each in part.slices)
            for each in part.slices:
                lanes_of.setdefault(each.batch, set()).add(number)
                for row in range(each.start, each.start + each.rows):
                    rows_of[each.file, each.batch, row] += 1
    assert set(rows_of.values()) <= {1}
    assert rows_of.total() == sum(sum(each.values()) for each in sparse)
    assert all(len(found) == 1 for found in lanes_of.values())


def test_names_are_different_and_depend_on_the_input_alone() -> None:
    named = [("file", counts_of(dict.fromkeys(range(30), 70)))]
    names = [part.name for lane in lanes_by_host(named, 50) for part in lane]

    assert len({*names}) == len(names)
    assert names == [part.name for lane in lanes_by_host(named, 50) for part in lane]


def test_without_a_limit_for_hosts_each_file_is_a_lane() -> None:
    lanes = lanes_by_rows([("input-0", 10), ("input-1", 3)])
    assert [[(part.name, part.rows) for part in lane] for lane in lanes] == [
        [("part-00000", 10)],
        [("part-00001", 3)],
    ]


@pytest.mark.parametrize(
    "other", ["http://example.test:8080/x", "EXAMPLE.test", "https://me@example.test/?q"]
)
def test_a_host_is_in_one_bucket(other: str) -> None:
    assert bucket_of(other) == bucket_of("example.test")


def test_what_is_no_address_has_a_bucket_too() -> None:
    assert 0 <= bucket_of("two words") < BUCKETS
    assert 0 <= bucket_of("\udcff") < BUCKETS


def test_a_plan_is_read_as_it_was_written() -> None:
    lanes = lanes_by_host([("file", counts_of({3: 7, 5: 2}))], 4)
    assert plan.read(plan.written({"a": 1}, lanes)) == ({"a": 1}, lanes)
    assert plan.read(plan.written({}, None)) == ({}, None)
