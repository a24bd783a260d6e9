"""``tryconnect`` on the command line."""

from __future__ import annotations

import importlib
import json
import re
import signal
import subprocess
import sys
import time

import pytest

import tryconnect
from tests.cli.commands import command, obeyed, ran, ran_here
from tests.support.programs import run
from tryconnect import testing as peers
from tryconnect.cli import COMMANDS, main
from tryconnect.cli._parser import letters_apart

# --- lines and exit codes


def test_one_line_for_each_address(server: peers.HttpServer, closed: peers.Peer) -> None:
    done = ran(server.url, server.at("/redirect/2"), closed.url, server.address)

    lines = done.out.splitlines()
    assert (done.code, len(lines)) == (1, 4)
    assert re.fullmatch(r"4 checked in \S+ m?s: 3 ok, 1 failed\n", done.err)
    assert [line.split()[:2] for line in lines] == [
        ["ok", server.url],
        ["ok", server.at("/redirect/2")],
        ["refused", closed.url],
        ["ok", server.address],
    ]
    assert re.search(r"answered 200 in \S+ m?s$", lines[0])
    assert "after 2 redirects" in lines[1]
    assert f"nothing listens at {closed.address}" in lines[2]
    assert re.search(r"connected in \S+ m?s$", lines[3])
    assert (
        len(
            {
                line.index(word)
                for line, word in zip(lines, ["answ", "answ", "noth", "conn"], strict=True)
            }
        )
        == 1
    )


