"""Compares how aiohttp, requests, httpx and tryconnect decode the same bytes: a table for the docs.

Run from the root of a checkout, with the peers installed; ``--write`` writes the table into
``docs/explanation/which-encoding.rst``::

    python -m benchmarks.encodings [--write]

The cases come from the tests' table. They are chosen to distinguish the four, so the counts say
nothing about how often a page on the web is decoded wrongly.
"""
# ruff: noqa: RUF001 - a script, which prints; and Japanese

import asyncio
import functools
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tests.decoding.cases import CASES, Case
from tryconnect._decoding.decoder import decode

PAGE: Final = Path(__file__).parent.parent / "docs" / "explanation" / "which-encoding.rst"
BEGIN, END = ".. table begins: written by benchmarks/encodings.py", ".. table ends"

# Text as readers see it, and the case that shows it.
TELLING: Final = {
    "UTF-8, said by the header": "header: utf-8",
    "UTF-8, said by nobody": "undeclared: UTF-8, Chinese",
    "windows-1252, called iso-8859-1 (curly quotes, €)": "header: iso-8859-1",
    "GBK, called gb2312 (镕 is not in GB 2312)": "header: gb2312",
    "Shift_JIS, called windows-31j": "header: windows-31j",
    "Korean, under a label browsers know": "header: windows-949",
    "Thai, called tis-620": "header: windows-874",
    "UTF-8, under a label browsers ignore (cp936)": "header: label cp936",
    "two Content-Type values": "header: two values",
    "a byte order mark against the header": "bom: against the header",
    "UTF-16 with its mark": "bom: utf-16le",
    "GBK, said by <meta charset>": "meta: charset",
    "Hebrew, said by <meta http-equiv>": "meta: http-equiv after content",
    "a <meta> behind a long script": "meta: behind a long head",
    "a <meta> within a comment": "meta: in a comment",
    "Shift_JIS, said by an XML declaration": "xml: declared",
    "Russian KOI8-R, said by nobody": "undeclared: Russian, KOI8",
    "Chinese Big5, said by nobody": "undeclared: Chinese, Big5",
    "Japanese EUC-JP, said by nobody": "undeclared: Japanese, EUC-JP",
    "ISO-2022-JP, said by nobody": "undeclared: Japanese, ISO-2022-JP",
    "Polish ISO-8859-2, said by nobody": "undeclared: Polish, ISO",
    "UTF-8 with one broken byte": "undeclared: broken UTF-8, a stray byte",
    "a page cut inside a character": "undeclared: cut inside a character",
    "the euro in GBK (byte 80)": "gbk: euro",
    "①㈱ in EUC-JP": "euc-jp: NEC row",
    "～－ in EUC-JP": "euc-jp: waves and minus",
    "a broken character before a tag": "gbk: lead and tag",
}


@contextmanager
def served(case: Case) -> Iterator[str]:
    """Serve one case on loopback; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if case.header is not None:
                self.send_header("Content-Type", case.header)
            self.send_header("Content-Length", str(len(case.body)))
            self.end_headers()
            self.wfile.write(case.body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def aiohttp_text(url: str) -> str:
    """Return aiohttp's answer."""
    aiohttp: Any = importlib.import_module("aiohttp")

    async def get() -> str:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return str(await response.text())

    return asyncio.run(get())


def requests_text(url: str) -> str:
    """Return the answer of requests."""
    requests: Any = importlib.import_module("requests")
    return str(requests.get(url, timeout=10).text)


def httpx_text(url: str) -> str:
    """Return the answer of httpx."""
    httpx: Any = importlib.import_module("httpx")
    return str(httpx.get(url, timeout=10, trust_env=False).text)


PEERS: Final[dict[str, Callable[[str], str]]] = {
    "aiohttp": aiohttp_text,
    "requests": requests_text,
    "httpx": httpx_text,
}


def verdict(text: Callable[[], str], expected: str) -> str:
    """Return one word for an answer."""
    try:
        return "right" if text() == expected else "wrong"
    except (ValueError, LookupError):  # among them UnicodeDecodeError, but no network error
        return "raises"


def row(title: str, case: Case, peers: dict[str, Callable[[str], str]]) -> list[str]:
    """Return the verdicts for one case."""
    with served(case) as url:
        words = [verdict(functools.partial(ask, url), case.text) for ask in peers.values()]
    return [title, *words, verdict(lambda: decode(case.body, case.header).text, case.text)]


def rows(peers: dict[str, Callable[[str], str]]) -> list[list[str]]:
    """Return a row of verdicts for each case that distinguishes the clients."""
    cases = {case.name: case for case in CASES}
    return [row(title, cases[name], peers) for title, name in TELLING.items()]


def table(found: list[list[str]], names: list[str]) -> str:
    """Return the table in reStructuredText."""
    counts = [
        f"{column.count('right')} of {len(found)}" for column in list(zip(*found, strict=True))[1:]
    ]
    lines = [["the page", *names], *found, ["**right**", *(f"**{count}**" for count in counts)]]
    cells = "\n".join(
        f"   {'* -' if column == 0 else '  -'} {cell}"
        for line in lines
        for column, cell in enumerate(line)
    )
    return f".. list-table::\n   :header-rows: 1\n   :widths: 44 14 14 14 14\n\n{cells}\n"


def main() -> None:
    """Print the table, or write it into its page."""
    names = [f"{name} {version(name)}" for name in PEERS]
    text = table(rows(PEERS), [*names, "tryconnect"])
    if "--write" not in sys.argv:
        print(text)
        return
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
