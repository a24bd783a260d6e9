"""The reasons of a report: a closed set of words."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = ["Reason"]


class Reason(StrEnum):
    """Why an address counts as answering or not: a closed, stable set of words.

    Each member is its own text (``Reason.refused == "refused"``) and has a ``meaning``,
    one sentence for people.  New members may come with a minor version; none changes its meaning.

    Example:
        >>> report = await tryconnect.probe("localhost:8000")
        >>> report.reason == tryconnect.Reason.refused == "refused"
        True
        >>> print(report.reason.meaning)
        The machine is there, but nothing listens at that port or path.

    .. versionadded:: 0.1
    """

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    ok = "ok", "The address answered as expected."
    invalid_address = "invalid_address", "The text is not an address that can be checked."
    blocked = "blocked", "The client's guard lets nothing connect there."
    dns_not_found = "dns_not_found", "The name does not exist, or has no address."
    dns_failed = "dns_failed", "The name servers could not say whether the name exists."
    refused = "refused", "The machine is there, but nothing listens at that port or path."
    unreachable = "unreachable", "There is no way to that network or machine."
    reset = "reset", "The peer broke the connection off before it answered."
    tls_certificate = "tls_certificate", "The peer's certificate cannot be trusted."
    tls_handshake = "tls_handshake", "No encrypted connection could be agreed on."
    proxy = "proxy", "The proxy on the way is at fault; the address was not reached."
    timeout = "timeout", "The deadline passed first."
    protocol = "protocol", "Something answered, but not as was asked for."
    too_many_redirects = "too_many_redirects", "More than 10 redirects, and no end."
    status = "status", "An HTTP answer came, but its status is not the expected one."
    slow = "slow", "The address answered as expected, but later than within the time expected."
    cert_expiring = "cert_expiring", "The peer's certificate ends sooner than is expected."
    body = (
        "body",
        "An HTTP answer came, but its headers or body are not as expected, or it broke off.",
    )
    too_large = "too_large", "The body is longer than the caller allows."
    local = "local", "Our own machine is at fault: descriptors, memory, network device, settings."
    unknown = "unknown", "A fault that has no word of its own yet; see the report's error."
