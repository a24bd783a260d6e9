"""A check by HTTP over aiohttp: one request, its redirects, headers; the body only if it is wanted.

Redirects are followed here rather than by aiohttp, which hides the earlier hops if a later one
fails, uses one proxy for all of them, and sends cookies from a jar that outlives the check.
"""

from __future__ import annotations

import re
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any, cast

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from tryconnect._address.target import may_share_credentials
from tryconnect._check.redirects import Answer, follow, read_answer
from tryconnect._decoding.content_encoding import accept_encoding
from tryconnect._model.faults import LocalFault
from tryconnect._transport.attempt import Phase, ProxyRoute
from tryconnect._transport.connector import Connector
from tryconnect._transport.http_head import LONGEST_HEAD
from tryconnect._transport.protocol import HeadFirstProtocol
from tryconnect._transport.trace import current
from tryconnect._transport.upstream import COOKIES, missing, refusal

if TYPE_CHECKING:
    from aiohttp import ClientRequest, ClientResponse
    from aiohttp.connector import Connection

    from tryconnect._address.target import Target
    from tryconnect._check.body import BodyPlan
    from tryconnect._options import Options
    from tryconnect._transport.proxies import Proxies
    from tryconnect._transport.resolver import Resolver
    from tryconnect._transport.tls import TlsContexts
    from tryconnect._transport.trace import Trace

__all__ = ["Http", "RequestFailed", "wire_url"]

_RAW_BYTE = re.compile(r"[\udc80-\udcff]")
"""A byte that is not UTF-8, as Python decodes it (PEP 383)."""

_USUAL_HEADERS = ("User-Agent", "Accept")
"""The headers of every request; most requests have no others."""

_HEADERS_FOR_ONE_ORIGIN = ("Authorization", "Cookie", "Host", "Proxy-Authorization")

# One deadline bounds the whole check, from outside: aiohttp's timeouts are rounded up to whole
# seconds, and include time in queues.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class RequestFailed(Exception):
    """Carries a failure past aiohttp's automatic retry: a check is a single observation."""


_NO_RESPONSE = (aiohttp.ClientResponseError, aiohttp.ServerDisconnectedError, RequestFailed)


class _Request(aiohttp.ClientRequest):
    """A request whose cookies may contain any bytes."""

    async def send(self, conn: Connection) -> ClientResponse:
        """Send the request, with those bytes of a cookie that are not UTF-8 as they were received.

        aiohttp's writer would drop them or raise, depending on the platform.
        """
        cookie = self.headers.get("Cookie", "")
        protocol = conn.protocol
        if protocol is None or not _RAW_BYTE.search(cookie):
            return await super().send(conn)
        stand_in = token_hex()
        self.headers["Cookie"] = stand_in
        raw = cookie.encode(errors="surrogateescape")
        transport = protocol.transport
        replacing = cast("Any", _Replacing(transport, stand_in.encode(), raw))
        protocol.transport = replacing
        try:
            return await super().send(conn)
        finally:
            if protocol.transport is replacing:  # it is None if the connection was lost
                protocol.transport = transport


class _Replacing:
    """A transport that replaces some bytes as they are written."""

    def __init__(self, transport: Any, old: bytes, new: bytes) -> None:
        self._transport, self._old, self._new = transport, old, new

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._transport.write(data.replace(self._old, self._new, 1))


