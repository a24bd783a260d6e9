"""Maps the ids of an older checkout's tests to the current ones, and lists those without one::

    cd OLD && pytest --collect-only -q >old.txt
    pytest --collect-only -q -m '' >new.txt
    python -m tools.map_tests old.txt new.txt

Tests are the same if their names and parameters are; the file may differ.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path


def ids(file: str) -> list[str]:
    """Return the ids of a list that ``pytest --collect-only -q`` printed."""
    return [line for line in Path(file).read_text("utf-8").splitlines() if "::" in line]


def inner(test: str) -> str:
    """Return the part of an id that does not depend on its file."""
    file, _, rest = test.partition("::")
    return test if file.endswith(".rst") else rest


def main() -> None:
    """Print a line for each older test without a successor, and the counts."""
    old, new = (ids(file) for file in sys.argv[1:3])
    left = Counter(map(inner, new))
    unmapped = []
    for test in old:
        if left[inner(test)]:
            left[inner(test)] -= 1
        else:
            unmapped.append(test)
    print(*unmapped, sep="\n")
    print(f"{len(old)} before, {len(old) - len(unmapped)} mapped, {len(unmapped)} unmapped")
    print(f"{sum(left.values())} new")


if __name__ == "__main__":
    main()
