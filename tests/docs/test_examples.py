"""Each public function and class has an example in its docstring, and the examples run.

They run in the world of the documents (``documents.world``), as in ``python -m asyncio`` after
``import tryconnect``.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import importlib
import importlib.util
import inspect
import io
import sys
from collections.abc import Iterator

import pytest

import tryconnect
from tests.docs import documents
from tests.support import arrow_threads

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not all peers are elsewhere")

DOORS = ("", ".sync", ".doctor", ".web", ".testing", ".arrow", ".pandas")
WANTS = {
    "tryconnect.arrow": "pyarrow",
    "tryconnect.pandas": "pandas",
    "tryconnect.survey": "pyarrow",
    "tryconnect.Survey": "pyarrow",
}
"""What modules and names want beside the extra ``test``."""

SLOW = {
    "tryconnect.doctor.Finding",
    "tryconnect.doctor.examine",
    "tryconnect.testing.bomb",
    "tryconnect.testing.dns_server",
    "tryconnect.testing.endless_headers",
}


def public(door: str) -> list[str]:
    """Return the functions and classes of a module, or itself if it cannot be imported."""
    if door in WANTS and not importlib.util.find_spec(WANTS[door]):
        return [door]
    module = importlib.import_module(door)
    members = {name: getattr(module, name) for name in module.__all__}
    return [
        f"{door}.{name}"
        for name, each in members.items()
        if inspect.isroutine(each) or inspect.isclass(each)
    ]


def marked(path: str) -> object:
    """Return a parameter with the marks that its example needs."""
    wanted = WANTS.get(path) or WANTS.get(path.rpartition(".")[0])
    marks = [pytest.mark.slow] if wanted or path in SLOW else []
    return pytest.param(path, marks=[*marks, pytest.mark.wants(module=wanted)] if wanted else marks)


PATHS = [marked(path) for door in DOORS for path in public(f"tryconnect{door}")]


def examples(path: str) -> list[doctest.Example]:
    """Return the examples in the docstring of an object."""
    module, _, name = path.rpartition(".")
    text = inspect.getdoc(getattr(importlib.import_module(module), name)) or ""
    return doctest.DocTestParser().get_examples(text)


def run(found: list[doctest.Example]) -> str:
    """Run examples; return how their output differs from the one shown."""
    namespace = {"tryconnect": tryconnect, "__name__": "__main__"}
    with asyncio.Runner() as runner, contextlib.redirect_stdout(io.StringIO()) as printed:
        for example in found:
            code = compile(
                example.source, "<example>", "single", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            )
            result = eval(code, namespace)  # noqa: S307 - running them is the point
            if inspect.iscoroutine(result):
                runner.run(result)
    return documents.difference(printed.getvalue(), "".join(each.want for each in found))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if importlib.util.find_spec("pyarrow"):
        arrow_threads.start(tmp_path_factory.mktemp("arrow"))
    with pytest.MonkeyPatch.context() as patch, documents.world():
        patch.setattr(sys, "displayhook", show)
        yield


def show(value: object) -> None:
    """Print a value as the interpreter does, but keep it nowhere."""
    if value is not None:
        sys.stdout.write(f"{value!r}\n")


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("path", PATHS)
def test_it_has_an_example_that_runs(path: str) -> None:
    found = examples(path)

    assert found, f"{path} has no example"
    assert run(found) == ""


@pytest.mark.usefixtures("world")
def test_a_wrong_output_is_noticed() -> None:
    found = doctest.DocTestParser().get_examples(
        '>>> await tryconnect.try_connect("example.com")\nFalse\n'
    )

    assert "+True" in run(found)
