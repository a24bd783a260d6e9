"""``try_connect(url)`` agrees with the idiom that it replaces, or the docs say why not.

Both check the same server, in a thread, one after the other. ``docs/reference/differences.rst``
explains the second table.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
import requests

from tryconnect import sync
from tryconnect import testing as peers
from tryconnect.testing.tls import KINDS


class Case(NamedTuple):
    """A URL: the server to open, and a path."""

    name: str
    serve: Callable[[], AbstractAsyncContextManager[peers.Peer]]
    path: str = ""


def requests_idiom(url: str) -> bool:
    """The idiom of thousands of programs, plus a deadline, so that the tests end."""
    try:
        with requests.get(url, timeout=5):
            return True
    except Exception:  # noqa: BLE001 - the idiom
        return False


@contextlib.contextmanager
def _served(case: Case) -> Iterator[tuple[str, peers.Peer]]:
    with peers.in_thread(case.serve()) as peer:
        yield f"{peer.url}{case.path}".replace("PORT", str(peer.port)), peer


def _redirect_to(location: str) -> str:
    return f"redirect-to?status=302&location={quote(location)}"


# If the response's framing is broken, requests fails when it downloads the body; see DIFFERENT.
_BODY_BREAKS = (
    "short_body",
    "broken_chunk",
    "unfinished_chunks",
    "corrupt_gzip",
    "two_lengths",
)

SAME = [
    *(
        Case(f"status {status}", peers.http_server, f"status/{status}")
        for status in (200, 201, 202, 204, 205, 206, 300, 304, 305, 306, 400, 401, 403, 404, 405)
    ),
    *(
        Case(f"status {status}", peers.http_server, f"status/{status}")
        for status in (407, 408, 410, 418, 429, 451, 500, 501, 502, 503, 504, 511, 599, 999)
    ),
    *(
        Case(f"{count} redirects", peers.http_server, f"redirect/{count}")
        for count in (1, 2, 9, 10)
    ),
    Case("31 redirects", peers.http_server, "redirect/31"),
    Case("a loop", peers.http_server, "loop"),
    Case("a redirect to 127.1", peers.http_server, "redirect-to?location=http://127.1:PORT/"),
    Case("a redirect that needs its cookie", peers.http_server, "cookie-redirect"),
    *(
        Case(
            f"redirect with {status}", peers.http_server, f"redirect-to?location=/&status={status}"
        )
        for status in (301, 302, 303, 307, 308)
    ),
    *(
        Case(f"redirect to {location!r}", peers.http_server, _redirect_to(location))
        for location in (
            "",  # no redirect at all
            "/",
            " /",
            "?query",
            "status/204",
            "é",
            "/%zz",
            "//127.0.0.1:1/",
            "HTTP:/",
            "http://[",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1:1/",
            "http://user:password@127.0.0.1:1/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/plain,hello",
        )
    ),
    Case("nothing listens", peers.closed_port),
    *(Case(f"closes on {when}", partial(peers.closes, when)) for when in ("accept", "request")),
    Case("resets on accepting", partial(peers.reset, "accept")),
    Case("resets on the request", partial(peers.reset, "request")),
    Case("resets in the headers", partial(peers.reset, "headers")),
    Case("a header of 20 KB", partial(peers.big_header, 20_000)),
    Case("a header of 1 MB", partial(peers.big_header, 1_000_000)),
    Case("endless headers", peers.endless_headers),
    *(
        Case(f"reply {name}", partial(peers.raw, reply))
        for name, reply in peers.REPLIES.items()
        if name not in _BODY_BREAKS
    ),
    *(
        Case(f"tls {kind}", partial(peers.tls_server, kind))
        for kind in KINDS
        if kind != "silent_handshake"  # depends only on the deadline
    ),
]


class Different(NamedTuple):
    """A URL for which tryconnect differs on purpose."""

    case: Case
    ours: bool
    why: str


DIFFERENT = [
    *(
        Different(
            Case(f"reply {name}", partial(peers.raw, peers.REPLIES[name])),
            ours=True,
            why="the headers were good; the body is not downloaded",
        )
        for name in _BODY_BREAKS
    ),
    *(
        Different(
            Case(f"the status line {line!r}", partial(peers.raw, line + b"\r\n\r\n")),
            ours=False,
            why="HTTP has no such line, and neither curl nor browsers read it",
        )
        for line in (b"HTTP/0.9 200 OK", b"HTTP/1.10 200 OK", b"HTTP/1.1 0200 OK", b" HTTP/1.1 200")
    ),
    *(
        Different(
            Case(f"the status line {line!r}", partial(peers.raw, line + b"\r\n\r\n")),
            ours=True,
            why="browsers read it",
        )
        for line in (b"\r\nHTTP/1.1 200 OK", b"http/1.1 200 OK", b"HTTP/1.1 200OK")
    ),
    Different(
        Case("a header of 70,000 bytes", partial(peers.big_header, 70_000)),
        ours=True,
        why="the status came before it",
    ),
    Different(
        Case("resets in the body", partial(peers.reset, "body")),
        ours=True,
        why="the headers were good; the body is not downloaded",
    ),
    *(
        Different(
            Case(f"{count} redirects", peers.http_server, f"redirect/{count}"),
            ours=False,
            why="10 redirects are the limit, not 30",
        )
        for count in (11, 30)
    ),
]


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))


def _name(item: Case | Different) -> str:
    return item.case.name if isinstance(item, Different) else item.name


def test_the_proof_has_at_least_60_urls() -> None:
    assert len({case.name for case in SAME}) >= 60


@pytest.mark.parametrize("case", SAME, ids=_name)
def test_says_what_the_idiom_says(case: Case) -> None:
    with _served(case) as (url, _):
        expected = requests_idiom(url)

        assert sync.try_connect(url, timeout=5) == expected


@pytest.mark.parametrize("different", DIFFERENT, ids=_name)
def test_differs_where_the_docs_say_so(different: Different) -> None:
    with _served(different.case) as (url, _):
        assert sync.try_connect(url, timeout=5) is different.ours
        assert requests_idiom(url) is not different.ours, different.why


def test_legacy_ipv4_forms_differ() -> None:
    with peers.in_thread(peers.http_server()) as server:
        url = f"http://127.1:{server.port}/"

        assert requests_idiom(url)
        assert not sync.try_connect(url)


def test_the_ca_store_is_the_systems(monkeypatch: pytest.MonkeyPatch, ca_file: Path) -> None:
    """requests, which has its own bundle, ignores SSL_CERT_FILE, which OpenSSL reads."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    with peers.in_thread(peers.tls_server()) as server:
        assert not requests_idiom(server.url)
        assert sync.try_connect(server.url)


@pytest.mark.slow
def test_only_we_have_a_deadline_for_the_whole() -> None:
    """requests' timeout applies to each read, so a byte now and then prevents it."""
    with peers.in_thread(peers.drip("headers", interval=0.05)) as server:
        report = sync.probe(server.url, timeout=0.3)

    assert report.reason == "timeout"
