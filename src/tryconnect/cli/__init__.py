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

from tryconnect._model.redaction import escape_control
from tryconnect._version import __version__
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main", "parser_of"]


class Command(NamedTuple):
    """A command: its module, and what it does in a few words."""

    module: str
    summary: str


COMMANDS = {
    "check": Command("tryconnect.cli.check", "say of each address whether it answers (default)"),
    "fetch": Command("tryconnect.cli.fetch", "print the text at a URL"),
    "wait": Command("tryconnect.cli.wait", "wait until addresses are up, or gone"),
    "watch": Command("tryconnect.cli.watch", "tell each change between up and down"),
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
        # It may quote what a peer has said.
        shown = "\n".join(map(escape_control, str(error).split("\n")))
        print(f"tryconnect: {shown}", file=sys.stderr)  # noqa: T201 - a command line prints
        return 1


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        _escape_what_cannot_be_written(stream)
    if not words:
        _overview().error("which address? tryconnect --help tells more")
    if words[0].partition("=")[0] in {"-h", "--help", "--version", "--print-completion"}:
        return _print_completion(_overview().parse_args(words).print_completion)
    name = words.pop(0) if words[0] in COMMANDS else "check"
    parser = parser_of(name)
    options = parser.parse_args(words)
    try:
        code: int = importlib.import_module(COMMANDS[name].module).run(options)
        sys.stdout.flush()
    except ValueError as error:
        parser.error(str(error))
    return code


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return what reads the words of a command."""
    module = importlib.import_module(COMMANDS[name].module)
    parser = argparse.ArgumentParser(
        prog=f"tryconnect {name}", description=module.__doc__, formatter_class=_Formatter
    )
    module.configure(parser)
    return parser


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help that is the same in all versions of Python."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Say ``-f, --file FILE``, as since Python 3.13; not ``-f FILE, --file FILE``."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, action.dest.upper())
        return f"{', '.join(action.option_strings)} {value}"


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
    parser.add_argument(
        "--print-completion",
        choices=("bash", "zsh"),
        metavar="SHELL",
        help="print a script by which bash or zsh completes commands and options",
    )
    return parser


def _print_completion(shell: str) -> int:
    from tryconnect.cli._completion import script  # noqa: PLC0415 - seldom wanted

    def configure(name: str, parser: argparse.ArgumentParser) -> None:
        importlib.import_module(COMMANDS[name].module).configure(parser)

    summaries = {name: item.summary for name, item in COMMANDS.items()}
    print(script(shell, summaries, configure))  # noqa: T201 - a command line prints
    return 0


def _escape_what_cannot_be_written(stream: TextIO) -> None:
    """Let a terminal that knows ASCII only show an address in Japanese as escapes."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
