"""``tryconnect watch`` tells of changes: by a command, by notifications, and of our own network."""

import time
from pathlib import Path

import pytest

from tests.alerts.sinks import Noted, http_hook
from tests.cli.commands import ran_here
from tests.cli.test_watch import watching
from tryconnect import testing as peers

pytestmark = pytest.mark.slow


def wait_for(true: object) -> None:
    deadline = time.monotonic() + 60
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_command_and_a_notification_tell_of_down_and_up(
    server: peers.HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Noted(tmp_path)
    address = server.at("/health?key=hunter2")
    with peers.in_thread(http_hook()) as hook:
        monkeypatch.setenv("ON_CALL", hook.url)
        words = ["--every", "0.1", "--expect", "2xx", "--exec", noted.line]
        with watching(*words, "--notify-variable", "ON_CALL", address) as watch:
            server.pages["/health"] = peers.CannedResponse(b"", (), 503)
            wait_for(lambda: len(noted.got) == len(hook.got) == 1)
            server.pages["/health"] = peers.CannedResponse(b"ready")
            wait_for(lambda: len(noted.got) == len(hook.got) == 2)
            time.sleep(0.3)
            watch.interrupt()

    assert noted.states == ["down", "up"]
    assert hook.titles[0] == f"{server.at('/health')}?key=*** is down"
    said = [line for line in watch.err.splitlines() if line.startswith("alert delivered by ")]
    assert [line.split()[3] for line in sorted(said)] == ["exec:"] * 2 + ["notify:"] * 2
    assert "hunter2" not in watch.err + str(noted.got) + str(hook.got)


def test_a_canary_that_is_silent_too_blames_nobody(closed: peers.Peer, tmp_path: Path) -> None:
    noted = Noted(tmp_path)
    words = ["--every", "0.1", "--exec", noted.line, "--canary", closed.url]
    with watching(*words, closed.url) as watch:
        first = watch.line()
        wait_for(lambda: noted.got)
        time.sleep(0.3)
        watch.interrupt()

    assert first.split()[1] == "local"
    assert "this machine's own network is gone: no canary answers" in first
    assert noted.states == ["local"]


FAULTS = {
    "no program": (["--exec", "/no/such"], "there is no program '/no/such'"),
    "no variable": (["--notify-variable", "NO_SUCH"], "there is no variable NO_SUCH"),
    "no duration": (["--exec", "/bin/true", "--remind", "soon"], "duration"),
}


@pytest.mark.parametrize(("words", "fault"), FAULTS.values(), ids=list(FAULTS))
def test_what_cannot_work_is_refused_at_once(
    words: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = ran_here(capsys, "watch", *words, "http://127.0.0.1:1/")

    assert done.code == 2
    assert fault in done.err
