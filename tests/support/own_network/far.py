"""The other machine: servers at the far end of a cable, in their own namespace.

It reports that it has started, waits until the cable is connected and its addresses are set, opens
its servers, prints their ports as a line of JSON, and exits when its standard input ends.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

from tests.support.own_network.cable import FAR, FAR_V6, alone
from tryconnect import testing as peers


def say(line: str) -> None:
    """Print without buffering."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def serve() -> None:
    """Open the servers, and wait for the end."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    await reader.readline()  # the cable is connected
    async with AsyncExitStack() as stack:
        openings = {
            "http": peers.http_server(host=FAR),
            "http_v6": peers.http_server(host=FAR_V6),
            "silent": peers.silent(host=FAR),
            "closed": peers.closed_port(host=FAR),
            "dns": peers.dns_server({"far.test": [FAR]}, host=FAR),
        }
        opened = {name: await stack.enter_async_context(each) for name, each in openings.items()}
        say(json.dumps({name: peer.port for name, peer in opened.items()}))
        await reader.read()


if __name__ == "__main__":
    alone()
    say("there")
    asyncio.run(serve())
