"""The command line: find the command and run its module.

Each command is a module of its name with ``configure(parser)`` and ``run(options) -> int``. Only
the requested one is imported, so that a check starts fast.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, TextIO

from tryconnect._model.redaction import escape_control
from tryconnect._version import __version__
from tryconnect.cli._output import IO_ERROR, OutputError, abandon, say, show
from tryconnect.cli._parser import Parser, letters_apart
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "main", "overview", "parser_of"]


COMMANDS = {
    "check": "check whether addresses answer (default)",
    "fetch": "print the text at a URL",
    "wait": "wait until addresses are up, or gone",
    "watch": "show each change between up and down",
    "doctor": "examine this machine and an event loop",
    "serve": "run checks over HTTP, for Prometheus and browsers",
    "survey": "check millions of addresses, on all processors or a cluster",
    "demo": "check good and bad addresses of servers in this process",
    "help": "show the help of a command",
}
"""The summary of each command, by name."""

_INTERRUPTED = 130
"""The exit code by which shells report SIGINT: 128 + 2."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The words after the program's name; ``None``: those of this process.

    Returns:
        The exit code: 0 if all addresses answer, 1 if some do not, 2 for wrong usage, 74 if the
        output cannot be written, 130 if interrupted.
    """
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        if sys.stdout is not None:
            show("")
    except KeyboardInterrupt:
        if argv is None:
            import signal

            # The process ends: there is nothing left that a second Ctrl-C could interrupt.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _INTERRUPTED
    except OSError as error:
        abandon(sys.stdout)
        what = "cannot write to standard output: " if isinstance(error, OutputError) else ""
        say(f"tryconnect: {what}{escape_control(error.strerror or str(error))}")
        return IO_ERROR
    except TryConnectError as error:
        # It may quote what a peer sent.
        say("tryconnect: " + "\n".join(map(escape_control, str(error).split("\n"))))
        return 1
    return code


def _run(words: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        _escape_unencodable(stream)
    if not words:
        overview().error("an ADDRESS is required; see tryconnect --help")
    if words[0] == "--version":
        show(f"tryconnect {__version__}\n")
        return 0
    if words[0].partition("=")[0] in {"-h", "--help", "--print-completion"}:
        return _print_completion(overview().parse_args(words).print_completion)
    named = words[0] in COMMANDS
    name = words.pop(0) if named else "check"
    parser = parser_of(name)
    if not named and not words[0].startswith("-"):
        _refuse_misspelt(words[0])
    command = None
    if name == "wait" and "--" in words:
        end = words.index("--")
        words, command = words[:end], words[end + 1 :]
    options = parser.parse(words)
    options.command = command
    if not named and options.addresses:
        _refuse_misspelt(options.addresses[0])
    try:
        code: int = _module(name).run(options)
    except ValueError as error:
        parser.error(str(error))
    return code


def _refuse_misspelt(word: str) -> None:
    """Exit with 2 if the first address is a command that was misspelt, or comes too late."""
    if set(word) & set(".:/[@"):
        return
    apart = {name: letters_apart(word.casefold(), name) for name in COMMANDS}
    meant = min(apart, key=apart.__getitem__)
    if apart[meant] <= _FEW_LETTERS:
        fault = "comes first" if word == meant else f"is not a command; did you mean {meant}?"
        shown = escape_control(word)
        overview().error(
            f"{shown} {fault} (to check a host of that name: tryconnect check {shown})"
        )


_FEW_LETTERS = 2


def _module(name: str) -> Any:
    return importlib.import_module(f"tryconnect.cli.{name}")


def parser_of(name: str) -> Parser:
    """Return the parser of a command."""
    module = _module(name)
    places = getattr(module, "USAGE", None)
    parser = Parser(
        prog=f"tryconnect {name}",
        usage=None if places is None else f"tryconnect {name} [OPTION ...] {places}".strip(),
        description=module.__doc__ or COMMANDS[name],  # python -OO has no docstrings
    )
    module.configure(parser)
    return parser


def overview() -> Parser:
    """Return the parser of what comes before any command."""
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items())
    parser = Parser(
        prog="tryconnect",
        usage="tryconnect [COMMAND] [OPTION ...] [ADDRESS ...]",
        description="Does this address answer, and if not, why?",
        epilog=f"commands:\n{listed}\n\nSee tryconnect COMMAND --help for its options.",
    )
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    parser.add_argument(
        "--print-completion",
        choices=("bash", "zsh"),
        metavar="SHELL",
        help="print a script that completes commands and options in bash or zsh",
    )
    return parser


def _print_completion(shell: str) -> int:
    from tryconnect.cli._completion import script

    text = script(shell, COMMANDS, lambda name, parser: _module(name).configure(parser))
    show(f"{text}\n")
    return 0


def _escape_unencodable(stream: TextIO | None) -> None:
    """Let an ASCII terminal show a Japanese address as escapes."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
