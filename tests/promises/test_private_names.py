"""Other people's private names are touched in the two packages that own that, and nowhere else."""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import importlib
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

import tryconnect
from tests.support.private_names import defined, foreign, used_of_inherited

ROOT = Path(tryconnect.__file__).parents[1]

TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
    for package in ("tryconnect", "pytest_tryconnect")
    for path in sorted((ROOT / package).rglob("*.py"))
}
MAY = ("tryconnect/_transport/", "tryconnect/_runtime/")
"""Each has its row in ``upstream.HOOKS``, or stands in ``tests/transport/test_upstream.py``."""

with contextlib.suppress(ModuleNotFoundError):  # before a guard counts the threads that it starts
    importlib.import_module("pyarrow")

ALLOWED = {
    # argparse has no other list of a parser's options; shtab, which is asked with them, reads it.
    "tryconnect/cli/_completion.py": {"_actions", "_add_action"},
    # Help is the same text in all versions of Python; without them, it is each version's own.  "Did
    # you mean" reads a parser's options where shtab does.
    "tryconnect/cli/_parser.py": {
        *("_actions", "_fill_text", "_format_action_invocation", "_format_args"),
    },
}
"""Of the standard library's argparse, for words on a terminal: nothing else hangs on them."""

OTHERS = [path for path in TREES if not path.startswith(MAY)]
OWN = defined(TREES[path] for path in OTHERS)


@pytest.mark.parametrize("path", OTHERS)
def test_a_file_touches_no_private_name_of_another_package(path: str) -> None:
    found = foreign(TREES[path], OWN)

    assert [each for each in found if each[1] not in ALLOWED.get(path, set())] == []


def classes(path: str) -> Iterator[type]:
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:  # an extra's
        pytest.skip(f"not on this machine: module {error.name}")
    yield from (
        each
        for each in vars(module).values()
        if isinstance(each, type) and each.__module__ == name and name in sys.modules
    )


@pytest.mark.parametrize("path", [path for path in OTHERS if not path.endswith("__main__.py")])
def test_a_class_uses_no_private_name_that_it_inherits_from_one(path: str) -> None:
    used = {name for each in classes(path) for name in used_of_inherited(each)}

    assert used - ALLOWED.get(path, set()) == set()


@pytest.mark.parametrize("name", sorted(set().union(*ALLOWED.values())))
def test_what_is_allowed_is_there(name: str) -> None:
    places = (argparse, argparse.HelpFormatter(""), argparse.ArgumentParser())
    assert any(hasattr(place, name) for place in places)


BITES = {
    "an attribute": "connector._acquired = 1",
    "of itself, which it does not set": "class A(B):\n    def f(self): return self._limit_per_host",
    "an import": "from aiohttp.web_app import _cached_build_middleware",
    "a private module": "import asyncio._helpers",
    "from a private module": "from concurrent.futures._base import Future",
    "a name as a text": "getattr(session, '_connector')",
    "a name in a path": "attrgetter('a._connector')",
    "a mangled name": "request._ClientRequest__writer",
}

PASSES = ["self.__class__", "from tryconnect._api import _lease", "a.b", "getattr(a, 'b')", "x = 1"]


@pytest.mark.parametrize("code", BITES.values(), ids=list(BITES))
def test_it_bites(code: str) -> None:
    assert foreign(ast.parse(code), OWN)


@pytest.mark.parametrize("code", PASSES)
def test_it_lets_ours_and_public_ones_pass(code: str) -> None:
    assert foreign(ast.parse(code), OWN) == []


class Inside(asyncio.Queue[str]):
    """A queue that shows what is first."""

    def first(self) -> object:
        queue: deque[str] = self._queue  # type: ignore[attr-defined]
        return queue[0]


def test_it_sees_a_class_that_looks_into_its_base() -> None:
    assert used_of_inherited(Inside) == {"_queue"}
