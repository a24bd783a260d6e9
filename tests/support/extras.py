"""Measures what tryconnect and its extras add to a virtual environment: a table for the docs.

Run from the root of a checkout; ``--write`` writes the table into ``docs/installation.rst``::

    python -m tests.support.extras [--write]

``tests/docs/test_installation.py`` holds the table to ``pyproject.toml``, except for the sizes.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import tomllib
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.generated import Generated

ROOT = Path(__file__).parents[2]
TABLE = Generated("installation.rst", "tests/support/extras.py")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

BRINGS = {
    "cli": "completion for bash and zsh",
    "compression": "``br`` and ``zstd``, offered to servers beside ``gzip``",
    "serve": "``tryconnect serve``, with metrics for Prometheus",
    "notify": "alerts by e-mail, chat and telephone, through Apprise",
    "socks": "SOCKS proxies",
    "truststore": 'certificates verified by the operating system: ``Client(ssl="system")``',
    "testing": "the peers of ``tryconnect.testing`` that speak TLS or DNS",
    "arrow": "surveys in one process, and engines that pass Arrow data",
    "dask": "surveys on all processors, or on a cluster",
}
"""The extras for users, and what each is for; the others are for who works on tryconnect."""


def packages(requirements: list[str]) -> str:
    """Return the names in a list of requirements, without those for other kinds of Python."""
    ours = [each for each in requirements if "!= 'cpython'" not in each]
    return ", ".join(re.split(r"[ ;<>=]", each)[0] for each in ours)


def table(sizes: Mapping[str, float]) -> Iterator[str]:
    """Yield the lines of the table.

    Args:
        sizes: MiB by extra; "" is tryconnect without any.
    """
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield "   :widths: 16 38 36 10"
    yield ""
    rows = [
        ("extra", "what it brings", "packages", "MiB"),
        ("none", "checks, the command line, the doctor", "", f"{sizes['']:.0f}"),
    ]
    for extra, brings in BRINGS.items():
        names = packages(PROJECT["optional-dependencies"][extra])
        rows.append((f"``{extra}``", brings, names, f"+{sizes[extra]:.1f}"))
    for row in rows:
        yield from (f"   {'*' if n == 0 else ' '} - {cell}".rstrip() for n, cell in enumerate(row))


def measured(folder: Path, extra: str) -> float:
    """Return the MiB that an installation by pip adds to an environment."""
    venv.create(folder, with_pip=True)
    before = size(folder)
    wanted = f"{ROOT}[{extra}]" if extra else str(ROOT)
    subprocess.run([folder / "bin/pip", "install", "-q", wanted], check=True)  # noqa: S603
    return size(folder) - before


def size(folder: Path) -> float:
    """Return the MiB of all files below a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*")) / 2**20


def main() -> None:
    """Measure and show, or write."""
    with tempfile.TemporaryDirectory() as folder:
        sizes = {extra: measured(Path(folder, f"with {extra}"), extra) for extra in ("", *BRINGS)}
    more = {extra: mib - sizes[""] if extra else mib for extra, mib in sizes.items()}
    TABLE.show(table(more))


if __name__ == "__main__":
    main()
