"""Looks into the archives of a release: ``python -m tools.check_dist [FOLDER]``, ``dist`` if none.

Also says whether what is built is what the changelog announces, which a tag has to agree with.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

WANTED = {
    "tryconnect/__init__.py",
    "tryconnect/py.typed",
    "pytest_tryconnect/py.typed",
    "tryconnect/web/page/index.html",
}
"""What a wheel must not lack; page and types are no modules, so that nothing imports them."""

UNWANTED = re.compile(r"(^|/)(tests?|docs|benchmarks|tools|__pycache__|\.[a-z]\w*)/")


def faults(folder: Path, tag: str = "") -> list[str]:
    """Return what is wrong with the one wheel and the one source archive of a folder.

    Args:
        folder: Where they are.
        tag: The tag that is released, as ``v0.1.0``; empty if none is.
    """
    wheels, archives = list(folder.glob("*.whl")), list(folder.glob("*.tar.gz"))
    if (len(wheels), len(archives)) != (1, 1):
        return [f"{folder} has {len(wheels)} wheels and {len(archives)} source archives"]
    with zipfile.ZipFile(wheels[0]) as wheel:
        shipped = set(wheel.namelist())
    with tarfile.open(archives[0]) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    version = wheels[0].name.split("-")[1]
    sources = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return [
        *(f"the wheel lacks {name}" for name in sorted((WANTED | sources) - shipped)),
        *(f"the wheel has {name}" for name in sorted(filter(UNWANTED.search, shipped))),
        *(
            f"the source archive lacks src/{name}"
            for name in sorted(sources)
            if f"src/{name}" not in packed
        ),
        *unannounced(version, (ROOT / "CHANGELOG.rst").read_text("utf-8"), tag),
    ]


def unannounced(version: str, changelog: str, tag: str) -> list[str]:
    """Return why a version may not be released: the changelog's first heading announces another."""
    heading = re.search(r"^(\d+\.\d+\.\d+\S*), (.+)\n-+$", changelog, re.MULTILINE)
    if heading is None:
        return ["CHANGELOG.rst has no heading such as '0.1.0, 2026-01-31'"]
    newest, date = heading.groups()
    found = [] if newest == version else [f"CHANGELOG.rst begins with {newest}, not {version}"]
    if tag and tag != f"v{version}":
        found.append(f"the tag {tag} is not v{version}")
    if tag and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        found.append(f"CHANGELOG.rst says {version} is {date!r}: date it before it is tagged")
    return found


def main() -> None:
    """Print the faults; exit with 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("::")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("dist"))
    parser.add_argument("--tag", default=os.environ.get("RELEASE_TAG", ""))
    arguments = parser.parse_args()
    found = faults(arguments.folder, arguments.tag)
    for each in found:
        print(each, file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
