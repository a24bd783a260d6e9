"""A name server on loopback that answers as its zone says, over UDP and TCP on one port.

A zone maps names to a list of addresses (IPv4 and IPv6 mixed) or to an ``Answer``::

    zone = {
        "good.test": ["127.0.0.1", "::1"],
        "www.good.test": alias("good.test"),
        "broken.test": SERVFAIL,
        "slow.test": late(0.5, "127.0.0.1"),
        "slow.test AAAA": NODATA,
    }
    async with dns_server(zone) as dns:
        resolver = aiodns.DNSResolver(**dns.resolver_arguments)

A name followed by a type takes precedence over the name alone. Names that are not in the zone do
not exist. Clients may not ask for names in their system's hosts file, such as ``localhost``.

.. versionadded:: 0.1
"""

import asyncio
import contextlib
import errno
import functools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tryconnect.testing._serve import Connection, Handler, Peer, ended, listening, serve_on

__all__ = [
    "GARBAGE",
    "NODATA",
    "NXDOMAIN",
    "REFUSED",
    "SERVFAIL",
    "SILENT",
    "WRONG_ID",
    "Answer",
    "DnsServer",
    "Query",
    "Zone",
    "alias",
    "late",
    "truncated",
]

TTL = 60
_LENGTH = 2
"""Bytes of the length before a message over TCP (RFC 1035, section 4.2.2)."""


@dataclass(frozen=True)
class Answer:
    """How a name is answered.

    .. versionadded:: 0.1
    """

    addresses: Sequence[str] = ()
    """The addresses; without any, the name exists but has no data."""
    alias: str | None = None
    """The canonical name; its own answer is looked up in the zone and sent along."""
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    delay: float = 0
    """Seconds to wait before answering."""
    truncated: bool = False
    """Over UDP only the wish that the client come again over TCP."""
    mangle: Callable[[bytes], bytes] | None = None
    """What becomes of the packet on its way; ``b""`` is not sent."""


Zone = Mapping[str, Answer | Sequence[str]]

NODATA = Answer()
NXDOMAIN = Answer(rcode=dns.rcode.NXDOMAIN)
SERVFAIL = Answer(rcode=dns.rcode.SERVFAIL)
REFUSED = Answer(rcode=dns.rcode.REFUSED)
SILENT = Answer(mangle=lambda _: b"")
GARBAGE = Answer(mangle=lambda packet: packet[:2] + b"\xff" * 40)
WRONG_ID = Answer(["127.0.0.1"], mangle=lambda packet: bytes([packet[0] ^ 0xFF]) + packet[1:])


def late(seconds: float, *addresses: str) -> Answer:
    """Return an answer with these addresses, after a delay in seconds.

    .. versionadded:: 0.1
    """
    return Answer(addresses, delay=seconds)


def truncated(*addresses: str) -> Answer:
    """Return an answer with only the TC flag over UDP, and these addresses over TCP.

    .. versionadded:: 0.1
    """
    return Answer(addresses, truncated=True)


def alias(name: str) -> Answer:
    """Return a CNAME; two that point at each other are a loop.

    .. versionadded:: 0.1
    """
    return Answer(alias=name)


class Query(NamedTuple):
    """One received question.

    .. versionadded:: 0.1
    """

    name: str
    type: str
    over: str
    """``udp`` or ``tcp``."""


@dataclass
class DnsServer(Peer):
    """A running name server; ``connections`` counts those over TCP.

    .. versionadded:: 0.1
    """

    scheme: str = "dns"
    queries: list[Query] = field(default_factory=list)

    @property
    def resolver_arguments(self) -> dict[str, Any]:
        """Arguments for ``aiodns.DNSResolver`` and ``aiohttp.AsyncResolver``.

        ``domains`` disables the system's search list, which would add questions.
        """
        return {"nameservers": [self.address], "domains": []}


