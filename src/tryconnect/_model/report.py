"""What users get of a check: the report, and the page that was fetched."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tryconnect._model.reason import Reason
from tryconnect._model.redaction import redact, redact_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tryconnect._model.text import EncodingSource

__all__ = ["UNTIMED", "Hop", "Page", "Report", "Timings", "Tls"]


class Timings(NamedTuple):
    """How long each phase took, in seconds, added up over all hops of redirects.

    ``None``: the phase was not entered: no look-up for an IP address, no connect on a kept
    connection, no response on ``tcp://``.  Where a check ended in the middle of a phase, its time
    up to then counts.

    Attributes:
        dns: looking the name up.
        connect: from the first socket to an open connection; through a proxy, up to its answer
            to CONNECT.
        tls: the handshake.
        response: from sending the request until the answer's headers were complete.
        total: the whole check, from its start.

    .. versionadded:: 0.1
    """

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    response: float | None = None
    total: float = 0.0


UNTIMED = Timings()


@dataclass(frozen=True, slots=True)
class Tls:
    """What the last encrypted connection was like.

    Attributes:
        version: as OpenSSL names it, for example ``"TLSv1.3"``.
        expires: end of the peer's certificate, in UTC; ``None`` where it was not verified.

    .. versionadded:: 0.1
    """

    version: str
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Hop:
    """One redirect that was followed.

    Attributes:
        status: 301, 302, 303, 307 or 308.
        url: the URL that answered with it.

    .. versionadded:: 0.1
    """

    status: int
    url: str

    def __repr__(self) -> str:
        return f"Hop(status={self.status}, url={redact_address(self.url)!r})"

    def as_dict(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "status": self.status,
            "url": self.url if show_secrets else redact_address(self.url),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one check.  It is true where the address answered as expected.

    Attributes:
        address: what was checked, as the caller wrote it.
        reason: the verdict, one word of a closed set.
        detail: one sentence that a person can act on; for an invalid address, a caret shows
            where.  No secrets.
        status: status of the last HTTP answer, or ``None``.
        url: where the check ended, after redirects, without credentials; ``None`` for an invalid
            address.
        ip: the last peer that a connection was open to; behind a proxy, the proxy's.
        hops: the redirects that were followed, in order.
        tls: the last encrypted connection, or ``None``.
        timings: where the time went.
        error: the exception behind a failure, with traceback and causes, or ``None``.  A pickled
            report carries its redacted text instead.

    .. versionadded:: 0.1
    """

    address: str = field(repr=False)
    reason: Reason
    detail: str
    status: int | None = None
    url: str | None = field(default=None, repr=False)
    ip: str | None = None
    hops: tuple[Hop, ...] = ()
    tls: Tls | None = None
    timings: Timings = UNTIMED
    error: BaseException | str | None = field(default=None, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether the address answered as expected."""
        return self.reason is Reason.ok

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        shown = {**self._plain(), "hops": self.hops, "tls": self.tls, "timings": self.timings}
        return f"Report({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def as_dict(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """Return plain values for JSON: str, int, float, bool, None, lists and dicts of them.

        Args:
            show_secrets: keep passwords, queries and fragments, which are otherwise ``***``.
        """
        return self._plain(show_secrets=show_secrets) | {
            "hops": [hop.as_dict(show_secrets=show_secrets) for hop in self.hops],
            "tls": self.tls and _tls_dict(self.tls),
            "timings": self.timings._asdict(),
            "error": _error_text(self.error, show_secrets=show_secrets),
        }

    def __copy__(self) -> Report:
        return replace(self)

    def __reduce__(self) -> tuple[type[Report], tuple[Any, ...]]:
        # An exception's traceback cannot be pickled, and its text may hold secrets.
        values = [getattr(self, item.name) for item in fields(self)]
        return type(self), (*values[:-1], _error_text(self.error))

    def _plain(self, *, show_secrets: bool = False) -> dict[str, Any]:
        unparsable = self.reason is Reason.invalid_address
        return {
            "address": self.address
            if show_secrets
            else redact_address(self.address, unparsable=unparsable),
            "ok": self.ok,
            "reason": str(self.reason),
            "detail": self.detail,
            "status": self.status,
            "url": self.url if show_secrets or self.url is None else redact_address(self.url),
            "ip": self.ip,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """A text that was fetched, and how it came about.

    Attributes:
        text: as a browser would show it: without a byte order mark; malformed bytes are U+FFFD.
        encoding: the encoding that was taken, by its WHATWG name in lower case, or the Python codec
            that the caller asked for.
        encoding_source: who named it.
        headers: the answer's, to be read in any case of letters; values as they came.
        report: the check that came with it.

    .. versionadded:: 0.1
    """

    text: str = field(repr=False)
    encoding: str
    encoding_source: EncodingSource
    headers: Mapping[str, str] = field(repr=False)
    report: Report

    @property
    def status(self) -> int:
        """Status of the answer."""
        return self.report.status or 0

    @property
    def url(self) -> str:
        """Where the text came from, after redirects, without credentials."""
        return self.report.url or ""


def _tls_dict(tls: Tls) -> dict[str, Any]:
    return {"version": tls.version, "expires": tls.expires and tls.expires.isoformat()}


_LONGEST_ERROR = 2000
"""Characters: a library may quote all that a peer has sent."""


def _error_text(error: BaseException | str | None, *, show_secrets: bool = False) -> str | None:
    if error is None or isinstance(error, str):
        return error
    text = f"{type(error).__name__}: {error}"
    text = text if show_secrets else redact(text)
    return text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}…"
