"""Writes ``docs/_inventories``: of other projects' inventories, what our documents refer to.

python -m tools.write_inventories python=FILE aiohttp=FILE yarl=FILE pandas=FILE

A FILE is a whole ``objects.inv``, as Debian's python3-doc, python-aiohttp-doc, python-yarl-doc and
python-pandas-doc have it below ``/usr/share/doc``.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
INVENTORIES = DOCS / "_inventories"
HEAD = 4
"""Lines of a version 2 inventory that are not compressed."""


def entries(inventory: bytes) -> Iterator[str]:
    """Yield the lines of an inventory: name, role, priority, address and title."""
    yield from zlib.decompress(inventory.split(b"\n", HEAD)[HEAD]).decode().splitlines()


def only(inventory: bytes, names: Collection[str]) -> bytes:
    """Return an inventory with those of its Python objects that have one of the names."""
    head = inventory.split(b"\n", HEAD)[:HEAD]
    kept = [
        line
        for line in entries(inventory)
        if line.partition(" ")[0] in names and line.split(" ")[1].startswith("py:")
    ]
    return b"\n".join([*head, zlib.compress("\n".join([*kept, ""]).encode(), 9)])


def referred() -> set[str]:
    """Build the documents; return the names they refer to that are not their own."""
    from sphinx.application import Sphinx  # noqa: PLC0415 - of the group "docs"

    names: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        app = Sphinx(DOCS, DOCS, folder, folder, "dummy", status=None, freshenv=True)
        app.connect(
            "missing-reference",
            lambda _app, _env, node, _text: names.add(node.get("reftarget", "")),
            priority=1,  # before intersphinx
        )
        app.build()
    return names


def main() -> None:
    """Write the inventories that the command line names."""
    names = referred()
    for name, _, file in (each.partition("=") for each in sys.argv[1:]):
        (INVENTORIES / f"{name}.inv").write_bytes(only(Path(file).read_bytes(), names))


if __name__ == "__main__":
    main()
