"""Standard output that is read slowly."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

import pytest

from tryconnect.cli._output import accepts, write

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


TEXT = "é𝄞\n" * 100_000


async def test_a_pipe_that_is_full_holds_the_writer_up_and_not_the_loop(
    pipe: tuple[int, TextIO],
) -> None:
    end, stream = pipe
    writing = asyncio.ensure_future(write(TEXT, stream))
    await asyncio.sleep(0.05)

    assert not writing.done()
    assert not accepts(stream)
    assert (await read(end, len(TEXT.encode()))).decode() == TEXT
    await writing


async def test_who_gives_up_writing_leaves_at_once(pipe: tuple[int, TextIO]) -> None:
    _, stream = pipe
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await write(TEXT, stream)


async def test_a_reader_that_leaves_is_heard_of(pipe: tuple[int, TextIO]) -> None:
    end, stream = pipe
    writing = asyncio.ensure_future(write(TEXT, stream))
    await asyncio.sleep(0.05)
    spare = os.dup(end)
    os.close(end)
    os.close(spare)

    with pytest.raises(BrokenPipeError):
        await writing
    os.dup2(os.open(os.devnull, os.O_RDONLY), end)  # for who closes it
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


async def test_what_has_no_descriptor_takes_everything() -> None:
    screen = io.StringIO()

    await write(TEXT, screen)

    assert screen.getvalue() == TEXT
