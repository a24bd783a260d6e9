"""Each row of the threat model names a test that shows it, and that test exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/explanation/threat-model.rst"

ROW = re.compile(r"^   \* - ((?:.*\n)(?:(?:     .*)?\n)*)", re.MULTILINE)
"""One row of a ``list-table``: its first line, and the indented lines below."""
NAMED = re.compile(r"``([\w/]+\.py)::(\w+)``")
HEADING = "attempt\n"


def complaints(page: str) -> Iterator[str]:
    """Yield what is wrong with the tests that a page names."""
    rows = [row for row in ROW.findall(page) if not row.startswith(HEADING)]
    if not rows:
        yield "there is no row"
    for row in rows:
        if not NAMED.search(row):
            yield f"no test is named: {row.splitlines()[0]}"
    for file, name in NAMED.findall(page):
        if name not in _tests(TESTS / file):
            yield f"there is no {file}::{name}, or it is expected to fail"


def _tests(file: Path) -> set[str]:
    """Return the names of a file's tests, but not of those that are expected to fail."""
    if not file.exists():
        return set()
    return {
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not any("xfail" in ast.unparse(mark) for mark in node.decorator_list)
    }


@pytest.mark.slow
def test_each_row_of_the_page_names_tests_that_exist() -> None:
    assert list(complaints(PAGE.read_text("utf-8"))) == []


def test_the_page_has_a_table_for_each_adversary() -> None:
    page = PAGE.read_text("utf-8")
    titles = re.findall(r"^A hostile (.+)\n-+$", page, re.MULTILINE)

    assert titles == [
        *("address", "server", "name server", "proxy", "environment"),
        "client of the probe server",
    ]
    assert page.count(HEADING) == len(titles)
    assert page.count("   * - ") == len(ROW.findall(page))


GOOD = "``promises/test_threat_model.py::test_each_row_of_the_page_names_tests_that_exist``"
TABLE = f"""
.. list-table::

   * - attempt
     - what happens
     - test
   * - one
     - fails
     - {GOOD}
   * - two
     - works,

       mostly
     - {GOOD}

Text.
"""

BAD = {
    "a missing test": (TABLE.replace("_of_the_page", "", 1), "there is no "),
    "a missing file": (TABLE.replace("test_threat_model.py", "test_none.py", 1), "there is no "),
    "what is no test": (
        TABLE.replace(GOOD, "``promises/test_threat_model.py::complaints``", 1),
        "there is",
    ),
    "a row without a test": (TABLE.replace(GOOD, "none", 1), "no test is named: one"),
    "a last row without a test": (f"{TABLE.replace(GOOD, 'x')}{GOOD}", "no test is named: one"),
    "no row": ("Text.", "there is no row"),
}


def test_a_good_page_gives_no_complaint() -> None:
    assert list(complaints(TABLE)) == []


@pytest.mark.parametrize(("page", "complaint"), BAD.values(), ids=list(BAD))
def test_it_complains_of(page: str, complaint: str) -> None:
    assert next(complaints(page)).startswith(complaint)


def test_a_test_that_is_expected_to_fail_shows_nothing(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text("def test_a(): ...\n\n@pytest.mark.xfail\ndef test_b(): ...\n", "utf-8")

    assert _tests(file) == {"test_a"}
