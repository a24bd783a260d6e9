"""Formats figures as tables that read well on a terminal and in the docs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import apart
from benchmarks.rounds import ROOT
from benchmarks.servers import NGINX

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PAGE", "Claim", "Table", "circumstances", "written"]

PAGE = ROOT / "docs" / "explanation" / "performance.rst"


class Claim(NamedTuple):
    """A target: a figure, and the most that it may be."""

    what: str
    figure: float
    most: float
    unit: str = ""

    def __str__(self) -> str:
        verdict = "met" if self.figure <= self.most else "**missed**"
        return f"{self.what}: {self.figure:.4g}{self.unit}, at most {self.most:g}: {verdict}"


class Table(NamedTuple):
    """A table, its claims, and notes."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    claims: Sequence[Claim] = ()
    libraries: Sequence[str] = ()
    """The libraries whose versions matter."""
    note: str = ""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        rule = "  ".join("=" * width for width in widths)
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.head, *self.rows)
        ]
        table = "\n".join([rule, lines[0], rule, *lines[1:], rule])
        claims = "\n".join(f"- {claim}" for claim in self.claims)
        said = [table, claims, self.note, f"({circumstances(self.libraries)})"]
        return "\n\n".join(part for part in said if part)


def circumstances(libraries: Sequence[str]) -> str:
    """Return what the figures depend on: versions, the machine, and the commit."""
    versions = [f"{name} {_version(name)}" for name in libraries]
    kernel = ".".join(platform.release().split(".")[:2])
    machine = f"{platform.system()} {kernel}, {os.cpu_count()} processors"
    return ", ".join(
        [
            f"{platform.python_implementation()} {platform.python_version()}",
            *versions,
            _nginx(),
            machine,
            f"commit {_commit()}",
        ]
    )


def written(page: str, name: str, text: str) -> str:
    """Return a page with a text in its marked place.

    Raises:
        ValueError: The page has no such place.
    """
    begin, end = f".. {name} begins: written by python -m benchmarks", f".. {name} ends"
    before, found, rest = page.partition(f"{begin}\n")
    _, closed, after = rest.partition(f"{end}\n")
    if not found or not closed:
        raise ValueError(f"no place for the table {name!r} in the page")
    return f"{before}{begin}\n\n{text}\n\n{end}\n{after}"


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return apart.version(library)


def _nginx() -> str:
    if NGINX is None:
        return "a server in Python"
    told = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True)  # noqa: S603
    return told.stderr.strip().rpartition(": ")[2].replace("/", " ")


def _commit() -> str:
    """Return the commit that was measured, and whether the working tree differs from it."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "src", "benchmarks")
    return f"{commit or 'unknown'}{' with changes' * bool(changed)}"


def _git(*words: str) -> str:
    command = ["git", *words]
    return subprocess.run(  # noqa: S603 - our own words
        command, cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
