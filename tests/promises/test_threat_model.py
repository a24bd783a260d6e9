"""Each row of the threat model names a test that shows it, and that test exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import threats
from tools.threats import HEADING, ROW, Protection

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/explanation/threat-model.rst"

NAMED = re.compile(r"``([\w/]+\.py)::(\w+)``")


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
    titles = re.findall(r"^A (?:hostile )?(.+)\n-+$", page, re.MULTILINE)

    assert titles == [
        *("address", "server", "name server", "proxy", "environment"),
        *("client of the probe server", "target of the probe server", "survey"),
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


# --- the table of tools/threats.py, which takes the protections out


def test_each_row_names_a_test_that_was_seen_to_fail_without_its_protection() -> None:
    assert list(threats.complaints(threats.all_rows(), threats.protections())) == []
    assert len(threats.read_policy(threats.POLICY.read_text("utf-8"))) > 5


ENTRY = Protection("a.py::test_b", "SECURITY.rst", "Reporting a vulnerability\n", "")

LACKING = {
    "no test has a protection to be taken out: two": (["one", "two"], ENTRY),
    "no row names a.py::test_b": ([], ENTRY),
    "SECURITY.rst does not have this text once: none": (["one"], ENTRY._replace(old="none")),
}


@pytest.mark.parametrize("complaint", LACKING)
def test_the_table_is_complained_of(complaint: str) -> None:
    names, entry = LACKING[complaint]
    rows = {name: [entry.test] if name == "one" else ["a.py::test_c"] for name in names}

    assert list(threats.complaints(rows, [entry])) == [complaint]
