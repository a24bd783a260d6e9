"""Bulk runs, waits and watches over a client's checks: what was asked for is read, then it begins.

The functions of the package and the methods of a client both call these.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tryconnect._address.target import Kind, address_text, nothing_expected, parse
from tryconnect._model.expect import Expect, as_expect
from tryconnect._model.report import Report
from tryconnect._options import CHECK_TIMEOUT, seconds, whole
from tryconnect._runs.bulk import Probes
from tryconnect._runs.waiting import Watch, wait_until
from tryconnect._runtime.descriptors import affordable
from tryconnect.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from yarl import URL

    from tryconnect._model.expect import ExpectLike
    from tryconnect._runs.source import Addresses

    class Check(Protocol):
        """How a client checks one address."""

        async def __call__(self, address: str, *, limit: float, expect: Expect | None) -> Report:
            """Check an address within that many seconds."""

    class Checker(Protocol):
        """A client, as far as it matters here."""

        @property
        def _check(self) -> Check: ...


__all__ = ["UP", "checks_of_many", "wait", "watch"]

UP = Expect(status="2xx")
"""What is waited for where the caller does not say.  It stands for "open" where nobody asks by
HTTP, so it is known by its identity."""


Asking: TypeAlias = "Callable[[float], Awaitable[Report]]"


def checks_of_many(
    lend: Callable[[], AbstractAsyncContextManager[Checker]],
    addresses: Addresses,
    *,
    limit: int,
    per_host: int | None,
    timeout: float,
    expect: ExpectLike,
    ordered: bool,
    keep_tracebacks: bool,
) -> Probes:
    """Return a bulk run; see :func:`tryconnect.probe_many`."""
    each = _One(seconds(timeout), as_expect(expect), keep_tracebacks=keep_tracebacks)
    if per_host is not None:
        whole(per_host, "per_host")
    return Probes(
        lend,
        each.check,
        addresses,
        limit=_affordable(whole(limit, "limit")),
        per_host=per_host,
        ordered=ordered,
    )


class _One:
    """How one address of many is checked."""

    def __init__(self, limit: float, expect: Expect | None, *, keep_tracebacks: bool) -> None:
        self._limit = limit
        self._expect = expect
        self._keep_tracebacks = keep_tracebacks

    async def check(self, client: Checker, address: str) -> Report:
        """Return a report, also for an address that cannot be asked for what is expected."""
        try:
            report = await client._check(address, limit=self._limit, expect=self._expect)  # noqa: SLF001
        except ValueError as error:
            report = Report(address, Reason.invalid_address, str(error), error=error)
        if not self._keep_tracebacks and isinstance(report.error, BaseException):
            _forget_tracebacks(report.error)
        return report


def _forget_tracebacks(error: BaseException) -> None:
    """Let go of the frames that failures hold: 11 KiB for each."""
    for link in _with_all_behind(error):
        link.__traceback__ = None


def _with_all_behind(error: BaseException) -> Iterator[BaseException]:
    left, seen = [error], {id(error)}
    while left:
        link = left.pop()
        yield link
        inner = [link.__cause__, link.__context__]
        if isinstance(link, BaseExceptionGroup):
            inner += link.exceptions
        for each in inner:
            if each is not None and id(each) not in seen:
                seen.add(id(each))
                left.append(each)


def _affordable(limit: int) -> int:
    most = affordable(limit)
    if most < limit:
        warnings.warn(
            f"limit={limit} is lowered to {most}: this process may open too few files for more "
            "(ulimit -n)",
            RuntimeWarning,
            stacklevel=4,  # who called probe_many
        )
    return most


async def wait(
    check: Check,
    addresses: Sequence[str | URL],
    *,
    up: bool,
    timeout: float,
    expect: ExpectLike,
    any_of: bool,
) -> list[Report]:
    """Wait until addresses are up or down; see :func:`tryconnect.wait_until_up`."""
    if not addresses:
        raise ValueError("there is no address to wait for")
    return await wait_until(
        [_asking(check, address, expect) for address in addresses],
        up=up,
        timeout=seconds(timeout),
        longest=CHECK_TIMEOUT,
        any_of=any_of,
    )


def watch(
    check: Check,
    address: str | URL,
    *,
    every: float,
    timeout: float,
    expect: ExpectLike,
    rise: int,
    fall: int,
) -> Watch:
    """Return a watch; see :func:`tryconnect.watch`."""
    return Watch(
        partial(_asking(check, address, expect), seconds(timeout)),
        every=seconds(every, "every"),
        rise=whole(rise, "rise"),
        fall=whole(fall, "fall"),
    )


def _asking(check: Check, address: object, expect: ExpectLike) -> Asking:
    """Return how one address is checked again and again; whatever is wrong with it is told now.

    Raises:
        InvalidAddress: the text is no address.
        ValueError: something is expected of an address that is not asked by HTTP.
    """
    text, expected = address_text(address), as_expect(expect)
    target = parse(text)
    if target.kind is not Kind.http and expected is not None:
        if expected is not UP:
            raise ValueError(nothing_expected(target))
        expected = None

    async def ask(limit: float) -> Report:
        return await check(text, limit=limit, expect=expected)

    return ask
