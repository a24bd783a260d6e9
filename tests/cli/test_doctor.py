"""``tryconnect doctor``."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from tryconnect import testing as peers
from tryconnect.cli import doctor, main
from tryconnect.cli._output import OutputError
from tryconnect.doctor import _examination, _loop_checks, _machine_checks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
NAMES = [*_loop_checks.LOOP_TESTS, *_machine_checks.MACHINE_TESTS]


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def ran(*words: str, variables: Mapping[str, str] | None = None) -> Ran:
    """Run the command in a process of its own."""
    # Without -X dev, by which asyncio would tell of steps that were slow on a busy machine.
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-W", "error", "-m", "tryconnect", "doctor", *words],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", **(variables or {})},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def ran_here(capsys: pytest.CaptureFixture[str], *words: str) -> Ran:
    try:
        code = main(["doctor", *words])
    except SystemExit as left:
        code = int(left.code or 0)
    return Ran(code, *capsys.readouterr())


@pytest.fixture(scope="module")
def name_server() -> Iterator[str]:
    with peers.in_thread(peers.dns_server({})) as dns:
        yield dns.address


def findings(out: str) -> dict[str, dict[str, str]]:
    found = [json.loads(line) for line in out.splitlines()]
    return {each["name"]: each for each in found}


def test_a_sound_machine_with_a_sound_loop(name_server: str, ca_file: Path) -> None:
    sound = {"SSL_CERT_FILE": str(ca_file), "NO_PROXY": "*", "no_proxy": "*"}
    done = ran("--name-server", name_server, variables=sound)
    assert (done.code, done.err) == (0, "")
    *lines, summary = [line for line in done.out.splitlines() if "->" not in line]
    assert [line.split()[1] for line in lines] == NAMES
    assert summary.startswith(f"{len(NAMES)} checks, ")
    assert "fault" not in summary


def test_json_has_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    done = ran_here(capsys, "--only", "loop", "--json")
    found = findings(done.out)
    assert list(found) == list(_loop_checks.LOOP_TESTS)
    assert all(set(each) == {"name", "level", "sentence", "advice"} for each in found.values())


def test_a_fault_has_its_advice_and_an_exit_code() -> None:
    done = ran("--only", "loop", "--loop", "tests.doctor.loops:NeverWoken")
    assert (done.code, done.err) == (1, "")
    lines = done.out.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("fault")]
    assert "does not wake" in lines[place]
    assert lines[place + 1].strip().startswith("-> make the loop's call_soon_threadsafe wake")
    assert lines[-1].endswith(" checks, 1 fault")


def test_warnings_do_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    done = ran_here(capsys, "--only", "loop", "--loop", "tests.doctor.loops:HasNoReaders")
    assert done.code == 0
    assert done.out.splitlines()[-1].endswith(" checks, 1 warning")


def test_a_loop_that_falls_asleep_for_ever_does_not_keep_the_doctor() -> None:
    done = ran("--only", "loop", "--loop", "tests.doctor.loops:StandsStill", "--json")
    assert (done.code, done.err) == (1, "")
    *_, last = findings(done.out).values()
    assert (last["name"], last["level"]) == ("wake_up", "fault")
    assert f"hung for {_examination.STANDSTILL:g} s" in last["sentence"]


def test_where_nobody_can_be_told_that_a_loop_hangs_the_doctor_leaves_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes: SimpleQueue[int] = SimpleQueue()
    hung: Any = SimpleNamespace(is_hung=lambda: True, abandon=lambda: None, findings=[])

    over = threading.Event()

    def leave(code: int) -> None:
        codes.put(code)
        over.wait(5)

    def printed(_: object) -> None:
        raise OutputError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "_exit", leave)
    with doctor._watchdog(hung, printed):
        assert codes.get(timeout=5) == 74
        over.set()


def test_a_name_server_may_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    with peers.in_thread(peers.dns_server({})) as dns, peers.in_thread(peers.closed_port()) as none:
        words = ["--name-server", dns.address, "--name-server", none.address]
        done = ran_here(capsys, "--only", "machine", *words)
    assert f"the name server {dns.address} answers" in done.out
    assert f"the name server {none.address} is not there" in done.out


BAD = {
    "no module": ("nowhere.at.all:loop", "No module named 'nowhere'"),
    "no factory": ("tests.doctor.loops:missing", "has no attribute 'missing'"),
    "no colon": ("tests.doctor.loops", "cannot import 'tests.doctor.loops'"),
    "nothing": ("", "cannot import ''"),
    "no function": ("tests.doctor.loops:not_callable", "is not callable"),
    "no loop": ("tests.doctor.loops:no_loop", "returned None, which is not an event loop"),
}


@pytest.mark.parametrize(("factory", "said"), BAD.values(), ids=list(BAD))
def test_what_is_no_factory_is_wrong_usage(
    factory: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = ran_here(capsys, "--loop", factory)
    assert done.code == 2
    assert said in done.err


def test_the_module_is_found_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "company_gui.py").write_text("from asyncio import new_event_loop as loop\n")
    program = "import sys; sys.path.remove(''); from tryconnect.cli import main; sys.exit(main())"
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program, "doctor", "--only", "loop", "--loop", "company_gui:loop"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- loops of other people


@pytest.mark.wants(module="qasync")
def test_qasync_is_healthy() -> None:
    done = ran("--only", "loop", "--loop", "tests.doctor.loops:qasync_loop", "--json")
    assert (done.code, done.err) == (0, "")
    assert {each["level"] for each in findings(done.out).values()} == {"ok"}


@pytest.mark.wants(module="PySide6.QtAsyncio")
def test_qtasyncio_has_no_network_a_clock_of_the_wall_and_keeps_failures_to_itself() -> None:
    done = ran("--only", "loop", "--loop", "tests.doctor.loops:qtasyncio_loop", "--json")
    assert (done.code, done.err) == (1, "")
    levels = {name: each["level"] for name, each in findings(done.out).items()}
    assert {name for name, level in levels.items() if level == "fault"} == {"clock", "unretrieved"}
    assert {name for name, level in levels.items() if level == "warning"} == {
        "sock_connect",
        "create_connection",
        "tls",
        "add_reader",
    }
