"""What import contracts cannot say: a light start, one idea a file, and a front door in order."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tryconnect

PACKAGE = "tryconnect"
SOURCE = Path(tryconnect.__file__).parent

HEAVY = frozenset({"aiohttp", "yarl", "multidict", "aiohappyeyeballs", "aiodns", "pycares"})
"""What costs more to import than a program without checks wants to pay."""

PATHS = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts): path
    for path in sorted(SOURCE.rglob("*.py"))
}


def test_importing_the_package_is_light() -> None:
    script = f"import sys, {PACKAGE}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert PACKAGE in loaded
    assert not loaded & HEAVY


def first_line(source: str) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def is_one_sentence(line: str) -> bool:
    return line.endswith(".") and ". " not in line and (line[0].isupper() or line[0] == "`")


@pytest.mark.parametrize("module", PATHS)
def test_each_file_says_its_one_idea_in_its_first_line(module: str) -> None:
    line = first_line(PATHS[module].read_text("utf-8"))
    assert is_one_sentence(line), line


def test_the_front_door_lists_what_it_imports_in_order() -> None:
    tree = ast.parse(PATHS["__init__"].read_text("utf-8"))
    imported = [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(tryconnect.__all__) == sorted(imported)
    assert all(hasattr(tryconnect, name) for name in tryconnect.__all__)


SENTENCES = {
    "One idea.": True,
    "``x`` is one idea: this one.": True,
    "": False,
    "no capital.": False,
    "No full stop": False,
    "Two. Ideas.": False,
    "Two.  Ideas.": False,
}


@pytest.mark.parametrize(("line", "answer"), SENTENCES.items())
def test_one_sentence_is_told_from_two(line: str, answer: bool) -> None:  # noqa: FBT001
    assert is_one_sentence(line) is answer


def test_a_file_without_words_has_no_first_line() -> None:
    assert first_line("import re") == ""
