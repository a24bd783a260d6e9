"""A later release of a package: one that calls something of its own by another name."""

from __future__ import annotations

import sys
from types import CodeType, FunctionType
from typing import Any

import pytest


def renamed(code: CodeType, old: str, new: str) -> CodeType:
    """The same code, in which one name is another one."""
    return code.replace(
        co_names=tuple(new if name == old else name for name in code.co_names),
        co_consts=tuple(
            renamed(const, old, new) if isinstance(const, CodeType) else const
            for const in code.co_consts
        ),
    )


def rename(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *modules: str, leave: bool = False
) -> None:
    """Rename what belongs to a class or module, and wherever modules mention it.

    Args:
        monkeypatch: undoes it.
        owner: whose it is.
        name: which.
        modules: whose functions and methods use it.
        leave: leave the old name too, which nobody calls any more.
    """
    new = f"{name}_renamed"
    for module in map(sys.modules.__getitem__, modules):
        for function in functions(module):
            code = renamed(function.__code__, name, new)
            if code != function.__code__:
                monkeypatch.setattr(function, "__code__", code)
    if name in vars(owner):
        monkeypatch.setattr(owner, new, vars(owner)[name], raising=False)
        if not leave:
            monkeypatch.delattr(owner, name)


def functions(module: Any) -> list[FunctionType]:
    """The functions of a module, and of its classes."""
    places = [module, *(each for each in vars(module).values() if isinstance(each, type))]
    found = [
        getattr(value, "fget", None) or getattr(value, "__func__", value)
        for place in places
        for value in vars(place).values()
    ]
    own = [each for each in found if isinstance(each, FunctionType)]
    return [each for each in own if each.__module__ == module.__name__]
