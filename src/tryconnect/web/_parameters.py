"""A request's parameters become a question: what to check, how long, and what to expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tryconnect._address.target import TargetKind, parse
from tryconnect._model.expect import Expect
from tryconnect._options import CHECK_TIMEOUT
from tryconnect.errors import InvalidAddress
from tryconnect.web._problems import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import MultiMapping

__all__ = [
    "MAX_TIMEOUT",
    "MODULES",
    "Question",
    "check_question",
    "list_question",
    "probe_question",
]

MAX_TIMEOUT = 120.0
"""Seconds: what blackbox_exporter allows where nothing else bounds a probe."""

SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"

SCRAPE_OFFSET = 0.5
"""Seconds that a check ends before Prometheus would give up, as blackbox_exporter's default is: the
answer needs some time too."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked.

    Attributes:
        address: what to check; empty where a list of addresses is to come.
        timeout: seconds for each check.
        expect: what the answer must be like, or ``None``.
    """

    address: str
    timeout: float
    expect: Expect | None


def probe_question(query: MultiMapping[str], headers: Mapping[str, str]) -> Question:
    """Read what Prometheus asks ``/probe``; the rules are blackbox_exporter's where it has some.

    Raises:
        Problem: it makes no sense.
    """
    given = _given(query, "target", "timeout", "expect", "body", "module")
    address = _required(given, "target")
    scheme = _scheme_of_module(given.get("module"))
    if scheme is not None and "://" not in address:
        address = f"{scheme}://{address}"
    timeout = min(_timeout(given), _scrape_timeout(headers))
    return Question(address, timeout, _expect(given, address, default="2xx"))


def check_question(query: MultiMapping[str]) -> Question:
    """Read what ``GET /api/check`` is asked.

    Raises:
        Problem: it makes no sense.
    """
    given = _given(query, "address", "timeout", "expect", "body")
    address = _required(given, "address")
    return Question(address, _timeout(given), _expect(given, address))


def list_question(query: MultiMapping[str]) -> Question:
    """Read what ``POST /api/check`` is asked, but for its addresses.

    Raises:
        Problem: it makes no sense.
    """
    given = _given(query, "timeout", "expect", "body")
    return Question("", _timeout(given), _expect(given))


MODULES = {"http_2xx": "http", "tcp_connect": "tcp"}
"""The modules of blackbox_exporter's own configuration that are checks of ours, and the scheme that
each gives to a target without one."""


def _scheme_of_module(module: str | None) -> str | None:
    if module is None:
        return None
    if module not in MODULES:
        known = " and ".join(MODULES)
        raise bad_request(f"of the modules, {known} are known; for others say expect= instead")
    return MODULES[module]


def _given(query: MultiMapping[str], *known: str) -> dict[str, str]:
    """Return a query's parameters, each once.

    One that is not known would change what is checked, so it is not passed over in silence.
    """
    for name in query:
        if name not in known:
            raise bad_request(
                f"the parameter {name[:40]!r} is not known here, only {', '.join(known)}"
            )
        if len(query.getall(name)) > 1:
            raise bad_request(f"the parameter {name} is given more than once")
    return dict(query)


def _required(given: Mapping[str, str], name: str) -> str:
    if not given.get(name, "").strip():
        raise bad_request(f"the parameter {name} is missing")
    return given[name]


def _timeout(given: Mapping[str, str]) -> float:
    if "timeout" not in given:
        return CHECK_TIMEOUT
    timeout = _number(given["timeout"])
    if timeout is None or not 0 < timeout <= MAX_TIMEOUT:
        raise bad_request(f"timeout is a number of seconds above 0, and at most {MAX_TIMEOUT:g}")
    return timeout


def _scrape_timeout(headers: Mapping[str, str]) -> float:
    """Return the seconds within which a check must end for Prometheus to hear of it."""
    if SCRAPE_TIMEOUT not in headers:
        return MAX_TIMEOUT
    seconds = _number(headers[SCRAPE_TIMEOUT])
    if seconds is None or not seconds > 0:
        raise bad_request(f"the header {SCRAPE_TIMEOUT} is a number of seconds above 0")
    return seconds - min(SCRAPE_OFFSET, seconds / 2)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _expect(
    given: Mapping[str, str], address: str = "", *, default: str | None = None
) -> Expect | None:
    """Return what is expected; a default only of what answers by HTTP."""
    status, body = given.get("expect"), given.get("body")
    if status is None and default is not None and _kind(address) is TargetKind.http:
        status = default
    if status == "any":
        status = None
    if status is None and body is None:
        return None
    if _kind(address) in {TargetKind.tcp, TargetKind.unix}:
        raise bad_request("nothing can be expected of a tcp:// or unix:// address but to open")
    try:
        return Expect(status=status, body=body)
    except ValueError as error:
        raise bad_request(str(error)) from None


def _kind(address: str) -> TargetKind | None:
    try:
        return parse(address).kind
    except InvalidAddress:  # which the report will tell
        return None
