"""Scripts that complete commands, options and file names in shells.

shtab makes them from the commands' own parsers, on request. The shell keeps the script: completing
runs no Python, and a check does not pay for it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["script"]


def script(
    shell: str,
    commands: Mapping[str, str],
    configure: Callable[[str, argparse.ArgumentParser], object],
) -> str:
    """Return the script for a shell.

    Args:
        shell: ``bash`` or ``zsh``.
        commands: The summary of each command, by name.
        configure: Declares a command's options.

    Raises:
        TryConnectError: shtab is not installed.
    """
    try:
        import shtab
    except ModuleNotFoundError:
        raise TryConnectError("completion needs shtab: pip install 'tryconnect[cli]'") from None
    whole = argparse.ArgumentParser(prog="tryconnect")
    named = whole.add_subparsers()
    for name, summary in commands.items():
        parser = named.add_parser(name, help=summary)
        configure(name, parser)
        _complete_files(parser, shtab.FILE)
    # A word that is not a command is an address, so the options of check apply.
    first = argparse.ArgumentParser(add_help=False)
    configure("check", first)
    for action in first._actions:
        if action.option_strings:
            whole._add_action(action)
    _complete_files(whole, shtab.FILE)
    text: str = shtab.complete(whole, shell)
    return text


def _complete_files(parser: argparse.ArgumentParser, files: object) -> None:
    for action in parser._actions:
        if action.metavar == "FILE":
            action.complete = files  # type: ignore[attr-defined]
