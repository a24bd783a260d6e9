"""One attempt at a target, with its deadline: the only place that waits for the network."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tryconnect._address.target import TargetKind
from tryconnect._check.connect import open_service, open_tcp, open_tls, open_unix
from tryconnect._check.http import Http, RequestFailed
from tryconnect._model.faults import LocalFault
from tryconnect._runtime.descriptors import shortage
from tryconnect._runtime.pulse import Pulse
from tryconnect._transport.connector import MAY_BE_SHORTAGE
from tryconnect._transport.resolver import Resolver
from tryconnect._transport.tls import TlsContexts
from tryconnect._transport.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tryconnect._address.target import Target
    from tryconnect._check.body import BodyPlan
    from tryconnect._check.connect import Way
    from tryconnect._options import Options
    from tryconnect._transport.attempt import Attempt
    from tryconnect._transport.proxies import Proxies

__all__ = ["Network"]


class Network:
    """The resolver and the aiohttp session of one event loop, made and closed together.

    Must be made inside the running loop that it is for.

    Args:
        options: The client's.
        proxies: Which of them are used for what.
        keep_alive: Keep connections from one check to the next.
        trust: The TLS contexts; ``None``: of its own.
    """

    def __init__(
        self,
        options: Options,
        *,
        proxies: Proxies,
        keep_alive: bool,
        trust: TlsContexts | None = None,
    ) -> None:
        self._guard = options.guard
        self._way: Way = {
            "family": options.family,
            "guard": options.guard,
            "pins": options.resolve,
        }
        self._closed = False
        self._pulse = Pulse(asyncio.get_running_loop())
        self._names = Resolver(options.resolver)
        self._trust = trust or TlsContexts(options.ssl)
        self._http = Http(
            options,
            names=self._names,
            proxies=proxies,
            keep_alive=keep_alive,
            trust=self._trust,
        )

    async def attempt(
        self, target: Target, *, timeout: float, plan: BodyPlan | None = None
    ) -> Attempt:
        """Try a target, and return what happened; raise only what is not an ``Exception``.

        Args:
            target: What to try.
            timeout: Seconds for everything: look-up, connection, TLS, redirects, answer, body.
            plan: How the body is read; ``None``: not at all.
        """
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        async with Trace(target) as trace:
            error: BaseException | None = None
            deadline = asyncio.timeout(timeout)
            try:
                with self._pulse:
                    async with deadline:
                        await self._ask(trace, plan)
            except Exception as caught:
                # No library on the way may turn a cancellation into a failure.
                if task is not None and task.cancelling() > before:
                    raise asyncio.CancelledError from caught
                unwrapped = caught.__cause__ if isinstance(caught, RequestFailed) else caught
                explained = self._explained(unwrapped or caught, deadline, trace.unconfirmed)
                error = self._pulse.blame(explained, trace.started)
            try:
                return trace.attempt(error)
            finally:
                del error  # an exception and the frame that holds it would keep each other alive

    async def aclose(self) -> None:
        """Close session and resolver, even if one fails or the caller is cancelled."""
        self._closed = True
        try:
            await self._http.aclose()
        finally:
            await self._names.close()

    def abandon(self) -> None:
        """Drop session and resolver without awaiting: the loop is closed already."""
        self._http.abandon()
        self._names.abandon()

    def _explained(
        self, error: BaseException, deadline: asyncio.Timeout, unconfirmed: OSError | None
    ) -> BaseException:
        """Return what really ended an attempt, if a library reports something else."""
        explained: BaseException
        if deadline.expired() and unconfirmed is not None:
            return unconfirmed
        if self._closed:
            explained = LocalFault("the client was closed while the check was under way")
        elif deadline.expired() and not isinstance(error, TimeoutError):
            explained = TimeoutError()
        elif isinstance(error, MAY_BE_SHORTAGE) and (want := shortage()) is not None:
            explained = want
        else:
            return error
        explained.__cause__ = error
        return explained

    def _ask(self, trace: Trace, plan: BodyPlan | None) -> Coroutine[Any, Any, None]:
        match trace.target.kind:
            case TargetKind.http:
                return self._http.ask(trace, plan)
            case TargetKind.tcp:
                return open_tcp(trace, self._names, **self._way)
            case TargetKind.service:
                return open_service(trace, self._names, **self._way)
            case TargetKind.tls:
                return open_tls(trace, self._names, self._trust, **self._way)
            case TargetKind.unix:
                return open_unix(trace, guard=self._guard)
