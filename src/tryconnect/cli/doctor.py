"""Examine this machine and an event loop: report whether they are fit, and what to do if not.

Prints a line for each finding, and advice below those that are not ok. The exit code is 0 if there
is no fault (warnings do not count), 1 if there is one, 2 for wrong usage.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

from tryconnect.cli import _arguments as arguments
from tryconnect.cli._output import IO_ERROR, OutputError, show
from tryconnect.cli._terminal import coloured, painted
from tryconnect.doctor._bounded import bounded
from tryconnect.doctor._examination import Examination
from tryconnect.doctor._findings import Level

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from tryconnect.doctor import Findings

__all__ = ["USAGE", "close", "configure", "run"]

USAGE = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument(
        "--loop",
        metavar="MODULE:FACTORY",
        help="examine the loop that this function returns, with run_until_complete in the main "
        "thread (default: asyncio's own loop)",
    )
    parser.add_argument(
        "--only", choices=["loop", "machine"], help="examine only this (default: both)"
    )
    parser.add_argument(
        "--name-server",
        action="append",
        metavar="IP[:PORT]",
        help="examine this name server instead of the machine's own; may be repeated",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object per line, including advice"
    )
    arguments.add_colour(parser)


def run(options: argparse.Namespace) -> int:
    """Examine, and print the findings."""
    factory = asyncio.new_event_loop if options.loop is None else _factory(options.loop)
    printed = _print_json if options.json else partial(_print_lines, _painter(options.color))
    examination = Examination(only=options.only, name_servers=options.name_server)
    loop = factory()
    if not hasattr(loop, "run_until_complete"):
        raise ValueError(f"{options.loop} returned {loop!r}, which is not an event loop")
    try:
        with _watchdog(examination, printed):
            loop.run_until_complete(examination.whole())
        printed(examination.findings)
    finally:
        close(loop)
    return exit_code(examination.findings)


def exit_code(findings: Findings) -> int:
    """Return 0 if there is no fault, else 1."""
    return 0 if findings.healthy else 1


def _factory(text: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Import a factory named as ``package.module:factory``.

    Raises:
        ValueError: There is none of that name.
    """
    module, _, name = text.partition(":")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as python -m does
    try:
        found: object = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"cannot import {text!r}: {error}") from error
    finally:
        sys.path.pop(0)
    if not callable(found):
        raise ValueError(f"{text!r} is not callable")  # noqa: TRY004 - a usage error
    return found


def close(loop: asyncio.AbstractEventLoop) -> None:
    """Close a loop as ``asyncio.Runner`` does, but do not wait for a broken one."""

    async def end(name: str) -> None:
        await getattr(loop, name)()

    for name in ("shutdown_asyncgens", "shutdown_default_executor"):
        loop.run_until_complete(bounded(end(name)))
    loop.close()


@contextlib.contextmanager
def _watchdog(examination: Examination, printed: Callable[[Findings], None]) -> Iterator[None]:
    """Exit the process if the loop hangs: nothing else gets out of its wait."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_PAUSE):
            if examination.is_hung():
                examination.abandon()
                with contextlib.suppress(OutputError):
                    printed(examination.findings)
                    os._exit(exit_code(examination.findings))
                os._exit(IO_ERROR)

    watcher = threading.Thread(target=watch, name="tryconnect-doctor-watcher", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


_PAUSE = 0.1
"""Seconds between two looks at the loop."""


def _print_lines(paint: Callable[[str, str], str], findings: Findings) -> None:
    names = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        level = paint(f"{finding.level:<7}", _LOOKS[finding.level])
        lines.append(f"{level}  {finding.name:<{names}}  {finding.sentence}")
        if finding.level is not Level.ok:
            lines.append(f"{'':<7}  {'':<{names}}  -> {finding.advice}")
    show("\n".join([*lines, f"{_summary(findings)}\n"]))


_LOOKS = {Level.ok: "green", Level.warning: "yellow", Level.fault: "red"}


def _painter(choice: str) -> Callable[[str, str], str]:
    return painted if coloured(sys.stdout, choice) else lambda text, _: text


def _summary(findings: Findings) -> str:
    levels = [finding.level for finding in findings]
    counted = [
        f"{levels.count(level)} {level}{'s' * (levels.count(level) > 1)}"
        for level in (Level.fault, Level.warning)
        if level in levels
    ]
    return f"{len(levels)} checks, {', '.join(counted) or 'no problems'}"


def _print_json(findings: Findings) -> None:
    show("".join(f"{json.dumps(finding.as_dict())}\n" for finding in findings))
