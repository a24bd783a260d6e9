"""Ports where no one answers: refused, and swallowed."""

import contextlib
import select
import socket
from collections.abc import AsyncIterator

from tryconnect.testing._serve import Peer


@contextlib.asynccontextmanager
async def closed_port(*, host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    """A port that refuses connections, for as long as the context lasts.

    It is bound but does not listen, so that no other program can take it meanwhile.

    .. versionadded:: 0.1
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.bind((host, 0))
        yield Peer(host=host, port=bound.getsockname()[1])


@contextlib.asynccontextmanager
async def full_backlog(*, host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    """A black hole: connecting neither succeeds nor fails.

    The listener's queue has room for one and nobody empties it; once it is full, Linux drops every
    further SYN.

    Args:
        host: where to listen.

    Raises:
        RuntimeError: this system refuses or admits instead; only Linux is known to drop.

    .. versionadded:: 0.1
    """
    with contextlib.ExitStack() as stack:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = stack.enter_context(socket.create_server((host, 0), family=family, backlog=0))
        port: int = listener.getsockname()[1]
        for _ in range(8):
            client = stack.enter_context(socket.socket(family))
            client.settimeout(0)
            client.connect_ex((host, port))
            _, connected, _ = select.select([], [client], [], 0.02)
            if not connected:
                break
        else:  # pragma: no cover - not on Linux
            raise RuntimeError("this system's accept queue cannot be filled")
        yield Peer(host=host, port=port)
