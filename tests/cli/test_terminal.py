"""What is drawn on a terminal: a bar, a table, a line, colours; and what is not elsewhere."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tryconnect
from tests.cli.commands import command
from tryconnect import Reason
from tryconnect import testing as peers
from tryconnect.cli._progress import Bar
from tryconnect.cli._terminal import (
    cells,
    coloured,
    columns,
    drawn,
    live,
    marked,
    painted,
    style,
    wrapped,
)
from tryconnect.cli.check import _know

if sys.platform == "win32":
    pytest.skip("there are no such terminals", allow_module_level=True)

from tests.cli.terminal import Terminal, terminal

pytestmark = pytest.mark.slow

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


def test_the_lines_go_by_above_the_bar(slow_list: str, server: peers.HttpServer) -> None:
    with peers.in_thread(peers.silent()) as silent:
        words = command("-f", filled(slow_list, silent, server), "--timeout", "1")
        with terminal(words, columns=120) as screen:
            screen.until(r"/500 .* left")
            assert screen.end() == 1

    assert not any("/500" in line for line in screen.lines())
    assert screen.shown.count("\x1b[32m✔\x1b[0m ".encode()) == 400


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


def test_where_the_number_is_not_known_there_is_no_bar_but_counts() -> None:
    with peers.in_thread(peers.silent()) as silent:
        words = " ".join(command("-f", "-", "--timeout", "2"))
        line = f"(echo 127.0.0.1:9; echo {silent.url}; sleep 1) | {words}"
        with terminal(["sh", "-c", line], both=False) as screen:
            assert re.search(r" 1  \d+/s  0 ok  1 failed$", screen.until("0 ok  1 failed"))
            assert screen.end() == 1


PLAIN = [{"TERM": "dumb"}, {"TERM": None}]


@pytest.mark.parametrize("variables", PLAIN)
def test_a_dumb_terminal_gets_plain_text(
    variables: dict[str, str | None], server: peers.HttpServer, closed: peers.Peer
) -> None:
    with terminal(command(server.url, closed.url), variables=variables) as screen:
        assert screen.end() == 1

    assert b"\x1b" not in screen.shown
    assert len(screen.lines()) >= 2


def test_no_color_takes_the_colours_and_leaves_the_bar(
    slow_list: str, server: peers.HttpServer
) -> None:
    with peers.in_thread(peers.silent()) as silent:
        words = command("-f", filled(slow_list, silent, server), "--timeout", "1")
        with terminal(words, variables={"NO_COLOR": "1"}) as screen:
            screen.until("/500 .* left")
            assert screen.end() == 1

    assert not re.search(rb"\x1b\[(\d+;)*(3|4)\d(;\d+)*m", screen.shown)


# --- a wait's line


def test_a_wait_has_one_live_line(closed: peers.Peer) -> None:
    words = command("wait", "--timeout", "1", closed.url, "127.0.0.1:9")
    with terminal(words, columns=60) as screen:
        line = screen.until("refused")
        assert re.match(r". \d of 1 s  refused  http://\S+ and 1 more  .*…$", line)
        assert screen.end() == 1

    assert [line.split()[0] for line in screen.lines() if "of 1 s" in line] == []
    assert screen.until("not up within 1 s")


def test_a_wait_that_has_heard_nothing_yet_tells_the_time() -> None:
    with (
        peers.in_thread(peers.silent()) as silent,
        terminal(command("wait", "--timeout", "30", silent.url)) as screen,
    ):
        assert re.match(r". \d of 30 s$", screen.until("of 30 s"))
        assert screen.interrupt() == 130


# --- a watch's table


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        (40, "address state for"),
        (60, "address state for took"),
        (80, "address state for took good"),
        (140, "address state for took good last checks"),
    ],
)
def test_a_watch_is_a_table_as_wide_as_there_is_room(
    columns: int, titles: str, server: peers.HttpServer, closed: peers.Peer
) -> None:
    words = command("watch", "--every", "0.1", server.url, closed.url)
    with terminal(words, columns=columns) as screen:
        screen.until("✔ up")
        screen.until("✘ refused")
        head, down, *why, up, foot = screen.lines()
        assert head.split() == titles.split()
        # Where an address is too wide, its middle is left out.
        for line, peer in ((down, closed), (up, server)):
            assert str(peer.port)[-3:] in line
        told = " ".join(line.strip() for line in why)
        assert told.replace(" ", "") == f"nothinglistensat{closed.address}"
        assert foot == "a check every 0.1 s; Ctrl-C ends it"
        assert screen.interrupt() == 130

    assert screen.lines()[0].split() == titles.split()  # the last state stays
    assert sum("address" in line for line in screen.lines()) == 1
    assert screen.until("watched for")


def test_a_watch_that_has_heard_nothing_yet_says_nothing() -> None:
    with (
        peers.in_thread(peers.silent()) as silent,
        terminal(command("watch", "--timeout", "30", silent.url)) as screen,
    ):
        assert screen.until("http.* …").split() == [silent.url, "…", "–"]  # noqa: RUF001 - drawn
        assert screen.interrupt() == 130


def test_a_terminal_that_is_stopped_holds_up_no_check(server: peers.HttpServer) -> None:
    words = command("watch", "--every", "0.1", *(server.at(f"/?{number}") for number in range(20)))
    with terminal(words, columns=200) as screen:
        screen.until("✔ up")
        screen.press(CTRL_S)
        later, deadline = len(server.requests) + 200, time.monotonic() + 20
        while len(server.requests) < later and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(server.requests) >= later
        screen.press(CTRL_Q)
        assert screen.interrupt() == 130


def test_a_terminal_that_nobody_reads_holds_up_no_check(server: peers.HttpServer) -> None:
    """A connection hangs: the terminal is there, and takes 64 KiB and no more."""
    addresses = [server.at(f"/?{'x' * 300}&n={number}") for number in range(20)]
    words = command("watch", "--show-secrets", "--expect", "any", "--every", "0.05", *addresses)
    with terminal(words, columns=1000, lines=200) as screen:
        screen.until("✔ up")
        for _ in range(3):  # nobody reads from here on
            later, deadline = len(server.requests) + 400, time.monotonic() + 30
            while len(server.requests) < later and time.monotonic() < deadline:
                time.sleep(0.02)
            assert len(server.requests) >= later
        assert screen.interrupt() == 130


def test_a_wait_goes_on_where_nobody_reads_what_it_says() -> None:
    """Each change of its reason is a line; without a live line they fill a pipe, too."""
    with (
        peers.in_thread(peers.http_server()) as server,
        subprocess.Popen(  # noqa: S603 - our own words
            command(
                "wait", "--timeout", "30", *[server.at(f"/{'x' * 2000}{n}") for n in range(60)]
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        deadline = time.monotonic() + 25
        while len(server.requests) < 300 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(server.requests) >= 300
        process.kill()


def test_a_change_is_seen_in_the_table(server: peers.HttpServer) -> None:
    server.pages["/health"] = peers.CannedResponse(b"")
    words = command("watch", "--every", "0.1", "--expect", "2xx", server.at("/health"))
    with terminal(words) as screen:
        screen.until("✔ up .* 100.0%")
        server.pages["/health"] = peers.CannedResponse(b"", (), 503)
        screen.until("✘ status")
        assert screen.until("×")  # noqa: RUF001 - as drawn
        assert screen.interrupt() == 130

    assert "1 changes" in screen.until("good of")
    assert re.match(  # the change stays above the table
        rf"\d\d:\d\d:\d\d  ✘ {server.at('/health')}  status: answered 503, where 2xx",
        screen.lines()[0],
    )


# --- strangers' texts


MARKUP = "[red]x[/red][link=http://127.0.0.1]y[/link]"


def test_a_strangers_markup_and_controls_are_shown_and_not_obeyed(server: peers.HttpServer) -> None:
    address = f"{server.url}{MARKUP}\x1b[2J\u202e"
    with terminal(
        command("watch", "--expect", "any", f"{server.url}{MARKUP}"), columns=200
    ) as screen:
        assert "[red]x[/red][link=" in screen.until("✔ up")
        screen.interrupt()
    with terminal(command(address, server.url), columns=200) as screen:
        screen.until("invalid_address")
        assert screen.until(r"\[red\]x\[/red\]")
        screen.end()

    assert b"\x1b[2J" not in screen.shown
    assert "\u202e".encode() not in screen.shown


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
    bar = Bar(tryconnect.probe_many([]))
    counted: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    counted.cancel()

    _know(bar, counted, 3)

    assert bar.total is None


# --- deciding it


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


XTERM = {"TERM": "xterm"}


def test_which_streams_can_be_redrawn() -> None:
    xterm = XTERM

    assert live(Tty(), xterm)
    assert not live(io.StringIO(), xterm)
    assert not live(Tty(), {"TERM": "dumb"})
    assert not live(Tty(), {})
    assert not live(None, xterm)
    assert live(Tty(), {**xterm, "NO_COLOR": "1"})


FORCED, NEITHER = {"FORCE_COLOR": "1"}, {"NO_COLOR": "", "FORCE_COLOR": ""}  # "not an empty string"
COLOURED = [
    ("auto", XTERM, True, False),
    ("auto", XTERM | NEITHER, True, False),
    ("auto", XTERM | {"NO_COLOR": "1"}, False, False),
    ("auto", XTERM | FORCED, True, True),
    ("auto", FORCED, True, True),
    ("auto", FORCED | {"NO_COLOR": "1"}, False, False),
    ("auto", {"TERM": "dumb"}, False, False),
    ("auto", {}, False, False),
    ("always", {"NO_COLOR": "1"}, True, True),
    ("never", XTERM | FORCED, False, False),
]


@pytest.mark.parametrize(("choice", "variables", "terminal", "pipe"), COLOURED)
def test_the_option_decides_on_colours_then_the_environment(
    choice: str,
    variables: dict[str, str],
    terminal: bool,  # noqa: FBT001
    pipe: bool,  # noqa: FBT001
) -> None:
    assert coloured(Tty(), choice, variables) is terminal
    assert coloured(io.StringIO(), choice, variables) is pipe


class Encoded(io.StringIO):
    encoding = ""


@pytest.mark.parametrize(
    ("encoding", "term", "able"),
    [
        ("utf-8", "xterm", True),
        ("ascii", "xterm", False),
        ("latin-1", "xterm", False),
        ("gb18030", "xterm", True),
        ("nonsense", "xterm", False),
        ("utf-8", "linux", False),
    ],
)
def test_marks_are_for_encodings_and_fonts_that_have_them(
    encoding: str,
    term: str,
    able: bool,  # noqa: FBT001
) -> None:
    stream = Encoded()
    stream.encoding = encoding

    assert marked(stream, {"TERM": term}) is able


def test_a_text_takes_as_many_columns_as_its_letters() -> None:
    assert [cells(text) for text in ("abc", "日本", "e\u0301", "é", "")] == [3, 4, 1, 1, 0]


WRAPPED = [
    ("one two three", 20, ["one two three"]),
    ("one two three", 8, ["one two", "three"]),
    ("one two three", 7, ["one two", "three"]),
    ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
    ("a abcdefgh", 4, ["a", "abcd", "efgh"]),
    ("日本日本", 5, ["日本", "日本"]),
    ("日", 1, ["日"]),
    ("", 5, [""]),
]


def test_a_terminal_that_does_not_tell_its_width_has_none() -> None:
    assert columns(Tty(), {}) is None
    assert columns(Tty(), {"COLUMNS": "0"}) is None
    assert columns(Tty(), {"COLUMNS": "72"}) == 72
    assert columns(io.StringIO(), {"COLUMNS": "72"}) is None


@pytest.mark.parametrize(("text", "width", "lines"), WRAPPED)
def test_a_text_is_wrapped_at_its_spaces(text: str, width: int, lines: list[str]) -> None:
    assert list(wrapped(text, width)) == lines


def test_a_line_that_is_too_wide_is_cut() -> None:
    spans = [("ok", "green"), (" 日本 and more", "")]

    assert drawn(spans, 20, colours=False) == "ok 日本 and more"
    assert drawn(spans, 16, colours=True) == "\x1b[32mok\x1b[0m 日本 and more"
    assert drawn(spans, 15, colours=False) == "ok 日本 and mo…"
    assert drawn(spans, 7, colours=False) == "ok 日…"
    assert drawn(spans, 2, colours=True) == "\x1b[32mo\x1b[0m…"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_colour(reason: Reason) -> None:
    assert re.fullmatch(r"\x1b\[3[123]mh\x1b\[0m", painted("h", style(reason)))
    assert (style(reason) == "green") is (reason is Reason.ok)


def test_the_screen_shows_what_is_written() -> None:
    with terminal([sys.executable, "-c", "print('a\\rb\\x1b[2Kc')"]) as screen:
        assert isinstance(screen, Terminal)
        assert screen.end() == 0

    assert screen.lines() == [" c"]