@contextlib.asynccontextmanager
async def server(zone: Zone, *, host: str = "127.0.0.1") -> AsyncIterator[DnsServer]:
    """Serve a zone, which may be changed meanwhile."""
    with contextlib.ExitStack() as stack:
        datagrams, listener = (stack.enter_context(sock) for sock in both_on_one_port(host))
        server = DnsServer(host=host, port=listener.getsockname()[1])
        tasks: list[asyncio.Task[None]] = []
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _OverUdp(functools.partial(answer, zone, server, over="udp"), tasks),
            sock=datagrams,
        )
        try:
            async with serve_on(listener, over_tcp(zone, server), server):
                yield server
        finally:
            transport.abort()
            await ended(tasks)


def both_on_one_port(host: str) -> tuple[socket.socket, socket.socket]:
    """Return a UDP and a listening TCP socket on the same port, which may take several tries."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(20):
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        datagrams.bind((host, 0))
        try:
            return datagrams, listening(host, datagrams.getsockname()[1])
        except OSError:
            datagrams.close()
    raise OSError(errno.EADDRINUSE, "no port is free for both UDP and TCP")


async def answer(zone: Zone, server: DnsServer, packet: bytes, *, over: str) -> bytes:
    """Record a query and return the packet that answers it."""
    query = dns.message.from_wire(packet)
    (question,) = query.question
    name = question.name.to_text(omit_final_dot=True).lower()
    server.queries.append(Query(name, dns.rdatatype.to_text(question.rdtype), over))
    policy = looked_up(zone, f"{name} {server.queries[-1].type}", name)
    response = dns.message.make_response(query)
    response.set_rcode(policy.rcode)
    if policy.truncated and over == "udp":
        response.flags |= dns.flags.TC
    else:
        fill(response, zone, name, question.rdtype)
    await asyncio.sleep(policy.delay)
    wire = response.to_wire(want_shuffle=False)
    return policy.mangle(wire) if policy.mangle else wire


def looked_up(zone: Zone, *names: str) -> Answer:
    """Return the answer for the first of these names that is in the zone."""
    entry = next((zone[name] for name in names if name in zone), NXDOMAIN)
    return entry if isinstance(entry, Answer) else Answer(entry)


def fill(
    response: dns.message.Message, zone: Zone, name: str, kind: dns.rdatatype.RdataType
) -> None:
    """Add the records of ``name``: its chain of aliases, and addresses of this kind."""
    seen = set()
    while (entry := looked_up(zone, name)).alias and name not in seen:
        seen.add(name)
        response.answer.append(
            dns.rrset.from_text(f"{name}.", TTL, "IN", "CNAME", f"{entry.alias}.")
        )
        name = entry.alias
    addresses = [
        each
        for each in entry.addresses
        if kind == (dns.rdatatype.AAAA if ":" in each else dns.rdatatype.A)
    ]
    if addresses:
        response.answer.append(dns.rrset.from_text(f"{name}.", TTL, "IN", kind, *addresses))


class _OverUdp(asyncio.DatagramProtocol):
    """Answers datagrams, each in a task of its own, so that late answers delay no others."""

    transport: asyncio.DatagramTransport

    def __init__(
        self, reply: Callable[[bytes], Awaitable[bytes]], tasks: list[asyncio.Task[None]]
    ) -> None:
        self.reply = reply
        self.tasks = tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(self.respond(data, addr)))

    async def respond(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if packet := await self.reply(data):
            self.transport.sendto(packet, addr)


def over_tcp(zone: Zone, server: DnsServer) -> Handler:
    """Return a handler for consecutive messages, each preceded by its length."""

    async def handler(connection: Connection) -> None:
        data = b""
        while chunk := await connection.receive():
            data += chunk
            while len(data) >= (end := _LENGTH + int.from_bytes(data[:_LENGTH])):
                packet, data = data[_LENGTH:end], data[end:]
                if reply := await answer(zone, server, packet, over="tcp"):
                    await connection.send(len(reply).to_bytes(_LENGTH) + reply)

    return handler
