"""Show the help of a command, or what commands there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect.cli import COMMANDS, overview, parser_of
from tryconnect.cli._parser import did_you_mean

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "run"]

USAGE = "[COMMAND]"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("topic", nargs="?", metavar="COMMAND", help="a command of tryconnect")


def run(options: argparse.Namespace) -> int:
    """Print it."""
    name = options.topic
    if name is not None and name not in COMMANDS:
        raise ValueError(f"there is no command {name!r}{did_you_mean(name, COMMANDS)}")
    (overview() if name is None else parser_of(name)).print_help()
    return 0
