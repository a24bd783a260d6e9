"""Import contracts bite; and what they cannot say: a light start, one idea a file, a front door."""

from __future__ import annotations

import ast
import itertools
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tryconnect
from tests.support.programs import run

PACKAGE = "tryconnect"
SOURCE = Path(tryconnect.__file__).parent

HEAVY = frozenset({"aiohttp", "yarl", "multidict", "aiohappyeyeballs", "aiodns", "pycares"})
"""What costs more to import than a program without checks wants to pay."""

PATHS = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts): path
    for path in sorted(SOURCE.rglob("*.py"))
}


ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]

PLANTED = {
    "floors": ("tryconnect/_model/report.py", "from tryconnect import _client"),
    "floors, for types": (
        "tryconnect/_model/report.py",
        "if TYPE_CHECKING:\n    import tryconnect._transport.trace",
    ),
    "floors, in functions": (
        "tryconnect/_runs/bulk.py",
        "def f():\n    from tryconnect._check import http",
    ),
    "floors, a file on none": ("tryconnect/utils.py", '"""Anything."""'),
    "plugin": ("tryconnect/errors.py", "import pytest_tryconnect"),
    "circles": ("tryconnect/_model/reason.py", "from tryconnect._model import report"),
    "aiohttp": ("tryconnect/_check/verdict.py", "import aiohttp"),
    "names": ("tryconnect/_check/connect.py", "import pycares"),
    "engine": ("tryconnect/_survey/lanes.py", "def f():\n    import distributed"),
    "arrow": ("tryconnect/_survey/engine.py", "import pyarrow"),
}
"""What breaks each contract, and where."""


def broken_contracts(folder: Path) -> set[str]:
    """Return the names of the contracts that a copy of the project breaks."""
    # With -c, the working folder comes first on the path: before what is installed.
    program = "from importlinter.cli import lint_imports_command as lint; lint()"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", program, "--no-cache"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    return {line.partition(" BROKEN")[0] for line in done.stdout.splitlines() if " BROKEN" in line}


@pytest.mark.slow
@pytest.mark.wants(module="importlinter")
@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_import_breaks_its_contract(planted: str, tmp_path: Path) -> None:
    for package in CONTRACTS["root_packages"]:
        shutil.copytree(SOURCE.parent / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file, code = PLANTED[planted]
    with (tmp_path / file).open("a", encoding="utf-8") as opened:
        opened.write(f"\n{code}\n")

    broken = broken_contracts(tmp_path)

    names = {each["id"]: each["name"] for each in CONTRACTS["contracts"]}
    assert names[planted.partition(",")[0]] in broken


def test_each_contract_is_planted_against() -> None:
    planted = {each.partition(",")[0] for each in PLANTED}
    assert planted == {each["id"] for each in CONTRACTS["contracts"]}


def test_importing_the_package_is_light() -> None:
    script = f"import sys, {PACKAGE}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert PACKAGE in loaded
    assert not loaded & HEAVY


PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = dict(PROJECT["optional-dependencies"])
del EXTRAS["test"]  # the others are what the package itself imports

IMPORTED_AS = {"dnspython": "dns", "backports.zstd": "backports"}
NOT_OURS_TO_INSTALL = {"PyInstaller", "dask", "gevent", "pandas", "pydantic_core", "pytest"}
"""Imported where somebody else has loaded them."""


def declared() -> set[str]:
    """Return the top-level modules of everything that the package asks for."""
    wanted = itertools.chain(PROJECT["dependencies"], *EXTRAS.values())
    names = {re.match(r"[\w.-]+", each).group() for each in wanted} - {PACKAGE}  # type: ignore[union-attr]
    return {IMPORTED_AS.get(name, name.lower().replace("-", "_")) for name in names}


def imported() -> set[str]:
    """Return the top-level modules that the package imports, by statement or by name."""
    found = set()
    for path in SOURCE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "_installed":
                found |= {ast.literal_eval(name) for name in node.args}
    return {name.partition(".")[0] for name in found} - sys.stdlib_module_names - {"compression"}


@pytest.mark.slow
def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    ours = {PACKAGE, "pytest_tryconnect"}

    # aiohttp imports aiodns for its AsyncResolver, and for sessions beside ours.
    assert (imported() | {"aiodns"}) - ours - NOT_OURS_TO_INSTALL == declared()


def test_each_dependency_has_a_lowest_version() -> None:
    lists = *PROJECT["optional-dependencies"].values(), *PYPROJECT["dependency-groups"].values()
    every = itertools.chain(PROJECT["dependencies"], *lists)

    assert [each for each in every if not re.search(r"[>=]=|^tryconnect\[", each)] == []


def first_line(source: str) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def is_one_sentence(line: str) -> bool:
    return line.endswith(".") and ". " not in line and (line[0].isupper() or line[0] == "`")


@pytest.mark.parametrize("module", PATHS)
def test_each_file_says_its_one_idea_in_its_first_line(module: str) -> None:
    line = first_line(PATHS[module].read_text("utf-8"))
    assert is_one_sentence(line), line


def test_the_front_door_lists_what_it_imports_in_order() -> None:
    tree = ast.parse(PATHS["__init__"].read_text("utf-8"))
    imported = [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tryconnect")
        for alias in node.names
    ]
    assert sorted(tryconnect.__all__) == sorted(imported)
    assert all(hasattr(tryconnect, name) for name in tryconnect.__all__)


SENTENCES = {
    "One idea.": True,
    "``x`` is one idea: this one.": True,
    "": False,
    "no capital.": False,
    "No full stop": False,
    "Two. Ideas.": False,
    "Two.  Ideas.": False,
}


@pytest.mark.parametrize(("line", "answer"), SENTENCES.items())
def test_one_sentence_is_told_from_two(line: str, answer: bool) -> None:  # noqa: FBT001
    assert is_one_sentence(line) is answer


def test_a_file_without_words_has_no_first_line() -> None:
    assert first_line("import re") == ""


# --- what people read of it


@pytest.mark.slow
@pytest.mark.wants(module="grimp")
def test_the_drawing_is_of_the_imports_of_today() -> None:
    program = "from tools.draw_architecture import svg; print(svg(), end='')"
    done = run(program)  # grimp keeps its threads

    assert done.returncode == 0, done.stderr
    assert (ROOT / "docs/_static/architecture.svg").read_text("utf-8") == done.stdout


def test_the_page_and_the_drawing_name_every_package() -> None:
    page = (ROOT / "docs/explanation/architecture.rst").read_text("utf-8")
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}

    assert {name for name in packages if f"``{name}``" not in page} == set()


def test_the_contributors_page_names_files_that_exist() -> None:
    page = (ROOT / "CONTRIBUTING.rst").read_text("utf-8")
    named = set(re.findall(r"``([\w./]+\.(?:py|rst|json))``", page))
    there = {name for name in named if (ROOT / name).exists() or (SOURCE / name).exists()}

    assert named
    assert named - there == set()
