"""Read a request's parameters: what to check, with which timeout, and what to expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tryconnect._address.request import read_request
from tryconnect._model.expect import Expect, as_expect
from tryconnect._options import CHECK_TIMEOUT
from tryconnect.web._problems import bad_request
from tryconnect.web._virtual_host import check_hostname

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
"""Seconds: blackbox_exporter's limit if nothing else bounds a probe."""

SCRAPE_TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"

SCRAPE_OFFSET = 0.5
"""Seconds by which a check ends before Prometheus gives up: the response takes time too. This is
blackbox_exporter's default."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks for.

    Attributes:
        address: What to check; empty if a list of addresses follows.
        timeout: Seconds for each check.
        expect: What the answer must be like, or ``None``.
        hostname: The name to ask for, if it is not the address's own; empty: it is.
        debug: Whether to explain the check rather than to return its metrics alone.
    """

    address: str
    timeout: float
    expect: Expect | None
    hostname: str = ""
    debug: bool = False


def probe_question(query: MultiMapping[str], headers: Mapping[str, str]) -> Question:
    """Read the parameters of ``/probe``, by blackbox_exporter's rules where it has any.

    Raises:
        Problem: A parameter is missing, unknown or invalid.
    """
    given = _given(query, "target", "timeout", "expect", "body", "module", "hostname", "debug")
    address = _required(given, "target")
    scheme = _scheme_of_module(given.get("module"))
    if scheme is not None and "://" not in address:
        address = f"{scheme}://{address}"
    timeout = min(_timeout(given), _scrape_timeout(headers))
    hostname = given.get("hostname", "")
    if hostname:
        check_hostname(hostname, address)
    debug = given.get("debug") == "true"  # as blackbox_exporter has it: nothing else is
    return Question(address, timeout, _expect(given, address, default="2xx"), hostname, debug)


def check_question(query: MultiMapping[str]) -> Question:
    """Read the parameters of ``GET /api/check``.

    Raises:
        Problem: A parameter is missing, unknown or invalid.
    """
    given = _given(query, "address", "timeout", "expect", "body")
    address = _required(given, "address")
    return Question(address, _timeout(given), _expect(given, address))


def list_question(query: MultiMapping[str]) -> Question:
    """Read the parameters of ``POST /api/check``, whose addresses are in the body.

    Raises:
        Problem: A parameter is unknown or invalid.
    """
    given = _given(query, "timeout", "expect", "body")
    return Question("", _timeout(given), _expect(given))


MODULES = {"http_2xx": "http", "tcp_connect": "tcp"}
"""The modules of blackbox_exporter's default configuration that are supported, and the scheme that
each gives to a target without one."""


def _scheme_of_module(module: str | None) -> str | None:
    if module is None:
        return None
    if module not in MODULES:
        known = " and ".join(MODULES)
        raise bad_request(f"the known modules are {known}; instead of others, use expect=")
    return MODULES[module]


def _given(query: MultiMapping[str], *known: str) -> dict[str, str]:
    """Return a query's parameters, each given once.

    Unknown parameters are refused: ignoring one would change what is checked.
    """
    for name in query:
        if name not in known:
            raise bad_request(
                f"unknown parameter {name[:40]!r}; the known ones are {', '.join(known)}"
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
    """Return the seconds within which a check must end for Prometheus to get the response."""
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
    """Return what is expected; the default is where it applies."""
    status, body = given.get("expect", default), given.get("body")
    if status is None and body is None:
        return None
    try:
        expect = as_expect(Expect(status=status, body=body))
    except ValueError as error:
        raise bad_request(str(error)) from None
    request = read_request(address, expect, strict=bool({"expect", "body"} & set(given)))
    # What is wrong with an address, the report says.
    if request.target is not None and request.fault is not None:
        raise bad_request(str(request.fault))
    return request.expect
