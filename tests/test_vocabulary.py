"""The code speaks the field's words: an idea's earlier name is gone, and its name is there."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import tryconnect

SOURCE = Path(tryconnect.__file__).parent


class Renamed(NamedTuple):
    """What was called ``old`` in a part of the package is called ``new``.

    Attributes:
        old: identifiers, which stand nowhere in that part.
        new: identifiers, each of which stands there.
        part: a glob of files, within the package.
    """

    old: str
    new: str
    part: str = "**/*.py"


RENAMED = (
    Renamed("Crew hire", "WorkerPool start join"),
    Renamed("idle Hosts enter leave", "HostLimiter acquire release", "_runs/*.py"),
    Renamed("Roads _near _far", "Dispatcher _native _portal", "_check/*.py"),
    Renamed("Errand seen_through", "LoopCall wait"),
    Renamed(
        "awaited begin tell outcome",
        "wait_or_abandon start on_done result",
        "_runtime/bridge.py",
    ),
    Renamed("leave", "start_soon", "_runtime/portal.py"),
    Renamed(
        "beside Postbox is_gone until_done",
        "run_in_daemon_thread ThreadsafeLoop cannot_await wait_all",
    ),
    Renamed("Trail trail", "Trace", "_transport/*.py"),
    Renamed(
        "enter opened encrypting connected",
        "begin end socket_opened handshake_started connection_ready",
        "_transport/trace.py",
    ),
    Renamed("Names SystemNames _Ares", "Resolver", "_transport/*.py"),
    Renamed("either MOMENT", "RESOLUTION_DELAY", "_transport/*.py"),
    Renamed("Trust", "TlsContexts"),
    Renamed("Abilities account_for", "LoopCapabilities is_to_blame"),
    Renamed("explain", "is_missing_feature", "_runtime/*.py"),
    Renamed("Inflater CodingError", "ContentDecoder ContentEncodingError"),
    Renamed("in_order leads_on HeadFirst", "HeadFirstProtocol HeadSplitter"),
    Renamed("Session _told LOOKED_AT", "Checker _report EXPECT_BODY_LIMIT", "_check/*.py"),
    Renamed("_usual _any redirected", "resolve_redirect", "_address/*.py"),
    Renamed("nothing_expected same_party", "may_share_credentials"),
    Renamed("Kind", "ContentKind TargetKind"),
    Renamed("pauses changes", "backoff update", "_runs/*.py"),
    Renamed("FIRST_PAUSE LONGEST_PAUSE Steadiness", "INITIAL_WAIT MAX_WAIT Hysteresis"),
    Renamed("AT_ONCE EVERY", "DEFAULT_LIMIT WATCH_INTERVAL"),
    Renamed("", "check_seconds check_positive_int", "_options.py"),
    Renamed("visible doubt", "escape_control unparsable"),
    Renamed("secrets", "secret_spans", "_model/*.py"),
    Renamed("Books under_way turned_away", "Metrics in_flight rejected", "web/*.py"),
    Renamed("Listeners tell Watching well", "EventStream publish Watcher healthy", "web/*.py"),
    Renamed("PATIENCE _PATIENCE", "WRITE_TIMEOUT"),
    Renamed("HALL Exhibit", "BAD_PEERS PeerCase", "testing/*.py"),
    Renamed("worse_than_ok", "problems", "doctor/*.py"),
)

LIMIT_IS_SECONDS = re.compile(r"\blimit: float|[Ll]imit: [Ss]econds")


@cache
def identifiers(part: str) -> frozenset[str]:
    """Return the names in the code of a part; strings and comments do not count."""
    return frozenset(name for path in SOURCE.glob(part) for name in names(path.read_text("utf-8")))


def names(code: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.NAME:
            yield token.string


@pytest.mark.slow
@pytest.mark.parametrize("row", RENAMED, ids=lambda row: row.new.replace(" ", ","))
def test_an_idea_has_its_name(row: Renamed) -> None:
    found = identifiers(row.part)

    assert set(row.old.split()) & found == set()
    assert set(row.new.split()) - found == set()


def test_a_limit_is_no_time() -> None:
    assert [
        path for path in SOURCE.rglob("*.py") if LIMIT_IS_SECONDS.search(path.read_text())
    ] == []


def test_a_name_is_found_where_it_is_used() -> None:
    assert {"Crew", "hire"} <= set(names("Crew(1).hire(x)  # Trail"))
    assert "Trail" not in set(names("Crew(1)  # Trail"))


def test_the_grammar_of_a_token_stands_once() -> None:
    written = [path for path in SOURCE.rglob("*.py") if r"!#$%&'*+\-.^_`|~" in path.read_text()]

    assert [path.name for path in written] == ["abnf.py"]
