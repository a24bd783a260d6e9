"""The benchmarks work: their figures are right, and every table can be made."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import apart, bulk, leaving, peers, rounds, servers, silent
from benchmarks.peers import OURS, PEERS, installed
from benchmarks.rounds import Outcome, Task
from benchmarks.table import PAGE, Claim, Table, written
from benchmarks.work import Tally, Work

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is needed")


def outcome(cpu: float) -> Outcome:
    return Outcome(cpu, wall=1, right=1, answers=1, peak=1, late=[], held=[], descriptors=1)


WORK = Work(count=3, ports=[80])

# --- what is asked, and what is counted


@pytest.mark.parametrize(
    ("work", "urls"),
    [
        (WORK, ["http://127.0.0.1:80/1k", "http://127.0.0.2:80/1k", "http://127.0.0.3:80/1k"]),
        (Work(count=1, ports=[80], first=300), ["http://127.0.1.45:80/1k"]),
        (Work(count=2, ports=[80], spread=False, path="/1m"), ["http://127.0.0.1:80/1m"] * 2),
        (
            Work(count=3, ports=[81, 82], first=2**22, scheme="https"),
            [
                "https://127.0.0.1:81/1k",
                "https://127.0.0.2:82/1k",
                "https://127.0.0.1:81/1k",
            ],
        ),
    ],
)
def test_each_check_has_its_address(work: Work, urls: list[str]) -> None:
    assert list(work.urls()) == urls


def test_a_no_is_right_only_where_nobody_answers() -> None:
    healthy, dead = Tally(WORK), Tally(Work(count=3, ports=[80], silent=True, timeout=5))
    for tally in (healthy, dead):
        for up in (True, False, False):
            tally.note(up, 5.25)

    assert (healthy.right, healthy.lateness()) == (1, [])
    assert (dead.right, dead.lateness()) == (2, [0.25, 0.25, 0.25])


def test_a_ratio_is_that_of_the_medians_of_shared_rounds() -> None:
    runs = {"a": [*map(outcome, (1, 2, 9, 500, 500))], "b": [*map(outcome, (4, 3, 100))]}

    assert rounds.ratio(runs, "a", "b") == 0.5


@pytest.mark.parametrize(("theirs", "took_part"), [(1.1, 25), (0.9, 25), (1.5, 3), (0.5, 3)])
def test_who_is_far_away_leaves_after_a_few_rounds(
    monkeypatch: pytest.MonkeyPatch, theirs: float, took_part: int
) -> None:
    asked: list[tuple[str, int]] = []

    def run(task: Task) -> Outcome:
        asked.append((task.peer, task.work.first))
        return outcome({"ours": 1.0, "theirs": theirs}[task.peer])

    monkeypatch.setattr(rounds, "run", run)
    runs = rounds.compare({name: Task(name, WORK) for name in ("ours", "theirs")}, quick=False)

    assert [len(each) for each in runs.values()] == [25, took_part]
    assert asked[:4] == [("ours", 0), ("theirs", 0), ("ours", 3), ("theirs", 3)]


# --- how it is told


def test_a_claim_that_is_missed_says_so() -> None:
    assert str(Claim("late by", 20, 20, " ms")) == "late by: 20 ms, at most 20: met"
    assert str(Claim("late by", 20.5, 20, " ms")) == "late by: 20.5 ms, at most 20: **missed**"


@pytest.mark.slow
def test_a_table_is_one_of_the_documents() -> None:
    docutils = pytest.importorskip("docutils.core")
    text = str(Table(("client", "µs"), [["a ÷ b", "1"], ["c", "1,000"]], [Claim("x", 1, 2)]))

    html = docutils.publish_parts(text, writer="html5", settings_overrides={"halt_level": 2})

    assert re.findall(r"<td><p>(.*?)</p>", html["body"]) == ["a ÷ b", "1", "c", "1,000"]


def test_it_is_written_into_its_place() -> None:
    page = "before\n\n.. a begins: written by python -m benchmarks\n\nold\n\n.. a ends\n\nafter\n"

    assert "old" not in written(page, "a", "new")
    assert written(written(page, "a", "new"), "a", "old") == page
    with pytest.raises(ValueError, match="no place"):
        written(page, "b", "new")


def test_the_page_has_a_place_for_each_table_and_for_no_other() -> None:
    places = re.findall(r"^\.\. (\w+) begins: written by", PAGE.read_text("utf-8"), re.MULTILINE)

    assert places == list(benchmarks.TABLES)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--quick", "--write"], "nothing worth writing"),
        (["no-such"], "no such table"),
        (["--beside", "/nowhere", "imports"], "another checkout"),
        (["--beside", ".", "--write"], "another checkout"),
    ],
)
def test_wrong_words_are_refused(
    capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit):
        benchmarks.main(words)

    assert complaint in capsys.readouterr().err


def test_another_checkout_is_measured_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PEERS", dict(PEERS))
    assert installed([OURS, peers.FLOOR]) == [OURS, peers.FLOOR]

    peers.measure_beside(Path("elsewhere"))

    assert installed([OURS, peers.FLOOR]) == [OURS, peers.BESIDE, peers.FLOOR]
    source = str(Path("elsewhere/src").resolve())
    assert peers.environment_beside(peers.BESIDE) == {"PYTHONPATH": source}
    assert peers.environment_beside(OURS) == {}


# --- they run


@pytest.mark.slow
def test_clients_are_measured_against_a_server_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "NGINX", None)
    monkeypatch.setattr(bulk, "ALL", (OURS, "aiohttp, tuned", "requests, default executor"))

    for table in (bulk.plain(quick=True), bulk.secure(quick=True)):
        assert [row[0] for row in table.rows] == list(bulk.ALL)
        assert {row[table.head.index("right")] for row in table.rows} == {"30 of 30"}


def test_a_client_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "httpx", PEERS["httpx"]._replace(library="no_such_module"))
    monkeypatch.setattr(apart, "python", {"niquests": "/opt/python"}.get)  # none is made for this

    assert installed(["httpx", OURS]) == [OURS]
    assert "left out: httpx" in bulk.table_of({OURS: [outcome(1)]}, []).note


def test_a_client_that_would_change_others_has_an_environment_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """urllib3-future replaces urllib3, and requests would be measured with it."""
    assert PEERS["niquests"].apart
    assert importlib.util.find_spec("urllib3_future") is None
    monkeypatch.setattr(apart, "python", {"niquests": None, "other": "/opt/python"}.get)

    assert PEERS["niquests"].missing == ["niquests"]
    assert PEERS["niquests"]._replace(library="other").python == "/opt/python"
    assert PEERS[OURS].python == sys.executable


@pytest.mark.slow
def test_a_wrong_answer_is_seen() -> None:
    with servers.silence() as site:
        done = rounds.run(Task(OURS, Work(count=3, ports=site.ports, timeout=0.1)))

    assert (done.right, done.answers) == (0, 3)


@pytest.mark.slow
def test_the_longest_callback_is_timed() -> None:
    with servers.pages() as site:
        work = Work(count=5, ports=site.ports, held=True)
        usual, longest = rounds.run(Task(OURS, work)).held

    assert 0 < usual <= longest < 5


@pytest.mark.slow
def test_silent_hosts_are_waited_for_as_long_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silent, "PEERS", (OURS, silent.OUTER))

    assert [row[-1] for row in silent.silent(quick=True).rows] == ["50", "50"]


@pytest.mark.slow
def test_leaving_a_run_early_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "NGINX", None)

    for row in leaving.leaving(quick=True).rows:
        assert row[-1] == "0", row


@pytest.mark.slow
@pytest.mark.wants(program="nginx")
@pytest.mark.wants(module="pycurl")
@pytest.mark.wants(program="ab")
@pytest.mark.wants(program="prometheus-blackbox-exporter")
@pytest.mark.parametrize("name", sorted(benchmarks.TABLES.keys() - {"instructions", "names"}))
def test_every_table_can_be_made(name: str) -> None:
    table = benchmarks.TABLES[name](quick=True)

    assert table.rows
    assert not table.note.startswith("Not installed")


@pytest.mark.slow
@pytest.mark.wants(program="valgrind")
@pytest.mark.wants(program="nginx")
def test_instructions_are_counted() -> None:
    table = benchmarks.TABLES["instructions"](quick=True)

    assert all(int(row[1].replace(",", "")) > 100_000 for row in table.rows)
