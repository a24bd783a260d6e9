"""Whether a stream can show colours and live lines.

Both require a terminal and the extra ``cli``. ``TERM=dumb`` disables both, ``NO_COLOR`` disables
colours (https://no-color.org). Everywhere else, in pipes, files and logs, text is plain.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, TextIO

from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["coloured", "live", "painted", "style"]


def live(stream: TextIO, variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether lines of a stream can be redrawn."""
    # Windows' consoles interpret escapes only if told to, which is untested.
    able = sys.platform != "win32" and stream.isatty()
    return able and variables.get("TERM", "dumb") not in {"dumb", ""} and _has_rich()


def coloured(stream: TextIO, variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether a stream shows colours."""
    return live(stream, variables) and not variables.get("NO_COLOR")


@functools.cache
def _has_rich() -> bool:
    return importlib.util.find_spec("rich") is not None


def style(reason: Reason) -> str:
    """Return the colour of a reason: red if the peer is at fault, yellow if not."""
    return _STYLES.get(reason, "red")


_STYLES = {
    Reason.ok: "green",
    Reason.invalid_address: "yellow",
    Reason.blocked: "yellow",
    Reason.local: "yellow",
    Reason.unknown: "yellow",
}


def painted(line: str, reason: Reason) -> str:
    """Return a line that begins with a reason, with the reason in its colour.

    Without rich: importing it would take a fifth of the time of a single check.
    """
    return f"\x1b[{_CODES[style(reason)]}m{reason}\x1b[0m{line.removeprefix(reason)}"


_CODES = {"red": 31, "green": 32, "yellow": 33}
"""ECMA-48, section 8.3.117."""
