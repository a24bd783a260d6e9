"""Reads a list-table of a page, and names the peers that the first rows of two of them ask."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tryconnect import testing as peers

Open = Callable[[], AbstractAsyncContextManager[peers.Peer]]

PLAIN: dict[str, tuple[Open, str]] = {
    "answers 200": (peers.http_server, ""),
    "answers 404": (peers.http_server, "status/404"),
    "nothing listens": (peers.closed_port, ""),
    "accepts, and stays silent": (peers.silent, ""),
}
"""How each is opened, and the path that is asked for."""


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the rows of the first list-table below a heading, the header among them."""
    _, found, section = page.partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    table = section.partition(".. list-table::\n")[2] + "\n"
    body = re.match(r"(?:[ ]{3}.*\n|\n)+", table)
    assert body is not None, f"there is no table below {heading!r}"
    return [
        [" ".join(cell.split()) for cell in re.split(r"\n {3}(?:\* -| {2}-)", f"\n{row}")[1:]]
        for row in re.split(r"\n(?= {3}\* - )", body[0])[1:]
    ]
