"""Runs all benchmarks, or those named: ``python -m benchmarks [OPTION …] [TABLE …]``.

Run from the root of a checkout with the group ``bench``, on Linux. ``--write`` writes each table
into ``docs/explanation/performance.rst`` as soon as it is complete, and draws it; ``--quick`` runs
a few checks instead of thousands, to test that everything works: its figures mean nothing.
``--beside`` measures another checkout in turns with this one, with the libraries that are installed
for this one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    bulk,
    growth,
    imports,
    instructions,
    leaving,
    names,
    oneshot,
    plots,
    server,
    silent,
    stream,
)
from benchmarks.peers import measure_beside
from benchmarks.table import PAGE, written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.table import Table

__all__ = ["TABLES", "main"]

TABLES: dict[str, Callable[..., Table]] = {
    "plain": bulk.plain,
    "instructions": instructions.instructions,
    "large": bulk.large,
    "tls": bulk.secure,
    "chain": bulk.chain,
    "same": bulk.same,
    "names": names.names,
    "growth": growth.growth,
    "descriptors": growth.few_descriptors,
    "silent": silent.silent,
    "leaving": leaving.leaving,
    "stream": stream.stream,
    "oneshot": oneshot.oneshot,
    "imports": imports.imports,
    "server": server.server,
}
"""By name, in the order of the page; each takes ``quick=``."""


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables, and write them into the page if requested."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--quick", action="store_true", help="a few checks only")
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="measure this one, too")
    parser.add_argument("--write", action="store_true", help="write the tables into the docs")
    options = parser.parse_args(argv)
    if options.beside is not None:
        if options.write or not (options.beside / "src" / "tryconnect").is_dir():
            parser.error("--beside takes another checkout, and its figures are not for the page")
        measure_beside(options.beside)
    if options.quick and options.write:
        parser.error("--quick has nothing worth writing")
    if unknown := sorted({*options.tables} - {*TABLES}):
        parser.error(f"no such table: {', '.join(unknown)}")
    for name in options.tables or TABLES:
        text = str(TABLES[name](quick=options.quick))
        print(f"{name}\n\n{text}\n", flush=True)
        if options.write:
            page = PAGE.read_text("utf-8")
            PAGE.write_text(written(page, name, text), "utf-8")
            plots.main()


if __name__ == "__main__":
    main()
