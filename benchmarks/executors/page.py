"""The page of the tables: each stands between two markers."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "executors.rst"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table in reStructuredText; the first row is its header."""
    lines: Iterable[str] = (
        f"   {'  -' if column else '* -'} {cell}".rstrip()
        for row in rows
        for column, cell in enumerate(row)
    )
    return "\n".join([".. list-table::", "   :header-rows: 1", "", *lines])


def write(name: str, text: str) -> None:
    """Write a text between its markers on the page.

    Raises:
        ValueError: The page has no such markers.
    """
    begin, end = f".. {name} begins: written by benchmarks/executors", f".. {name} ends"
    before, rest = PAGE.read_text("utf-8").split(begin)
    after = rest.split(end)[1]
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", "utf-8")
