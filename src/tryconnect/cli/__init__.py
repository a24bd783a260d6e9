"""The command line: find the command and run its module.

Each command is a module of its name with ``configure(parser)`` and ``run(options) -> int``. Only
the requested one is imported, so that a check starts fast.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from tryconnect._model.redaction import escape_control
from tryconnect._version import __version__
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main", "parser_of"]


COMMANDS = {
    "check": "check whether addresses answer (default)",
    "fetch": "print the text at a URL",
    "wait": "wait until addresses are up, or gone",
    "watch": "show each change between up and down",
    "doctor": "examine this machine and an event loop",
    "serve": "run checks over HTTP, for Prometheus and browsers",
    "demo": "check good and bad addresses of servers in this process",
}
"""The summary of each command, by name."""

_INTERRUPTED = 130
"""The exit code by which shells report SIGINT: 128 + 2."""

_PIPE_BROKEN = 141
"""The exit code by which shells report SIGPIPE: 128 + 13."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The words after the program's name; ``None``: those of this process.

    Returns:
        The exit code: 0 if all addresses answer, 1 if some do not, 2 for wrong usage, 130 if
        interrupted.
    """
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left. Python would report that again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_BROKEN
    except (TryConnectError, OSError) as error:
        # It may quote what a peer sent.
        shown = "\n".join(map(escape_control, str(error).split("\n")))
        print(f"tryconnect: {shown}", file=sys.stderr)  # noqa: T201 - a command line prints
        return 1


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        _escape_unencodable(stream)
    if not words:
        _overview().error("an ADDRESS is required; see tryconnect --help")
    if words[0].partition("=")[0] in {"-h", "--help", "--version", "--print-completion"}:
        return _print_completion(_overview().parse_args(words).print_completion)
    name = words.pop(0) if words[0] in COMMANDS else "check"
    parser = parser_of(name)
    options = parser.parse_args(words)
    try:
        code: int = _module(name).run(options)
        sys.stdout.flush()
    except ValueError as error:
        parser.error(str(error))
    return code


def _module(name: str) -> Any:
    return importlib.import_module(f"tryconnect.cli.{name}")


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    module = _module(name)
    parser = argparse.ArgumentParser(
        prog=f"tryconnect {name}", description=module.__doc__, formatter_class=_Formatter
    )
    module.configure(parser)
    return parser


class _Formatter(argparse.HelpFormatter):
    """Help that is the same on all versions of Python, wrapped to the terminal's width."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap each paragraph, unless it is a list."""
        fill = super()._fill_text
        paragraphs = text.strip().split("\n\n")
        return "\n\n".join(
            each if "\n  " in each else fill(each, width, indent) for each in paragraphs
        )

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Write ``-f, --file FILE``, as since Python 3.13, not ``-f FILE, --file FILE``."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, action.dest.upper())
        return f"{', '.join(action.option_strings)} {value}"


def _overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="tryconnect",
        usage="tryconnect [COMMAND] [OPTION ...] [ADDRESS ...]",
        description="Does this address answer, and if not, why?",
        epilog=f"commands:\n{listed}\n\nSee tryconnect COMMAND --help for its options.",
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"tryconnect {__version__}")
    parser.add_argument(
        "--print-completion",
        choices=("bash", "zsh"),
        metavar="SHELL",
        help="print a script that completes commands and options in bash or zsh",
    )
    return parser


def _print_completion(shell: str) -> int:
    from tryconnect.cli._completion import script  # noqa: PLC0415 - rarely needed

    print(script(shell, COMMANDS, lambda name, parser: _module(name).configure(parser)))  # noqa: T201
    return 0


def _escape_unencodable(stream: TextIO) -> None:
    """Let an ASCII terminal show a Japanese address as escapes."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
