"""Private names of other packages that code touches, as far as its text tells."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any

PRIVATE = re.compile(r"_(?!_)\w+|__\w+(?<!__)")
"""Begins with an underscore, and is no special method's."""

PUBLIC = {
    *("_asdict", "_field_defaults", "_fields", "_make", "_replace"),  # of named tuples
    *("_generate_next_value_", "_ignore_", "_missing_", "_name_", "_order_", "_value_"),  # of enums
    "_exit",  # of os
}
"""Documented, underscore and all."""

BY_NAME = {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"}
"""What takes the name of an attribute as a text."""


def is_private(name: str) -> bool:
    return PRIVATE.fullmatch(name) is not None and name not in PUBLIC


def defined(trees: Iterable[ast.AST]) -> set[str]:
    """The names that code defines itself: functions, classes, variables, attributes of ``self``."""
    names: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name) | ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                names.add(name)
            case ast.ImportFrom(module=str(module), names=aliases) if is_ours(module):
                names.update(alias.asname or alias.name for alias in aliases)
            case _:
                pass
    return names


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in {"tryconnect", "pytest_tryconnect"}


def touched(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name for each private name that code takes from something."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function), args=args) if (
                function in BY_NAME
            ):
                texts = (arg.value for arg in args if isinstance(arg, ast.Constant))
                yield from (
                    (node.lineno, part)
                    for text in texts
                    if isinstance(text, str)
                    for part in text.split(".")
                )
            case ast.ImportFrom(module=str(module), level=0, names=aliases) if not is_ours(module):
                yield from ((node.lineno, alias.name) for alias in aliases)
                yield from ((node.lineno, part) for part in module.split("."))
            case ast.Import(names=aliases):
                for alias in aliases:
                    if not is_ours(alias.name):
                        yield from ((node.lineno, part) for part in alias.name.split("."))
            case _:
                pass


def foreign(tree: ast.AST, own: set[str]) -> list[tuple[int, str]]:
    """Private names that are touched, and that no code of ours defines."""
    return [(line, name) for line, name in touched(tree) if is_private(name) and name not in own]


def inherited(kind: type) -> set[str]:
    """Private names that a class has from others' classes, by their code."""
    theirs = [each for each in kind.__mro__ if not is_ours(each.__module__)]
    found: set[str] = set()
    for each in theirs:
        for name, value in vars(each).items():
            found.add(name)
            if isinstance(value, FunctionType):
                found.update(value.__code__.co_names)
    return {name for name in found if is_private(name)} - {"_abc_impl"}


def used_of_inherited(kind: type[Any]) -> set[str]:
    """Private names of others' classes that the text of a class of ours mentions."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    methods = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return (attributes | methods) & inherited(kind)
