"""What is drawn on a terminal: a bar, a table, a line, colours; and what is not elsewhere."""

from __future__ import annotations

import asyncio
import io
import re
import sys
import time
from pathlib import Path

import pytest

import tryconnect
from tests.cli.commands import command
from tryconnect import Reason
from tryconnect import testing as peers
from tryconnect.cli._terminal import coloured, live, painted, style
from tryconnect.cli.check import _know

if sys.platform == "win32":
    pytest.skip("there are no such terminals", allow_module_level=True)

from tests.cli.terminal import Terminal, terminal

pytestmark = pytest.mark.slow

rich = pytest.mark.wants(module="rich")

CTRL_S, CTRL_Q = b"\x13", b"\x11"

COLOUR = re.compile(rb"\x1b\[[0-9;]*[1-9][0-9;]*m")


@pytest.fixture
def slow_list(tmp_path: Path) -> str:
    """A file of 500 addresses, of which 100 are silent."""
    return str(tmp_path / "list")


def filled(name: str, silent: peers.Peer, server: peers.HttpServer) -> str:
    lines = [silent.url if number % 5 == 0 else server.url for number in range(500)]
    Path(name).write_text("\n".join(lines))
    return name


# --- the bar


@rich
@pytest.mark.parametrize("columns", [60, 100])
def test_a_bulk_run_has_a_bar_that_fits(
    slow_list: str, server: peers.HttpServer, columns: int
) -> None:
    with peers.in_thread(peers.silent()) as silent:
        words = command("-f", filled(slow_list, silent, server), "--timeout", "1")
        with terminal(words, columns=columns, both=False) as screen:
            line = screen.until(r"/500 .* ok .* failed .* left")
            assert len(line) < columns
            assert len(screen.lines()) == 1  # drawn in its place again and again
            assert screen.end() == 1

    assert screen.lines() == [
        screen.until("500 checked in .* 400 ok, 100 failed"),
        "  ok                        400",
        "  timeout                   100",
    ]
    assert COLOUR.search(screen.shown)


@rich
def test_the_lines_go_by_above_the_bar(slow_list: str, server: peers.HttpServer) -> None:
    with peers.in_thread(peers.silent()) as silent:
        words = command("-f", filled(slow_list, silent, server), "--timeout", "1")
        with terminal(words, columns=120) as screen:
            screen.until(r"/500 .* left")
            assert screen.end() == 1

    assert not any("/500" in line for line in screen.lines())
    assert screen.shown.count(b"\x1b[32mok\x1b[0m ") == 400


@rich
def test_an_interrupt_takes_the_bar_away_and_sums_up(
    slow_list: str, server: peers.HttpServer
) -> None:
    with peers.in_thread(peers.silent()) as silent:
        words = command("-f", filled(slow_list, silent, server), "--timeout", "60")
        with terminal(words, both=False) as screen:
            screen.until(r"[1-9]\d* ok")
            started = time.monotonic()
            assert screen.interrupt() == 130
            assert time.monotonic() - started < 2

    lines = screen.lines()
    assert re.match(r"interrupted: \d+ checked in .*: \d+ ok, 0 failed$", lines[0])
    assert re.match(r"  ok +\d+$", lines[1])
    assert len(lines) == 2


@rich
def test_where_the_number_is_not_known_there_is_no_bar_but_counts() -> None:
    with peers.in_thread(peers.silent()) as silent:
        words = " ".join(command("-f", "-", "--timeout", "2"))
        line = f"(echo 127.0.0.1:9; echo {silent.url}; sleep 1) | {words}"
        with terminal(["sh", "-c", line], both=False) as screen:
            assert re.search(r" 1  \d+/s  0 ok  1 failed$", screen.until("0 ok  1 failed"))
            assert screen.end() == 1


PLAIN = [{"TERM": "dumb"}, {"TERM": None}]


@rich
@pytest.mark.parametrize("variables", PLAIN)
def test_a_dumb_terminal_gets_plain_text(
    variables: dict[str, str | None], server: peers.HttpServer, closed: peers.Peer
) -> None:
    with terminal(command(server.url, closed.url), variables=variables) as screen:
        assert screen.end() == 1

    assert b"\x1b" not in screen.shown
    assert len(screen.lines()) >= 2


@rich
def test_no_color_takes_the_colours_and_leaves_the_bar(
    slow_list: str, server: peers.HttpServer
) -> None:
    with peers.in_thread(peers.silent()) as silent:
        words = command("-f", filled(slow_list, silent, server), "--timeout", "1")
        with terminal(words, variables={"NO_COLOR": "1"}) as screen:
            screen.until("/500 .* left")
            assert screen.end() == 1

    assert not re.search(rb"\x1b\[(\d+;)*(3|4)\d(;\d+)*m", screen.shown)


def test_without_rich_everything_is_plain(server: peers.HttpServer, closed: peers.Peer) -> None:
    without = "import sys\nimport importlib.util as util\nfind = util.find_spec\n"
    without += "util.find_spec = lambda name: None if name == 'rich' else find(name)\n"
    program = f"{without}from tryconnect.cli import main\nsys.exit(main())"
    with terminal([sys.executable, "-c", program, server.url, closed.url]) as screen:
        assert screen.end() == 1

    assert b"\x1b" not in screen.shown
    assert screen.shown.count(b"\n") == 2


# --- a wait's line


