"""Writes which expectation applies to which kind of address: a table for the docs.

Run from the root of a checkout; ``--write`` writes the table into
``docs/reference/expectations.rst``::

    python -m tests.support.expectations [--write]

``tests/docs/test_expectations_page.py`` compares it with that page.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.generated import Generated
from tryconnect._address.request import APPLIES_TO

TABLE = Generated("reference/expectations.rst", "tests/support/expectations.py")


def table() -> Iterator[str]:
    """Yield the lines of the table."""
    schemes = [*dict.fromkeys(scheme for row in APPLIES_TO.values() for scheme in row)]
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield ""
    yield "   * - expected"
    yield from (f"     - ``{scheme}://``" for scheme in schemes)
    for field, applies in APPLIES_TO.items():
        yield f"   * - ``{field}=``"
        yield from (f"     -{' yes' if scheme in applies else ''}" for scheme in schemes)


if __name__ == "__main__":
    TABLE.show(table())
