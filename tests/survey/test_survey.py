"""A survey: each row once, whoever is killed; one folder, one plan; secrets gone at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import tryconnect
from tests.survey.counting import Counting, counting
from tryconnect import Reason, TryConnectError, cli, survey, sync
from tryconnect import testing as peers

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from tryconnect._survey.files import INNER, appearing, is_locked, locked  # noqa: E402
from tryconnect._survey.parts import done  # noqa: E402

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
    from tryconnect._survey import inputs  # noqa: PLC0415 - where there is pyarrow

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
    from tryconnect._survey import inputs, parts, plan  # noqa: PLC0415 - where there is pyarrow
    from tryconnect._survey.batches import CheckOptions  # noqa: PLC0415 - as above

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


def test_markup_in_a_host_s_name_is_text_in_the_report(tmp_path: Path) -> None:
    from tryconnect._survey.batches import report_schema  # noqa: PLC0415 - where there is pyarrow
    from tryconnect._survey.report import write_report  # noqa: PLC0415 - as above

    row = {"row": 0, "reason": "ok", "status": 200, "url": "http://<script>x</script>:80/"}
    times = {"timings": {"total": 1.0}, "checked_at": NOW, "tls": None}
    table = pa.Table.from_pylist([row | times], schema=report_schema())
    pq.write_table(table, tmp_path / "part-00000.parquet")

    page = write_report(tmp_path).read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;x&lt;" in page
    assert "default-src 'none'" in page


def test_what_an_engine_logs_shows_no_secret() -> None:
    from tryconnect._survey.batches import CheckOptions  # noqa: PLC0415 - where there is pyarrow
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
