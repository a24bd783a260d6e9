"""Whole checks on the reactor: names, connections, redirects; without aiohttp, and without a task.

The twin of ``network``, which goes by aiohttp: it is asked for the same targets, and makes the same
attempts of them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

from tryconnect._address.authority import is_ip
from tryconnect._address.target import TargetKind
from tryconnect._check.redirects import follow, read_answer
from tryconnect._check.unloaded import is_want, no_means
from tryconnect._model.faults import LocalFault
from tryconnect._model.greeting import greeting_of
from tryconnect._runtime.descriptors import shortage
from tryconnect._runtime.pulse import Pulse
from tryconnect._transport.addr_infos import (
    addr_infos,
    literal_infos,
    looked_up_infos,
    pinned_infos,
)
from tryconnect._transport.answer_cache import shared_answers
from tryconnect._transport.attempt import Phase
from tryconnect._transport.conversation import Conversation
from tryconnect._transport.deadlines import Deadlines
from tryconnect._transport.exchange import Encryption, Exchange
from tryconnect._transport.http_request import RequestHeads
from tryconnect._transport.reactor import Reactor
from tryconnect._transport.tls import TlsContexts
from tryconnect._transport.trace import Trace, current

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from tryconnect._address.target import Target
    from tryconnect._options import Options
    from tryconnect._transport.addr_infos import AddrInfo
    from tryconnect._transport.addresses import Address
    from tryconnect._transport.answer_cache import Pending
    from tryconnect._transport.attempt import Attempt
    from tryconnect._transport.proxies import Proxies
    from tryconnect._transport.resolver import Resolver

__all__ = ["ReactorCheck", "ReactorNetwork"]


class ReactorNetwork:
    """A reactor with what all of its checks have in common.

    Must be made inside the running loop that it is for.

    Args:
        options: the client's.
        proxies: which of them are used for what.

    Raises:
        NotImplementedError: the loop cannot watch descriptors.
        OSError: there is no descriptor to be had.
    """

    def __init__(
        self, options: Options, *, proxies: Proxies, trust: TlsContexts | None = None
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.family = options.family
        self.guard = options.guard
        self.proxies = proxies
        self.heads = RequestHeads(options.headers)
        self.delegates = options.resolver is not None
        self._resolver = options.resolver
        self._names: Resolver | None = None
        self.trust = trust or TlsContexts(options.ssl)
        self.pins = options.resolve
        self.reactor = Reactor(self.loop)
        self.deadlines = Deadlines[ReactorCheck](self.loop)
        self.pulse = Pulse(self.loop, self.deadlines.is_awaited)

    def start(
        self,
        target: Target,
        timeout: float,
        on_done: Callable[[Attempt], None],
        on_proxied: Callable[[], None] | None = None,
    ) -> ReactorCheck:
        """Begin a check.

        Args:
            target: what to try; no proxy is in effect for it.
            timeout: seconds for everything.
            on_done: gets what happened, in the loop, and perhaps before this returns; it must not
                raise.
            on_proxied: called in place of it where a redirect leads to where a proxy is in effect.

        Returns:
            The check, which can be cancelled.
        """
        check = ReactorCheck(self, target, on_done, on_proxied)
        check.begin(timeout)
        return check

    @property
    def names(self) -> Resolver:
        """Looks names up; it is made, and c-ares loaded, for the first name."""
        if self._names is None:
            try:
                from tryconnect._transport.resolver import Resolver  # noqa: PLC0415 - see above
            except (ImportError, RuntimeError, SystemError) as error:
                if is_want(error):
                    raise no_means() from error
                raise
            self._names = Resolver(self._resolver)
        return self._names

    @property
    def under_way(self) -> list[ReactorCheck]:
        """The checks that have not ended."""
        return self.deadlines.items()

    async def aclose(self) -> None:
        """Close everything; what is under way ends with a fault of our own."""
        for check in self.under_way:
            check.fail(LocalFault("the client was closed while the check was under way"))
        self._let_go()
        if self._names is not None:
            await self._names.close()

    def abandon(self) -> None:
        """Close everything where nothing can be awaited; what is under way ends without a word."""
        for check in self.under_way:
            check.cancel()
        self._let_go()
        if self._names is not None:
            self._names.abandon()

    def _let_go(self) -> None:
        self.pulse.stop()
        self.deadlines.close()
        self.reactor.close()


class ReactorCheck:
    """One check, from hop to hop.

    Args:
        network: runs it.
        target: what to try.
        on_done: gets what happened.
        on_proxied: see :meth:`ReactorNetwork.start`.
    """

    # The class's own: they seldom change.
    _waiting: asyncio.Task[None] | None = None
    _pending: Pending | None = None

    def __init__(
        self,
        network: ReactorNetwork,
        target: Target,
        on_done: Callable[[Attempt], None],
        on_proxied: Callable[[], None] | None,
    ) -> None:
        self._network = network
        self._first = target
        self._on_done: Callable[[Attempt], None] | None = on_done
        self._on_proxied = on_proxied
        self._trace = Trace(target)
        self._context: ssl.SSLContext | None = None
        self._exchange: Exchange | None = None

    def begin(self, timeout: float) -> None:
        """Begin."""
        self._slot = self._network.deadlines.add(self, self._trace.started + timeout)
        self._network.pulse.start()
        self._step(self._ask)

    def expire(self) -> None:
        """End: the deadline has passed."""
        unconfirmed = self._pending and self._pending.error
        self.fail(unconfirmed or TimeoutError())

    def cancel(self) -> None:
        """End without a word; does nothing where it has ended."""
        self._on_done = None
        self._let_go()

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        blamed = isinstance(error, _DOUBTFUL) and shortage()
        if blamed:
            blamed.__cause__ = error
        self._end(self._network.pulse.blame(blamed or error, self._trace.started))

    def _step(self, step: Callable[..., None], *args: Any) -> None:
        """Take a step, and make whatever it raises the end."""
        try:
            step(*args)
        except Exception as error:
            if self._on_done is None:
                raise
            self.fail(error)

    def _ask(self) -> None:
        """Ask the target; once more for each redirect."""
        trace, network = self._trace, self._network
        trace.status, trace.head = None, b""
        target, self._context = trace.target, None
        if network.proxies.in_use and self._is_proxied(target):
            self._leave()
            return
        if target.is_encrypted:
            if (context := network.trust.ready()) is None:
                self._wait_for(network.trust.context, self._encrypt_with)
                return
            self._context = context
        self._find()

    def _is_proxied(self, target: Target) -> bool:
        is_http = target.kind is TargetKind.http
        return is_http and self._network.proxies.choose(target) is not None

    def _encrypt_with(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._find()

    def _find(self) -> None:
        """Find the addresses of the target."""
        target, network = self._trace.target, self._network
        if target.path:
            self._connect(_unix_infos(target))
        elif pinned := network.pins and network.pins.get((target.host, target.port)):
            self._connect(pinned_infos(pinned, target.port, network.family))
        elif is_ip(target.host):
            ip = target.host.replace("%", "%25")
            self._connect(literal_infos(ip, target.port, network.family))
        else:
            self._look_up(target)

    def _look_up(self, target: Target) -> None:
        network = self._network
        if network.delegates:
            self._wait_for(self._ask_resolver, self._connect)
            return
        self._trace.begin(Phase.dns)
        question = target.host, network.family
        found = partial(self._step, self._found)
        if (answers := shared_answers.get()) is None:
            pending = network.names.look_up(*question, found)
        else:
            pending = answers.look_up(network.names, *question, found)
        if self._trace.phase is Phase.dns:  # else it has been answered
            self._pending = pending

    async def _ask_resolver(self) -> Sequence[AddrInfo]:
        """Ask a resolver of the caller's own."""
        current.set(self._trace)
        target, family = self._trace.target, self._network.family
        return addr_infos(
            await self._network.names.resolve(target.host, target.port, family=family), family
        )

    def _found(self, addresses: Sequence[Address], error: Exception | None) -> None:
        """Connect to what a look-up has found.

        Raises:
            Exception: it has found nothing.
        """
        if error is not None:
            raise error
        self._pending = None
        self._trace.end()
        self._connect(looked_up_infos(addresses, self._trace.target.port, self._network.family))

    def _connect(self, infos: Sequence[AddrInfo]) -> None:
        network, target = self._network, self._trace.target
        request, encryption = b"", None
        make: Callable[..., Exchange] = Exchange
        if target.kind is TargetKind.http:
            cookie = self._trace.cookies.header(target) if self._trace.hops else ""
            request = network.heads.head(target, self._first, cookie)
        elif greeting := greeting_of(target.scheme):
            make = partial(Conversation, greeting)
        if self._context is not None:
            # Certificates are made out to names without the dot at the end.
            encryption = Encryption(self._context, target.host.rstrip("."))
        exchange = self._exchange = make(
            network.reactor, self._trace, network.guard, self._answered, self.fail
        )
        exchange.begin(infos, request, encryption)

    def _answered(self, head: bytes) -> None:
        self._exchange = None  # it is over
        self._step(self._judge, head)

    def _judge(self, head: bytes) -> None:
        """Take an answer, and go where it redirects to."""
        trace = self._trace
        trace.head = head
        if trace.target.kind is not TargetKind.http:
            trace.end()
        elif follow(trace, read_answer(head)):
            self._ask()
            return
        self._end(None)

    def _wait_for(
        self, work: Callable[[], Coroutine[Any, Any, Any]], then: Callable[..., None]
    ) -> None:
        """Await some work in a task, and go on with its result."""

        async def go() -> None:
            try:
                result = await work()
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - who asked gets to know it
                self.fail(error)
            else:
                self._step(then, result)

        self._waiting = self._network.loop.create_task(go())

    def _leave(self) -> None:
        """Leave the check to a transport that can speak to proxies."""
        self.cancel()
        if self._on_proxied is not None:
            self._on_proxied()

    def _end(self, error: BaseException | None) -> None:
        on_done, self._on_done = self._on_done, None
        self._let_go()
        if on_done is not None:
            on_done(self._trace.attempt(error))

    def _let_go(self) -> None:
        self._network.deadlines.discard(self, self._slot)
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None  # they hold each other
            exchange.close()
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.cancel()
        if self._waiting is not None and self._waiting is not asyncio.current_task():
            self._waiting.cancel()


_DOUBTFUL = (socket.gaierror, ssl.SSLCertVerificationError)
"""What is raised of a peer, and may be want of descriptors here."""


def _unix_infos(target: Target) -> list[AddrInfo]:
    if not hasattr(socket, "AF_UNIX"):
        raise LocalFault("this platform has no unix sockets")
    return [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", target.path)]
