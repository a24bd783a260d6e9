"""Writes which services can be checked: a table for the docs.

Run from the root of a checkout; ``--write`` writes the table into
``docs/reference/addresses.rst``::

    python -m tests.support.greetings [--write]

``tests/docs/test_expectations_page.py`` compares it with that page.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.generated import Generated
from tryconnect._model.greeting import greeting_of, schemes

TABLE = Generated("reference/addresses.rst", "tests/support/greetings.py")

TITLES = ("address", "service", "port", "what is sent", "source")


def table() -> Iterator[str]:
    """Yield the lines of the table."""
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield ""
    yield from _row(TITLES)
    for scheme in schemes():
        row = greeting_of(scheme)
        assert row is not None
        sent = [repr(each)[2:-1] for each in (*(said for said, _ in row.exchange), row.goodbye)]
        said = ", ".join(f"``{each}``" for each in sent if each) or "nothing"
        yield from _row((f"``{scheme}://``", row.name, str(row.port), said, row.source))


def _row(cells: tuple[str, ...]) -> Iterator[str]:
    for index, cell in enumerate(cells):
        yield f"   {'*' if index == 0 else ' '} - {cell}"


if __name__ == "__main__":
    TABLE.show(table())
