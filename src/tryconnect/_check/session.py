"""The checks of one session: from request to attempt to report."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tryconnect._address.target import TargetKind
from tryconnect._check.dispatch import Dispatcher
from tryconnect._check.unloaded import is_want, no_means
from tryconnect._check.verdict import judge
from tryconnect._model.faults import LocalFault
from tryconnect._model.redaction import redacted_error
from tryconnect._model.report import Page
from tryconnect._transport.attempt import Attempt
from tryconnect.errors import FetchError, InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect._address.request import Request
    from tryconnect._address.target import Target
    from tryconnect._check.body import BodyPlan
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
        mockable: Use aiohttp for single checks: users mock and configure its session.
    """

    def __init__(self, options: Options, *, keep_alive: bool, mockable: bool = True) -> None:
        self._dispatcher = Dispatcher(options, keep_alive=keep_alive, mockable=mockable)

    def start(
        self,
        timeout: float,
        transport: str,
        request: Request,
        on_report: Callable[[Report | BaseException], None],
    ) -> Callable[[], None] | None:
        """Start to check an address without a task, if possible.

        Args:
            timeout: Seconds for everything.
            transport: The caller's choice, ``"auto"`` or ``"aiohttp"``.
            request: What to check.
            on_report: Called once, in the loop, possibly before this returns. It also gets an
                exception that is no ``Exception``, which ends more than the check.

        Returns:
            A function that cancels the check; ``None`` if :meth:`probe` must be used.
        """
        if request.target is None or request.fault is not None or _needs_plan(request):
            return None

        def tell(attempt: Attempt) -> None:
            error = attempt.error
            if error is None or isinstance(error, Exception):
                on_report(_report(request, attempt))
            else:
                on_report(error)

        return self._dispatcher.start(request.target, timeout, transport, tell)

    async def probe(self, request: Request, *, timeout: float, transport: str = "auto") -> Report:
        """Check an address.

        Raises:
            ValueError: The expectation does not apply to the address.
        """
        if request.target is None:
            return _report(request, Attempt(target=None, error=request.fault))
        target = request.valid_target()
        try:
            plan = _plan(request)
        except LocalFault as error:
            return _report(request, Attempt(target=target, error=error))
        attempt = await self._dispatcher.attempt(
            target, timeout=timeout, plan=plan, transport=transport
        )
        return _report(request, attempt)

    async def fetch(
        self,
        request: Request,
        *,
        timeout: float,
        max_bytes: int,
        encoding: str | None,
    ) -> Page:
        """Fetch a text.

        Raises:
            FetchError: No text came, or the answer is not the expected one.
            ValueError: There is no such encoding.
        """
        try:
            make_plan, check_encoding = _loaded_for_bodies()
            chosen = None if encoding is None else check_encoding(encoding)
            plan = make_plan(max_bytes=max_bytes, expect=request.expect, encoding=chosen)
            target = _fetchable(request)
        except (InvalidAddress, LocalFault) as error:
            raise FetchError(_report(request, Attempt(target=None, error=error))) from error
        attempt = await self._dispatcher.attempt(target, timeout=timeout, plan=plan)
        report = _report(request, attempt)
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


def _needs_plan(request: Request) -> bool:
    """Return whether what is expected needs more than a status."""
    expect = request.expect
    return expect is not None and (bool(expect.bodies) or expect.max_redirects is not None)


def _plan(request: Request) -> BodyPlan | None:
    if not _needs_plan(request):
        return None
    make_plan, _ = _loaded_for_bodies()
    return make_plan(max_bytes=EXPECT_BODY_LIMIT, cut=True, expect=request.expect)


def _loaded_for_bodies() -> tuple[type[BodyPlan], Callable[[str], str]]:
    """Import what reads bodies, before a check's clock starts.

    Programs that read no body need not load it: that is a tenth of what a check on the command line
    would import beside aiohttp.

    Raises:
        LocalFault: This machine lacks the means.
    """
    try:
        from tryconnect._check.body import BodyPlan
        from tryconnect._decoding.labels import check_encoding
    except (OSError, ImportError, MemoryError, RuntimeError, SystemError) as error:
        if is_want(error):
            raise no_means() from error
        raise
    return BodyPlan, check_encoding


def _fetchable(request: Request) -> Target:
    address, target = request.address, request.target
    if target is None or target.kind is TargetKind.http:
        return request.valid_target()
    problem = f"a text comes from an http or https address, and this is a {target.kind} one"
    raise InvalidAddress(address, problem, 0, len(address))


def _report(request: Request, attempt: Attempt) -> Report:
    """Judge an attempt, and log the one record of its check."""
    report = judge(request.address, attempt, request.expect)
    if _log.isEnabledFor(logging.DEBUG):
        failure = None if attempt.error is None else redacted_error(attempt.error)
        _log.debug("%r", report, exc_info=failure)
    return report
