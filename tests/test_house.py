"""The house stands: imports go down only, doors are opened by name, and the start is light.

``FLOORS`` is the plan of the house.  A new file that is not on it fails a test: say where it lives.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple, TypeGuard

import pytest

import tryconnect

PACKAGE = "tryconnect"
SOURCE = Path(tryconnect.__file__).parent

FLOORS: tuple[tuple[str, ...], ...] = (
    # Words, and other small rooms that know nothing of the rest.
    (
        "_version",
        "_redaction",
        "_faults",
        "_expect",
        "_decoded",
        "_coding",
        "_head",
        "_families",
        "_guard",
        "_shortage",
        "_descriptors",
    ),
    ("errors", "_text", "_loops", "_protocol"),
    # Nodes: the records; the first half of text → Target; and what one loop does for another.
    ("_authority", "_records", "_errand"),
    # text → Target; words for what happened; the trail that the network leaves; a loop of our own.
    ("_target", "_sentences", "_trail", "_portal"),
    # What may be asked for, of us and of a loop.
    ("_options", "_abilities"),
    # Arrows that only compute, and the small rooms of the network.
    ("_verdict", "_render", "_body", "_connector", "_names", "_proxies", "_trust"),
    # Two roads to a target.
    ("_dial", "_http"),
    # Target → Attempt.
    ("_network",),
    # By which of two roads.
    ("_roads",),
    # text → Report, by way of all of it.
    ("_session",),
    # Patterns: many checks, or checks in the course of time.  They know no network.
    ("_crew", "_source", "_turns", "_patience", "_sync_runner"),
    ("_bulk",),
    ("_patterns", "_sync_streams"),
    # The owner of sessions.
    ("_client",),
    ("_calls", "_sync_client"),
    ("__init__",),
    # Doors.
    ("sync", "doctor", "testing", "web"),
    ("cli",),
    ("__main__",),
)

DOORS = frozenset({"sync", "cli", "testing", "web", "doctor", "__main__"})
"""Asked for by name: no room leads to them, and the front door does not either."""

HEAVY = frozenset({"aiohttp", "yarl", "multidict", "aiohappyeyeballs", "aiodns", "pycares"})
"""What costs more to import than a program without checks wants to pay."""

MAY_BE_HEAVY = frozenset(
    {
        *("_verdict", "_body", "_connector", "_names", "_proxies", "_protocol", "_dial", "_http"),
        *("_network", "_roads", "_session"),
        # The demonstration and the probe server bring servers.
        *("cli", "doctor", "testing", "web", "__main__"),
    }
)
"""Rooms that import it as they load, or may; all others do so inside functions, or never."""

CLOSED = frozenset({"_text"})
"""Packages whose inner order is their own business."""


class Import(NamedTuple):
    """One module of the house, or of elsewhere, that a module imports."""

    module: str
    at_once: bool
    """As the importing module loads, not later inside a function."""


House = Mapping[str, Sequence[Import]]
"""Modules by their names within the package (``_target``, ``cli.check``), and their imports."""


# --- reading


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


PATHS = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def is_for_types_only(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def import_statements(
    node: ast.AST, *, at_once: bool = True
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yield what a syntax tree imports at run time, and whether at once."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, at_once
    inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in node.orelse if is_for_types_only(node) else ast.iter_child_nodes(node):
        yield from import_statements(child, at_once=at_once and not inside)


def imported_names(
    statement: ast.Import | ast.ImportFrom, package: Sequence[str], modules: frozenset[str]
) -> Iterator[str]:
    """Yield the modules that a statement imports, the house's own by their names within it."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield within(alias.name)
        return
    above = package[: len(package) - statement.level + 1] if statement.level else ()
    base = within(".".join([*above, *([statement.module] if statement.module else [])]))
    for alias in statement.names:
        inner = alias.name if base == "__init__" else f"{base}.{alias.name}"
        yield inner if inner in modules else base


def within(absolute: str) -> str:
    """Shorten an absolute name to the one within the package; names of elsewhere stay."""
    if absolute == PACKAGE:
        return "__init__"
    return absolute.removeprefix(f"{PACKAGE}.")


