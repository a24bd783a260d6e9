"""Print the text at a URL as a browser would show it.

The text goes to standard output unchanged, in the encoding of standard output; on a terminal,
control characters are escaped. The exit code is 0 if there is a text, 1 if there is none (standard
error says why), 2 for wrong usage.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

from tryconnect._model.redaction import escape_control
from tryconnect._options import FETCH_TIMEOUT, MAX_BYTES, UP
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._output import write

if TYPE_CHECKING:
    import argparse

    from tryconnect import Client, Expect

__all__ = ["USAGE", "configure", "run"]

USAGE = "URL"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("url", metavar="URL", help="an http or https address")
    arguments.add_timeout(parser, FETCH_TIMEOUT, "for everything, including the body")
    longest = "the longest body to accept, after decompression"
    arguments.add_number(parser, "--max-bytes", MAX_BYTES, longest)
    parser.add_argument(
        "--encoding",
        metavar="LABEL",
        help="decode the body with this encoding, whatever the answer declares",
    )
    arguments.add_expecting(parser, "2xx", method=False)
    arguments.add_connecting(parser)


def run(options: argparse.Namespace) -> int:
    """Fetch the text and print it."""
    expect = arguments.expected_of(options, UP)
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
    if sys.stdout is not None and sys.stdout.isatty():
        text = _MAYBE_CONTROL.sub(lambda found: escape_control(found[0]), text)
    elif (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(newline="")  # or Windows would change line ends
    await write(text)


_MAYBE_CONTROL = re.compile(r"[^\n\t -~]")
"""What a terminal may interpret; ``escape_control`` decides."""
