"""The checks of one session: from text to target to attempt to report.

This room and those below it import aiohttp; ``_client`` imports it when the first client is made.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tryconnect._address.target import Target, TargetKind, expect_not_applicable, parse
from tryconnect._check.dispatch import Dispatcher
from tryconnect._check.verdict import judge
from tryconnect._model.redaction import redacted_error
from tryconnect._model.report import Page
from tryconnect._transport.attempt import Attempt
from tryconnect.errors import FetchError, InvalidAddress

if TYPE_CHECKING:
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
    """

    def __init__(self, options: Options, *, keep_alive: bool) -> None:
        self._roads = Dispatcher(options, keep_alive=keep_alive)

    async def probe(self, address: str, *, timeout: float, expect: Expect | None) -> Report:
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
        attempt = await self._roads.attempt(target, timeout=timeout, plan=plan)
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
        attempt = await self._roads.attempt(target, timeout=timeout, plan=plan)
        report = _report(address, attempt, expect)
        if not report or attempt.body is None:
            raise FetchError(report) from attempt.error
        body = attempt.body
        return Page(body.text, body.encoding, body.source, attempt.headers, report)

    async def aclose(self) -> None:
        """Close everything; if it is interrupted, it can be called again."""
        await self._roads.aclose()

    def abandon(self) -> None:
        """Drop everything without awaiting: the loop is closed already."""
        self._roads.abandon()


def _fetchable(target: Target, address: str) -> Target:
    if target.kind is TargetKind.http:
        return target
    problem = f"a text comes from an http or https address, and this is a {target.kind} one"
    raise InvalidAddress(address, problem, 0, len(address))


def _not_tried(error: InvalidAddress) -> Attempt:
    return Attempt(target=None, error=error)


def _report(address: str, attempt: Attempt, expect: Expect | None) -> Report:
    """Judge an attempt, and log the one record of its check."""
    report = judge(address, attempt, expect)
    if _log.isEnabledFor(logging.DEBUG):
        failure = None if attempt.error is None else redacted_error(attempt.error)
        _log.debug("%s", report, exc_info=failure)
    return report
