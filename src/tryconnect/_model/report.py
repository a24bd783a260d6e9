"""What users get of a check: the report, and the page that was fetched."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime  # at once: a report of a machine without descriptors needs it
from typing import TYPE_CHECKING, Any, NamedTuple

from tryconnect._model.reason import Reason
from tryconnect._model.redaction import escape_control, redact, redact_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tryconnect._model.text import EncodingSource

__all__ = ["UNTIMED", "Hop", "Page", "Report", "Timings", "Tls", "error_text"]


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

    Example:
        >>> timings = (await tryconnect.probe("https://example.com")).timings
        >>> timings.connect + timings.tls + timings.response <= timings.total
        True
        >>> (await tryconnect.probe("http://127.0.0.1:1")).timings.dns is None
        True

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
        expires: end of the peer's certificate, in UTC, whether it was verified or not; ``None``
            where it cannot be read.
        chain_expires: the earliest end in the chain of certificates that was verified, the peer's
            included; ``None`` where it was not verified, and before Python 3.13, which cannot tell.

    Example:
        >>> report = await tryconnect.probe("https://example.com")
        >>> report.tls.version
        'TLSv1.3'
        >>> report.tls.expires > report.checked_at
        True

    .. versionadded:: 0.1
    """

    version: str
    expires: datetime | None = None
    chain_expires: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Hop:
    """One redirect that was followed.

    Attributes:
        status: 301, 302, 303, 307 or 308.
        url: the URL that answered with it.

    Example:
        >>> from tryconnect.testing import http_server
        >>> async with http_server() as server:
        ...     report = await tryconnect.probe(server.at("/redirect/2"))
        >>> [hop.status for hop in report.hops]
        [302, 302]

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


@dataclass(frozen=True, slots=True, init=False)
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
        checked_at: when the check began, in UTC.
        error: the exception behind a failure, with traceback and causes, or ``None``.  A pickled
            report carries its redacted text instead.

    Example:
        >>> report = await tryconnect.probe("localhost:8000")
        >>> bool(report), report.reason, report.ip
        (False, <Reason.refused: 'refused'>, None)
        >>> print(report)
        refused             localhost:8000  nothing listens at localhost:8000

    .. versionadded:: 0.1
    """

    address: str = field(repr=False)
    reason: Reason
    detail: str
    status: int | None
    url: str | None = field(repr=False)
    ip: str | None
    hops: tuple[Hop, ...]
    tls: Tls | None
    timings: Timings
    checked_at: datetime = field(repr=False, compare=False)
    error: BaseException | str | None = field(repr=False, compare=False)

    def __init__(  # noqa: PLR0917 - a dataclass's fields
        self,
        address: str,
        reason: Reason,
        detail: str,
        status: int | None = None,
        url: str | None = None,
        ip: str | None = None,
        hops: tuple[Hop, ...] = (),
        tls: Tls | None = None,
        timings: Timings = UNTIMED,
        checked_at: datetime | None = None,
        error: BaseException | str | None = None,
    ) -> None:
        # What a frozen dataclass writes for itself sets each field by object.__setattr__, which
        # takes twice as long: 4 % of a check.
        _put_address(self, address)
        _put_reason(self, reason)
        _put_detail(self, detail)
        _put_status(self, status)
        _put_url(self, url)
        _put_ip(self, ip)
        _put_hops(self, hops)
        _put_tls(self, tls)
        _put_timings(self, timings)
        _put_checked_at(self, datetime.now(UTC) if checked_at is None else checked_at)
        _put_error(self, error)

    @property
    def ok(self) -> bool:
        """Whether the address answered as expected."""
        return self.reason is Reason.ok

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        shown = {**self._plain(), "hops": self.hops, "tls": self.tls, "timings": self.timings}
        return f"Report({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def __str__(self) -> str:
        """Return the line that the command line prints, without secrets."""
        detail = escape_control(self.detail.partition("\n")[0])
        address = escape_control(self._plain()["address"])
        return f"{self.reason:<{_WIDEST_REASON}}  {address}  {detail}"

    def _repr_html_(self) -> str:
        """Return a row of a table for a notebook, without secrets."""
        from html import escape  # its table of entities is long

        plain = self._plain()
        colour = "#18794e" if self.ok else "#cd2b31"
        mark = "\u2714" if self.ok else "\u2718"
        cells = (mark, plain["reason"], plain["address"], self.detail, _total(self.timings))
        shown = "".join(f"<td>{escape(escape_control(str(each)))}</td>" for each in cells)
        return f'<table><tr style="text-align: left; color: {colour}">{shown}</tr></table>'

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """Have pydantic, and so FastAPI, write a report as :meth:`as_dict` does.

        They would take it apart by themselves, with the secrets of its address, and stumble over
        its exception.
        """
        del source, handler
        from pydantic_core import core_schema  # whoever calls this has it

        return core_schema.is_instance_schema(
            cls,
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls.as_dict, return_schema=core_schema.dict_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        """Return the JSON schema that pydantic and FastAPI show."""
        del schema, handler
        return {"title": "Report", "type": "object", "required": ["address", "ok", "reason"]}

    def as_dict(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """Return plain values for JSON: str, int, float, bool, None, lists and dicts of them.

        Args:
            show_secrets: keep passwords, and secrets in queries, which are otherwise ``***``.
        """
        return self._plain(show_secrets=show_secrets) | {
            "hops": [hop.as_dict(show_secrets=show_secrets) for hop in self.hops],
            "tls": self.tls and _tls_dict(self.tls),
            "timings": self.timings._asdict(),
            "checked_at": self.checked_at.isoformat(timespec="milliseconds"),
            "error": error_text(self.error, show_secrets=show_secrets),
        }

    def __copy__(self) -> Report:
        return replace(self)

    def __reduce__(self) -> tuple[type[Report], tuple[Any, ...]]:
        # An exception's traceback cannot be pickled, and its text may hold secrets.
        values = [getattr(self, item.name) for item in fields(self)]
        return type(self), (*values[:-1], error_text(self.error))

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


(
    _put_address,
    _put_reason,
    _put_detail,
    _put_status,
    _put_url,
    _put_ip,
    _put_hops,
    _put_tls,
    _put_timings,
    _put_checked_at,
    _put_error,
) = (vars(Report)[item.name].__set__ for item in fields(Report))


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

    Example:
        >>> page = await tryconnect.fetch("https://example.com/health")
        >>> page.text, page.status, str(page.encoding_source)
        ('ready', 200, 'utf8')

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


_WIDEST_REASON = max(map(len, Reason))


def _total(timings: Timings) -> str:
    return f"{timings.total * 1000:,.1f} ms"


def _tls_dict(tls: Tls) -> dict[str, Any]:
    return {
        "version": tls.version,
        "expires": tls.expires and tls.expires.isoformat(),
        "chain_expires": tls.chain_expires and tls.chain_expires.isoformat(),
    }


_LONGEST_ERROR = 2000
"""Characters: a library may quote all that a peer has sent."""


def error_text(error: BaseException | str | None, *, show_secrets: bool = False) -> str | None:
    """Return the text of an exception, without secrets; ``None`` for none."""
    if error is None or isinstance(error, str):
        return error
    text = f"{type(error).__name__}: {error}"
    text = text if show_secrets else redact(text)
    return text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}…"
