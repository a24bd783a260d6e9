"""A table of a page that a script writes, between two comments of the page."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
END = ".. table ends"


class Generated(NamedTuple):
    """Where a table stands, and which script writes it.

    Attributes:
        page: The page, below ``docs``.
        script: The script, from the top of the checkout.
    """

    page: str
    script: str

    def parts(self) -> tuple[str, str, str]:
        """Return the page before its table, the table, and the page after it."""
        before, _, rest = (DOCS / self.page).read_text("utf-8").partition(self._begin)
        written, _, after = rest.partition(END)
        return before, written.strip("\n"), after

    def show(self, lines: Iterable[str]) -> None:
        """Print a table, and with ``--write`` on the command line write it into the page."""
        made = "\n".join(lines)
        print(made)  # noqa: T201
        if "--write" in sys.argv:
            start, _, end = self.parts()
            text = f"{start}{self._begin}\n\n{made}\n\n{END}{end}"
            (DOCS / self.page).write_text(text, "utf-8")

    @property
    def _begin(self) -> str:
        return f".. table begins: written by {self.script}"