def read_imports(
    source: str, module: str, modules: frozenset[str], *, is_package: bool
) -> list[Import]:
    names = [] if module == "__init__" else module.split(".")
    package = [PACKAGE, *(names if is_package else names[:-1])]
    return [
        Import(name, at_once)
        for statement, at_once in import_statements(ast.parse(source))
        for name in imported_names(statement, package, modules)
    ]


def read_house() -> House:
    return {
        module: read_imports(
            path.read_text("utf-8"),
            module,
            frozenset(PATHS),
            is_package=path.name == "__init__.py",
        )
        for module, path in PATHS.items()
    }


HOUSE = read_house()


# --- guards: each returns its complaints


def room(module: str) -> str:
    return module.partition(".")[0]


def unplanned(house: House, floors: Sequence[Sequence[str]]) -> set[str]:
    """Rooms that are in the house or on the plan, but not in both; and those planned twice."""
    planned = [name for floor in floors for name in floor]
    twice = {name for name in planned if planned.count(name) > 1}
    return set(planned) ^ {room(module) for module in house} | twice


def upward(house: House, floors: Sequence[Sequence[str]]) -> list[str]:
    """Imports, also those inside functions, that do not go down."""
    floor_of = {name: number for number, floor in enumerate(floors) for name in floor}
    return [
        f"{module} imports {each.module}"
        for module, imports in house.items()
        for each in imports
        if each.module in house and room(each.module) != room(module)
        # What is not on the plan counts as top and bottom at once, so that it is found here too.
        if floor_of.get(room(each.module), len(floors)) >= floor_of.get(room(module), 0)
    ]


