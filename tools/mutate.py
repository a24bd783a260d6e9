"""Breaks a module in one place at a time, and prints what its own tests do not notice::

    python -m tools.mutate _model/guard
    python -m tools.mutate --jobs 2 web/_security web/_admission >survivors
    python -m tools.mutate --among survivors web/_security

A mutant is a copy of the module with one change: another comparison, a constant one off, a
condition reversed, ``and`` for ``or``, a statement, an operand or an argument left out, ``return
None``. The tests of the module, and no others, run in a copy of the checkout, each time in a fork
of this process, which has loaded what does not change. A mutant that they do not notice has
survived, unless ``equivalent_mutants.toml`` says why nobody can tell it from the original.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tools.own_coverage import own_tests

ROOT = Path(__file__).parents[1]
PACKAGE = Path("src/tryconnect")
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")

LOADED = (
    "aiohttp",
    "hypothesis",
    "multidict",
    "pycares",
    "yarl",
    "aiodns",
    "dns.message",
    "trustme",
)
"""What every fork finds loaded: nothing of ours, and nothing that starts a thread."""


# --- mutants


class Mutant(NamedTuple):
    """A change to the bytes of a module."""

    line: int
    start: int
    end: int
    new: str

    def of(self, source: bytes) -> bytes:
        """Return the changed module."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def shown(self, source: bytes) -> tuple[str, str]:
        """Return the lines that change, before and after, as one line each."""
        first = source.rfind(b"\n", 0, self.start) + 1
        last = source.find(b"\n", self.end)
        old = source[first:last]
        new = source[first : self.start] + self.new.encode() + source[self.end : last]
        return " ".join(old.decode().split()), " ".join(new.decode().split())


COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
CALCULATED: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "/"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
DROPPED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Delete, ast.Break, ast.Continue)
OF_NO_EFFECT = frozenset({"__all__", "__slots__"})


