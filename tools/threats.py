"""Takes out each protection of the threat model, and prints which test notices::

    python -m tools.threats
    python -m tools.threats guard redirect

Each row of ``docs/explanation/threat-model.rst`` names a test with an entry in
``protections.toml``: a change after which the row is no longer true. It is made in a copy of the
checkout, where the test must fail, and pass before. A row without such a test is an error. With
words, only the entries whose row or test has one of them are tried.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.mutate import LOADED, PAUSE, ROOT, Run, copy_checkout

MODEL = ROOT / "docs/explanation/threat-model.rst"
POLICY = ROOT / "SECURITY.rst"
ENTRIES = Path(__file__).with_name("protections.toml")

ROW = re.compile(r"^   \* - ((?:.*\n)(?:(?:     .*)?\n)*)", re.MULTILINE)
"""One row of a ``list-table``: its first line, and the indented lines below."""
HEADING = "attempt\n"
BULLET = re.compile(r"^- (.*\n(?:  .*\n)*)", re.MULTILINE)
NAMED = re.compile(r"``([\w/]+\.py::\w+)``")
WITHIN = 120.0
"""Seconds for one test: a deadline that is taken out may make it hang."""


class Protection(NamedTuple):
    """What a test protects, and how to take it out."""

    test: str
    file: str
    old: str
    new: str


def read_model(page: str) -> dict[str, list[str]]:
    """Return the attempts of the threat model, and the tests that each names."""
    found = (row for row in ROW.findall(page) if not row.startswith(HEADING))
    return {" ".join(row.split("\n     - ")[0].split()): NAMED.findall(row) for row in found}


def read_policy(policy: str) -> dict[str, list[str]]:
    """Return what the policy calls a vulnerability, and the tests that each names."""
    section = policy.partition("Above all:")[2].partition("What is not")[0]
    return {" ".join(each.split()): NAMED.findall(each) for each in BULLET.findall(section)}


def all_rows() -> dict[str, list[str]]:
    """Return the rows of both documents."""
    model, policy = MODEL.read_text("utf-8"), POLICY.read_text("utf-8")
    return read_model(model) | read_policy(policy)


def protections() -> list[Protection]:
    """Read all entries."""
    return [Protection(**each) for each in tomllib.loads(ENTRIES.read_text("utf-8"))["protection"]]


def complaints(rows: dict[str, list[str]], entries: list[Protection]) -> Iterator[str]:
    """Yield what is missing or wrong in the table of protections."""
    protected = {each.test for each in entries}
    for row, tests in rows.items():
        if protected.isdisjoint(tests):
            yield f"no test has a protection to be taken out: {row}"
    named = {test for tests in rows.values() for test in tests}
    for each in entries:
        if each.test not in named:
            yield f"no row names {each.test}"
        if (ROOT / each.file).read_text("utf-8").count(each.old) != 1:
            yield f"{each.file} does not have this text once: {each.old}"


def ends(copy: Path, test: str) -> int:
    """Run one test in a copy, and return the exit code."""
    run = Run(copy, [f"tests/{test}"], WITHIN)
    while (code := run.code()) is None:
        time.sleep(PAUSE)
    return code


def tried(entries: list[Protection]) -> Iterator[tuple[Protection, str]]:
    """Take out one protection after the other; yield each with what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_checkout(copy)
        before: dict[str, int] = {}
        for each in entries:
            if each.test not in before:
                (copy / ".compile").touch()
                before[each.test] = ends(copy, each.test)
                (copy / ".compile").unlink()
            source = (copy / each.file).read_text("utf-8")
            (copy / each.file).write_text(source.replace(each.old, each.new), "utf-8")
            after = ends(copy, each.test)
            (copy / each.file).write_text(source, "utf-8")
            if before[each.test]:
                yield each, "FAILS BEFORE"
            elif after in {1, -9}:
                yield each, "fails" if after == 1 else "hangs"
            else:
                yield each, "NOT NOTICED" if not after else f"DOES NOT RUN ({after})"


def main() -> None:
    """Parse the command line."""
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("words", nargs="*", help="only rows with one of these words")
    words = parser.parse_args().words
    entries, rows = protections(), all_rows()
    wrong = list(complaints(rows, entries))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    for name in LOADED:
        importlib.import_module(name)
    shows = {
        each.test: [row for row, tests in rows.items() if each.test in tests] for each in entries
    }
    chosen = [
        each
        for each in entries
        if not words or any(word in " ".join([each.test, *shows[each.test]]) for word in words)
    ]
    counts = {True: 0, False: 0}
    for each, result in tried(chosen):
        counts[result in {"fails", "hangs"}] += 1
        print(f"{result:<12} {each.test}", flush=True)
        print(*(f"{'':<13}{row}" for row in shows[each.test]), sep="\n", flush=True)
    print(f"{counts[True]} of {sum(counts.values())} tests fail without what they show")
    sys.exit(bool(counts[False] or wrong))


if __name__ == "__main__":
    main()
