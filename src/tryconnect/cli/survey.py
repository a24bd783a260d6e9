"""Check millions of addresses, on all processors or a cluster, and write the reports as files.

The same command goes on with a survey that was interrupted. The exit code is 0 if all addresses
answer as expected, 1 if some do not, 2 for wrong usage, 3 if some parts failed, 130 if interrupted.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tryconnect import survey
from tryconnect._model.render import exit_code, summary
from tryconnect._options import DEFAULT_LIMIT
from tryconnect._survey.options import ROWS_PER_PART
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._input import addresses_in, opened
from tryconnect.cli._output import say
from tryconnect.cli._terminal import coloured, columns, drawn, live, style
from tryconnect.errors import Reason

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from tryconnect._survey.progress import Progress
    from tryconnect._survey.result import Survey

__all__ = ["configure", "run"]

_PARTS_FAILED = 3

_EVERY = 60.0
"""Seconds between lines of progress that is not on a terminal."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument(
        "input",
        nargs="*",
        type=Path,
        metavar="INPUT",
        help="files of addresses: a line each, or .csv, .parquet, .jsonl (- is standard input)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder of the reports")
    parser.add_argument(
        "--report", type=Path, metavar="DIR", help="write DIR/report.html about a survey, instead"
    )
    _add_files(parser)
    _add_engine(parser)
    _add_pace(parser)
    arguments.add_expecting(parser)
    arguments.add_connecting(parser)


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is read and written")
    group.add_argument(
        "--input-format",
        choices=("lines", "csv", "parquet", "jsonl"),
        help="of the input (default: by the suffix)",
    )
    group.add_argument(
        "--column", default="address", metavar="NAME", help="of the addresses (default: address)"
    )
    group.add_argument(
        "--keep", default="", metavar="NAME,…", help="other columns to keep, separated by commas"
    )
    group.add_argument("--keep-all", action="store_true", help="keep all other columns")
    group.add_argument(
        "--format",
        choices=("parquet", "jsonl"),
        default="parquet",
        help="of the reports (default: parquet)",
    )
    group.add_argument(
        "--rows-per-part",
        type=int,
        default=ROWS_PER_PART,
        metavar="NUMBER",
        help=f"addresses in one file of reports, about (default: {ROWS_PER_PART})",
    )
    again = group.add_mutually_exclusive_group()
    again.add_argument(
        "--resume", action="store_true", help="go on where DIR holds this survey (default)"
    )
    again.add_argument("--overwrite", action="store_true", help="begin anew, whatever DIR holds")
    group.add_argument(
        "--show-secrets",
        action="store_true",
        help="write passwords, queries and fragments of addresses instead of ***",
    )
    group.add_argument(
        "-q", "--quiet", action="store_true", help="do not print progress or a summary"
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("who checks")
    group.add_argument(
        "--workers",
        type=int,
        metavar="NUMBER",
        help="processes on this machine (default: one for each processor)",
    )
    group.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster: tls://host:8786")
    group.add_argument(
        "--scheduler-file", type=Path, metavar="FILE", help="the same, by its scheduler file"
    )
    group.add_argument(
        "--insecure-scheduler",
        action="store_true",
        help="connect to a scheduler elsewhere without TLS: whoever reaches it runs code as you",
    )
    group.add_argument(
        "--engine",
        choices=("dask", "none"),
        default="dask",
        help="none: all in this process (default: dask)",
    )
    group.add_argument("--dashboard", action="store_true", help="Dask's own page on 127.0.0.1:8787")


def _add_pace(parser: argparse.ArgumentParser) -> None:
    arguments.add_timeout(parser)
    at_once = "how many addresses to check at once"
    arguments.add_number(parser, "--limit", DEFAULT_LIMIT, f"{at_once} in each process")
    arguments.add_number(parser, "--per-host", None, f"{at_once} on one host (default: no limit)")
    for flag, where in (("--rate", ""), ("--rate-per-host", " on one host")):
        shown = f"checks in a second{where} (default: no limit)"
        parser.add_argument(flag, type=float, metavar="NUMBER", help=shown)
    parser.add_argument(
        "--canary",
        dest="canaries",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="an address that answers, unless the worker is cut off; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Run the survey, and sum it up; or write the page about one."""
    if options.report is not None:
        from tryconnect._survey.report import write_report  # noqa: PLC0415 - an extra

        print(write_report(options.report))
        return 0
    if not options.input or options.out is None:
        raise ValueError("an INPUT is required, and --out DIR")
    started = time.monotonic()
    with _Shown(options) as shown, _interrupted_once():
        try:
            found = _survey(options, shown.take)
        except KeyboardInterrupt:
            shown.erase()
            say(
                f"interrupted: {shown.words()}; the same command goes on with what is left "
                f"of {options.out}"
            )
            raise
    if not options.quiet:
        _sum_up(found, time.monotonic() - started, options.limit)
    for name, why in found.failed.items():
        say(f"tryconnect: {name} failed: {why}")
    if found.failed:
        say(f"tryconnect: {len(found.failed)} parts failed; the same command tries them again")
        return _PARTS_FAILED
    return exit_code(found.counts)


@contextlib.contextmanager
def _interrupted_once() -> Iterator[None]:
    """Let a second Ctrl-C not interrupt what the first one has begun: the end."""

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _survey(options: argparse.Namespace, take: Callable[[Progress], object]) -> Survey:
    piped = options.input == [Path("-")]
    missing = [path for path in options.input if not piped and not path.is_file()]
    if missing:
        raise ValueError(f"there is no file {missing[0]}")
    # What Dask logs of connections that end is no word to people; it reads this at its import.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")
    return survey(
        _piped() if piped else options.input,
        options.out,
        engine=options.engine,
        scheduler=options.scheduler_file or options.scheduler,
        workers=options.workers,
        input_format=options.input_format,
        column=options.column,
        keep=None if options.keep_all else [*filter(None, options.keep.split(","))],
        format=options.format,
        limit=options.limit,
        per_host=options.per_host,
        rate=options.rate,
        rate_per_host=options.rate_per_host,
        timeout=options.timeout,
        expect=arguments.expected_of(options),
        client=arguments.client_options(options),
        canaries=options.canaries,
        rows_per_part=options.rows_per_part,
        overwrite=options.overwrite,
        insecure_scheduler=options.insecure_scheduler,
        dashboard=options.dashboard,
        show_secrets=options.show_secrets,
        on_progress=take,
    )


def _piped() -> list[str]:
    with opened("-") as file:
        text = file.readall().removeprefix(codecs.BOM_UTF8)
    return [*addresses_in(text.splitlines())]


def _sum_up(found: Survey, seconds: float, limit: int) -> None:
    say(summary(found.counts, seconds))
    if found.limit < limit:
        say(f"--limit {limit} was {found.limit}: a process may open too few files (ulimit -n)")
    say(f"{len(found.parts)} files in {found.out}")


class _Shown:
    """Shows on standard error how far the survey is: a line that is redrawn, or one a minute."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._quiet = options.quiet
        self._live = not options.quiet and live(sys.stderr)
        self._colours = coloured(sys.stderr)
        self._latest: Progress | None = None
        self._began: tuple[float, int] | None = None
        self._said_at = time.monotonic()
        self._drawn = False

    def take(self, progress: Progress) -> None:
        """Show the latest state."""
        self._latest = progress
        now = time.monotonic()
        if self._began is None and progress.total:
            self._began = now, progress.checked
        if self._live:
            self._draw()
        elif not self._quiet and now - self._said_at >= _EVERY:
            self._said_at = now
            say(self.words())

    def words(self) -> str:
        """Return the state in words."""
        return "  ".join(text for text, _ in self._pieces())

    def _pieces(self) -> list[tuple[str, str]]:
        """Return the state, piece by piece with its look."""
        state, began = self._latest, self._began
        if state is None:
            return [("starting", "")]
        if began is None:
            return [(f"{state.workers} workers, reading the input", "")]
        rate, left = _rate(state, *began)
        failed = [
            (f"{count:,} {reason}", style(Reason[reason]))
            for reason, count in state.counts.most_common()
            if reason != Reason.ok
        ]
        return [
            (f"{state.checked:,}/{state.total:,}", ""),
            (f"{rate:,.0f}/s", ""),
            (f"{state.finished:,}/{state.parts:,} parts", ""),
            *([(f"{left} left", "cyan")] if left is not None else []),
            (f"{state.counts.get(Reason.ok, 0):,} ok", "green"),
            *failed[:4],
        ]

    def erase(self) -> None:
        """Erase the line."""
        if self._drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._drawn = False

    def _draw(self) -> None:
        spans = [span for piece in self._pieces() for span in (piece, ("  ", ""))]
        line = drawn(spans[:-1], (columns(sys.stderr) or 80) - 1, colours=self._colours)
        sys.stderr.write(f"\r\x1b[2K{line}")
        sys.stderr.flush()
        self._drawn = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()


def _rate(state: Progress, since: float, before: int) -> tuple[float, timedelta | None]:
    """Return how many addresses are checked in a second, and how long the others will take."""
    seconds = time.monotonic() - since
    rate = (state.checked - before) / seconds if seconds > 0 else 0.0
    if rate <= 0:
        return 0.0, None
    return rate, timedelta(seconds=round((state.total - state.checked) / rate))