def test_the_times_of_the_phases_are_told_if_asked(
    server: peers.HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    done = ran_here(capsys, "-v", server.url)

    assert re.search(
        r"answered 200 in \S+ m?s {2}\[connect \S+ ms, response \S+ m?s\]$", done.out.strip()
    )


def test_the_lines_keep_the_order_of_the_addresses(
    server: peers.HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with peers.in_thread(peers.raw(delay=0.1)) as slow:
        done = ran_here(capsys, slow.url, server.url)

        assert [line.split()[1] for line in done.out.splitlines()] == [slow.url, server.url]
    assert done.code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["GOOD"], 0),
        (["check", "GOOD"], 0),
        (["GOOD", "GOOD"], 0),
        (["CLOSED"], 1),
        (["GOOD", "CLOSED"], 1),
        (["http://"], 1),
        (["--expect", "2xx", "GOOD"], 0),
        (["--expect=200-399", "GOOD"], 0),
        (["--expect", "2xx, 304", "GOOD"], 0),
        (["--expect", "404", "GOOD"], 1),
        (["GOOD", "--timeout", "2.5"], 0),
        (["--timeout=1", "check"], 1),
    ],
)
def test_exit_codes(
    words: list[str],
    code: int,
    server: peers.HttpServer,
    closed: peers.Peer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if words[-1] == "check":  # an option comes first, so this is an address: no name is looked up
        words[-1] = "check:99999"
    addresses = {"GOOD": server.url, "CLOSED": closed.url}

    done = ran_here(capsys, *(addresses.get(word, word) for word in words))

    assert done.code == code


def test_the_deadline_is_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with peers.in_thread(peers.silent()) as silent:
        done = ran_here(capsys, "--timeout", "0.1", silent.url)

    assert done.code == 1
    assert done.out.startswith("timeout ")
    assert re.search(r"then no answer for \d+ ms", done.out)


def test_an_address_at_fault_is_pointed_at(capsys: pytest.CaptureFixture[str]) -> None:
    done = ran_here(capsys, "http://127.0.0.1:80443/")

    assert done.code == 1
    assert done.out.splitlines() == [
        "invalid_address     http://127.0.0.1:80443/  a port is a number from 1 to 65535"
    ]
    assert done.err.splitlines() == [
        "    http://127.0.0.1:80443/",
        "                     ^^^^^",
    ]


# --- usage

USAGE = [
    (["--timeout", "0", "GOOD"], "timeout is a number of seconds above 0, not 0.0"),
    *(
        (["--timeout", word, "GOOD"], "argument --timeout: a duration looks like 30s, 2m, ")
        for word in ("-1", "nan", "inf", "soon", "5x", "")
    ),
    (["--limit", "many", "GOOD"], "argument --limit: it is a whole number, not 'many'"),
    (["--limit", "9" * 5000, "GOOD"], "argument --limit: it is a whole number, not '999"),
    (["--expect", "good", "GOOD"], "an expected status looks like 204, "),
    (["--expect", "", "GOOD"], "an expected status looks like 204, "),
    (["--expect", "2xx", "tcp://127.0.0.1:7"], "status cannot be expected of tcp://"),
    (["--nonsense", "GOOD"], "there is no option --nonsense\n"),
    (["--nonsense=1", "GOOD"], "there is no option --nonsense\n"),
    (["GOOD", "--tiemout", "1"], "there is no option --tiemout; did you mean --timeout?\n"),
    (["--time", "1", "GOOD"], "there is no option --time; did you mean --timeout?\n"),
    (["-timeout", "1", "GOOD"], "there is no option -timeout; did you mean --timeout?\n"),
    (["wait", "--Time=1", "GOOD"], "there is no option --Time; did you mean --timeout?\n"),
    (["demo", "--tim", "1"], "there is no option --tim; did you mean --timeout?\n"),
    (["serve", "--ope"], "there is no option --ope; did you mean --open?\n"),
    (["doctor", "--js"], "there is no option --js; did you mean --json?\n"),
    (["demo", "twice"], "one word too many: 'twice'\n"),
    (["fetch", "GOOD", "GOOD"], "one word too many: 'http"),
    (
        ["--format", "jsno", "GOOD"],
        "argument --format: it is one of line, json, csv, not 'jsno'; did ",
    ),
    (["help", "wach"], "there is no command 'wach'; did you mean watch?\n"),
    (["help", "--wach"], "there is no option --wach\n"),
    (["check"], "an ADDRESS is required, or a FILE of them"),
    (["demo", "--timeout", "0"], "timeout is a number of seconds above 0, not 0.0"),
]


@pytest.mark.parametrize(("words", "sentence"), USAGE)
def test_wrong_usage(
    words: list[str],
    sentence: str,
    server: peers.HttpServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = ran_here(capsys, *(word.replace("GOOD", server.url) for word in words))

    name = words[0] if words[0] in COMMANDS else "check"
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"tryconnect {name}: error: {sentence}")
    assert done.err.count("\n") == 1


MISSPELT = ["serv", "Serve", "watc", "chekc", "fecth", "docter", "dmeo", "hepl", "hlep"]


@pytest.mark.parametrize("word", MISSPELT)
def test_a_first_word_like_a_command_is_wrong_usage(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = ran_here(capsys, word, "--every", "1", "127.0.0.1:9")

    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(
        rf"tryconnect: error: {word} is not a command; did you mean \w+\? "
        rf"\(to check a host of that name: tryconnect check {word}\)\n",
        done.err,
    )


@pytest.mark.parametrize("words", [["--json", "wait"], ["--timeout", "1s", "watch", "127.0.0.1:9"]])
def test_a_command_after_its_options_is_wrong_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    done = ran_here(capsys, *words)

    assert (done.code, done.out) == (2, "")
    assert " comes first (to check a host of that name" in done.err


HOSTS = [
    "serv:99999",
    "serv.",
    "serv/",
    "http://serv:99999",
    "[serv",
    "elasticsearch",
    "nosuchname..test",
]


@pytest.mark.parametrize("word", HOSTS)
def test_what_cannot_be_a_command_is_an_address(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran_here(capsys, "--guard", "--timeout", "1ms", word).code == 1


def test_a_host_like_a_command_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    done = ran_here(capsys, "check", "--timeout", "1ms", "serv")

    assert done.code == 1
    assert done.out.split()[1] == "serv"


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("", "", 0),
        ("wait", "wait", 0),
        ("wait", "watch", 3),
        ("wiat", "wait", 1),
        ("serv", "serve", 1),
        ("server", "serve", 1),
        ("mail", "wait", 2),
        ("db", "demo", 3),
        ("", "help", 4),
        ("abc", "ca", 3),
    ],
)
def test_how_many_letters_two_words_are_apart(one: str, other: str, apart: int) -> None:
    assert letters_apart(one, other) == letters_apart(other, one) == apart


def test_options_and_addresses_come_in_any_order(
    server: peers.HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [server.at("/1"), "--timeout", "5s", server.at("/2"), "--json", server.at("/3")]
    done = ran_here(capsys, *words)

    assert done.code == 0
    told = [json.loads(line)["address"] for line in done.out.splitlines()]
    assert told == [server.at(f"/{number}") for number in (1, 2, 3)]


@pytest.mark.parametrize("words", [["-h"], ["--help"]])
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    done = ran_here(capsys, *words)

    assert (done.code, done.err) == (0, "")
    assert all(
        f"  {name} " in done.out and summary in done.out for name, summary in COMMANDS.items()
    )


def test_without_any_word_it_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    done = ran_here(capsys)

    assert (done.code, done.out) == (2, "")
    assert done.err == "tryconnect: error: an ADDRESS is required; see tryconnect --help\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = ran_here(capsys, name, "--help")

    assert done.code == 0
    assert done.out.startswith(f"usage: tryconnect {name} ")
    assert ran_here(capsys, "help", name) == done


def test_help_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran_here(capsys, "help") == ran_here(capsys, "--help")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran_here(capsys, "--version") == (0, f"tryconnect {tryconnect.__version__}\n", "")


# --- interrupted


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT for one process is POSIX's")
def test_an_interrupt_ends_it_with_130() -> None:
    with (
        peers.in_thread(peers.silent()) as peer,
        subprocess.Popen(  # noqa: S603 - our own words
            command(peer.url, peer.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        while not peer.requests and process.poll() is None:
            time.sleep(0.01)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out) == (130, "")
    assert re.fullmatch(r"interrupted: 0 checked in \S+ m?s: 0 ok, 0 failed\n", err)
    assert time.monotonic() - started < 2


# --- terminals

ESCAPES = b"\x1b]0;owned\x07\x1b[2J\x9b31m\r\nHTTP/1.1 \x1b[31m OK\r\n\r\n"


def test_a_peers_bytes_do_not_reach_the_terminal() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: ftp://127.0.0.1/\x1b[31m\x9b31m\r\n\r\n"
    with (
        peers.in_thread(peers.raw(ESCAPES)) as banner,
        peers.in_thread(peers.raw(b"HTTP/1.1 200 \x1b[31mOK\r\n\x1b[2J\r\n\r\n")) as header,
        peers.in_thread(peers.raw(moved)) as redirect,
    ):
        done = ran(banner.url, header.url, redirect.url)

    assert len(done.out.splitlines()) == 3
    assert not obeyed(done.out + done.err)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/\x1b[31m", "\x9b31m", "http://\u202eevil/"]
)
def test_a_strangers_address_does_not_reach_it_either(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = ran_here(capsys, address)

    assert done.code == 1
    assert not obeyed(done.out + done.err)


def test_secrets_are_not_printed(
    server: peers.HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    done = ran_here(
        capsys,
        f"http://me:s3cret@{server.address}/?token=s3cret#s3cret",
        f"http://me:s3cret@{server.address}:99999/?token=s3cret",
    )

    assert "s3cret" not in done.out + done.err


def test_a_terminal_that_knows_ascii_only(server: peers.HttpServer) -> None:
    done = ran(server.at("/日本"), "http://日本:99999/", variables={"PYTHONIOENCODING": "ascii"})

    assert done.code == 1
    assert done.out.isascii()
    assert done.err.isascii()
    assert r"\u65e5\u672c" in done.out
    assert r"http://\u65e5\u672c:99999/" in done.err


# --- its end


# --- a fast start

LOADED = """
import gc, sys
before = gc.get_freeze_count()  # Python 3.12.1 begins with some
from tryconnect.cli import main
main(sys.argv[1:])
print(gc.isenabled(), gc.get_freeze_count() - before, *sys.modules)
"""

NOT_NEEDED = {"aiohttp", "rich", "shtab", "tryconnect._decoding.decoder", "tryconnect.web"}


@pytest.mark.slow
def test_a_single_check_loads_nothing_that_it_does_not_use(server: peers.HttpServer) -> None:
    done = run(LOADED, server.url)

    _, told = done.stdout.splitlines()
    collecting, frozen, *modules = told.split()
    assert (done.stderr, collecting, frozen) == ("", "True", "0")
    assert not NOT_NEEDED & set(modules)


def test_who_imports_the_program_does_not_run_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As ``multiprocessing`` does in its children."""
    module = importlib.import_module("tryconnect.__main__")

    assert module.main is main
    assert capsys.readouterr() == ("", "")
