"""A survey: each row once, whoever is killed; one folder, one plan; secrets gone at the end."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import tryconnect
from tests.support.limits import descriptors
from tests.survey.counting import Counting, counting
from tryconnect import Reason, TryConnectError, cli, survey, sync
from tryconnect import testing as peers

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from tryconnect._survey import inputs, parts, plan  # noqa: E402
from tryconnect._survey.batches import CheckOptions, report_schema  # noqa: E402
from tryconnect._survey.files import INNER, appearing, is_locked, locked  # noqa: E402
from tryconnect._survey.parts import done  # noqa: E402
from tryconnect._survey.progress import Progress  # noqa: E402
from tryconnect._survey.report import write_report  # noqa: E402
from tryconnect.cli import survey as survey_command  # noqa: E402

if TYPE_CHECKING:
    from tryconnect._survey.plan import Part

pytestmark = pytest.mark.wants(module="pyarrow")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REFUSED = "http://127.0.0.1:1/"


def here(source: Any, out: Path, **options: Any) -> tryconnect.Survey:
    return survey(source, out, engine="none", **{"rows_per_part": 5, **options})


def rows(found: tryconnect.Survey) -> list[dict[str, Any]]:
    table: Any = found.dataset().to_table()
    return list(table.sort_by("row").to_pylist())


# --- inputs

LINES = f"\ufeff{REFUSED}a\n\n# ours\n  {REFUSED}b  \ntwo words\n"

INPUTS = {
    "list.txt": LINES,
    "list.csv": f'id,address\n1,{REFUSED}a\n2,"{REFUSED}b"\n3,"two words"\n',
    "list.tsv": f"id\taddress\n1\t{REFUSED}a\n2\t{REFUSED}b\n3\ttwo words\n",
    "list.jsonl": "".join(
        json.dumps({"id": str(n), "address": a}) + "\n"
        for n, a in enumerate([f"{REFUSED}a", f"{REFUSED}b", "two words"], 1)
    ),
}


@pytest.mark.parametrize("name", [*INPUTS, "list.parquet"])
@pytest.mark.parametrize("per_host", [None, 2])
def test_each_kind_of_file_is_read(name: str, per_host: int | None, tmp_path: Path) -> None:
    file = tmp_path / name
    if name == "list.parquet":
        table = pa.table(
            {"id": ["1", "2", "3"], "address": [f"{REFUSED}a", f"{REFUSED}b", "two words"]}
        )
        pq.write_table(table, file)
    else:
        file.write_text(INPUTS[name], "utf-8")
    found = here(file, tmp_path / "out", keep=None, per_host=per_host)

    assert [row["address"] for row in rows(found)] == [f"{REFUSED}a", f"{REFUSED}b", "two words"]
    assert found.counts == {Reason.refused: 2, Reason.invalid_address: 1}
    if name != "list.txt":
        assert [row["id"] for row in rows(found)] == ["1", "2", "3"]


SOURCES: dict[str, Callable[[], Any]] = {
    "a list": lambda: [f"{REFUSED}{n}" for n in range(12)],
    "a generator": lambda: (f"{REFUSED}{n}" for n in range(12)),
    "a table": lambda: pa.table({"address": [f"{REFUSED}{n}" for n in range(12)]}),
    "batches": lambda: [pa.record_batch({"address": [f"{REFUSED}{n}" for n in range(12)]})],
}


@pytest.mark.parametrize("source", SOURCES)
def test_each_kind_of_iterable_is_read_and_read_again(source: str, tmp_path: Path) -> None:
    found = here(SOURCES[source](), tmp_path)
    assert [row["row"] for row in rows(found)] == list(range(12))
    assert len(found.parts) == 3
    found.parts[1].unlink()

    again = here(SOURCES[source](), tmp_path)
    assert [row["row"] for row in rows(again)] == list(range(12))
    assert again.parts == found.parts
    assert again.counts == found.counts


def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"a str or a yarl\.URL"):
        here([1], tmp_path)


def test_nothing_to_check_is_a_survey_of_nothing(tmp_path: Path) -> None:
    found = here([], tmp_path)
    assert (found.counts, found.parts) == ({}, [])


def test_a_column_of_addresses_under_another_name_is_not_taken_for_the_one_that_is_wanted(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match=r"no column host in the input: address$"):
        here(pa.table({"address": [REFUSED]}), tmp_path / "out", column="host")


def test_a_list_of_addresses_has_whatever_column_is_wanted(tmp_path: Path) -> None:
    assert here([REFUSED], tmp_path / "out", column="host").counts == {Reason.refused: 1}


@pytest.mark.parametrize("keep", [None, ["id", "note"]])
def test_a_column_that_the_input_lacks_is_named_and_no_other_is_taken(
    keep: list[str] | None, tmp_path: Path
) -> None:
    table = pa.table({"id": [1], "address": [REFUSED]})
    lacking = "host" if keep is None else "host, note"
    with pytest.raises(ValueError, match=f"no column {lacking} in the input: id, address$"):
        here(table, tmp_path / "out", column="host", keep=keep)


BROKEN = [f"{REFUSED}\udcff", "\ud800"]


@pytest.mark.parametrize("source", ["memory", "file"])
def test_what_is_no_text_is_no_address_and_not_another_one(source: str, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes(f"{REFUSED}caf".encode() + b"\xe9\n\xff\n")
    found = here(BROKEN if source == "memory" else file, tmp_path / "out")
    assert found.counts == {Reason.invalid_address: 2}


def test_an_iterable_is_read_by_and_by() -> None:
    pulled = 0

    def endless() -> Iterator[str]:
        nonlocal pulled
        while True:
            pulled += 1
            yield f"{REFUSED}{pulled}"

    found = inputs.batches(endless(), inputs.Reading(None, "address", None))
    for _ in range(2):
        addresses = next(found).column("address").to_pylist()
        assert addresses == [f"{REFUSED}{n + 1}" for n in range(pulled - len(addresses), pulled)]


def test_a_long_file_of_json_lines_keeps_the_columns_of_its_first_batch(tmp_path: Path) -> None:
    file = tmp_path / "list.jsonl"
    count = 16384
    lines = [f'{{"address": "{REFUSED}{n}", "id": {n}}}\n' for n in range(count)]
    file.write_text("".join([*lines, f'{{"address": "{REFUSED}last"}}\n']))
    first, last = inputs.batches(file, inputs.Reading(None, "address", None))

    assert first.column("id").to_pylist() == [*range(count)]
    assert last.schema == first.schema
    assert last.to_pylist() == [{"address": f"{REFUSED}last", "id": None}]


def test_empty_lines_among_json_lines_are_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "list.jsonl"
    count = 16384
    line = f'{{"address": "{REFUSED}"}}\n'
    file.write_text(f"\n{line} \n{line * (count - 1)}\n")
    batches = inputs.batches(file, inputs.Reading(None, "address", None))

    assert [len(batch) for batch in batches] == [count]


def test_who_sorts_a_file_again_gets_what_was_sorted(tmp_path: Path) -> None:
    source = [f"http://127.0.0.{n % 3}:1/{n}" for n in range(10)]
    found = inputs.batches(source, inputs.Reading(None, "address", None))
    [(name, _)] = inputs.spool(found, tmp_path, 100).files
    first = inputs.sort_by_host(str(tmp_path), name)
    (tmp_path / name).unlink()

    assert sum(first[1]) == len(source)
    assert inputs.sort_by_host(str(tmp_path), name) == first


# --- one plan


@pytest.mark.parametrize(
    "other",
    [
        {"timeout": 3.0},
        {"expect": "2xx"},
        {"per_host": 2},
        {"rows_per_part": 7},
        {"format": "jsonl"},
        {"client": {"user_agent": "somebody"}},
        {"source": [f"{REFUSED}other"]},
    ],
)
def test_another_plan_is_refused(other: dict[str, Any], tmp_path: Path) -> None:
    source = [REFUSED]
    here(source, tmp_path)

    with pytest.raises(ValueError, match="holds a survey with another"):
        here(other.get("source", source), tmp_path, **{k: other[k] for k in other if k != "source"})
    options = {k: other[k] for k in other if k != "source"}
    found = here(other.get("source", source), tmp_path, overwrite=True, **options)
    assert found.counts.total() == 1  # type: ignore[attr-defined]


def test_what_changes_nothing_of_the_reports_may_change(tmp_path: Path) -> None:
    here([REFUSED], tmp_path, per_host=2)
    again = here([REFUSED], tmp_path, per_host=3, limit=7, canaries=[REFUSED])
    assert again.counts == {Reason.refused: 1}


def test_parts_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "part-00000.parquet").write_bytes(b"mine")
    with pytest.raises(ValueError, match="parts, and no plan"):
        here([REFUSED], tmp_path)


def test_a_survey_without_a_plan_of_parts_begins_with_what_it_is_given(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        here((1 / 0 for _ in "a"), tmp_path)  # its plan was begun, and holds no parts yet

    found = here([REFUSED], tmp_path)
    assert found.counts == {Reason.refused: 1}


@pytest.mark.parametrize(("engine", "module"), [("none", "pyarrow"), ("dask", "distributed")])
def test_an_extra_that_is_missing_is_named(
    engine: Any, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    extra = "dask" if engine == "dask" else "arrow"
    with pytest.raises(TryConnectError, match=rf"needs {module}: .*tryconnect\[{extra}\]"):
        survey([REFUSED], tmp_path / "out", engine=engine)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("ends", [True, False])
def test_a_survey_waits_for_parts_of_a_run_that_was_killed(
    ends: bool,  # noqa: FBT001 - a parameter
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tryconnect._survey.run._LEFT_BEHIND", 10 if ends else 0.1)
    (tmp_path / INNER).mkdir()
    with ExitStack() as left:
        left.enter_context(locked(tmp_path / INNER / "parts.lock", shared=True))
        if ends:
            timer = threading.Timer(0.1, left.close)
            timer.start()
            assert here([REFUSED], tmp_path).counts == {Reason.refused: 1}
            timer.join()
        else:
            with pytest.raises(TryConnectError, match="another run are still at parts"):
                here([REFUSED], tmp_path)


def test_one_survey_at_a_time_writes_to_a_folder(tmp_path: Path) -> None:
    here([REFUSED], tmp_path)
    with (
        locked(tmp_path / INNER / "survey.lock"),
        pytest.raises(TryConnectError, match="another survey is writing"),
    ):
        here([REFUSED], tmp_path)


def test_a_part_that_is_not_whole_is_done_again(tmp_path: Path) -> None:
    with counting() as server:
        source = [server.url(n) for n in range(10)]
        found = here(source, tmp_path)
        found.parts[0].write_bytes(found.parts[0].read_bytes()[:-9])
        again = here(source, tmp_path)

    assert [row["row"] for row in rows(again)] == list(range(10))
    assert sorted(Counter(server.asked.values()).items()) == [(1, 5), (2, 5)]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_counts_stand_beside_the_reports(kind: str, tmp_path: Path) -> None:
    found = here([REFUSED, "two words"], tmp_path, format=kind)
    assert done(found.parts[0]) == {"refused": 1, "invalid_address": 1}
    assert found.dataset().count_rows() == 2


def test_json_lines_are_those_of_the_command_line(tmp_path: Path) -> None:
    found = here([REFUSED], tmp_path, format="jsonl")
    told = json.loads(found.parts[0].read_text())

    assert told.keys() == {"schema", "row", *sync.probe(REFUSED).as_dict()}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "engine": ({"engine": "spark"}, "engine is one of dask, none"),
    "format": ({"format": "csv"}, "format is one of"),
    "input": ({"input_format": "xml"}, "input_format is one of"),
    "rate": ({"rate": 0}, "rate is a number"),
    "per_host": ({"per_host": 0}, "per_host"),
    "rows": ({"rows_per_part": 0}, "rows_per_part"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_option_that_makes_no_sense_is_named(case: str, tmp_path: Path) -> None:
    options, words = WRONG[case]
    with pytest.raises(ValueError, match=words):
        survey([REFUSED], tmp_path, **{"engine": "none", **options})


# --- secrets

ADDRESS = "http://me:hunter2@127.0.0.1:1/?token=hunter2"


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("per_host", [None, 2])
def test_at_the_end_no_file_has_the_full_addresses(per_host: int | None, tmp_path: Path) -> None:
    client: Any = {"headers": {"Authorization": "Bearer hunter2"}}
    found = here([ADDRESS], tmp_path, per_host=per_host, client=client, format="jsonl")

    assert b"hunter2" not in everything(tmp_path)
    assert "***" in found.parts[0].read_text()
    assert {path.suffix for path in (tmp_path / INNER).rglob("*") if path.is_file()} == {
        ".json",
        ".lock",
        ".counts",
    }


def test_a_plan_that_is_refused_leaves_no_full_addresses(tmp_path: Path) -> None:
    here([REFUSED], tmp_path).parts[0].unlink()  # so the input is written anew, and then compared
    with pytest.raises(ValueError, match="holds a survey with another input"):
        here([ADDRESS], tmp_path)
    assert b"hunter2" not in everything(tmp_path)
    assert not [*(tmp_path / INNER).glob("*.arrow")]


def test_an_input_that_breaks_off_leaves_no_full_addresses(tmp_path: Path) -> None:
    def broken() -> Iterator[Any]:
        yield pa.record_batch({"address": [ADDRESS] * 10})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        here(broken(), tmp_path)
    assert not [*(tmp_path / INNER).glob("*.arrow")]


def test_what_a_killed_run_has_sorted_of_another_input_is_not_taken(tmp_path: Path) -> None:
    inner = tmp_path / INNER
    inner.mkdir()
    other = inputs.batches([f"{REFUSED}other"], inputs.Reading(None, "address", None))
    [(name, _)] = inputs.spool(other, inner, 100).files
    inputs.sort_by_host(str(inner), name)

    found = here([f"{REFUSED}ours"], tmp_path, per_host=2)
    assert [row["address"] for row in rows(found)] == [f"{REFUSED}ours"]


def test_who_wants_the_secrets_gets_files_of_his_own(tmp_path: Path) -> None:
    found = here([ADDRESS], tmp_path, show_secrets=True)
    assert rows(found)[0]["address"] == ADDRESS
    assert found.parts[0].stat().st_mode & 0o777 == 0o600


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / INNER).mkdir()
    with pytest.raises(FileNotFoundError), appearing(tmp_path / "part") as path:
        Path(path).with_suffix(".missing").read_text()
    assert [*tmp_path.rglob("*.*")] == []
    with appearing(tmp_path / "part", private=True) as path:
        Path(path).write_text("whole")
    assert (tmp_path / "part").stat().st_mode & 0o777 == 0o600


def test_a_lock_is_held_and_given_back(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", shared=True), locked(tmp_path / "lock", shared=True):
        assert is_locked(tmp_path / "lock")
    assert not is_locked(tmp_path / "lock")


def test_where_there_are_no_locks_nobody_waits_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refusing)  # as on some networks
    with locked(tmp_path / "lock"):
        assert not is_locked(tmp_path / "lock")
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    with locked(tmp_path / "lock"):
        assert not is_locked(tmp_path / "lock")


# --- parts


def a_part(folder: Path, source: list[str]) -> Part:
    (folder / INNER).mkdir()
    found = inputs.batches(source, inputs.Reading(None, "address", None))
    [[part]] = plan.lanes_by_rows(inputs.spool(found, folder / INNER, 100).files)
    return part


def test_a_part_without_a_report_for_each_row_is_not_published(tmp_path: Path) -> None:
    parts.resume_parts()
    part = dataclasses.replace(a_part(tmp_path, [REFUSED, "two words"]), rows=3)
    with pytest.raises(RuntimeError, match="part-00000: 2 reports of 3 rows"):
        parts.probe_part(str(tmp_path), part, parts.How(CheckOptions(2, None, 1, None, None)))
    assert not [*tmp_path.glob("part-*")]
    assert parts.in_flight() == 0


def test_a_part_of_which_nothing_answers_waits_for_a_canary_that_there_may_be(
    tmp_path: Path,
) -> None:
    parts.resume_parts()
    with peers.in_thread(peers.silent()) as silent:
        part = a_part(tmp_path, [f"{silent.url}{n}" for n in range(3)])
        how = parts.How(CheckOptions(3, None, 0.05, None, None))
        with pytest.raises(parts.BlindError, match="there is no canary to ask"):
            parts.probe_part(str(tmp_path), part, how)
        assert not [*tmp_path.glob("part-*")]
        settled = dataclasses.replace(how, settled=True)
        assert parts.probe_part(str(tmp_path), part, settled).counts == {"timeout": 3}


def test_reports_of_a_large_part_are_written_as_they_come_in(tmp_path: Path) -> None:
    file, count = tmp_path / "part-00000.parquet", 10_000
    batch = pa.RecordBatch.from_pylist([{"row": 0}] * count, schema=report_schema())
    with parts.FORMATS["parquet"](str(file)) as sink:
        for _ in range(3):
            sink.write(batch)
        assert file.stat().st_size > count / 1000
        sink.finish(file, {"ok": 3 * count})

    told = pq.read_metadata(file)
    assert [told.row_group(n).num_rows for n in range(told.num_row_groups)] == [16384, 3616, count]
    assert done(file) == {"ok": 3 * count}


def test_a_part_that_fills_its_last_group_has_no_empty_one_behind(tmp_path: Path) -> None:
    file, count = tmp_path / "part-00000.parquet", 16384
    batch = pa.RecordBatch.from_pylist([{"row": 0}] * count, schema=report_schema())
    with parts.FORMATS["parquet"](str(file)) as sink:
        sink.write(batch)
        sink.finish(file, {"ok": count})

    told = pq.read_metadata(file)
    assert [told.row_group(n).num_rows for n in range(told.num_row_groups)] == [count]
    assert done(file) == {"ok": count}


# --- politeness


@pytest.mark.slow
def test_one_budget_of_checks_and_per_host_are_kept_together(tmp_path: Path) -> None:
    with counting(0.02) as server:
        source = [server.url(n, host=n % 20) for n in range(400)]
        here(source, tmp_path, per_host=2, limit=10, rows_per_part=100)

    assert max(server.most.values()) <= 2
    assert server.most_of_all <= 10
    assert server.asked.total() == 400


@pytest.mark.slow
def test_a_rate_holds_for_the_survey_and_for_each_host(tmp_path: Path) -> None:
    with counting() as server:
        began = time.monotonic()
        here([server.url(n, host=n % 4) for n in range(40)], tmp_path / "a", rate=40)
        whole = time.monotonic() - began
        began = time.monotonic()
        here([server.url(n) for n in range(10)], tmp_path / "b", rate_per_host=10)
        one_host = time.monotonic() - began

    assert whole >= 0.8
    assert one_host >= 0.9


@pytest.mark.slow
@pytest.mark.wants(module="distributed")
def test_a_host_with_three_of_ten_addresses_takes_no_longer_than_it_must(tmp_path: Path) -> None:
    latency, count, heavy = 0.1, 600, 180
    file = tmp_path / "list.txt"
    with counting(latency) as server:
        hosts = [0 if n % 10 < 3 else n for n in range(count)]
        file.write_text("\n".join(server.url(n, host) for n, host in enumerate(hosts)))
        words = ("--workers", 2, "--per-host", 2, "--rows-per-part", 80)
        process = command(file, "--out", tmp_path / "out", *words)
        _, said = process.communicate(timeout=240)

    assert process.returncode == 0, said
    assert max(server.most.values()) == 2
    assert server.asked.total() == len(server.asked) == count
    assert hosts.count(0) == heavy
    assert server.ended - server.began <= 1.1 * heavy * latency / 2


# --- canaries


@pytest.mark.parametrize("by_host", [False, True])
def test_hosts_that_no_other_part_has_are_not_asked_before_its_end(
    by_host: bool,  # noqa: FBT001 - a parameter
) -> None:
    with peers.in_thread(peers.silent()) as silent:
        sight = parts._Sight(
            parts.How(CheckOptions(1, None, 0.05, None, None), by_host=by_host), _asked_at=-1e9
        )
        for reason in [Reason.ok] * 8 + [Reason.timeout] * 8:
            sight.take(tryconnect.Report(silent.url, reason, ""))
        try:
            with nullcontext() if by_host else pytest.raises(parts.BlindError, match="no canary"):
                sight.check_early()
        finally:
            parts.resume_parts()


@pytest.mark.slow
def test_a_part_of_which_nothing_answers_is_published_only_if_a_canary_does(tmp_path: Path) -> None:
    with counting() as server, peers.in_thread(peers.silent()) as silent:
        source = [f"{silent.url}{n}" for n in range(5)]
        found = here(source, tmp_path, timeout=0.3, canaries=[server.url(0)])

    assert found.counts == {Reason.timeout: 5}
    assert server.asked == {"/0": 1}


COUNT, SILENT = 18, 2

LAST: dict[str, tuple[list[str], float, bool]] = {
    "nobody is seen after the failures": (["served", "silent"], COUNT, False),
    "a canary is": (["served", "silent"], COUNT + 1, True),
    "hosts of the part are": (["silent", "served"], COUNT, True),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", LAST)
def test_few_failures_are_worth_nothing_where_they_come_last(case: str, tmp_path: Path) -> None:
    order, answers, published = LAST[case]
    parts.resume_parts()
    with counting() as server, peers.in_thread(peers.silent()) as silent:
        server.answers = answers
        hosts = {
            "served": [server.url(n) for n in range(COUNT)],
            "silent": [f"{silent.url}{n}" for n in range(SILENT)],
        }
        source = [url for kind in order for url in hosts[kind]]
        (tmp_path / INNER).mkdir()
        found = inputs.batches(source, inputs.Reading(None, "address", None))
        [[part]] = plan.lanes_by_rows(inputs.spool(found, tmp_path / INNER, 100).files)
        how = parts.How(CheckOptions(1, None, 0.3, None, None), canaries=(server.url(COUNT),))

        def probe() -> Any:
            return parts.probe_part(str(tmp_path), part, how)

        if published:
            assert probe().counts == {"ok": COUNT, "timeout": SILENT}
            return
        for asked in (1, 2):  # the second time it is the first to be asked, and the last
            with pytest.raises(parts.BlindError, match="no canary answers"):
                probe()
            assert server.asked[f"/{COUNT}"] == asked
        assert not finished(tmp_path)
        assert server.asked["/0"] == 1


# --- the command


def command(*words: object, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, "-m", "tryconnect", "survey", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[tuple[Counting, Path]]:
    with counting(0.05) as server:
        file = tmp_path / "list.txt"
        file.write_text("\n".join(server.url(n, host=n % 40) for n in range(1200)))
        yield server, file


def finished(out: Path) -> list[Path]:
    return [*out.glob("part-*.parquet")]


def wait_for_parts(out: Path, count: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 200
    while len(finished(out)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def children_of(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task").glob("*/children")
    return [int(pid) for path in children for pid in path.read_text().split()]


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    return [
        worker
        for child in children_of(process.pid)
        if b"forkserver" in Path(f"/proc/{child}/cmdline").read_bytes()
        for worker in children_of(child)
    ]


def check_all(out: Path, server: Counting, count: int = 1200) -> int:
    """Check that each row is there once; return how many addresses were asked again."""
    found = pa.concat_tables(map(pq.read_table, finished(out)))
    assert sorted(found.column("row").to_pylist()) == list(range(count))
    assert set(found.column("reason").to_pylist()) == {"ok"}
    assert max(server.most.values()) <= 1
    return server.asked.total() - count


OPTIONS = ("--workers", 2, "--per-host", 1, "--limit", 20, "--rows-per-part", 50)
IN_FLIGHT = 2 * 2 * 63
"""Rows of the parts under way: two workers, two parts each, of up to 1.25 times 50 rows."""


@pytest.mark.slow
@pytest.mark.wants(module="distributed")
@pytest.mark.parametrize("killed", [0, 1, 2])
def test_whatever_worker_is_killed_each_row_is_there_once(
    killed: int, listed: tuple[Counting, Path], tmp_path: Path
) -> None:
    server, file = listed
    out = tmp_path / "out"
    process = command(file, "--out", out, *OPTIONS)
    for number in range(killed):
        wait_for_parts(out, 2 + 6 * number, process)
        os.kill(workers_of(process)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=240)

    assert process.returncode == 0, said
    assert check_all(out, server) <= killed * IN_FLIGHT


@pytest.mark.slow
@pytest.mark.wants(module="distributed")
def test_when_the_client_is_killed_the_same_command_goes_on(
    listed: tuple[Counting, Path], tmp_path: Path
) -> None:
    server, file = listed
    out = tmp_path / "out"
    process = command(file, "--out", out, *OPTIONS)
    wait_for_parts(out, 4, process)
    process.kill()
    process.communicate()
    again = command(file, "--out", out, *OPTIONS)
    _, said = again.communicate(timeout=240)

    assert again.returncode == 0, said
    assert check_all(out, server) <= IN_FLIGHT
    assert not [*(out / INNER).glob("*.arrow"), *(out / INNER / "tmp").iterdir()]


@pytest.mark.slow
@pytest.mark.wants(module="distributed")
@pytest.mark.parametrize(("engine", "times"), [("dask", 1), ("dask", 2), ("none", 1), ("none", 2)])
def test_ctrl_c_ends_it_within_two_seconds_with_one_line(
    engine: str, times: int, listed: tuple[Counting, Path], tmp_path: Path
) -> None:
    server, file = listed
    out = tmp_path / "out"
    words = ("--engine", engine, *OPTIONS)
    process = command(file, "--out", out, *words, start_new_session=True)
    wait_for_parts(out, 2, process)
    began = time.monotonic()
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
        time.sleep(0.05)
    _, said = process.communicate(timeout=60)

    assert time.monotonic() - began < 2
    assert process.returncode == 130
    assert said.count("\n") == 1
    assert "the same command goes on" in said
    again = command(file, "--out", out, *words)
    _, said = again.communicate(timeout=240)
    assert again.returncode == 0, said
    assert check_all(out, server) <= IN_FLIGHT


def ran(script: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)  # noqa: S603 - ours


@pytest.mark.slow
@pytest.mark.wants(module="distributed")
def test_a_script_without_a_guard_gets_one_sentence(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    call = f"tryconnect.survey(['{REFUSED}'], r'{tmp_path / 'out'}', workers=1)"
    script.write_text(f"import tryconnect\n{call}\n")
    bare = ran(script)
    script.write_text(f'import tryconnect\nif __name__ == "__main__":\n    {call}\n')
    guarded = ran(script)

    assert bare.returncode == 1
    assert bare.stderr.count("__main__") >= 1
    assert 'call it under if __name__ == "__main__":' in bare.stderr
    assert bare.stderr.count("Traceback") == 1
    assert (guarded.returncode, guarded.stderr) == (0, "")


@pytest.mark.parametrize(
    ("script", "refused"), [(b"survey()", True), (b"PK\x03\x04\x00\xff", False), (None, False)]
)
def test_only_a_script_that_can_be_read_is_found_to_have_no_guard(
    script: bytes | None,
    refused: bool,  # noqa: FBT001 - a parameter
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tryconnect._survey.guard import refuse_unguarded  # noqa: PLC0415 - only here

    main: Any = ModuleType("__main__")
    main.__file__ = str(tmp_path / "program")
    if script is not None:
        (tmp_path / "program").write_bytes(script)
    monkeypatch.setitem(sys.modules, "__main__", main)
    main.survey = lambda: refuse_unguarded(sys._getframe())

    with pytest.raises(TryConnectError, match="under") if refused else nullcontext():
        exec(compile("survey()", main.__file__, "exec"), vars(main))  # noqa: S102 - as the script


def test_a_thread_whose_callers_are_no_script_is_not_refused() -> None:
    from tryconnect._survey.guard import refuse_unguarded  # noqa: PLC0415 - only here

    passed: list[bool] = []

    def call() -> None:
        refuse_unguarded(sys._getframe())
        passed.append(True)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert passed == [True]


def test_the_command_sums_up_and_its_code_says_how_it_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "list.txt"
    file.write_text(f"{REFUSED}\ntwo words\n")
    out = tmp_path / "out"

    assert cli.main(["survey", str(file), "--out", str(out), "--engine", "none"]) == 1
    said = capsys.readouterr().err
    assert "2 checked" in said
    assert "1 files" in said
    assert cli.main(["survey", "--report", str(out)]) == 0
    page = (out / "report.html").read_text()
    assert "Survey of 2 addresses" in page
    assert "refused" in page
    assert "http" not in page.replace("http-equiv", "")  # nothing is loaded, nothing is linked


def test_who_wants_it_quiet_gets_the_code_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "list.txt"
    file.write_text(f"{REFUSED}\n")
    words = ["survey", str(file), "--out", str(tmp_path / "out"), "--engine", "none", "--quiet"]

    assert cli.main(words) == 1
    assert capsys.readouterr() == ("", "")


def test_the_command_runs_in_any_thread_and_gives_ctrl_c_back(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text(f"{REFUSED}\n")
    codes: list[int] = []

    def run(out: str) -> None:
        words = ["survey", str(file), "--out", str(tmp_path / out), "--engine", "none"]
        codes.append(cli.main(words))

    thread = threading.Thread(target=run, args=("there",))
    thread.start()
    thread.join()
    run("here")

    assert codes == [1, 1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_parts_that_fail_are_named_and_the_same_command_tries_them_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "list.txt", tmp_path / "out"
    file.write_text(f"{REFUSED}a\n{REFUSED}b\n")
    words = ["survey", str(file), "--out", str(out), "--engine", "none", "--rows-per-part", "1"]
    cli.main(words)
    part = out / "part-00001.parquet"
    part.unlink()
    part.mkdir()  # nothing can be written there
    capsys.readouterr()

    assert cli.main(words) == 3
    said = capsys.readouterr().err
    assert "tryconnect: part-00001 failed: IsADirectoryError" in said
    assert "1 parts failed; the same command tries them again" in said
    part.rmdir()
    assert cli.main([*words, "--resume"]) == 1
    assert "2 checked" in capsys.readouterr().err


def test_another_survey_in_the_folder_is_kept_unless_it_is_to_be_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "list.txt", tmp_path / "out"
    words = ["survey", str(file), "--out", str(out), "--engine", "none"]
    file.write_text(f"{REFUSED}\n")
    cli.main(words)
    file.write_text(f"{REFUSED}a\n{REFUSED}b\n")

    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--resume"])
    assert ended.value.code == 2
    assert "another input" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite"]) == 1
    assert "2 checked" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "an INPUT is required"),
        (["nowhere.txt", "--out", "x"], "there is no file nowhere.txt"),
        (["--report", "."], "there are no reports"),
    ],
)
def test_wrong_usage_is_said_so(
    words: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["survey", *words])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_standard_input_is_read_as_a_file_would_be(tmp_path: Path) -> None:
    typed = f"\ufeff{REFUSED}a\n\n# ours\n  {REFUSED}b  \r\n".encode() + b"no\xffaddress"
    words = ["-m", "tryconnect", "survey", "-", "--out", str(tmp_path), "--format", "jsonl"]
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, *words, "--engine", "none", "-q"], input=typed, check=False
    )

    assert done.returncode == 1
    lines = (tmp_path / "part-00000.jsonl").read_text("utf-8").splitlines()
    reports = sorted(map(json.loads, lines), key=itemgetter("row"))
    addresses = [report["address"] for report in reports]
    file = tmp_path / "list.txt"
    file.write_bytes(typed)
    assert addresses == [row["address"] for row in rows(here(file, tmp_path / "of a file"))]
    assert addresses[:2] == [f"{REFUSED}a", f"{REFUSED}b"]


def test_standard_input_that_was_closed_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SystemExit) as ended:
        cli.main(["survey", "-", "--out", str(tmp_path), "--engine", "none"])
    assert ended.value.code == 2
    assert "cannot read -: Bad file descriptor" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_where_too_few_files_may_be_open_it_says_what_the_limit_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "list.txt"
    file.write_text(REFUSED)
    with descriptors(100):
        cli.main(["survey", str(file), "--out", str(tmp_path), "--engine", "none"])

    said = capsys.readouterr().err.splitlines()
    (told,) = [line for line in said if line.startswith("--limit")]
    assert re.match(r"--limit 100 was [1-9]\d?: a process may open too few files", told)


# --- how far the command is


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


READING = Progress(workers=2)
BEGUN = Progress(10_000, 4, workers=2)
LATER = Progress(10_000, 4, 1, 1_000, Counter(ok=900, refused=60, timeout=40), 2)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What is written on a stream as states come, each at its second."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "71")

    def tell(stream: io.StringIO, *states: tuple[float, Progress], quiet: bool = False) -> str:
        clock = [0.0]
        monkeypatch.setattr(survey_command, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        monkeypatch.setattr(sys, "stderr", stream)
        with survey_command._Shown(Namespace(quiet=quiet)) as shown:
            for clock[0], state in states:
                shown.take(state)
        return stream.getvalue()

    return tell


def test_on_a_terminal_a_line_is_redrawn_and_at_the_end_erased(told: Callable[..., str]) -> None:
    drawn = told(Screen(), (0, READING), (5, BEGUN), (25, LATER))

    assert drawn.split("\r\x1b[2K") == [
        "",
        "2 workers, reading the input",
        "0/10,000  0/s  0/4 parts  0 ok",
        "1,000/10,000  50/s  1/4 parts  0:03:00 left  900 ok  60 refused  40 t…",
        "",
    ]


def test_elsewhere_it_says_so_once_a_minute(told: Callable[..., str]) -> None:
    states = [(5, BEGUN), (59, LATER), (61, LATER), (119, LATER)]

    assert told(io.StringIO(), *states) == (
        "1,000/10,000  18/s  1/4 parts  0:08:24 left  900 ok  60 refused  40 timeout\n"
    )


@pytest.mark.parametrize("stream", [Screen, io.StringIO])
def test_who_wants_it_quiet_is_told_nothing(
    stream: type[io.StringIO], told: Callable[..., str]
) -> None:
    assert told(stream(), (0, READING), (61, LATER), quiet=True) == ""


def test_an_interrupt_before_the_first_state_says_that_it_was_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "list.txt"
    file.touch()
    monkeypatch.setattr(survey_command, "survey", interrupted)
    assert cli.main(["survey", str(file), "--out", "out"]) == 130
    assert capsys.readouterr().err == (
        "interrupted: starting; the same command goes on with what is left of out\n"
    )


def test_markup_in_a_host_s_name_is_text_in_the_report(tmp_path: Path) -> None:
    row = {"row": 0, "reason": "ok", "status": 200, "url": "http://<script>x</script>:80/"}
    times = {"timings": {"total": 1.0}, "checked_at": NOW, "tls": None}
    page = report_of(tmp_path, [row | times])
    assert "<script" not in page
    assert "&lt;script&gt;x&lt;" in page
    assert "default-src 'none'" in page


def report_of(folder: Path, *files: list[dict[str, Any]]) -> str:
    for number, reports in enumerate(files):
        table = pa.Table.from_pylist(reports, schema=report_schema())
        pq.write_table(table, folder / f"part-{number:05}.parquet")
    return write_report(folder).read_text("utf-8")


def over_tls(host: str, days: int) -> dict[str, Any]:
    tls = {"version": "TLSv1.3", "expires": NOW + timedelta(days=days)}
    return {"reason": "ok", "status": 200, "url": f"https://{host}/", "checked_at": NOW, "tls": tls}


def test_the_report_lists_the_certificates_that_end_first(tmp_path: Path) -> None:
    many = [over_tls(f"{n}.test", 50 + n) for n in range(30)]
    page = report_of(
        tmp_path,
        [over_tls("late.test", 90), over_tls("late.test", 40), *many],
        [over_tls("soon.test", 3), over_tls("late.test", 80)],
    )

    listed = re.findall(
        r"<td[^>]*>([^<]*|<b>[^<]*</b>)</td><td[^>]*>[\d-]+</td><td[^>]*>(\d+) days", page
    )
    assert listed[:3] == [("<b>soon.test</b>", "3"), ("late.test", "40"), ("0.test", "50")]
    assert len(listed) == 20


def test_the_report_tells_how_long_most_checks_took(tmp_path: Path) -> None:
    taken = [0.01] * 98 + [1.0] * 2
    times = [{"reason": "ok", "url": "http://a.test/", "timings": {"total": s}} for s in taken]
    page = report_of(tmp_path, times)

    [quantiles] = re.findall(r">total</td><td[^>]*>100</td>((?:<td[^>]*>[^<]*</td>){3})", page)
    median, most, nearly_all = re.findall(r">([^<]+)</td>", quantiles)
    assert median == most
    assert median != nearly_all


def test_a_report_of_no_checks_says_so(tmp_path: Path) -> None:
    page = report_of(tmp_path, [])
    assert "Survey of 0 addresses" in page
    assert "0 ok (none), 0 failed; 1 files; no checks" in page


def test_what_an_engine_logs_shows_no_secret() -> None:
    from tryconnect._survey.parts import How, Outcome  # noqa: PLC0415 - as above

    options = CheckOptions(1, None, 1.0, None, {"headers": {"Authorization": "hunter2"}})
    for each in (How(options, canaries=(ADDRESS,)), Outcome({"ok": 1}, 1, (ADDRESS,))):
        assert "hunter2" not in f"{each!r} {each}"


# --- the scheduler


@pytest.mark.slow
@pytest.mark.wants(module="distributed")
def test_the_scheduler_of_this_machine_speaks_tls_on_loopback() -> None:
    program = """
