"""Which loop runs a check: the caller's, or the portal if that one cannot.

Callers cannot tell which loop ran the check. The native loop comes first. If it raises
``NotImplementedError``, the same check goes through the portal, within what is left of its time.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tryconnect._address.target import TargetKind
from tryconnect._check.loading import Loading
from tryconnect._check.preparation import Preparation
from tryconnect._check.reactor_network import ReactorNetwork
from tryconnect._check.transports import Circumstances, Transport, choose
from tryconnect._check.unloaded import is_want, no_means
from tryconnect._model.faults import LocalFault, ProxyUnusable
from tryconnect._runtime.bridge import LoopCall
from tryconnect._runtime.capabilities import LoopCapabilities
from tryconnect._runtime.portal import call, start_soon
from tryconnect._runtime.threads import wait_all
from tryconnect._transport.attempt import Attempt
from tryconnect._transport.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tryconnect._address.target import Target
    from tryconnect._check.body import BodyPlan
    from tryconnect._check.network import Network
    from tryconnect._model.resolver import HostResolver
    from tryconnect._options import Options
    from tryconnect._transport.tls import TlsContexts

__all__ = ["Dispatcher"]


class Dispatcher:
    """Runs the checks of one event loop, natively or through the portal.

    Must be made inside the running loop that it is for.

    Args:
        options: The client's; their ``loop`` says where checks may run.
        keep_alive: Keep connections from one check to the next.
        mockable: Use aiohttp for single checks: users mock and configure its session.
    """

    def __init__(self, options: Options, *, keep_alive: bool, mockable: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self._choice = options.loop
        self._kind = type(loop).__qualname__
        self._capabilities = LoopCapabilities(loop)
        self._closed = False
        self._native: Network | None = None
        self._proxies = Proxies(options.proxy)
        self._mockable = mockable
        self._loading = Loading()
        self._preparation = Preparation(options)
        make = partial(_network, proxies=self._proxies, keep_alive=keep_alive)
        self._make = partial(make, options, trust=self._preparation.trust)
        self._reactor: ReactorNetwork | None = None
        self._make_reactor = partial(
            ReactorNetwork, options, proxies=self._proxies, trust=self._preparation.trust
        )
        self._choices: dict[tuple[str | bool, ...], Transport] = {}
        self.once_more: set[asyncio.Task[None]] = set()
        self._portal = _PortalNetwork(partial(make, _asked_at_home(options, loop)))

    def start(
        self, target: Target, timeout: float, transport: str, on_done: Callable[[Attempt], None]
    ) -> Callable[[], None] | None:
        """Start an attempt at a target without a task, if possible.

        Args:
            target: What to try.
            timeout: Seconds for everything.
            transport: The caller's choice, ``"auto"`` or ``"aiohttp"``.
            on_done: Called once, in the loop, possibly before this returns. The attempt's error may
                be no ``Exception``: it is the caller's.

        Returns:
            A function that cancels the attempt; ``None`` if :meth:`attempt` must be used.
        """
        if self._choose(target, transport) is not Transport.reactor:
            return None
        if self._preparation.is_wanted(target):
            return None
        return self._start(target, timeout, on_done)

    def _start(
        self, target: Target, timeout: float, on_done: Callable[[Attempt], None]
    ) -> Callable[[], None] | None:
        try:
            if self._reactor is None:
                self._reactor = self._make_reactor()
            if not self._proxies.in_use:
                return self._reactor.start(target, timeout, on_done).cancel
            again = _OnceMore(self, self._reactor, on_done)
            return again.start(target, timeout)
        except (NotImplementedError, AttributeError):
            self._capabilities.lacking(Transport.reactor)
            self._choices.clear()
            return None
        except (OSError, MemoryError) as error:
            on_done(Attempt(target=target, error=error))
            return _nothing

    def _choose(
        self, target: Target, transport: str, *, single: bool = False, body: bool = False
    ) -> Transport:
        """Look the transport up in the table, once for all checks that are alike."""
        proxied = self._proxies.in_use and self._is_proxied(target)
        alike = transport, target.kind, single, body, proxied
        choice = self._choices.get(alike)
        if choice is None:
            choice = self._choices[alike] = choose(
                Circumstances(
                    chosen=transport,
                    kind=target.kind,
                    single=single,
                    body=body,
                    proxied=proxied,
                    watchable=self._choice != "portal"
                    and not self._capabilities.lacks(Transport.reactor),
                )
            )
        return choice

    def _is_proxied(self, target: Target) -> bool:
        try:
            return target.kind is TargetKind.http and self._proxies.choose(target) is not None
        except ProxyUnusable:
            return True

    async def attempt(
        self,
        target: Target,
        *,
        timeout: float,
        plan: BodyPlan | None = None,
        transport: str = "auto",
    ) -> Attempt:
        """Try a target, and return what happened; see :meth:`Network.attempt`.

        Whatever is raised on the way for want of descriptors, memory or threads has happened, too.

        Raises:
            TryConnectError: aiohttp cannot be loaded, because of this machine's settings.
        """
        try:
            return await self._attempt(target, timeout, plan, transport)
        except Exception as error:
            if not is_want(error):
                raise
            fault = no_means()
            fault.__cause__ = error
            return Attempt(target=target, error=fault)

    async def _attempt(
        self, target: Target, timeout: float, plan: BodyPlan | None, transport: str
    ) -> Attempt:
        choice = self._choose(target, transport, single=self._mockable, body=plan is not None)
        if self._preparation.is_wanted(target):
            await self._preparation.done(target)
        if choice is Transport.reactor:
            attempt = await self._on_reactor(target, timeout)
            if attempt is not None:
                return attempt
        try:
            await self._loading.done()
        except LocalFault as error:
            return Attempt(target=target, error=error)
        return await self._by_aiohttp(target, timeout, plan)

    async def _on_reactor(self, target: Target, timeout: float) -> Attempt | None:
        """Try a target on the reactor; ``None`` if the loop cannot host one."""
        answer: asyncio.Future[Attempt] = asyncio.get_running_loop().create_future()
        cancel = self._start(target, timeout, partial(_settle, answer))
        if cancel is None:
            return None
        try:
            attempt = await answer
        finally:
            cancel()
        if attempt.error is not None and not isinstance(attempt.error, Exception):
            raise attempt.error
        return attempt

    async def _by_aiohttp(self, target: Target, timeout: float, plan: BodyPlan | None) -> Attempt:
        """Try a target natively, or through the portal if the loop cannot."""
        deadline = time.monotonic() + timeout
        if self._uses_portal(target):
            return await self._portal.attempt(target, deadline, plan)
        try:
            if self._native is None:
                self._native = self._make()
            native = await self._native.attempt(target, timeout=timeout, plan=plan)
        except (NotImplementedError, AttributeError) as error:  # it cannot even keep a deadline
            native = Attempt(target=target, error=error)
        failed = native.error is not None and not self._closed
        if not failed or not await self._capabilities.is_to_blame(native.error):
            return native
        scheme = (native.target or target).scheme
        if self._choice == "native":
            return replace(native, error=_unable(self._kind, scheme, native.error))
        through_portal = await self._portal.attempt(target, deadline, plan)
        # If the portal lacks it too, the loop is not to blame.
        if not self._capabilities.is_missing_feature(through_portal.error):
            self._capabilities.lacking(scheme)
        total = native.timings.total + through_portal.timings.total
        return replace(
            through_portal,
            timings=through_portal.timings._replace(total=total),
            began=native.began,
        )

    async def aclose(self) -> None:
        """Close all networks, even if one fails or the caller is cancelled."""
        self._closed = True
        reactor, self._reactor = self._reactor, None
        try:
            if reactor is not None:
                await reactor.aclose()
        finally:
            try:
                if self._native is not None:
                    await self._native.aclose()
            finally:
                await self._portal.aclose()
        await wait_all(*self.once_more)

    def abandon(self) -> None:
        """Drop all networks without awaiting: the loop is closed already."""
        if self._reactor is not None:
            self._reactor.abandon()
        if self._native is not None:
            self._native.abandon()
        self._portal.abandon()

    def _uses_portal(self, target: Target) -> bool:
        if self._choice == "auto":  # by the scheme: some loops lack TLS alone, some unix sockets
            return self._capabilities.lacks(target.scheme)
        return self._choice == "portal"


class _OnceMore:
    """A check on the reactor that starts again over aiohttp if it is redirected to a proxy's area.

    Args:
        dispatcher: Runs it over aiohttp then.
        network: Runs it at first.
        on_done: Called with the attempt.
    """

    def __init__(
        self, dispatcher: Dispatcher, network: ReactorNetwork, on_done: Callable[[Attempt], None]
    ) -> None:
        self._dispatcher = dispatcher
        self._network = network
        self._on_done = on_done
        self._started = time.perf_counter()
        self._task: asyncio.Task[None] | None = None

    def start(self, target: Target, timeout: float) -> Callable[[], None]:
        """Start; return a function that cancels it."""
        check = self._network.start(
            target, timeout, self._on_done, partial(self._begin_anew, target, timeout)
        )

        def cancel() -> None:
            check.cancel()
            if self._task is not None:
                self._task.cancel()

        return cancel

    def _begin_anew(self, target: Target, timeout: float) -> None:
        tasks = self._dispatcher.once_more
        self._task = asyncio.get_running_loop().create_task(self._go(target, timeout))
        tasks.add(self._task)
        self._task.add_done_callback(tasks.discard)

    async def _go(self, target: Target, timeout: float) -> None:
        spent = time.perf_counter() - self._started
        left = max(timeout - spent, _A_MOMENT)
        attempt = await self._dispatcher.attempt(target, timeout=left, transport="aiohttp")
        total = spent + attempt.timings.total
        began = attempt.began - spent
        self._on_done(replace(attempt, timings=attempt.timings._replace(total=total), began=began))


_A_MOMENT = 0.001


def _network(
    options: Options, *, proxies: Proxies, keep_alive: bool, trust: TlsContexts | None = None
) -> Network:
    from tryconnect._check.network import Network  # noqa: PLC0415 - imports aiohttp

    return Network(options, proxies=proxies, keep_alive=keep_alive, trust=trust)


def _settle(answer: asyncio.Future[Attempt], attempt: Attempt) -> None:
    if not answer.done():  # cancelled: the caller has left
        answer.set_result(attempt)


def _nothing() -> None:
    """Cancel an attempt that has ended already."""


class _PortalNetwork:
    """The network that lives in the portal, made there for the first check.

    Args:
        make: Makes it.
    """

    def __init__(self, make: Callable[[], Network]) -> None:
        self._make = make
        self._is_used = False
        self._network: Network | None = None  # the portal's thread alone touches it

    async def attempt(self, target: Target, deadline: float, plan: BodyPlan | None) -> Attempt:
        """Try a target until a moment of ``time.monotonic()``, which is the same in all threads."""
        self._is_used = True

        async def go() -> Attempt:
            if self._network is None:
                self._network = self._make()
            left = max(deadline - time.monotonic(), 0.0)
            return await self._network.attempt(target, timeout=left, plan=plan)

        try:
            return await call(go)
        except LocalFault as error:
            return Attempt(target=target, error=error)

    async def aclose(self) -> None:
        """Close the network, if there is one."""
        if self._is_used:
            with contextlib.suppress(LocalFault):  # no portal, no network in it
                await call(self._close)

    def abandon(self) -> None:
        """Start closing the network without awaiting it: the portal's loop runs on."""
        if self._is_used:
            with contextlib.suppress(LocalFault):
                start_soon(self._close)

    async def _close(self) -> None:
        if self._network is not None:
            await self._network.aclose()
            self._network = None


class _AtHome:
    """A resolver of the caller's, called from the portal in the loop that it belongs to."""

    def __init__(self, resolver: HostResolver, loop: asyncio.AbstractEventLoop) -> None:
        self._resolver = resolver
        self._loop = loop

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[Mapping[str, Any]]:
        """Return what the resolver says."""
        ask = partial(self._resolver.resolve, host, port, family=family)
        return await LoopCall(ask, self._loop).wait_or_abandon()

    async def close(self) -> None:
        """Do nothing: the caller closes it."""


def _asked_at_home(options: Options, loop: asyncio.AbstractEventLoop) -> Options:
    if options.resolver is None:
        return options
    return options._replace(resolver=_AtHome(options.resolver, loop))


def _unable(kind: str, scheme: str, error: BaseException | None) -> LocalFault:
    fault = LocalFault(
        f"this event loop ({kind}) cannot check {scheme}:// addresses itself: "
        'tryconnect.Client(loop="portal") can, and so can the default'
    )
    fault.__cause__ = error
    return fault
