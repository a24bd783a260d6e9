"""Standard output that is read slowly."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from tests.cli.commands import command
from tryconnect import testing as peers
from tryconnect.cli._output import Outlet, OutputError, say, show, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no poll")


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe: the end to read from, and a stream that writes."""
    end, start = os.pipe()
    with open(start, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        yield end, stream
    os.close(end)


async def read(end: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += os.read(end, 1000)
        await asyncio.sleep(0)
    return found


async def written(stream: TextIO) -> None:
    outlet = Outlet.of(stream)
    outlet.put(TEXT)
    await outlet.drain()


TEXT = "é𝄞\n" * 100_000


async def test_a_pipe_that_is_full_holds_the_writer_up_and_not_the_loop(
    pipe: tuple[int, TextIO],
) -> None:
    end, stream = pipe
    writing = asyncio.ensure_future(written(stream))
    await asyncio.sleep(0.05)

    assert not writing.done()
    assert not Outlet.of(stream).push()
    assert (await read(end, len(TEXT.encode()))).decode() == TEXT
    await writing


async def test_who_gives_up_writing_leaves_at_once(pipe: tuple[int, TextIO]) -> None:
    _, stream = pipe
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await written(stream)


async def test_a_reader_that_leaves_is_heard_of(pipe: tuple[int, TextIO]) -> None:
    end, stream = pipe
    writing = asyncio.ensure_future(written(stream))
    await asyncio.sleep(0.05)
    spare = os.dup(end)
    os.close(end)
    os.close(spare)

    with pytest.raises(OutputError, match="Broken pipe"):
        await writing
    os.dup2(os.open(os.devnull, os.O_RDONLY), end)  # for who closes it
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


async def test_what_has_no_descriptor_takes_everything() -> None:
    screen = io.StringIO()

    await written(screen)

    assert screen.getvalue() == TEXT


def test_a_stream_that_was_closed_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    with pytest.raises(OutputError, match="Bad file descriptor"):
        show("text")
    say("nobody hears this")


async def test_a_stream_that_is_closed_meanwhile_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = io.StringIO()
    screen.close()
    monkeypatch.setattr(sys, "stdout", screen)

    with pytest.raises(OutputError):
        await write("text")


# --- a closed or full output, in every command

SHOWING = {
    "check": "127.0.0.1:9",
    "file": "-f /dev/stdin",
    "json": "--json 127.0.0.1:9",
    "csv": "--format csv 127.0.0.1:9",
    "sorted": "--sort slowest 127.0.0.1:9 127.0.0.1:9",
    "fetch": "fetch {url}",
    "wait": "wait {url}",
    "watch": "watch {url}",
    "doctor": "doctor --only loop",
    "doctor json": "doctor --only loop --json",
    "serve": "serve --port 0",
    "demo": "demo --timeout 0.2",
    "help": "help",
    "--help": "--help",
    "help wait": "help wait",
    "wait --help": "wait --help",
    "version": "--version",
    "completion": "--print-completion bash",
}
OUTPUTS = {
    "full": (">/dev/full", "No space left on device"),
    "closed": (">&-", "Bad file descriptor"),
    "left": ("| true", "Broken pipe"),
}


def shell(words: str, redirection: str) -> tuple[str, str, str]:
    """Run the command with its output redirected; return its exit code, output and messages."""
    words = (
        f"sleep {DELAY}; {' '.join(command())} {words}"
        if "|" in redirection
        else (f"{' '.join(command())} {words}")
    )
    line = f"{{ {words}; echo code $? >&2; }} {redirection}"
    if "|" not in redirection:
        line = f"{words} {redirection}; echo code $? >&2"
    done = subprocess.run(  # noqa: S603 - our own words
        ["sh", "-c", line],  # noqa: S607
        input="127.0.0.1:9\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    messages, _, code = done.stderr.rpartition("code ")
    return code.strip(), done.stdout, messages


DELAY = 0.2
"""Seconds until the reader has left."""


@pytest.mark.slow
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", SHOWING)
def test_an_output_that_takes_no_more_is_an_error_of_its_own(
    name: str, output: str, server: peers.HttpServer
) -> None:
    if name == "completion":
        pytest.importorskip("shtab")
    redirection, fault = OUTPUTS[output]
    code, out, messages = shell(SHOWING[name].format(url=server.url), redirection)

    assert (code, out) == ("74", "")
    assert messages == f"tryconnect: cannot write to standard output: {fault}\n"


@pytest.mark.slow
@pytest.mark.parametrize("output", ["full", "closed"])
def test_who_prints_nothing_needs_no_output(output: str, server: peers.HttpServer) -> None:
    assert shell(f"-q {server.url}", OUTPUTS[output][0]) == ("0", "", "")


@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_messages_that_nobody_takes_change_nothing(
    redirection: str, server: peers.HttpServer
) -> None:
    words = f"{' '.join(command())} {server.url} {server.at('/2')} {redirection}; echo code $?"
    done = subprocess.run(  # noqa: S603 - as above
        ["sh", "-c", words],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )

    *lines, code = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "ok"]
    assert code == "code 0"