import os
from pathlib import Path
from tryconnect._survey.engine import Dask

def listening():
    lines = [line.split() for f in ("tcp", "tcp6") for line in Path(f"/proc/net/{f}").open()]
    mine = {os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
            if os.path.exists(f"/proc/self/fd/{n}")}
    return {w[1].partition(":")[0] for w in lines if w[3] == "0A" and f"socket:[{w[9]}]" in mine}

if __name__ == "__main__":
    with Dask(workers=1) as engine:
        print(engine.slots, *{address.partition("://")[0] for address in engine.workers()},
              *listening(), engine._cluster.scheduler_address.partition("://")[0])
"""
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["2", "tls", "0100007F", "tls"], done.stderr


SCHEDULERS = {
    "tcp://10.0.0.1:8786": False,
    "10.0.0.1:8786": False,
    "tcp://scheduler.test:8786": False,
    "tcp://127.0.0.1:8786": True,
    "tcp://localhost:8786": True,
    "tcp://[::1]:8786": True,
    "127.0.0.1:8786": True,
    "ws://10.0.0.1:8786": False,
    "tls://10.0.0.1:8786": True,
}


@pytest.mark.wants(module="distributed")
@pytest.mark.parametrize("address", SCHEDULERS)
def test_a_plain_scheduler_elsewhere_needs_a_word(address: str) -> None:
    pytest.importorskip("distributed")
    from tryconnect._survey.engine import check_scheduler  # noqa: PLC0415 - an extra

    check_scheduler(address, insecure=True)
    if SCHEDULERS[address]:
        check_scheduler(address, insecure=False)
    else:
        with pytest.raises(ValueError, match="runs code as you"):
            check_scheduler(address, insecure=False)


@pytest.mark.wants(module="distributed")
@pytest.mark.parametrize(("processors", "workers"), [(3, 3), (None, 1)])
def test_where_the_system_does_not_tell_which_processors_may_be_used_all_are(
    processors: int | None, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    from tryconnect._survey.engine import Dask  # noqa: PLC0415 - an extra

    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    asked: list[int] = []

    def cluster(**options: Any) -> None:
        asked.append(options["n_workers"])
        raise InterruptedError

    monkeypatch.setattr("tryconnect._survey.engine.LocalCluster", cluster)
    with pytest.raises(InterruptedError), Dask():
        pass
    assert asked == [workers]


@pytest.mark.wants(module="distributed")
def test_ctrl_c_while_a_cluster_is_made_comes_once_it_is() -> None:
    pytest.importorskip("distributed")
    from tryconnect._survey.engine import _uninterrupted  # noqa: PLC0415 - an extra

    made = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), _uninterrupted():  # noqa: PT012 - that is the point
        signal.raise_signal(signal.SIGINT)
        made.append("a cluster")
    assert made == ["a cluster"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.wants(module="distributed")
def test_a_cluster_is_made_in_any_thread() -> None:
    pytest.importorskip("distributed")
    from tryconnect._survey.engine import _uninterrupted  # noqa: PLC0415 - an extra

    handlers = []

    def make() -> None:
        with _uninterrupted():  # which cannot put Ctrl-C off there
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


@pytest.mark.wants(module="distributed")
def test_a_worker_in_a_thread_leaves_ctrl_c_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    from tryconnect._survey.engine import _Setup  # noqa: PLC0415 - an extra

    monkeypatch.setattr("tryconnect._survey.engine.raise_limit", lambda: None)  # this process's
    before = signal.getsignal(signal.SIGINT)
    worker = SimpleNamespace(metrics={})
    thread = threading.Thread(target=_Setup().setup, args=(worker,))
    thread.start()
    thread.join()

    assert [of(worker) for of in worker.metrics.values()] == [0]
    assert signal.getsignal(signal.SIGINT) is before


CLUSTERS = """
import json, os, sys, time
from pathlib import Path
import dask
from distributed import Client, LocalCluster
from tryconnect import TryConnectError
from tryconnect._survey.engine import Dask

