"""Writes what tryconnect reports for every peer, by every kind of call: a table for the docs.

Run from the root of a checkout; ``--write`` writes the table into ``docs/reference/peers.rst``::

    python -m tests.support.hall [--write]

``tests/testing/test_bad_peers_page.py`` checks all peers again, and compares the words, but not the
times, with that page.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from tryconnect import Client, FetchError, Report, sync
from tryconnect import testing as peers
from tryconnect._model.render import duration
from tryconnect._transport.resolver import Resolver
from tryconnect.testing import dns

PAGE: Final = Path(__file__).parents[2] / "docs/reference/peers.rst"
BEGIN, END = ".. table begins: written by tests/support/hall.py", ".. table ends"

HURRY: Final = 0.3
"""Timeout in seconds for peers that never answer."""

VERDICT_TIMEOUT: Final = 20.0
"""Timeout in seconds for all others, more than any takes."""

DEFAULT_LIMIT: Final = 50

CALLS: Final = ("try_connect", "probe", "fetch_text", "sync", f"{DEFAULT_LIMIT} at once")


class Place(NamedTuple):
    """The address of a peer, and its name server; ``None`` if it has no name."""

    address: str
    names: dict[str, Any] | None = None


class Row(NamedTuple):
    """One row of the table: how to open a peer, what it does, and whether it hangs."""

    open: Callable[[], AbstractContextManager[Place]]
    does: str
    hangs: bool = False


class Said(NamedTuple):
    """The result of a call, and the seconds that it, or the longest of many, took."""

    word: str
    seconds: float


# --- the peers


@contextmanager
def _exhibited(exhibit: peers.PeerCase) -> Iterator[Place]:
    with peers.in_thread(exhibit.open()) as peer:
        yield Place(f"{exhibit.scheme}://{peer.address}/")


@contextmanager
def _redirecting(location: str | None, status: int = 302) -> Iterator[Place]:
    """Redirect from one good server elsewhere; HTTP, HTTPS and OTHER are the addresses of three."""
    secure = peers.http_server(tls=peers.server_context())
    with (
        peers.in_thread(peers.http_server()) as http,
        peers.in_thread(peers.http_server(host="127.0.0.2")) as other,
        peers.in_thread(secure) as https,
    ):
        start = https if location and location.startswith("http://HTTP/") else http
        places = {"HTTPS": https.address, "HTTP": http.address, "OTHER": other.address}
        headers = []
        if location is not None:
            for word, address in places.items():
                location = location.replace(f"{word}/", f"{address}/")
            headers.append(("Location", location))
        start.pages["/start"] = peers.CannedResponse(status=status, headers=tuple(headers))
        yield Place(start.at("/start"))


REDIRECTS: Final = {
    "a loop": Row(partial(_redirecting, "/loop"), "redirects to itself"),
    "10 hops": Row(partial(_redirecting, "/redirect/9"), "redirects ten times"),
    "11 hops": Row(partial(_redirecting, "/redirect/10"), "redirects eleven times"),
    "to file:": Row(partial(_redirecting, "file:///etc/passwd"), "redirects to ``file:``"),
    "to ftp:": Row(partial(_redirecting, "ftp://127.0.0.1/"), "redirects to ``ftp:``"),
    "to javascript:": Row(partial(_redirecting, "javascript:alert(1)"), "redirects to a script"),
    "to data:": Row(partial(_redirecting, "data:text/plain,hello"), "redirects to ``data:``"),
    "to nowhere": Row(partial(_redirecting, "http://["), "redirects to an invalid address"),
    "an empty Location": Row(partial(_redirecting, ""), "redirects with an empty ``Location``"),
    "no Location": Row(partial(_redirecting, None), "redirects without a ``Location``"),
    "a relative Location": Row(partial(_redirecting, "status/200"), "redirects to a relative path"),
    "a Location with ü": Row(
        partial(_redirecting, "/?ü"), "redirects to an address that is not ASCII"
    ),
    "to another host": Row(partial(_redirecting, "http://OTHER/"), "redirects to another host"),
    "https to http": Row(partial(_redirecting, "http://HTTP/"), "redirects from https to http"),
    "http to https": Row(partial(_redirecting, "https://HTTPS/"), "redirects from http to https"),
    "with credentials": Row(
        partial(_redirecting, "http://me:word@OTHER/"), "redirects to another host, with a password"
    ),
    "300": Row(partial(_redirecting, None, 300), "answers 300, without a ``Location``"),
    "304": Row(partial(_redirecting, None, 304), "answers 304, unasked"),
    "305": Row(partial(_redirecting, None, 305), "answers 305, which asks for a proxy"),
}


@contextmanager
def _named(zone: dns.Zone, name: str) -> Iterator[Place]:
    with (
        peers.in_thread(peers.http_server()) as http,
        peers.in_thread(peers.dns_server(zone)) as server,
    ):
        yield Place(f"http://{name}:{http.port}/", server.resolver_arguments)


@contextmanager
def _without_name_server() -> Iterator[Place]:
    with peers.in_thread(peers.closed_port()) as closed:
        yield Place("http://a.test/", {"nameservers": [closed.address], "domains": []})


def _answered(answer: dns.Answer | list[str], does: str, *, hangs: bool = False) -> Row:
    return Row(partial(_named, {"a.test": answer}, "a.test"), does, hangs)


HERE: Final = "127.0.0.1"
NAMES: Final = {
    "found": _answered([HERE], "returns the address"),
    "NXDOMAIN": _answered(dns.NXDOMAIN, "says that the name does not exist"),
    "NODATA": _answered(dns.NODATA, "says that the name has no address"),
    "SERVFAIL": _answered(dns.SERVFAIL, "fails"),
    "REFUSED": _answered(dns.REFUSED, "refuses to answer"),
    "no answer": _answered(dns.SILENT, "never answers", hangs=True),
    "late": _answered(dns.late(0.1, HERE), "answers after 100 ms"),
    "too late": _answered(dns.late(60, HERE), "answers after the deadline", hangs=True),
    "truncated": _answered(dns.truncated(HERE), "truncates over UDP, answers over TCP"),
    "a loop of aliases": Row(
        partial(_named, {"a.test": dns.alias("b.test"), "b.test": dns.alias("a.test")}, "a.test"),
        "returns two aliases of each other",
    ),
    "a dead IPv6 address": _answered(
        ["::1", HERE], "returns two addresses; only the second answers"
    ),
    "50 addresses": _answered(
        [*(f"127.0.0.{last}" for last in range(2, 51)), HERE],
        "returns 50 addresses; only the last answers",
    ),
    "IPv6 kept back": Row(
        partial(_named, {"a.test": [HERE], "a.test AAAA": dns.SILENT}, "a.test"),
        "answers for IPv4, and never for IPv6",
    ),
    "garbage": _answered(dns.GARBAGE, "answers with garbage"),
    "another id": _answered(dns.WRONG_ID, "answers with the id of another query", hangs=True),
    "no name server": Row(_without_name_server, "refuses connections"),
}

BAD_PEERS: Final = {
    name: Row(partial(_exhibited, exhibit), exhibit.does, exhibit.hangs)
    for name, exhibit in peers.BAD_PEERS.items()
}
SECTIONS: Final = {"Servers": BAD_PEERS, "Redirects": REDIRECTS, "Name servers": NAMES}

ENDS_BY_ITSELF: Final = {"endless body"}
"""They never end, but calls that read a limited number of bytes do."""


# --- asking them


def limit_for(name: str, row: Row) -> float:
    """Return the timeout of a call in seconds."""
    return HURRY if row.hangs and name not in ENDS_BY_ITSELF else VERDICT_TIMEOUT


def answers(name: str, row: Row) -> dict[str, Said]:
    """Check a peer by all kinds of calls; return each result, in the order of ``CALLS``."""
    limit = limit_for(name, row)
    with row.open() as place:
        said = asyncio.run(_asked(place, limit))
        said["sync"] = _asked_without_a_loop(place, limit)
        return {call: said[call] for call in CALLS}


async def _asked(place: Place, limit: float) -> dict[str, Said]:
    said = {}
    for call, ask in _ASKING.items():
        names = Resolver(**place.names) if place.names else None
        async with Client(ssl=peers.trusting(), proxy=None, resolver=names) as client:
            said[call] = await ask(client, place.address, limit)
        if names:
            await names.close()
    return said


async def _try(client: Client, address: str, limit: float) -> Said:
    started = time.perf_counter()
    answered = await client.try_connect(address, timeout=limit)
    return Said("yes" if answered else "no", time.perf_counter() - started)


async def _probe(client: Client, address: str, limit: float) -> Said:
    return _of(await client.probe(address, timeout=limit))


async def _fetch(client: Client, address: str, limit: float) -> Said:
    started = time.perf_counter()
    try:
        await client.fetch_text(address, timeout=limit)
    except FetchError as error:
        word = str(error.report.reason)
    else:
        word = "a text"
    return Said(word, time.perf_counter() - started)


async def _many(client: Client, address: str, limit: float) -> Said:
    probes = client.probe_many([address] * DEFAULT_LIMIT, limit=DEFAULT_LIMIT, timeout=limit)
    said = [_of(report) async for report in probes]
    words = sorted({each.word for each in said})
    return Said(" or ".join(words), max(each.seconds for each in said))


_ASKING: Final[dict[str, Callable[[Client, str, float], Awaitable[Said]]]] = dict(
    zip((call for call in CALLS if call != "sync"), (_try, _probe, _fetch, _many), strict=True)
)


def _asked_without_a_loop(place: Place, limit: float) -> Said:
    names = Resolver(**place.names) if place.names else None
    with sync.Client(ssl=peers.trusting(), proxy=None, resolver=names) as client:
        said = _of(client.probe(place.address, timeout=limit))
        if names:
            names.abandon()
    return said


def _of(report: Report) -> Said:
    return Said(str(report.reason), report.timings.total)


# --- the table


def written(name: str, row: Row, said: dict[str, Said]) -> list[str]:
    """Return the lines of one row."""
    said_cells = (f"{word}, {duration(taken)}" for word, taken in said.values())
    cells = [f"``{name}``: {row.does}", *said_cells]
    return [f"   {'*' if not at else ' '} - {cell}" for at, cell in enumerate(cells)]


def read(page: str) -> dict[tuple[str, str], list[str]]:
    """Return the words of a page's cells, without the times, by section and name."""
    found = {}
    section = "?"
    rows = page[page.index(BEGIN) : page.index(END)].split("\n   * - ")
    for row in rows:
        name, *cells = row.split("\n     - ")
        if name.startswith("``"):
            found[section, name.split("``")[1]] = [cell.partition(", ")[0] for cell in cells]
        for title in SECTIONS:
            if f"\n{title}\n" in row:
                section = title
    return found


def lines() -> Iterator[str]:
    """Check all peers, and yield the lines of the table."""
    for title, rows in SECTIONS.items():
        yield from ("", title, "-" * len(title), "", ".. list-table::", "   :header-rows: 1", "")
        yield from (f"   {'*' if not at else ' '} - {head}" for at, head in enumerate(("", *CALLS)))
        for name, row in rows.items():
            yield from written(name, row, answers(name, row))
    yield ""


def main() -> None:
    """Print the table, and write it into its page if requested."""
    made = []
    for line in lines():
        print(line)  # noqa: T201 - that is what it is for
        made.append(line)
    if "--write" in sys.argv:
        page = PAGE.read_text("utf-8")
        before, after = page.partition(BEGIN)[0], page.partition(END)[2]
        PAGE.write_text(before + "\n".join([BEGIN, *made, END]) + after, "utf-8")


if __name__ == "__main__":
    main()
