"""A script that starts processes must say which part of it they are not to run."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["refuse_unguarded"]

_SENTENCE = (
    "survey() starts processes, each of which imports this script: call it under "
    'if __name__ == "__main__":'
)


def refuse_unguarded(frame: FrameType | None) -> None:
    """Refuse to start processes from a script that would start them again in each of them.

    Args:
        frame: The caller's.

    Raises:
        TryConnectError: The script's own code calls, outside of any ``if`` that asks for its name.
    """
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and name in {"__main__", "__mp_main__"}:
            if name == "__mp_main__" or _is_unguarded(frame):
                raise TryConnectError(_SENTENCE)
            return
        frame = frame.f_back


def _is_unguarded(frame: FrameType) -> bool:
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None:  # -c, a notebook; python -m
        return False
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):  # not a script of Python's: a zip, a frozen program
        return False
    return not any(
        node.lineno <= frame.f_lineno <= (node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
    )
