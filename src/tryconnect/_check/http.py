"""The HTTP road: one GET, its redirects, its headers; the body only where somebody wants it.

Redirects are followed here and not by aiohttp: it hides the earlier hops when a later one fails,
keeps one proxy for all of them, and sends them on with a jar that outlives the check.
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
from tryconnect._transport.cookies import Cookies
from tryconnect._transport.http_head import LONGEST_HEAD
from tryconnect._transport.protocol import HeadFirstProtocol
from tryconnect._transport.tls import TlsContexts
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
    from tryconnect._transport.trace import Trace

__all__ = ["Http", "RequestFailed", "wire_url"]

_RAW_BYTE = re.compile(r"[\udc80-\udcff]")
"""A byte that was not UTF-8, as Python keeps it (PEP 383)."""

_USUAL_HEADERS = ("User-Agent", "Accept")
"""What every request says, and most requests nothing else."""

_HEADERS_FOR_ONE_ORIGIN = ("Authorization", "Cookie", "Host", "Proxy-Authorization")

# The deadline is one and lies outside: aiohttp's own are rounded up to whole seconds, and count
# time in queues.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class RequestFailed(Exception):  # noqa: N818 - its cause is the error
    """Carries a failure past aiohttp's own second try: a check is one observation."""


_NO_RESPONSE = (aiohttp.ClientResponseError, aiohttp.ServerDisconnectedError, RequestFailed)


class _Request(aiohttp.ClientRequest):
    """A request whose cookies may have any bytes."""

    async def send(self, conn: Connection) -> ClientResponse:
        """Send the request; bytes of a cookie that are not UTF-8 go out as they came.

        aiohttp's writer would leave them out, or raise, as the platform has it.
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
            if protocol.transport is replacing:  # it is none where the connection was lost
                protocol.transport = transport


class _Replacing:
    """A transport that writes other bytes in the place of some."""

    def __init__(self, transport: Any, old: bytes, new: bytes) -> None:
        self._transport, self._old, self._new = transport, old, new

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._transport.write(data.replace(self._old, self._new, 1))


class Http:
    """One aiohttp session, and what every request of it has in common."""

    def __init__(
        self, options: Options, *, names: Resolver, proxies: Proxies, keep_alive: bool
    ) -> None:
        own = CIMultiDict[str]()
        for name, value in options.headers.items():
            own[name] = value  # in any case of letters, a caller's comes in place of ours
        # aiohttp also sends a session's headers to a proxy, with CONNECT: no secret may be in them.
        usual = {name: own.pop(name) for name in _USUAL_HEADERS}
        self._own_headers, self._public_headers = own, own.copy()
        for name in _HEADERS_FOR_ONE_ORIGIN:
            self._public_headers.popall(name, None)
        self._trust = TlsContexts(options.ssl)
        self._proxies = proxies
        self._session = aiohttp.ClientSession(
            connector=Connector(
                names,
                family=options.family,
                guard=options.guard,
                keep_alive=keep_alive,
            ),
            headers=usual,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
            request_class=aiohttp.ClientRequest if missing(COOKIES) else _Request,
            # What bounds a head is its length as a whole.
            max_line_size=LONGEST_HEAD,
            max_field_size=LONGEST_HEAD,
            max_headers=LONGEST_HEAD,
            middlewares=(partial(_ask_once, keeps_encoding="Accept-Encoding" in own),),
        )
        self._guarded = options.guard is not None
        self._refusal = refusal() if self._guarded else None

    async def ask(self, trace: Trace, plan: BodyPlan | None) -> None:
        """Ask the target of a trace, and wherever it leads to; the trace records it.

        Raises:
            LocalFault: the installed aiohttp cannot be guarded.
        """
        if self._refusal is not None:
            raise LocalFault(self._refusal)
        trace.guarded = self._guarded
        first = trace.target
        cookies = Cookies()
        max_redirects = None if plan is None else plan.max_redirects
        if plan is not None and not plan.reads_body:
            plan = None
        trace.wants_body = plan is not None
        while True:
            headers = self._headers_for(trace.target, first, cookies, plan)
            try:
                proxy = self._begin(trace)
                context = await self._trust.context() if _encrypted(trace.target, proxy) else True
                response = await self._session.get(
                    wire_url(trace.target),
                    allow_redirects=False,
                    headers=headers,
                    proxy=proxy,
                    ssl=context,
                )
            except _NO_RESPONSE:
                # What a strict parser refuses may be an answer all the same.
                asked = trace.phase is Phase.response  # else it is a proxy's answer to CONNECT
                head = _head(trace) if asked and plan is None else b""
                if not head:
                    raise
                answer = read_answer(head, is_last=len(trace.hops) == max_redirects)
                if follow(trace, answer, cookies, max_redirects):
                    continue
                return
            try:
                is_last = len(trace.hops) == max_redirects
                answer = _answer(response, _head(trace), plan, is_last=is_last)
                if not follow(trace, answer, cookies, max_redirects):
                    await _read(response, trace, plan)
                    return
            finally:
                response.release()

    async def aclose(self) -> None:
        """Close the session and the connections that it kept."""
        await self._session.close()

    def abandon(self) -> None:
        """Let the session go; traces and the end of the loop close its connections."""
        self._session.detach()

    def _begin(self, trace: Trace) -> URL | None:
        """Begin a hop of a trace; return the proxy that it goes through."""
        trace.status = trace.protocol = trace.proxy = None
        proxy = self._proxies.choose(trace.target)
        if proxy is not None:
            trace.proxy = _route(proxy, trace.target, self._own_headers)
        return proxy

    def _headers_for(
        self, target: Target, first: Target, cookies: Cookies, plan: BodyPlan | None
    ) -> CIMultiDict[str]:
        """Return the headers that a target gets beside the session's."""
        trusted = target is first or may_share_credentials(first, target)
        headers = (self._own_headers if trusted else self._public_headers).copy()
        if "%" in target.host or target.host.endswith("."):
            # aiohttp would send the zone, and not the dot.
            headers.setdefault("Host", target.host_header)
        if target.authorization is not None:
            headers["Authorization"] = target.authorization
        if plan is not None:
            headers.setdefault("Accept-Encoding", accept_encoding())
        if cookie := cookies.header(target):
            headers["Cookie"] = "; ".join([*headers.getall("Cookie", ()), cookie])
        return headers


