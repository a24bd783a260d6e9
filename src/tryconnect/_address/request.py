"""What to check, read once where it comes in: the address, and what is expected of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, cast

from tryconnect._address.target import Target, TargetKind, parse
from tryconnect._model.expect import Expect
from tryconnect._model.faults import LocalFault
from tryconnect._model.redaction import escape_control, redact_address
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "APPLIES_TO",
    "ListReader",
    "Request",
    "check_applies",
    "read_request",
    "read_requests",
]

_HTTP = ("http", "https", "http+unix")
_ALL = (*_HTTP, "tls", "tcp", "unix", TargetKind.service)

APPLIES_TO: Mapping[str, tuple[str, ...]] = {
    "status": _HTTP,
    "headers": _HTTP,
    "body": _HTTP,
    "pattern": _HTTP,
    "max_redirects": _HTTP,
    "method": _HTTP,
    "within": _ALL,
    "cert_days": (*_HTTP, "tls"),
}
"""The kinds of addresses to which each field of :class:`~tryconnect.Expect`, and ``method=``,
applies: schemes, or ``service`` for all those of which there is a :class:`~tryconnect.Greeting`."""


def _kind(target: Target) -> str:
    return target.kind if target.kind is TargetKind.service else target.scheme


@dataclass
class Request:
    """One address to check.  Nobody changes it; a type that says so takes 2 % of a check.

    Attributes:
        address: The text as given, which the report repeats.
        target: What it names; ``None`` if it is no address.
        expect: What its answer must be like to count; ``None``: any answer counts.
        fault: Why it cannot be checked: an ``InvalidAddress``, another ``ValueError`` if the
            expectation does not apply to the address, or a ``LocalFault``; ``None`` if it can.
    """

    address: str
    target: Target | None
    expect: Expect | None
    fault: ValueError | LocalFault | None

    def valid_target(self) -> Target:
        """Return the target.

        Raises:
            InvalidAddress: The text is no address.
            ValueError: The expectation does not apply to the address.
        """
        if self.fault is not None:
            raise self.fault
        return cast("Target", self.target)


def read_request(
    address: str, expect: Expect | None = None, *, strict: bool = True, method: str = "GET"
) -> Request:
    """Read an address, and fit what is expected to it; never raises.

    Args:
        address: What to check.
        expect: What the answer must be like.
        strict: Whether an expectation, or a method, that does not apply to this kind of address is
            a fault; if not, as with a default or in a list, what does not apply is left out.
        method: How it is asked if that is by HTTP.
    """
    try:
        target = parse(address)
    except InvalidAddress as error:
        return Request(address, None, expect if strict else None, error)
    except (OSError, ImportError, MemoryError) as error:  # of an import: idna is rarely wanted
        local = LocalFault(f"this machine cannot load what reads this address ({error})")
        local.__cause__ = error
        return Request(address, None, expect, local)
    if expect is None and method == "GET":
        return Request(address, target, None, None)
    left_out, fitted = _fit(expect, method, _kind(target))
    fault = _bodiless(expect, method)
    if strict and left_out:
        fault = _not_applicable(left_out, [address])
    if "method" not in left_out:
        target = target._replace(method=method)
    return Request(address, target, expect if strict else fitted, fault)


def _fit(expect: Expect | None, method: str, kind: str) -> tuple[list[str], Expect | None]:
    """Return what does not apply to a kind of address, and the expectation without that."""
    left_out = [name for name in _asked(expect, method) if kind not in APPLIES_TO[name]]
    return left_out, _without(expect, left_out) if left_out and expect is not None else expect


class ListReader:
    """Reads the addresses of a list, each of which is held to what applies to it.

    Args:
        expect: What the answers must be like.
        strict: Whether it is a fault if something is expected that applies to none of them.
        method: How those are asked that are asked by HTTP.

    Raises:
        ValueError: A body is expected of answers that have none.
    """

    def __init__(
        self, expect: Expect | None = None, *, strict: bool = True, method: str = "GET"
    ) -> None:
        if (fault := _bodiless(expect, method)) is not None:
            raise fault
        self._expect = expect
        self._method = method
        self._fit = cache(partial(_fit, expect, method))  # there are few kinds of addresses
        self._unapplied = _asked(expect, method) if strict else []
        self._valid: list[str] = []
        self._count = 0

    @property
    def has_doubts(self) -> bool:
        """Whether something is expected that has applied to none of the addresses so far."""
        return bool(self._unapplied)

    def read(self, address: str) -> Request:
        """Read the next address; never raises."""
        request = read_request(address)
        target = request.target
        if target is None or (self._expect is None and self._method == "GET"):
            return request
        kind = _kind(target)
        left_out, expect = self._fit(kind)
        if self._method != "GET" and "method" not in left_out:
            target = target._replace(method=self._method)
        if self._unapplied:
            self._unapplied = [each for each in self._unapplied if kind not in APPLIES_TO[each]]
            self._count += 1
            if self._count <= _MOST_SHOWN:
                self._valid.append(address)
        return Request(address, target, expect, None)

    def finish(self) -> None:
        """Take note that the list has ended.

        Raises:
            ValueError: Something was expected that applies to none of its addresses.
        """
        if self._unapplied and self._valid:
            raise _not_applicable(self._unapplied, self._valid, self._count)


def check_applies(addresses: Iterable[str], expect: Expect | None, *, method: str = "GET") -> None:
    """Look whether what is expected of a list applies to any of its addresses.

    Raises:
        ValueError: Something is expected that applies to none of them.
    """
    reader = ListReader(expect, method=method)
    for address in addresses:
        if not reader.has_doubts:
            return
        reader.read(address)
    reader.finish()


def read_requests(
    addresses: Iterable[str],
    expect: Expect | None = None,
    *,
    strict: bool = True,
    method: str = "GET",
) -> list[Request]:
    """Read the addresses of a list; see :class:`ListReader`.

    Raises:
        ValueError: Something is expected that applies to none of the addresses.
    """
    reader = ListReader(expect, strict=strict, method=method)
    requests = [*map(reader.read, addresses)]
    reader.finish()
    return requests


def _asked(expect: Expect | None, method: str) -> list[str]:
    """Return what is asked for, as the table names it."""
    return [*({} if expect is None else expect.given()), *(["method"] if method != "GET" else [])]


def _bodiless(expect: Expect | None, method: str) -> ValueError | None:
    if expect is not None and expect.bodies and method == "HEAD":  # RFC 9110, section 9.3.2
        return ValueError("the answer to HEAD has no body to expect something of: use GET")
    return None


def _without(expect: Expect, left_out: Sequence[str]) -> Expect | None:
    fitting = {name: value for name, value in expect.given().items() if name not in left_out}
    return Expect(**fitting) if fitting else None


def _not_applicable(
    names: Sequence[str], addresses: Sequence[str], count: int | None = None
) -> ValueError:
    shown = [escape_control(redact_address(address)) for address in addresses]
    more = (count or len(shown)) - len(shown)
    places = ", ".join(shown) + (f" and {more:,} more" if more else "")
    words = " and ".join(f"the {name}" if name == "method" else name for name in names)
    kinds = " or ".join(f"{scheme}://" for scheme in APPLIES_TO[names[0]])
    return ValueError(f"{words} cannot be expected of {places}: only of {kinds}")


_MOST_SHOWN = 3
