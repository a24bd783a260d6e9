"""Count the lines of code of the package: without blank lines, comments and docstrings."""

from __future__ import annotations

import argparse
import ast
import tokenize
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"

_NO_CODE = frozenset(
    {
        *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
        *(tokenize.ENCODING, tokenize.ENDMARKER),
    }
)


def code_lines(path: Path) -> int:
    """Return how many lines of a file hold code."""
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type not in _NO_CODE]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    return len(lines - set(_lines_of_docstrings(path)))


def _lines_of_docstrings(path: Path) -> list[int]:
    """Return the lines of the docstrings of modules, classes and functions."""
    return [
        line
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    ]


def longest_function(folder: Path) -> tuple[int, str]:
    """Return the length of the longest function, in lines, and its place."""
    return max(
        ((node.end_lineno or 0) - node.lineno + 1, f"{path.relative_to(folder)}:{node.lineno}")
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def main() -> None:
    """Print the lines of each package, and the total."""
    parser = argparse.ArgumentParser(prog="python -m tools.count_code", description=__doc__)
    parser.add_argument(
        "folders", nargs="*", type=Path, default=[SOURCE], metavar="FOLDER", help="default: src"
    )
    for folder in parser.parse_args().folders:
        lines = {path: code_lines(path) for path in sorted(folder.rglob("*.py"))}
        rooms: dict[str, int] = {}
        for path, count in lines.items():
            room = "/".join(path.relative_to(folder).parts[:-1][:2]) or "."
            rooms[room] = rooms.get(room, 0) + count
        for room, count in rooms.items():
            print(f"{count:7,} {room}")
        length, place = longest_function(folder)
        print(
            f"{sum(lines.values()):7,} in {len(lines)} files; longest function: {length}, {place}"
        )


if __name__ == "__main__":
    main()