def wire_url(target: Target) -> URL:
    """Return a target's URL as aiohttp sends it.

    yarl leaves out the mark of an empty query, even where it is told that nothing is to be changed;
    as a part of the path, the mark stays.
    """
    url = URL(target.url, encoded=True)
    if target.url.endswith("?") and not url.raw_query_string:
        return url.with_path(target.request_target, encoded=True)
    return url


def _route(proxy: URL, target: Target, headers: CIMultiDict[str]) -> ProxyRoute:
    # A tunnel's proxy does not see the headers of what is asked through it.
    in_headers = "Proxy-Authorization" in headers and not target.url.startswith("https:")
    host = proxy.host or ""
    place = f"[{host}]:{proxy.port}" if ":" in host else f"{host}:{proxy.port}"
    return ProxyRoute(place, has_password=in_headers or bool(proxy.raw_user or proxy.raw_password))


def _encrypted(target: Target, proxy: URL | None) -> bool:
    return target.url.startswith("https:") or (proxy is not None and proxy.scheme == "https")


def _answer(
    response: ClientResponse, head: bytes, plan: BodyPlan | None, *, is_last: bool
) -> Answer:
    """Return the answer that a response is, by its head as it came if it is there.

    Raises:
        NotHttp: it is not HTTP; aiohttp's parser takes RTSP and status 0 too.
    """
    if head:
        answer = read_answer(head, is_last=is_last)
        if plan is None:
            return answer
    return Answer(response.status, response.headers.items())


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
    """Middleware: raise for a broken connection instead of asking again.

    aiohttp repeats a GET whose connection broke. For a kept connection, which may have died of age,
    that is right; for one that was opened for this very request, the break is the answer.

    Args:
        request: What is asked.
        handler: Asks it.
        keeps_encoding: Leave ``Accept-Encoding`` where nobody reads a body, too.
    """
    trace = current.get()
    if trace is not None and not trace.wants_body and not keeps_encoding:
        # aiohttp's own.  To have it left out by skip_auto_headers takes 1 % of a check.
        request.headers.popall("Accept-Encoding", None)
    try:
        response: ClientResponse = await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if trace is not None and trace.reused:
            trace.distrusts_kept = True  # the others may have died with it
            raise
        raise RequestFailed from error
    return response
