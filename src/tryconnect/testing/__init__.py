"""Peers for tests of network clients: servers on loopback, good ones and above all bad ones.

Each is an async context manager, whose value has the peer's ``url`` and records ``connections`` and
``requests``. Leaving the context closes everything at once::

    async with silent() as peer:
        assert not await my_client.works(peer.url)
    assert peer.connections == 1

Blocking code uses the same peers in a thread: ``with in_thread(silent()) as peer: …``.

The peers that speak TLS or DNS require the extra ``testing``; see ``tryconnect.testing.tls``,
``.certificates`` and ``.dns``.

.. versionadded:: 0.1
"""

from tryconnect.testing._catalog import BAD_PEERS, PeerCase
from tryconnect.testing._encoded import bomb, packed
from tryconnect.testing._http import CannedResponse, HttpServer, http_server
from tryconnect.testing._misbehaving import (
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
from tryconnect.testing._optional import ca_pem, dns_server, server_context, tls_server, trusting
from tryconnect.testing._ports import closed_port, full_backlog
from tryconnect.testing._proxy import Proxy, proxy
from tryconnect.testing._replies import REPLIES, Reply
from tryconnect.testing._serve import Connection, Handler, Peer, ipv6_loopback, serve
from tryconnect.testing._threaded import OpenPeer, in_thread
from tryconnect.testing._unix import UnixPeer, unix_server

__all__ = [
    "BAD_PEERS",
    "REPLIES",
    "CannedResponse",
    "Connection",
    "Handler",
    "HttpServer",
    "OpenPeer",
    "Peer",
    "PeerCase",
    "Proxy",
    "Reply",
    "UnixPeer",
    "accepts_late",
    "big_header",
    "bomb",
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
    "packed",
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
