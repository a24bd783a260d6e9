"""docs/installation.rst says what ``pyproject.toml`` says, and its wheelhouse works."""

from __future__ import annotations

import re
import subprocess
import venv
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.docs.rows import rows
from tests.support.extras import BRINGS, PROJECT, ROOT, table

PAGE = (ROOT / "docs/installation.rst").read_text("utf-8")

HEADER, ALONE, *EXTRAS = rows(PAGE, "What the extras bring")

FOR_DEVELOPERS = {"bench", "browser", "docs", "engines", "lint", "loops", "packed", "test"}


def test_every_extra_for_users_has_a_row() -> None:
    assert set(PROJECT["optional-dependencies"]) - FOR_DEVELOPERS == set(BRINGS)


def test_the_table_is_that_of_pyproject_but_for_the_sizes() -> None:
    """If not, run ``python -m tests.support.extras --write``."""
    page = "\nextras\n" + "\n".join(table(dict.fromkeys(("", *BRINGS), 0.0)))

    assert [row[:-1] for row in rows(page, "extras")] == [
        row[:-1] for row in (HEADER, ALONE, *EXTRAS)
    ]
    assert all(float(row[-1]) > 0 for row in (ALONE, *EXTRAS))


def test_the_pythons_are_those_of_the_classifiers() -> None:
    section = PAGE.partition("\nWhich Pythons and systems\n")[2]
    (told,) = re.findall(r"^CPython (.*?) need ", section, re.MULTILINE)
    said = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if " 3." in each]

    assert re.split(", | and ", told) == said
    assert PROJECT["requires-python"] == f">={said[0]}"


MACHINES = [
    {"sys_platform": system, "platform_machine": machine}
    for system, machine in product(("linux", "darwin", "win32"), ("x86_64", "AMD64", "arm64"))
]
PYTHONS = [
    {"python_version": version, "implementation_name": name}
    for version, name in product(("3.11", "3.12", "3.13", "3.14", "3.15"), ("cpython", "pypy"))
]


@pytest.mark.parametrize("pair", [("ada-url", "idna"), ("chardetng-py", "chardet")])
@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: "-".join(python.values()))
def test_one_of_two_packages_is_taken(pair: tuple[str, str], python: dict[str, str]) -> None:
    wanted = [Requirement(each) for each in PROJECT["dependencies"] if ";" in each]
    for machine in MACHINES:
        taken = [
            each.name for each in wanted if each.marker and each.marker.evaluate(python | machine)
        ]

        assert len({*taken} & {*pair}) == 1, machine
        assert f"``{pair[0]}``" in PAGE
        assert f"``{pair[1]}``" in PAGE


@pytest.mark.slow
@pytest.mark.wants(module="hatchling")
def test_the_wheelhouse_is_enough(tmp_path: Path) -> None:
    """The commands of the page, with this checkout in place of the name on the index."""
    collect, install = re.findall(r"^ {4}pip (.*wheelhouse.*)$", PAGE, re.MULTILINE)
    collect = collect.replace("'tryconnect[cli]'", f"{ROOT}[cli]")
    venv.create(tmp_path / "empty", with_pip=True)
    for words in (collect, install.replace("'", "")):
        run(tmp_path, "pip", "-q", *words.split())
    run(tmp_path, "tryconnect", "demo")


def run(folder: Path, program: str, *words: str) -> None:
    """Run a program of the empty environment."""
    subprocess.run([folder / "empty/bin" / program, *words], cwd=folder, check=True)  # noqa: S603
