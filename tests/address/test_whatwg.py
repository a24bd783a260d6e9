"""Hosts, paths and queries, with ada-url and without."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tryconnect._address.whatwg import ascii_host, relative_target, request_target


@pytest.fixture(params=["ada-url", "the fallback"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "the fallback":
        monkeypatch.setitem(sys.modules, "ada_url", None)


HOSTS = [
    ("Example.com", "example.com"),
    ("b%C3%BCcher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("نامه\u200cای.example", "xn--mgba3gch31f060k.example"),
    ("faß.de", "xn--fa-hia.de"),
    ("ex\xadample.com", "example.com"),
]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(("host", "in_ascii"), HOSTS)
def test_a_host_in_ascii(host: str, in_ascii: str) -> None:
    assert ascii_host(host) == in_ascii


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("host", ["a\u200db", "%E9", "\u2100", "\xad", "é\u202e", "\ud800é"])
def test_a_host_that_no_browser_looks_up(host: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ascii_host(host)


TAILS = [
    ("", "/"),
    ("/", "/"),
    ("?", "/?"),
    ("?q", "/?q"),
    ("\\a\\b?\\", "/a/b?\\"),
    ("//a", "//a"),
    ("/a b ?c d ", "/a%20b%20?c%20d%20"),
    ("/%2f/%2E%2e/é'?é'", "/%C3%A9'?%C3%A9%27"),
    ("/a/b/..", "/a/"),
    ("/../..", "/"),
    ("/a/.", "/a/"),
]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(("tail", "target"), TAILS)
def test_a_request_target(tail: str, target: str) -> None:
    assert request_target(tail) == target


RELATIVE = [
    ("", "/a/b?q"),
    ("#f", "/a/b?q"),
    ("?", "/a/b?"),
    ("?x#f", "/a/b?x"),
    ("c", "/a/c"),
    ("c:d", "/a/c:d"),
    ("..", "/"),
    ("/c?d", "/c?d"),
    ("\\c", "/c"),
    ("./", "/a/"),
]


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(("reference", "target"), RELATIVE)
def test_a_relative_reference(reference: str, target: str) -> None:
    assert relative_target(reference, "/a/b?q") == target


def test_plain_addresses_need_no_parser() -> None:
    script = """
import sys
from tryconnect._address.target import parse
parse("https://example.com:8443/a/%2F?b=c")
sys.exit("ada_url" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 - ours
