"""``tryconnect fetch``: the text, and nothing but the text."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable

import pytest

from tests.cli.commands import Ran, ran, ran_here
from tryconnect import testing as peers

Here = Callable[..., Ran]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Here:
    return lambda *words: ran_here(capsys, "fetch", *words)


def page(body: bytes, kind: str = "text/plain", status: int = 200) -> peers.CannedResponse:
    return peers.CannedResponse(body, (("Content-Type", kind),), status)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "no end of line", "a\nb\r\nc\rd\n\n", "\x1b[31m\x00é𝄞\n"])
def test_the_text_is_printed_exactly(server: peers.HttpServer, text: str) -> None:
    server.pages["/text"] = page(text.encode(), "text/plain; charset=utf-8")

    done = ran("fetch", server.at("/text"))

    assert (done.code, done.out, done.err) == (0, text, "")


def test_it_is_decoded_as_a_browser_would(here: Here, server: peers.HttpServer) -> None:
    server.pages["/gbk"] = page("你好".encode("gbk"), "text/html; charset=gb2312")

    assert here(server.at("/gbk")).out == "你好"
    assert here("--encoding", "latin1", server.at("/gbk")).out == "ÄãºÃ"


@pytest.mark.slow
def test_an_output_that_knows_ascii_only_gets_escapes(server: peers.HttpServer) -> None:
    server.pages["/text"] = page("é\n".encode(), "text/plain; charset=utf-8")

    done = ran("fetch", server.at("/text"), variables={"PYTHONIOENCODING": "ascii"})

    assert done.out == "\\xe9\n"


FAILING = [
    (["/status/404"], "status: answered 404, where 2xx was expected\n"),
    (["/", "--expect-body", "bye"], "body: "),
    (["/", "--max-bytes", "4"], "too_large: "),
    (["/slow-body", "--timeout", "0.2"], "timeout: "),
]


@pytest.mark.parametrize(("words", "sentence"), FAILING)
def test_where_there_is_no_text_it_says_why(
    here: Here, server: peers.HttpServer, words: list[str], sentence: str
) -> None:
    done = here(server.at(words[0]), *words[1:])

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"tryconnect: {server.at(words[0])}: {sentence}")


def test_an_error_page_is_a_text_if_asked_for(here: Here, server: peers.HttpServer) -> None:
    server.pages["/sorry"] = page(b"sorry", status=503)

    assert here("--expect", "503", server.at("/sorry")).out == "sorry"


def test_an_address_at_fault_is_pointed_at(here: Here) -> None:
    done = here("http://127.0.0.1:80443/")

    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].strip() == "^^^^^"


WRONG = [["--max-bytes", "0"], ["--encoding", "klingon"], ["--timeout", "0"], ["--json"]]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_usage(here: Here, words: list[str]) -> None:
    assert here(*words, "http://127.0.0.1:9/").code == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_page_does_not_command_the_terminal(server: peers.HttpServer) -> None:
    server.pages["/evil"] = page(b"a\tb\n\x1b]0;owned\x07\x9b2J\xe2\x80\xae", "text/plain")
    main, side = os.openpty()

    done = ran("fetch", server.at("/evil"), out=side)
    shown = os.read(main, 10_000).decode()
    os.close(main)
    os.close(side)

    assert done.code == 0
    assert re.match(r"a(\t| +)b\r\n\\x1b\]0;owned\\x07", shown)
    assert all(char.isprintable() or char in "\r\n\t" for char in shown)
