"""The lowest version of each dependency and extra in ``pyproject.toml``, as constraints for pip::

python -m tools.lowest_versions >lowest.txt && pip install -c lowest.txt -e '.[test]'
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"

_BOUND = re.compile(r"([\w.-]+)(?:\[.*?\])?\s*[>=]=\s*([\w.]+)[^;]*(;.*)?")


def lowest(requirements: Iterable[str]) -> Iterator[str]:
    """Yield a constraint for each requirement that has a lower bound.

    Of several bounds of one package under the same conditions, the highest holds.
    """
    bounds: dict[tuple[str, str], tuple[int, ...]] = {}
    for each in requirements:
        if found := _BOUND.match(each):
            name, version, condition = found[1].lower(), found[2], found[3] or ""
            number = tuple(int(part) for part in version.split("."))
            bounds[name, condition] = max(number, bounds.get((name, condition), ()))
    for (name, condition), number in bounds.items():
        yield f"{name}=={'.'.join(map(str, number))}{condition}"


def main() -> None:
    """Print the constraints."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    print(
        *lowest([*project["dependencies"], *(each for extra in extras for each in extra)]), sep="\n"
    )


if __name__ == "__main__":
    main()
