"""Print the text at a URL as a browser would show it.

It goes to standard output exactly as it is, in the encoding of that; on a terminal, controls that
it would obey are shown as escapes.  The exit code is 0 where there is a text, 1 where there is
none (standard error says why), 2 for wrong usage.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

from tryconnect._model.redaction import escape_control
from tryconnect._options import FETCH_TIMEOUT, MAX_BYTES
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._output import write

if TYPE_CHECKING:
    import argparse

    from tryconnect import Client, Expect

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("url", metavar="URL", help="an http or https address")
    arguments.add_timeout(parser, FETCH_TIMEOUT, "for everything, the body included")
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=MAX_BYTES,
        metavar="NUMBER",
        help="the longest body that is taken, decompressed (default: %(default)s)",
    )
    parser.add_argument(
        "--encoding",
        metavar="LABEL",
        help="read the body in this encoding, whatever the answer declares",
    )
    arguments.add_expecting(parser, default="2xx")
    arguments.add_connecting(parser)


def run(options: argparse.Namespace) -> int:
    """Fetch the text and print it."""
    expect = arguments.expected_of(options)
    asyncio.run(_show(arguments.client_of(options), options, expect))
    return 0


async def _show(client: Client, options: argparse.Namespace, expect: Expect | None) -> None:
    async with client:
        text = await client.fetch_text(
            options.url,
            timeout=options.timeout,
            expect=expect,
            max_bytes=options.max_bytes,
            encoding=options.encoding,
        )
    if sys.stdout.isatty():
        text = _OBEYED.sub(lambda found: escape_control(found[0]), text)
    elif (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(newline="")  # Windows would make its own line ends of them
    await write(text)


_OBEYED = re.compile(r"[^\n\t -~]")
"""What may be more to a terminal than what it shows; ``escape_control`` knows."""
