"""The documents' table of four clients is made from the tests' table, and can be made again."""

import pytest

from benchmarks import encodings
from tests.decoding.cases import CASES

pytestmark = pytest.mark.slow


def test_each_telling_case_is_in_the_table() -> None:
    assert set(encodings.TELLING.values()) <= {case.name for case in CASES}


def test_the_script_needs_no_peers_to_judge_ours() -> None:
    def asleep(_: str) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "asleep")

    found = encodings.rows({"asleep": asleep})
    assert {tuple(row[1:]) for row in found} == {("raises", "right")}
    text = encodings.table(found, ["asleep", "ours"])
    assert f"**{len(found)} of {len(found)}**" in text


def test_the_page_has_the_table() -> None:
    page = encodings.PAGE.read_text("utf-8")
    table = page.split(encodings.BEGIN)[1].split(encodings.END)[0]
    for title in encodings.TELLING:
        assert f"* - {title}\n" in table