class Mutator(ast.NodeVisitor):
    """Collects the mutants of a module."""

    def __init__(self, source: bytes) -> None:
        self.mutants: list[Mutant] = []
        self._source = source
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.visit(ast.parse(source))

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        return start, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _replace(self, node: ast.expr | ast.stmt | ast.keyword, new: str) -> None:
        self.mutants.append(Mutant(node.lineno, *self._span(node), new))

    def _between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> None:
        """Replace an operator, which is the first such word after what is to its left."""
        start = self._source.index(old.encode(), self._span(left)[1], self._span(right)[0])
        self.mutants.append(Mutant(left.end_lineno or 0, start, start + len(old), new))

    # What is not looked into: docstrings, annotations, decorators, what is for types only.

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self._negate(node.test)
            self.generic_visit(node)
        for other in node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else ():
            self.visit(other)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is None or "TypeAlias" in ast.unparse(node.annotation):
            return
        if not isinstance(node.target, ast.Name) or node.col_offset:
            self._replace(node, "pass")
        self.visit(node.value)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in (*node.defaults, *node.kw_defaults):
            if default is not None:
                self.visit(default)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if "overload" in map(ast.unparse, node.decorator_list):
            return
        self.visit(node.args)
        for each in node.body:
            self.visit(each)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for each in node.body:
            self.visit(each)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name is ast's

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # else a docstring
            self._drop(node)

    # What is changed.

    def _drop(self, node: ast.stmt) -> None:
        self._replace(node, "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if OF_NO_EFFECT.isdisjoint(map(ast.unparse, node.targets)):
            # Without a constant of its own, a module cannot even be loaded.
            (self._drop if node.col_offset else self.generic_visit)(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._drop(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass")  # the words of what is raised are nobody's contract

    def visit_Delete(self, node: ast.Delete) -> None:
        if not all(isinstance(each, ast.Name) for each in node.targets):  # else only linters tell
            self._drop(node)

    def visit_Break(self, node: ast.Break) -> None:
        self._drop(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._drop(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            if ast.unparse(node.value) not in {"None", "False"}:  # nobody tells those two apart
                self._replace(node.value, "None")
            self.visit(node.value)

    def _negate(self, test: ast.expr) -> None:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return  # visit_UnaryOp does
        if not isinstance(test, ast.Compare) or isinstance(
            test.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE
        ):
            self._replace(test, f"(not ({self._text(test)}))")

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, f"({self._text(node.operand)})")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        lefts = [node.left, *node.comparators]
        for left, operator, right in zip(lefts, node.ops, node.comparators, strict=False):
            self._between(left, right, *COMPARED[type(operator)])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in CALCULATED:
            self._between(node.left, node.right, *CALCULATED[type(node.op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        texts = [f"({self._text(value)})" for value in node.values]
        self._replace(node, f"({f' {new} '.join(texts)})")
        for dropped in range(len(texts)):
            rest = [text for number, text in enumerate(texts) if number != dropped]
            self._replace(node, f"({f' {old} '.join(rest)})")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if ast.unparse(node.func) == "cast":
            self.visit(node.args[1])
            return
        for keyword in node.keywords:
            if keyword.arg is not None and len(node.keywords) + len(node.args) > 1:
                start, end = self._span(keyword)
                comma = self._source[end : end + 1] == b","
                self.mutants.append(Mutant(keyword.value.lineno, start, end + comma, ""))
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.visit(value.value)
        self._replace(node, "'mutant'")

    def visit_Constant(self, node: ast.Constant) -> None:
        match node.value:
            case bool():
                self._replace(node, repr(not node.value))
            case int() | float():
                self._replace(node, repr(node.value + 1))
                self._replace(node, repr(node.value - 1))
            case str():
                self._replace(node, repr(f"{node.value}mutant"))
            case bytes():
                self._replace(node, repr(node.value + b"mutant"))


# --- runs


class Run:
    """The tests of a copy, run in a fork whose modules of ours come from there."""

    def __init__(self, copy: Path, tests: list[str], within: float) -> None:
        self.copy = copy
        self._begun = time.monotonic()
        self._within = within
        self._out = copy / "out.txt"
        self._child = os.fork()
        if not self._child:
            _be_a_test_run(copy, tests, self._out)

    def code(self) -> int | None:
        """Return the exit code of the tests, or ``None`` while they run."""
        done, status = os.waitpid(self._child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if self.seconds() < self._within:
            return None
        os.killpg(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        return -signal.SIGKILL

    def seconds(self) -> float:
        """Return how long it has been running."""
        return time.monotonic() - self._begun

    def output(self) -> str:
        """Return what the tests have printed."""
        return self._out.read_text("utf-8", "replace")


def _be_a_test_run(copy: Path, tests: list[str], out: Path) -> None:
    os.setsid()
    os.chdir(copy)
    with out.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.path[:0] = [str(copy / "src"), str(copy)]
    os.environ["PYTHONPATH"] = f"{copy / 'src'}{os.pathsep}{copy}"
    sys.dont_write_bytecode = not (copy / ".compile").exists()
    if sys.dont_write_bytecode:
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    # Assertions are shown by nobody; a test that hangs is ended from outside.
    options = ["-x", "-q", "-m", "", "--tb=line", "-p", "no:cacheprovider"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is loaded already
    code = 70
    try:
        code = int(pytest.main([*options, "--hypothesis-seed=0", *tests]))
    except BaseException:  # noqa: BLE001 - this process ends here, whatever happens
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def copy_checkout(to: Path) -> None:
    """Copy what Git knows, or would."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def warm(copy: Path, file: Path, tests: list[str]) -> float:
    """Run the tests once as they are, and return the seconds that they take."""
    copy_checkout(copy)
    (copy / ".compile").touch()
    run = Run(copy, tests, 600)
    while (code := run.code()) is None:
        time.sleep(PAUSE)
    if code:
        sys.exit(f"the tests fail before anything is changed ({code}):\n{run.output()}")
    (copy / ".compile").unlink()
    for compiled in (copy / file).parent.glob(f"__pycache__/{file.stem}.*"):
        compiled.unlink()
    return run.seconds()


def tried(
    file: Path, source: bytes, mutants: Iterator[Mutant], tests: list[str], jobs: int
) -> Iterator[tuple[Mutant, bool]]:
    """Yield the mutants of a module, and whether each survives, as they are through."""
    with tempfile.TemporaryDirectory() as folder:
        free = [Path(folder, str(number)) for number in range(jobs)]
        within = 10 + 4 * max(warm(copy, file, tests) for copy in free)
        running: dict[Run, Mutant] = {}
        while True:
            while free and (mutant := next(mutants, None)):
                copy = free.pop()
                (copy / file).write_bytes(mutant.of(source))
                running[Run(copy, tests, within)] = mutant
            if not running:
                return
            time.sleep(PAUSE)
            for run in list(running):
                if (code := run.code()) is not None:
                    free.append(run.copy)
                    yield running.pop(run), not code


PAUSE = 0.02


def is_a_program(source: bytes) -> bool:
    """Return whether a mutant can be compiled."""
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def equivalent(module: str) -> dict[tuple[str, str], str]:
    """Return the mutants that nobody can tell from the original, and why."""
    tables = tomllib.loads(EQUIVALENT.read_text("utf-8")) if EQUIVALENT.exists() else {}
    return {(each["old"], each["new"]): each["why"] for each in tables.get(module, [])}


def printed(change: tuple[str, str]) -> str:
    """Return a change as the two lines that are printed of it."""
    return "\n  - {}\n  + {}\n".format(*change)


def examine(module: str, tests: list[str], jobs: int, lines: range, among: str | None) -> bool:
    """Print the survivors of a module, and return whether they are few."""
    file = PACKAGE / f"{module}.py"
    source = (ROOT / file).read_bytes()
    known = equivalent(module)
    mutants = (
        each
        for each in Mutator(source).mutants
        if each.line in lines
        and (among is None or printed(each.shown(source)) in among)
        and is_a_program(each.of(source))
    )
    counts: Counter[str] = Counter()
    used = set()
    for mutant, survives in tried(file, source, mutants, tests, jobs):
        change = mutant.shown(source)
        if not survives:
            counts["killed"] += 1
        elif change in known:
            used.add(change)
        else:
            counts["survived"] += 1
            print(f"{module}:{mutant.line}{printed(change)}", end="", flush=True)
    for change in known.keys() - used if lines == ALL_LINES and among is None else ():
        print(f"{module}: listed as equivalent, but it is killed or gone{printed(change)}", end="")
    killed, judged = counts["killed"], counts.total()
    rate = killed / judged if judged else 1
    print(f"{module}: {killed} of {judged} killed ({rate:.1%}), {len(used)} equivalent", flush=True)
    return rate >= ENOUGH


ENOUGH = 0.95
ALL_LINES = range(10**5)


def main() -> None:
    """Parse the command line."""
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="+", help="for example _model/guard")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--lines", default="0-99999", help="only these, for example 10-20")
    parser.add_argument("--among", type=Path, help="only these, which a run before has printed")
    parser.add_argument("--tests", nargs="+", help="other test files than the module's own")
    chosen = parser.parse_args()
    first, _, last = chosen.lines.partition("-")
    lines = range(int(first), int(last or first) + 1)
    among = chosen.among and chosen.among.read_text("utf-8")
    for name in LOADED:
        importlib.import_module(name)
    results = [
        examine(module, chosen.tests or [own_tests(module)], chosen.jobs, lines, among)
        for module in chosen.modules
    ]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
