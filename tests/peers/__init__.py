"""Peers for tests of network clients: servers on loopback, the good and above all the bad ones.

Each is an async context manager; inside, ``peer.url`` leads to it, and ``peer.connections`` and
``peer.requests`` tell what reached it. Leaving the context closes everything at once::

    async with silent() as peer:
        assert not await my_client.works(peer.url)
    assert peer.connections == 1

Code that blocks meets the same peers in a thread: ``with in_thread(silent()) as peer: …``.
"""

from ._serve import Connection, Handler, Peer, ipv6_loopback, serve
from .certificates import ca_pem, server_context, trusting
from .dns import DnsServer, dns_server
from .http import HttpServer, Page, http_server
from .ports import closed_port, full_backlog
from .proxy import Proxy, proxy
from .raw import (
    accepts_late,
    big_header,
    closes,
    drip,
    endless_1xx,
    endless_body,
    endless_headers,
    raw,
    repeats,
    reset,
    silent,
)
from .replies import REPLIES, Reply
from .threaded import in_thread
from .tls import HANDLERS as TLS_KINDS
from .tls import tls_server
from .unix import UnixPeer, unix_server

__all__ = [
    "REPLIES",
    "TLS_KINDS",
    "Connection",
    "DnsServer",
    "Handler",
    "HttpServer",
    "Page",
    "Peer",
    "Proxy",
    "Reply",
    "UnixPeer",
    "accepts_late",
    "big_header",
    "ca_pem",
    "closed_port",
    "closes",
    "dns_server",
    "drip",
    "endless_1xx",
    "endless_body",
    "endless_headers",
    "full_backlog",
    "http_server",
    "in_thread",
    "ipv6_loopback",
    "proxy",
    "raw",
    "repeats",
    "reset",
    "serve",
    "server_context",
    "silent",
    "tls_server",
    "trusting",
    "unix_server",
]