class Http:
    """An aiohttp session, and what all its requests share."""

    def __init__(
        self,
        options: Options,
        *,
        names: Resolver,
        proxies: Proxies,
        keep_alive: bool,
        trust: TlsContexts,
    ) -> None:
        own = CIMultiDict[str]()
        for name, value in options.headers.items():
            own[name] = value  # names are case-insensitive: a caller's header replaces ours
        # aiohttp also sends a session's headers to a proxy, with CONNECT: they contain no secrets.
        usual = {name: own.pop(name) for name in _USUAL_HEADERS}
        self._own_headers, self._public_headers = own, own.copy()
        for name in _HEADERS_FOR_ONE_ORIGIN:
            self._public_headers.popall(name, None)
        self._trust = trust
        self._proxies = proxies
        self._session = aiohttp.ClientSession(
            connector=Connector(
                names,
                family=options.family,
                guard=options.guard,
                pins=options.resolve,
                keep_alive=keep_alive,
            ),
            headers=usual,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
            request_class=aiohttp.ClientRequest if missing(COOKIES) else _Request,
            # The total length of a head is bounded, and nothing else of it.
            max_line_size=LONGEST_HEAD,
            max_field_size=LONGEST_HEAD,
            max_headers=LONGEST_HEAD,
            middlewares=(partial(_ask_once, keeps_encoding="Accept-Encoding" in own),),
        )
        self._guarded = options.guard is not None
        self._refusal = refusal() if self._guarded else None

    async def ask(self, trace: Trace, plan: BodyPlan | None) -> None:
        """Request the target of a trace and follow its redirects; the trace records what happens.

        Raises:
            LocalFault: The installed aiohttp cannot be guarded.
        """
        if self._refusal is not None:
            raise LocalFault(self._refusal)
        trace.guarded = self._guarded
        first = trace.target
        max_redirects = None if plan is None else plan.max_redirects
        if plan is not None and not plan.reads_body:
            plan = None
        trace.wants_body = plan is not None
        while True:
            headers = self._headers_for(trace, first, plan)
            try:
                proxy = self._begin(trace)
                context = await self._trust.context() if _encrypted(trace.target, proxy) else True
                response = await self._session.request(
                    trace.target.method,
                    wire_url(trace.target),
                    allow_redirects=False,
                    headers=headers,
                    proxy=proxy,
                    ssl=context,
                )
            except _NO_RESPONSE:
                # A response that a strict parser rejects may still be an answer.
                asked = trace.phase is Phase.response  # if not, a proxy answered CONNECT
                head = _head(trace) if asked and plan is None else b""
                if not head:
                    raise
                answer = read_answer(head, is_last=len(trace.hops) == max_redirects)
                if follow(trace, answer, max_redirects):
                    continue
                return
            try:
                is_last, head = len(trace.hops) == max_redirects, _head(trace)
                if not head:  # of a session that tests have replaced
                    trace.headers = response.headers
                answer = _answer(response, head, plan, is_last=is_last)
                if not follow(trace, answer, max_redirects):
                    await _read(response, trace, plan)
                    return
            finally:
                response.release()

    async def aclose(self) -> None:
        """Close the session and its kept connections."""
        await self._session.close()

    def abandon(self) -> None:
        """Drop the session; traces, and the end of the loop, close its connections."""
        self._session.detach()

    def _begin(self, trace: Trace) -> URL | None:
        """Begin a hop of a trace; return its proxy, or ``None``."""
        trace.status = trace.protocol = trace.proxy = trace.socks = None
        proxy = self._proxies.choose(trace.target)
        if proxy is None:
            return None
        trace.proxy = _route(proxy, trace.target, self._own_headers)
        if trace.proxy.is_socks:  # aiohttp knows nothing of it: the connector goes through it
            trace.socks = proxy
            return None
        return proxy

    def _headers_for(self, trace: Trace, first: Target, plan: BodyPlan | None) -> CIMultiDict[str]:
        """Return the headers of the next request, in addition to the session's."""
        target = trace.target
        trusted = target is first or may_share_credentials(first, target)
        headers = (self._own_headers if trusted else self._public_headers).copy()
        if target.path or "%" in target.host or target.host.endswith("."):
            # aiohttp would send the zone or the socket's path, and not the dot.
            headers.setdefault("Host", target.host_header)
        if target.authorization is not None:
            headers["Authorization"] = target.authorization
        if plan is not None:
            headers.setdefault("Accept-Encoding", accept_encoding())
        if cookie := trace.cookies.header(target):
            headers["Cookie"] = "; ".join([*headers.getall("Cookie", ()), cookie])
        return headers


def wire_url(target: Target) -> URL:
    """Return a target's URL as aiohttp is to send it.

    yarl drops the question mark of an empty query, even with ``encoded=True``; it keeps one that is
    part of the path.
    """
    # HTTP over a unix socket has its path in the place of the host.
    text = target.url.replace("http+unix:", "http:", 1) if target.path else target.url
    url = URL(text, encoded=True)
    if target.url.endswith("?") and not url.raw_query_string:
        return url.with_path(target.request_target, encoded=True)
    return url


def _route(proxy: URL, target: Target, headers: CIMultiDict[str]) -> ProxyRoute:
    # The proxy of a tunnel does not see the headers of the requests inside.
    in_headers = "Proxy-Authorization" in headers and not target.url.startswith("https:")
    host = proxy.host or ""
    place = f"[{host}]:{proxy.port}" if ":" in host else f"{host}:{proxy.port}"
    has_password = bool(proxy.raw_user or proxy.raw_password)
    if proxy.scheme.startswith("socks"):
        return ProxyRoute(place, has_password=has_password, is_socks=True)
    return ProxyRoute(place, has_password=in_headers or has_password)


def _encrypted(target: Target, proxy: URL | None) -> bool:
    return target.url.startswith("https:") or (proxy is not None and proxy.scheme == "https")


def _answer(
    response: ClientResponse, head: bytes, plan: BodyPlan | None, *, is_last: bool
) -> Answer:
    """Return the answer in a response, read from its head as received if that was kept.

    Raises:
        NotHttp: It is not HTTP; aiohttp's parser accepts RTSP and status 0, too.
    """
    if head:
        answer = read_answer(head, is_last=is_last)
        if plan is None:
            return answer
    return response.status, response.headers.items()


def _head(trace: Trace) -> bytes:
    return trace.protocol.head if isinstance(trace.protocol, HeadFirstProtocol) else b""


async def _read(response: ClientResponse, trace: Trace, plan: BodyPlan | None) -> None:
    if plan is None or not plan.wants(response.status):
        return
    trace.begin(Phase.body)
    trace.headers = response.headers.copy()
    trace.body = await plan.read(
        response.headers, response.content.iter_any(), announced=response.content_length
    )
    trace.end()


async def _ask_once(
    request: ClientRequest, handler: Any, *, keeps_encoding: bool
) -> ClientResponse:
    """Middleware: raise if the connection breaks, rather than retry.

    aiohttp retries a GET whose connection broke. That is right for a kept connection, which may
    have timed out; if the connection was opened for this very request, the break is the answer.

    Args:
        request: The request.
        handler: Sends it.
        keeps_encoding: Keep ``Accept-Encoding`` even if the body is not read.
    """
    trace = current.get()
    if trace is not None and not trace.wants_body and not keeps_encoding:
        # aiohttp adds it. To omit it by skip_auto_headers takes 1 % of a check.
        request.headers.popall("Accept-Encoding", None)
    try:
        response: ClientResponse = await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if trace is not None and trace.reused:
            trace.distrusts_kept = True  # other kept connections may be broken, too
            raise
        raise RequestFailed from error
    return response
