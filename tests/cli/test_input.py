"""Addresses from files and standard input."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect.cli._input import LONGEST_LINE, Lines, addresses, addresses_in, count, opened


def cut(*blocks: bytes) -> list[bytes]:
    lines = Lines()
    return [line for block in [*blocks, b""] for line in lines.add(block)]


CUT = [
    ([], []),
    ([b"a\nb\n"], [b"a", b"b"]),
    ([b"a\nb"], [b"a", b"b"]),
    ([b"a", b"b\nc", b"\n"], [b"ab", b"c"]),
    ([b"\n\n"], [b"", b""]),
    ([b"a\r\nb\r\n"], [b"a\r", b"b\r"]),
]


@pytest.mark.parametrize(("blocks", "lines"), CUT)
def test_blocks_are_cut_into_lines(blocks: list[bytes], lines: list[bytes]) -> None:
    assert cut(*blocks) == lines


def test_a_line_comes_as_soon_as_it_is_complete() -> None:
    lines = Lines()

    assert lines.add(b"a\nb") == [b"a"]
    assert lines.add(b"\n") == [b"b"]


def test_a_line_without_an_end_is_cut_short_and_its_rest_is_dropped() -> None:
    block = b"x" * 2**16

    found = cut(block, block, block, block, block + b"\nnext\n")

    assert [line for line in found if line] == [b"x" * (3 * 2**16), b"next"]
    assert len(found[0]) > LONGEST_LINE


@given(st.lists(st.binary(max_size=20)))
def test_however_the_blocks_fall_the_lines_are_the_same(blocks: list[bytes]) -> None:
    whole = b"".join(blocks)

    assert cut(*[block for block in blocks if block]) == whole.split(b"\n")[: len(cut(whole))]
    assert b"\n".join(cut(whole)) == whole.removesuffix(b"\n")


ADDRESSES = [
    (b"http://h/", ["http://h/"]),
    (b"  http://h/ \r", ["http://h/"]),
    (b"", []),
    (b" \t\r", []),
    (b"# a comment", []),
    (b"  # another", []),
    (b"http://h/#part", ["http://h/#part"]),
    (b"h # no comment", ["h # no comment"]),
    ("http://日本/".encode(), ["http://日本/"]),
    (b"http://h/\xff", ["http://h/\udcff"]),
]


@pytest.mark.parametrize(("line", "found"), ADDRESSES)
def test_a_line_is_an_address_or_nothing(line: bytes, found: list[str]) -> None:
    assert list(addresses_in([line])) == found


async def read(words: list[str], *names: Path | str) -> list[str]:
    files = [opened(str(name)) for name in names]
    return [address async for address in addresses(words, files)]


async def test_words_come_first_then_the_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"b\nc")
    (tmp_path / "2").write_bytes(b"\xef\xbb\xbfd\n\n# no\ne\n")

    assert await read(["a"], tmp_path / "1", tmp_path / "2", tmp_path / "1") == list("abcdebc")


async def test_a_file_longer_than_a_block(tmp_path: Path) -> None:
    wanted = [f"http://127.0.0.1:{number % 65535 + 1}/" for number in range(9000)]
    (tmp_path / "long").write_text("\n".join(wanted))

    assert await read([], tmp_path / "long") == wanted
    assert await count([str(tmp_path / "long")]) == 9000


async def test_what_is_typed_comes_at_once_and_holds_nothing_up() -> None:
    end, typing = os.pipe()
    found = addresses([], [io.FileIO(end, "rb")])
    following = asyncio.ensure_future(anext(found))
    await asyncio.sleep(0.05)  # the loop goes on meanwhile
    assert not following.done()

    os.write(typing, b"one\ntw")
    assert await following == "one"
    os.write(typing, b"o\n")
    assert await anext(found) == "two"
    os.close(typing)
    with pytest.raises(StopAsyncIteration):
        await anext(found)


async def test_who_stops_waiting_for_input_leaves_at_once() -> None:
    end, typing = os.pipe()
    found = addresses([], [io.FileIO(end, "rb")])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(found)

    os.close(typing)


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_cannot_be_read_is_wrong_usage(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ValueError, match=rf"^cannot read {name}: "):
        opened(name)


def test_a_standard_input_that_was_closed_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(ValueError, match=r"^cannot read -: Bad file descriptor$"):
        opened("-")


async def test_what_can_be_read_only_once_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a\n")

    assert await count([str(tmp_path / "file")] * 2) == 2
    assert await count([str(tmp_path / "file"), "-"]) is None
