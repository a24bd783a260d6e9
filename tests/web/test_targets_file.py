"""A file of targets is read, or its first fault is told with the line."""

from pathlib import Path

import pytest

from tryconnect import Expect, cli
from tryconnect.web import WatchedTarget, read_targets

WHOLE = """
# Comments are allowed.
[[target]]
name = "shop"
address = "https://example.com/"
every = 30
timeout = 5
expect = "200-399"
rise = 2
fall = 3

[[target]]
name = "mail (Rotterdam)"
address = "mail.example.com:25"

[[target]]
name = "api"
address = "https://example.com/health"
expect = { status = "2xx", body = "ready" }

[[target]]
name = "empty"
address = "https://example.com/generate_204"
expect = 204
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "targets.toml"


def test_a_file_is_read(file: Path) -> None:
    file.write_text(WHOLE, "utf-8")

    assert read_targets(file) == [
        WatchedTarget(
            name="shop",
            address="https://example.com/",
            every=30,
            timeout=5,
            expect=Expect("200-399"),
            rise=2,
            fall=3,
        ),
        WatchedTarget(name="mail (Rotterdam)", address="mail.example.com:25"),
        WatchedTarget(
            name="api", address="https://example.com/health", expect=Expect("2xx", body="ready")
        ),
        WatchedTarget(name="empty", address="https://example.com/generate_204", expect=204),
    ]


def lines(*more: str) -> str:
    """A good target, and then these lines: the sixth is the second of them."""
    return "\n".join(["[[target]]", 'name = "a"', 'address = "http://h/"', "", *more])


BAD = {
    "no TOML": ("a b", 1, "Expected '=' after a key"),
    "half a value": (lines("[[target]]", 'name = "b'), 6, "Unterminated string"),
    "half a list": (lines("[[target]]", "name = ["), 6, "Invalid value"),
    "an empty file": ("", 1, "there is no [[target]]"),
    "comments only": ("# a\n# b\n", 3, "there is no [[target]]"),
    "another table": (
        lines("[server]", "port = 1"),
        5,
        "the file has tables [[target]], [[alert]], [[maintenance]]",
    ),
    "another key": ("port = 1\n" + lines(), 1, "[[maintenance]] and [network], not 'port'"),
    "one table": ('[target]\nname = "a"', 1, "a target is a table [[target]]"),
    "a list of texts": ('target = ["http://h/"]', 1, "a target is a table [[target]]"),
    "a list over lines": ('target = [\n"http://h/",\n]', 3, "a target is a table [[target]]"),
    "no name": (lines("[[target]]", 'address = "h"'), 5, "the target has no name"),
    "no address": (lines("[[target]]", 'name = "b"'), 5, "the target has no address"),
    "a word that is not known": (
        lines("[[target]]", 'name = "b"', 'address = "h"', "evry = 3"),
        8,
        "a target has no 'evry', only name, address, every, timeout, expect, rise, fall",
    ),
    "a name twice": (
        lines("", "[[target]]", 'address = "h"', 'name = "a"'),
        8,
        "two targets are called 'a'",
    ),
    "a name with a slash": (lines("[[target]]", 'address="h"', 'name = "a/b"'), 7, "a name has"),
    "a name of nothing": (lines("[[target]]", 'address="h"', 'name = ""'), 7, "a name is a text"),
    "a name of two lines": (lines("[[target]]", 'address="h"', 'name="a\\nb"'), 7, "a name has"),
    "a number for a name": (lines("[[target]]", 'address="h"', "name = 1"), 7, "a name is a text"),
    "a bad address": (
        lines("[[target]]", 'name = "b"', 'address = "http://h:99999/"'),
        7,
        "a port is a number from 1 to 65535",
    ),
    "a number for an address": (
        lines("[[target]]", 'name = "b"', "address = 80"),
        7,
        "an address is a str",
    ),
    "an address over lines": (
        lines("[[target]]", 'name = "b"', 'address = """', "h", 'i"""'),
        9,
        "an address has no such character",
    ),
    "too often": (
        lines("[[target]]", 'name = "b"', 'address = "h"', "every = 0.05"),
        8,
        "every is at least 0.1 seconds",
    ),
    "never": (
        lines("[[target]]", 'name = "b"', 'address = "h"', "every = 0"),
        8,
        "every is a number of seconds above 0",
    ),
    "not a number": (
        lines("[[target]]", 'name = "b"', 'address = "h"', "timeout = nan"),
        8,
        "timeout is a number of seconds above 0",
    ),
    "a bad expectation": (
        lines("[[target]]", 'name = "b"', 'address = "h"', 'expect = "good"'),
        8,
        "an expected status looks like",
    ),
    "yes": (
        lines("[[target]]", 'name = "b"', 'address = "h"', "expect = true"),
        8,
        "an expected status looks like",
    ),
    "an expectation of nothing": (
        lines("[[target]]", 'name = "b"', 'address = "h"', "expect = {}"),
        8,
        "Expect needs at least one of status, body",
    ),
    "an expectation of something else": (
        lines("[[target]]", 'name = "b"', 'address = "h"', 'expect = {title = "x"}'),
        8,
        "an expectation has a status, a body, or both, and max_redirects",
    ),
    "an expectation of tcp": (
        lines("[[target]]", 'name = "b"', 'address = "tcp://h:1"', "expect = 200"),
        8,
        "cannot be expected of ",
    ),
    "half a check": (
        lines("[[target]]", 'name = "b"', 'address = "h"', "rise = 1.5"),
        8,
        "rise is a whole number above 0",
    ),
    "no failure at all": (
        lines("[[target]]", 'name = "b"', 'address = "h"', "fall = 0", "rise = 2"),
        8,
        "fall is a whole number above 0",
    ),
}


@pytest.mark.parametrize(("text", "line", "fault"), BAD.values(), ids=list(BAD))
def test_a_broken_file_is_told_with_line_and_fault(
    text: str, line: int, fault: str, file: Path
) -> None:
    file.write_text(text, "utf-8")

    with pytest.raises(ValueError, match=r"^(?s:.*)$") as raised:
        read_targets(file)

    told = str(raised.value)
    assert told.startswith(f"{file}, line {line}: ")
    assert fault in told
    assert "\n" not in told


def test_a_file_that_is_no_text_is_told(file: Path) -> None:
    file.write_bytes(b"# a\n\xff\n")

    with pytest.raises(ValueError, match=r"line 2: this is not UTF-8"):
        read_targets(file)


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(ValueError, match=r"targets\.toml: No such file or directory"):
        read_targets(file)


def test_the_fault_in_a_long_file_is_found_soon(file: Path) -> None:
    many = "".join(f'[[target]]\nname = "{n}"\naddress = "h"\n' for n in range(1000))
    file.write_text(many + '[[target]]\nname = "b"\naddress = "h:0"\n' + "[[target]]\n", "utf-8")

    with pytest.raises(ValueError, match="line 3003: "):
        read_targets(file)


def test_a_broken_file_stops_the_start(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(lines("[[target]]", 'address = "h"'), "utf-8")

    with pytest.raises(SystemExit) as left:
        cli.main(["serve", "--port", "0", "--targets", str(file)])

    assert left.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"tryconnect serve: error: {file}, line 5: the target has no name"


def test_a_target_may_choose_several_alerts(file: Path) -> None:
    alerts = [f'[[alert]]\nname = "{name}"\nnotify = "json://h.test"' for name in "bc"]
    target = lines('alerts = ["c", "b"]', *alerts)
    file.write_text(target, "utf-8")

    assert [each.alerts for each in read_targets(file)] == [("c", "b")]

    file.write_text(target.replace('"c", "b"', '"c", "d"'), "utf-8")
    with pytest.raises(ValueError, match=r"there is no alert called 'd'$"):
        read_targets(file)