@rich
def test_a_wait_has_one_live_line(closed: peers.Peer) -> None:
    words = command("wait", "--timeout", "1", closed.url, "127.0.0.1:9")
    with terminal(words, columns=60) as screen:
        line = screen.until("refused")
        assert re.match(r". \d of 1 s  refused  http://\S+ and 1 more  .*…$", line)
        assert screen.end() == 1

    assert [line.split()[0] for line in screen.lines() if "of 1 s" in line] == []
    assert screen.until("not up within 1 s")


@rich
def test_a_wait_that_has_heard_nothing_yet_tells_the_time() -> None:
    with (
        peers.in_thread(peers.silent()) as silent,
        terminal(command("wait", "--timeout", "30", silent.url)) as screen,
    ):
        assert re.match(r". \d of 30 s$", screen.until("of 30 s"))
        assert screen.interrupt() == 130


# --- a watch's table


@rich
@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (60, "address state for took"),
        (100, "address state for took good last checks"),
        (150, "address state for took good last checks detail"),
    ],
)
def test_a_watch_is_a_table_as_wide_as_there_is_room(
    columns: int, titles: str, server: peers.HttpServer, closed: peers.Peer
) -> None:
    words = command("watch", "--every", "0.1", server.url, closed.url)
    with terminal(words, columns=columns) as screen:
        screen.until("● up")
        screen.until("● refused")
        head, *rows = screen.lines()
        assert head.split() == titles.split()
        assert len(rows) == 3
        assert screen.interrupt() == 130

    assert screen.lines()[0].split() == titles.split()  # the last state stays
    assert sum("address" in line for line in screen.lines()) == 1
    assert screen.until("watched for")


@rich
def test_a_watch_that_has_heard_nothing_yet_says_nothing() -> None:
    with (
        peers.in_thread(peers.silent()) as silent,
        terminal(command("watch", "--timeout", "30", silent.url)) as screen,
    ):
        assert screen.until("● …").split() == [silent.url, "●", "…", "–"]  # noqa: RUF001 - drawn
        assert screen.interrupt() == 130


@rich
def test_a_terminal_that_is_stopped_holds_up_no_check(server: peers.HttpServer) -> None:
    words = command("watch", "--every", "0.1", *(server.at(f"/?{number}") for number in range(20)))
    with terminal(words, columns=200) as screen:
        screen.until("● up")
        screen.press(CTRL_S)
        later, deadline = len(server.requests) + 200, time.monotonic() + 20
        while len(server.requests) < later and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(server.requests) >= later
        screen.press(CTRL_Q)
        assert screen.interrupt() == 130


@rich
def test_a_change_is_seen_in_the_table(server: peers.HttpServer) -> None:
    server.pages["/health"] = peers.CannedResponse(b"")
    words = command("watch", "--every", "0.1", "--expect", "2xx", server.at("/health"))
    with terminal(words) as screen:
        screen.until("● up .* 100.0%")
        server.pages["/health"] = peers.CannedResponse(b"", (), 503)
        screen.until("● status")
        assert screen.until("×")  # noqa: RUF001 - as drawn
        assert screen.interrupt() == 130

    assert "1 changes" in screen.until("good of")


# --- strangers' texts


MARKUP = "[red]x[/red][link=http://127.0.0.1]y[/link]"


@rich
def test_a_strangers_markup_and_controls_are_shown_and_not_obeyed(server: peers.HttpServer) -> None:
    address = f"{server.url}{MARKUP}\x1b[2J\u202e"
    with terminal(command("watch", f"{server.url}{MARKUP}"), columns=200) as screen:
        assert "[red]x[/red][link=" in screen.until("● up")
        screen.interrupt()
    with terminal(command(address, server.url), columns=200) as screen:
        assert "[red]x[/red]" in screen.until("invalid_address")
        screen.end()

    assert b"\x1b[2J" not in screen.shown
    assert "\u202e".encode() not in screen.shown


@rich
def test_what_a_peer_says_is_shown_in_a_waits_line_and_not_obeyed() -> None:
    with (
        peers.in_thread(peers.raw(b"SSH-2.0-[red]x\x1b[2J\r\n")) as banner,
        terminal(command("wait", "--timeout", "1", banner.url), columns=250) as screen,
    ):
        assert r"[red]x\x1b[2J" in screen.until("protocol")
        screen.end()

    assert b"\x1b[2J" not in screen.shown


# --- the bar's length


async def test_a_count_that_was_cut_short_is_no_length() -> None:
    pytest.importorskip("rich")
    from tryconnect.cli._progress import Bar  # noqa: PLC0415 - imports rich

    bar = Bar(tryconnect.probe_many([]))
    counted: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    counted.cancel()

    _know(bar, counted, 3)

    assert bar.total is None


# --- deciding it


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@rich
def test_what_a_stream_can_show() -> None:
    xterm = {"TERM": "xterm"}

    assert live(Tty(), xterm)
    assert coloured(Tty(), xterm)
    assert not live(io.StringIO(), xterm)
    assert not live(Tty(), {"TERM": "dumb"})
    assert not live(Tty(), {})
    assert live(Tty(), {**xterm, "NO_COLOR": "1"})
    assert not coloured(Tty(), {**xterm, "NO_COLOR": "1"})
    assert coloured(Tty(), {**xterm, "NO_COLOR": ""})  # "not an empty string", no-color.org


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_colour(reason: Reason) -> None:
    assert painted(f"{reason}  h", reason).endswith(f"m{reason}\x1b[0m  h")
    assert (style(reason) == "green") is (reason is Reason.ok)


def test_the_screen_shows_what_is_written() -> None:
    with terminal([sys.executable, "-c", "print('a\\rb\\x1b[2Kc')"]) as screen:
        assert isinstance(screen, Terminal)
        assert screen.end() == 0

    assert screen.lines() == [" c"]
