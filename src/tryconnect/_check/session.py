"""The checks of one session: from text to target to attempt to report."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from tryconnect._address.target import Target, TargetKind, expect_not_applicable, parse
from tryconnect._check.dispatch import Dispatcher
from tryconnect._check.verdict import judge
from tryconnect._model.redaction import redacted_error
from tryconnect._model.report import Page
from tryconnect._transport.attempt import Attempt
from tryconnect.errors import FetchError, InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect._model.expect import Expect
    from tryconnect._model.report import Report
    from tryconnect._options import Options

__all__ = ["Checker"]

_log = logging.getLogger("tryconnect")

EXPECT_BODY_LIMIT = 2**20
"""Bytes of a body that an expectation looks at: 1 MiB, decompressed."""


class Checker:
    """The checks of one client in one event loop.

    Args:
        options: The client's.
        keep_alive: Keep connections from one check to the next.
        mockable: Single checks go by aiohttp, whose session users mock and configure.
    """

    def __init__(self, options: Options, *, keep_alive: bool, mockable: bool = True) -> None:
        self._dispatcher = Dispatcher(options, keep_alive=keep_alive, mockable=mockable)

    def start(
        self,
        address: str,
        on_report: Callable[[Report | BaseException], None],
        *,
        timeout: float,
        expect: Expect | None,
        transport: str,
    ) -> Callable[[], None] | None:
        """Begin to check an address without a task, where that can be.

        Args:
            address: is checked.
            on_report: called once, in the loop, and perhaps before this returns.  It gets what is
                no ``Exception``, too: that ends more than the check.
            timeout: seconds for everything.
            expect: what an answer must be like.
            transport: the caller's choice, ``"auto"`` or ``"aiohttp"``.

        Returns:
            What cancels it; ``None``: it has to go by :meth:`probe`.
        """
        try:
            target = parse(address)
        except InvalidAddress:
            return None
        if expect is not None and (
            target.kind is not TargetKind.http
            or (expect.body, expect.max_redirects) != (None, None)
        ):
            return None
        return self._dispatcher.start(
            target,
            timeout=timeout,
            transport=transport,
            on_done=partial(_tell, address, expect, on_report),
        )

    async def probe(
        self, address: str, *, timeout: float, expect: Expect | None, transport: str = "auto"
    ) -> Report:
        """Check an address.

        Raises:
            ValueError: Something is expected of an address that is not asked by HTTP.
        """
        try:
            target = parse(address)
        except InvalidAddress as error:
            return _report(address, _not_tried(error), expect)
        if expect is not None and target.kind is not TargetKind.http:
            raise ValueError(expect_not_applicable(target))
        plan = None
        if expect is not None and (expect.body, expect.max_redirects) != (None, None):
            from tryconnect._check.body import BodyPlan  # noqa: PLC0415 - as below

            plan = BodyPlan(max_bytes=EXPECT_BODY_LIMIT, cut=True, expect=expect)
        attempt = await self._dispatcher.attempt(
            target, timeout=timeout, plan=plan, transport=transport
        )
        return _report(address, attempt, expect)

    async def fetch(
        self,
        address: str,
        *,
        timeout: float,
        expect: Expect | None,
        max_bytes: int,
        encoding: str | None,
    ) -> Page:
        """Fetch a text.

        Raises:
            FetchError: No text came, or the answer is not the expected one.
            ValueError: There is no such encoding.
        """
        # Before the clock starts. A program that reads no body need not load what reads them: a
        # tenth of what a check on the command line would import beside aiohttp.
        from tryconnect._check.body import BodyPlan  # noqa: PLC0415 - see above
        from tryconnect._decoding.labels import check_encoding  # noqa: PLC0415

        chosen = None if encoding is None else check_encoding(encoding)
        plan = BodyPlan(max_bytes=max_bytes, expect=expect, encoding=chosen)
        try:
            target = _fetchable(parse(address), address)
        except InvalidAddress as error:
            raise FetchError(_report(address, _not_tried(error), expect)) from error
        attempt = await self._dispatcher.attempt(target, timeout=timeout, plan=plan)
        report = _report(address, attempt, expect)
        if not report or attempt.body is None:
            raise FetchError(report) from attempt.error
        body = attempt.body
        return Page(body.text, body.encoding, body.source, attempt.headers, report)

    async def aclose(self) -> None:
        """Close everything; if it is interrupted, it can be called again."""
        await self._dispatcher.aclose()

    def abandon(self) -> None:
        """Drop everything without awaiting: the loop is closed already."""
        self._dispatcher.abandon()


def _fetchable(target: Target, address: str) -> Target:
    if target.kind is TargetKind.http:
        return target
    problem = f"a text comes from an http or https address, and this is a {target.kind} one"
    raise InvalidAddress(address, problem, 0, len(address))


def _not_tried(error: InvalidAddress) -> Attempt:
    return Attempt(target=None, error=error)


def _tell(
    address: str,
    expect: Expect | None,
    on_report: Callable[[Report | BaseException], None],
    attempt: Attempt,
) -> None:
    error = attempt.error
    if error is None or isinstance(error, Exception):
        on_report(_report(address, attempt, expect))
    else:
        on_report(error)


def _report(address: str, attempt: Attempt, expect: Expect | None) -> Report:
    """Judge an attempt, and log the one record of its check."""
    report = judge(address, attempt, expect)
    if _log.isEnabledFor(logging.DEBUG):
        failure = None if attempt.error is None else redacted_error(attempt.error)
        _log.debug("%s", report, exc_info=failure)
    return report