class Unreadable:
    def __reduce__(self):
        return int, ("nothing",)

def waiting():
    from tryconnect._survey.parts import _stopped
    Path("begun").touch()
    Path("stopped").write_text(str(_stopped.wait(20)))

def wait_for(name):
    while not Path(name).exists():
        time.sleep(0.02)

def broken():
    import sys
    sys.modules["tryconnect._survey.engine"].__version__ = "0.0"

def missing():
    import sys
    sys.modules["tryconnect._survey.engine"] = None

def refused(scheduler):
    try:
        with Dask(scheduler):
            return "begun"
    except TryConnectError as error:
        return str(error)

def cluster(workers, **options):
    return LocalCluster(
        n_workers=workers, threads_per_worker=2, host="127.0.0.1", dashboard_address=None, **options
    )

if __name__ == "__main__":
    os.chdir(Path(__file__).parent)
    told = {}
    with cluster(1) as ours, Client(ours) as client:
        with Dask(client) as engine:
            engine.submit(7, len, Unreadable(), avoid=frozenset())
            [done] = engine.completed(30)
            told["unreadable"] = done.ticket, isinstance(done.error, Exception), done.worker
            told["none"] = engine.completed(0)
        try:
            with Dask(client) as engine:
                engine.submit(8, waiting, avoid=frozenset())
                wait_for("begun")
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            wait_for("stopped")
            told["abandoned"] = Path("stopped").read_text(), client.status
        client.run(broken)
        told["version"] = refused(client)
        client.run(missing)
        told["missing"] = refused(client)
    with cluster(0, processes=False, protocol="tcp") as ours:
        Path("scheduler.json").write_text(json.dumps({"address": ours.scheduler_address}))
        told["empty"] = refused(Path("scheduler.json"))
    with dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}):
        told["nobody"] = refused("tcp://127.0.0.1:1")
    print(json.dumps(told))
"""


@pytest.mark.slow
@pytest.mark.wants(module="distributed")
def test_a_cluster_that_is_there_is_used_as_it_is_or_refused_with_a_reason(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "clusters.py").write_text(CLUSTERS)
    done = ran(tmp_path / "clusters.py")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    assert told["unreadable"] == [7, True, ""]
    assert told["none"] == []
    assert told["abandoned"] == ["True", "running"]
    assert " has tryconnect 0.0, " in told["version"]
    assert told["missing"].startswith(f"the workers cannot run tryconnect {tryconnect.__version__}")
    assert told["empty"] == "the scheduler has no workers"
    assert told["nobody"].startswith("there is no scheduler at tcp://127.0.0.1:1: ")
