"""One peer for each phase of a check, for programs that exit during it."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tryconnect import testing as peers
from tryconnect.testing import dns, tls


async def _silent(connection: peers.Connection) -> None:
    await connection.head()
    await connection.until_gone()


@asynccontextmanager
async def phases() -> AsyncIterator[str]:
    """Open all peers; yields JSON with the address of each, and a name server."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        http = await enter(peers.http_server())
        silent = await enter(peers.silent())
        silent_tls = tls.over_tls(_silent, peers.server_context())
        hole = await enter(peers.full_backlog())
        unix = await enter(peers.unix_server())
        names = await enter(peers.dns_server({"quiet.test": dns.SILENT, "two.test": TWO}))
        yield json.dumps(
            {
                "good": http.url,
                "good tls": (await enter(peers.http_server(tls=peers.server_context()))).url,
                "name": f"http://quiet.test:{http.port}/",
                "two addresses": f"http://two.test:{http.port}/",
                "connect": hole.url,
                "connect tcp": f"tcp://{hole.address}",
                "tls": (await enter(peers.tls_server("silent_handshake"))).url,
                "response": silent.url,
                "response tls": (await enter(peers.serve(silent_tls, scheme="https"))).url,
                "redirect": http.at(f"/redirect-to?location={silent.url}"),
                "redirects": http.at("/redirect/5"),
                "body": (await enter(peers.drip("body", interval=0.05))).url,
                "large": http.at("/endless"),
                "port": f"tcp://{http.address}",
                "unix": unix.url,
                "proxy": silent.url,
                "nameserver": names.address,
                "authority": peers.ca_pem().decode("ascii"),
            }
        )


TWO = ["127.0.0.2", "127.0.0.1"]
"""Addresses of one name; nothing listens on the first."""

CLIENTS = """
import asyncio, collections, contextlib, gc, json, os, random, signal, ssl, sys, threading, time
import tryconnect, tryconnect.sync
from tryconnect._transport.resolver import Resolver
from tests.support import leaks
from tests.support.event_loops import start_native_threads

start_native_threads()
leaks.Snapshot.take()  # opens the portal
at = json.loads(sys.argv[1])
if sys.argv[2:] == ["uvloop"]:
    import uvloop
    new_loop = uvloop.new_event_loop
else:
    new_loop = asyncio.new_event_loop
trusting = ssl.create_default_context(cadata=at["authority"])
tryconnect.Client()  # imports aiohttp

TEXTS = ("body", "large", "good")
CHECKS = tuple(sorted(at.keys() - {"authority", "nameserver", "proxy"}))

class OurNames(Resolver):
    '''Asks our name server, where others ask the system's.'''

    def __init__(self, *resolver):
        super().__init__(*resolver, nameservers=[at["nameserver"]], domains=[])

tryconnect._check.network.Resolver = OurNames
tryconnect._transport.resolver.Resolver = OurNames  # which the reactor imports when it is asked

@contextlib.asynccontextmanager
async def calls():
    '''Everything that can be called, at each peer.'''
    async with (
        tryconnect.Client(proxy=None, ssl=trusting) as client,
        tryconnect.Client(proxy=at["proxy"], ssl=trusting) as proxied,
    ):
        yield [
            *(lambda place=place: client.probe(at[place]) for place in CHECKS),
            *(lambda place=place: client.fetch_text(at[place], max_bytes=2**30) for place in TEXTS),
            lambda: proxied.probe(at["good"]),
            lambda: proxied.probe(at["good tls"]),
            lambda: tryconnect.try_connect(at["good"]),
            lambda: tryconnect.probe(at["response"]),
            lambda: tryconnect.fetch_text(at["body"]),
            lambda: tryconnect.wait_until_up(at["connect"], at["response"], timeout=5),
            lambda: tryconnect.wait_until_down(at["good"], timeout=5),
            lambda: each(tryconnect.probe_many([at["good"], at["response"], at["good"]])),
            lambda: each(client.probe_many([at[place] for place in CHECKS], limit=5)),
            lambda: each(tryconnect.watch(at["good"], every=0.002)),
        ]

async def each(reports):
    async with contextlib.aclosing(reports):
        return [report async for report in reports]
"""
"""The beginning of a program whose arguments are these and the name of a loop."""
