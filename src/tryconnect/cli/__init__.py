"""The command line: finds the command, and lets its module do the rest.

Each command is a module with ``configure(parser)`` and ``run(options) -> int``; only the one that
is asked for is imported, so that a check starts fast.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, NamedTuple, TextIO

from tryconnect._version import __version__
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main"]


class Command(NamedTuple):
    """A command: its module, and what it does in a few words."""

    module: str
    summary: str


COMMANDS = {
    "check": Command("tryconnect.cli.check", "say of each address whether it answers (default)"),
    "doctor": Command("tryconnect.cli.doctor", "examine this machine, and an event loop"),
    "serve": Command("tryconnect.cli.serve", "answer over HTTP, for Prometheus and browsers"),
    "demo": Command("tryconnect.cli.demo", "check good and bad addresses of a server in here"),
}

_INTERRUPTED = 130
"""What a shell makes of SIGINT: 128 + 2."""

_PIPE_BROKEN = 141
"""What a shell makes of SIGPIPE: 128 + 13."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the words after the program's name; ``None``: those of this process.

    Returns:
        0: all addresses answer; 1: some do not; 2: wrong usage; 130: interrupted.
    """
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Who read our lines has left.  Python would say so once more while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_BROKEN
    except (TryConnectError, OSError) as error:
        print(f"tryconnect: {error}", file=sys.stderr)  # noqa: T201 - a command line prints
        return 1


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        _escape_what_cannot_be_written(stream)
    if not words:
        _overview().error("which address? tryconnect --help tells more")
    if words[0] in {"-h", "--help", "--version"}:
        _overview().parse_args(words)
    name = words.pop(0) if words[0] in COMMANDS else "check"
    module = importlib.import_module(COMMANDS[name].module)
    parser = argparse.ArgumentParser(
        prog=f"tryconnect {name}", description=module.__doc__, formatter_class=_Formatter
    )
    module.configure(parser)
    options = parser.parse_args(words)
    try:
        code: int = module.run(options)
        sys.stdout.flush()
    except ValueError as error:
        parser.error(str(error))
    return code


_Formatter = argparse.RawDescriptionHelpFormatter


def _overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {item.summary}" for name, item in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="tryconnect",
        usage="tryconnect [COMMAND] [OPTION ...] [ADDRESS ...]",
        description="Does this address answer, and if not, why?",
        epilog=f"commands:\n{listed}\n\ntryconnect COMMAND --help tells more.",
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"tryconnect {__version__}")
    return parser


def _escape_what_cannot_be_written(stream: TextIO) -> None:
    """Let a terminal that knows ASCII only show an address in Japanese as escapes."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