def circle(house: House) -> list[str]:
    """Modules that import each other in a circle, at once or inside functions."""
    graph = {
        module: {each.module for each in imports if each.module in house}
        for module, imports in house.items()
        if room(module) not in CLOSED
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def open_doors(house: House) -> list[str]:
    """Imports of a door by what is no door."""
    return [
        f"{module} imports {each.module}"
        for module, imports in house.items()
        for each in imports
        if each.module in house and room(each.module) in DOORS and room(module) not in DOORS
    ]


def heavy(house: House, allowed: frozenset[str] = MAY_BE_HEAVY) -> list[str]:
    """Heavy imports at once in rooms that have to be light, also by way of another room."""
    return [
        f"{module} imports {each.module}"
        for module, imports in house.items()
        for each in imports
        if room(module) not in allowed and each.at_once
        if room(each.module) in (allowed if each.module in house else HEAVY)
    ]


# --- the house


def test_each_room_is_on_the_plan_once() -> None:
    assert unplanned(HOUSE, FLOORS) == set()


def test_imports_go_down_only() -> None:
    assert upward(HOUSE, FLOORS) == []


def test_there_is_no_circle() -> None:
    assert circle(HOUSE) == []


def test_nobody_but_doors_opens_doors() -> None:
    assert open_doors(HOUSE) == []


def test_heavy_imports_stay_where_they_are_allowed() -> None:
    assert heavy(HOUSE) == []


def test_importing_the_package_is_light() -> None:
    script = f"import sys, {PACKAGE}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert PACKAGE in loaded
    assert not loaded & HEAVY


def first_line(source: str) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def is_one_sentence(line: str) -> bool:
    return line.endswith(".") and ". " not in line and (line[0].isupper() or line[0] == "`")


@pytest.mark.parametrize("module", PATHS)
def test_each_room_says_its_one_idea_in_its_first_line(module: str) -> None:
    line = first_line(PATHS[module].read_text("utf-8"))
    assert is_one_sentence(line), line


def test_the_front_door_lists_what_it_imports_in_order() -> None:
    tree = ast.parse(PATHS["__init__"].read_text("utf-8"))
    imported = [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(tryconnect.__all__) == sorted(imported)
    assert all(hasattr(tryconnect, name) for name in tryconnect.__all__)


# --- the guards bite, on a small house of two floors, a front door and a door


PLAN = (("word",), ("record",), ("__init__",), ("cli",))


def house(**changes: list[Import]) -> House:
    sound = {
        "word": [Import("re", at_once=True)],
        "record": [Import("word", at_once=True)],
        "__init__": [Import("record", at_once=True)],
        "cli": [Import("__init__", at_once=True)],
        "cli.check": [Import("cli", at_once=True), Import("record", at_once=True)],
    }
    return sound | changes


def test_a_sound_house_gives_no_complaint() -> None:
    assert unplanned(house(), PLAN) == set()
    assert upward(house(), PLAN) == open_doors(house()) == heavy(house()) == circle(house()) == []


def test_a_room_that_is_not_on_the_plan_is_found() -> None:
    assert unplanned(house(utils=[]), PLAN) == {"utils"}


def test_a_room_that_is_not_on_the_plan_may_not_be_imported() -> None:
    built = house(utils=[], record=[Import("utils", at_once=True)])
    assert upward(built, PLAN) == ["record imports utils"]


def test_a_room_that_is_only_on_the_plan_is_found() -> None:
    assert unplanned(house(), [*PLAN, ["castle"]]) == {"castle"}


def test_a_room_that_is_planned_twice_is_found() -> None:
    assert unplanned(house(), [*PLAN, ["word"]]) == {"word"}


@pytest.mark.parametrize("at_once", [True, False])
def test_an_import_that_goes_up_is_found_in_functions_too(at_once: bool) -> None:  # noqa: FBT001
    built = house(word=[Import("record", at_once)])
    assert upward(built, PLAN) == ["word imports record"]


def test_an_import_on_the_same_floor_is_found() -> None:
    built = house(other=[Import("word", at_once=True)])
    assert upward(built, [("word", "other"), *PLAN[1:]]) == ["other imports word"]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_circle_is_found_in_functions_too(at_once: bool) -> None:  # noqa: FBT001
    assert set(circle(house(word=[Import("record", at_once)]))) == {"word", "record"}
    inner = circle(house(cli=[Import("cli.check", at_once)]))
    assert set(inner) == {"cli", "cli.check"}


def test_an_open_door_is_found() -> None:
    built = house(__init__=[Import("cli", at_once=False)])
    assert open_doors(built) == ["__init__ imports cli"]
    assert open_doors(house(word=[Import("cli.check", at_once=True)])) == ["word imports cli.check"]


def test_a_heavy_import_is_found() -> None:
    built = house(word=[Import("aiohttp.abc", at_once=True)])
    assert heavy(built) == ["word imports aiohttp.abc"]
    assert heavy(house(word=[Import("aiohttp", at_once=False)])) == []


def test_a_heavy_import_by_way_of_a_heavy_room_is_found() -> None:
    built = house(word=[Import("yarl", at_once=True)])
    assert heavy(built, frozenset({"word"})) == ["record imports word"]


READ = {
    "import re": ["re!"],
    "import tryconnect": ["__init__!"],
    "import tryconnect.cli.check, yarl": ["cli.check!", "yarl!"],
    "from tryconnect import word": ["word!"],
    "from tryconnect import Report": ["__init__!"],
    "from tryconnect import word, Report": ["word!", "__init__!"],
    "from tryconnect.word import Report": ["word!"],
    "from tryconnect.cli import check": ["cli.check!"],
    "from . import check, main": ["cli.check!", "cli!"],
    "from .check import run": ["cli.check!"],
    "from .. import word": ["word!"],
    "from ..word import Report": ["word!"],
    "def f():\n from tryconnect import word": ["word"],
    "async def f():\n import yarl": ["yarl"],
    "class C:\n import yarl\n def f(self):\n  import re": ["yarl!", "re"],
    "try:\n import yarl\nexcept ImportError:\n import re": ["yarl!", "re!"],
    "if TYPE_CHECKING:\n import yarl": [],
    "if typing.TYPE_CHECKING:\n import yarl\nelse:\n import re": ["re!"],
    "if sys.platform == 'win32':\n import yarl": ["yarl!"],
}


@pytest.mark.parametrize(("source", "found"), READ.items(), ids=READ)
def test_all_forms_of_imports_are_read(source: str, found: list[str]) -> None:
    modules = frozenset({"__init__", "word", "cli", "cli.check"})
    imports = read_imports(source, "cli", modules, is_package=True)
    assert [f"{each.module}{'!' * each.at_once}" for each in imports] == found


def test_the_names_of_modules_are_read() -> None:
    assert {"__init__", "_target", "cli", "cli.check"} <= set(PATHS)


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


def test_a_room_without_words_has_no_first_line() -> None:
    assert first_line("import re") == ""
