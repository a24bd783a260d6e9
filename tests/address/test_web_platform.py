"""What browsers must make of a URL (web-platform-tests), and what is made of it here.

Absolute URLs are read as addresses, and the others as the ``Location`` of a redirect from their
base. Only those that are http or https to either side count.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tryconnect._address.target import Target, parse, resolve_redirect
from tryconnect.errors import InvalidAddress

Case = dict[str, Any]
Parts = tuple[str, str, int, str]

DATA = Path(__file__).parents[1] / "data" / "urltestdata.json"
CASES: list[Case] = [case for case in json.loads(DATA.read_text("utf-8")) if isinstance(case, dict)]
IS_HTTP = re.compile(
    r"[\x00-\x20]*h[\t\r\n]*t[\t\r\n]*t[\t\r\n]*p[\t\r\n]*s?[\t\r\n]*:", re.IGNORECASE
)
PORTS = {"http:": 80, "https:": 443}

ADDRESSES_REFUSED = {
    # problem: (how many, why browsers are not followed)
    "write http:// with a colon and two slashes": (
        11,
        "a slip, which is told before it is guessed",
    ),
    "write https:// with a colon and two slashes": (2, "likewise"),
    "an address has no such character in it": (10, "a control character is an accident of copying"),
    "an IPv4 address is four numbers from 0 to 255, as in 127.0.0.1": (
        6,
        "guards read it otherwise",
    ),
    "a backslash cannot follow the host: write /": (2, "likewise"),
    "this is not a host name": (3, "DNS has no such name"),
}
LOCATIONS_REFUSED = {
    "a port is a number from 1 to 65535": (2, "nothing can listen on port 0"),
}


def expected(case: Case) -> Parts | None:
    """Scheme, host, port, path with query; ``None`` for what is refused."""
    if case.get("failure") or case["protocol"] not in PORTS:
        return None
    protocol, port = case["protocol"], case["port"]
    host = case["hostname"].removeprefix("[").removesuffix("]")
    mark = "?" if "?" in case["href"].partition("#")[0] and not case["search"] else ""
    tail = f"{case['pathname']}{case['search']}{mark}"
    return protocol.removesuffix(":"), host, int(port or PORTS[protocol]), tail


def found(case: Case) -> Target | InvalidAddress:
    try:
        if case.get("base"):
            return resolve_redirect(parse(case["base"]), case["input"])
        return parse(case["input"])
    except InvalidAddress as error:
        return error


ABSOLUTE = [
    case
    for case in CASES
    if not case.get("base") and (expected(case) or IS_HTTP.match(case["input"]))
]
LOCATIONS = [case for case in CASES if (case.get("base") or "").startswith("http")]


@pytest.mark.parametrize(
    ("cases", "refused"), [(ABSOLUTE, ADDRESSES_REFUSED), (LOCATIONS, LOCATIONS_REFUSED)]
)
def test_urls_are_read_as_browsers_read_them_or_refused_for_a_reason(
    cases: list[Case], refused: dict[str, tuple[int, str]]
) -> None:
    differ: Counter[str] = Counter()
    for case in cases:
        target, wanted = found(case), expected(case)
        if isinstance(target, Target):
            assert (*target.origin, target.request_target) == wanted, case
        elif wanted is not None:
            differ[target.problem] += 1
    assert differ == {problem: number for problem, (number, _) in refused.items()}


def test_the_table_is_whole() -> None:
    assert (len(ABSOLUTE), len(LOCATIONS)) == (280, 202)


@pytest.mark.parametrize(("cases", "most"), [(ABSOLUTE, 40), (LOCATIONS, 15)])
def test_without_ada_more_is_refused_and_nothing_read_otherwise(
    cases: list[Case], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ada_url", None)
    refused = 0
    for case in cases:
        target, wanted = found(case), expected(case)
        if isinstance(target, Target):
            assert (*target.origin, target.request_target) == wanted, case
        else:
            refused += wanted is not None
    assert refused <= most
