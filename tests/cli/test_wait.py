"""``tryconnect wait``: until addresses are up, or gone, or the time is over."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.commands import Ran, command, ran, ran_here
from tests.support.ports import free_port
from tryconnect import testing as peers
from tryconnect.cli import wait

Here = Callable[..., Ran]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Here:
    return lambda *words: ran_here(capsys, "wait", *words)


@contextmanager
def coming_up(port: int, *, after: float) -> Iterator[None]:
    """Start a server at a port, but only after so many seconds."""
    over = threading.Event()

    def serve() -> None:
        time.sleep(after)
        with peers.in_thread(peers.http_server(port=port)):
            over.wait()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_what_is_up_is_told_at_once(here: Here, server: peers.HttpServer) -> None:
    done = here(server.url, server.address)

    assert done.code == 0
    assert re.fullmatch(r"2 of 2 up after \S+ m?s\n", done.err)
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["ok", server.url],
        ["ok", server.address],
    ]


@pytest.mark.slow
def test_it_waits_until_a_server_is_there_and_says_what_for(here: Here) -> None:
    port = free_port()
    with coming_up(port, after=0.4):
        done = here(f"http://127.0.0.1:{port}/")

    assert done.code == 0
    assert done.out.startswith("ok ")
    assert done.err.count("waiting: refused ") == 1  # not once for each check


@pytest.mark.slow
def test_it_waits_until_a_server_is_gone(here: Here, server: peers.HttpServer) -> None:
    with peers.in_thread(peers.http_server()) as leaving:
        late = leaving.url
    assert here("--gone", late).code == 0

    done = here("--gone", "--timeout", "0.3", server.url)

    assert done.code == 1
    assert done.out.startswith("ok ")
    assert done.err.startswith("waiting: ok ")
    assert done.err.endswith("tryconnect: not gone within 0.3 s\n")


@pytest.mark.slow
def test_when_the_time_is_over_the_last_reports_are_told(
    here: Here, server: peers.HttpServer, closed: peers.Peer
) -> None:
    done = here("--timeout", "0.3", closed.url, server.at("/status/503"), server.url)

    assert done.code == 1
    assert [line.split()[0] for line in done.out.splitlines()] == ["refused", "status"]
    assert done.err.endswith("tryconnect: not up within 0.3 s\n")


def test_one_is_enough_if_asked(here: Here, server: peers.HttpServer, closed: peers.Peer) -> None:
    done = here("--any", closed.url, server.url)

    assert done.code == 0
    assert [line.split()[1] for line in done.out.splitlines()] == [server.url]


EXPECTED: list[tuple[list[str], int]] = [
    (["--expect", "404"], 0),
    (["--expect", "2xx"], 1),
    (["--gone", "--expect", "2xx"], 0),
    (["--gone"], 1),
    (["--expect-body", "x"], 1),
]


@pytest.mark.parametrize(("words", "code"), EXPECTED)
def test_what_counts_as_up_can_be_said(
    here: Here, server: peers.HttpServer, words: list[str], code: int
) -> None:
    assert here("--timeout", "0.2", *words, server.at("/status/404")).code == code


def test_a_body_is_waited_for_in_a_good_answer(here: Here, server: peers.HttpServer) -> None:
    server.pages["/starting"] = peers.CannedResponse(b"ready", (), 503)

    assert here("--expect-body", "hell", server.url).code == 0
    assert here("--timeout", "0.2", "--expect-body", "ready", server.at("/starting")).code == 1


def test_json(here: Here, server: peers.HttpServer, closed: peers.Peer) -> None:
    done = here("--json", "--any", closed.url, server.url)

    told = json.loads(done.out)
    assert (told["index"], told["address"]) == (1, server.url)


def test_quiet_prints_nothing(here: Here, server: peers.HttpServer, closed: peers.Peer) -> None:
    assert here("--quiet", server.url) == (0, "", "")
    assert here("-q", "--timeout", "200ms", closed.url) == (1, "", "")


def test_addresses_come_from_files_too(
    here: Here, server: peers.HttpServer, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text(f"# ours\n{server.at('/?2')}\n{server.at('/?3')}\n")

    done = here(server.url, "-f", str(tmp_path / "list"))

    assert done.code == 0
    assert [line.split()[1] for line in done.out.splitlines()] == [
        server.url,
        server.at("/?***"),
        server.at("/?***"),
    ]


# --- the command that follows


RUNS = "import os, sys; print('ran', *sys.argv[1:]); print(sys.stdin.read(), end=''); sys.exit(3)"


@pytest.mark.slow
def test_a_command_runs_when_all_are_up_and_its_exit_code_counts(
    server: peers.HttpServer,
) -> None:
    words = ["wait", server.url, server.address, "--", sys.executable, "-c", RUNS, "--", "-x"]
    done = ran(*words, typed=b"typed\n")

    assert done.code == 3
    assert done.out == "ran -- -x\ntyped\n"  # its alone
    assert [line.split()[:2] for line in done.err.splitlines()] == [
        ["ok", server.url],
        ["ok", server.address],
        ["2", "of"],
    ]


@pytest.mark.slow
def test_no_command_runs_when_the_time_is_over(closed: peers.Peer) -> None:
    words = ["wait", "-q", "--timeout", "0.2", closed.url, "--", sys.executable, "-c", RUNS]

    assert ran(*words) == (1, "", "")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no exec")
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_the_commands(server: peers.HttpServer, signum: int) -> None:
    program = (
        "import signal, sys\n"
        f"signal.signal({int(signum)}, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    words = command("wait", "-q", server.url, "--", sys.executable, "-c", program)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signum)
        assert process.wait(timeout=10) == 7


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no exec")
def test_a_command_has_the_signals_and_descriptors_that_a_shell_would_give(
    server: peers.HttpServer,
) -> None:
    """Python ignores SIGPIPE; in a command that would turn ``yes | head`` into an error."""
    program = "grep -E 'Sig(Ign|Blk)' /proc/self/status; ls /proc/self/fd | wc -l; yes | head -n 1"
    # Signals 1 to 28; glibc keeps two further ones for itself.
    program = f"sh -c {shlex.quote(program)} | sed 's/[0-9a-f]*\\([0-9a-f]\\{{7\\}}\\)$/\\1/'"
    told = ran("wait", "-q", server.url, "--", "sh", "-c", program).out
    plain = subprocess.run(  # noqa: S603
        ["sh", "-c", program],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert told == plain


@pytest.fixture
def shell_signals() -> Iterator[None]:
    """Give back the signals that a command gets as a shell would give them."""
    before = {each: signal.getsignal(each) for each in (signal.SIGPIPE, signal.SIGXFSZ)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no exec")
@pytest.mark.usefixtures("shell_signals")
def test_the_output_is_left_to_a_command(here: Here, server: peers.HttpServer) -> None:
    done = here(server.url, "--", "/nowhere/at/all")

    assert (done.code, done.out) == (127, "")
    assert [line.split()[:2] for line in done.err.splitlines()] == [
        ["ok", server.url],
        ["tryconnect:", "cannot"],
    ]


def test_where_there_is_no_exec_the_commands_exit_code_is_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wait, "os", SimpleNamespace(name="nt"))

    assert wait._become([sys.executable, "-S", "-c", "raise SystemExit(3)"]) == 3


NOT_RUN = [(["/nowhere/at/all"], 127), (["no-such-command-at-all"], 127), (["/"], 126)]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "code"), NOT_RUN)
def test_a_command_that_cannot_be_run_has_the_exit_code_of_a_shell(
    server: peers.HttpServer, words: list[str], code: int
) -> None:
    done = ran("wait", "-q", server.url, "--", *words)

    assert (done.code, done.out) == (code, "")
    assert re.fullmatch(rf"tryconnect: cannot run {words[0]}: .*\n", done.err)


def test_a_missing_command_is_wrong_usage(here: Here) -> None:
    done = here("127.0.0.1:9", "--")

    assert done.code == 2
    assert done.err == "tryconnect wait: error: a COMMAND is required after --\n"


WRONG = [[], ["http://h:99999/"], ["--expect", "2xx", "tcp://127.0.0.1:9"], ["--timeout", "0", "h"]]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage(here: Here, words: list[str]) -> None:
    done = here(*words)

    assert (done.code, done.out) == (2, "")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT for one process is POSIX's")
def test_an_interrupt_tells_how_far_it_came(closed: peers.Peer) -> None:
    with subprocess.Popen(  # noqa: S603 - our own words
        command("wait", closed.url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("waiting: refused ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (130, "")
    assert re.match(r"interrupted: refused +http", err)
