"""Ports that refuse or swallow connections."""

import contextlib
import select
import socket
from collections.abc import AsyncIterator

from tryconnect.testing._serve import Peer


@contextlib.asynccontextmanager
async def closed_port(*, host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    """Reserve a port that refuses connections while the context lasts.

    It is bound but does not listen, so that no other program can take it.

    Example:
        >>> from tryconnect.testing import closed_port
        >>> async with closed_port() as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=5)).reason)
        refused

    .. versionadded:: 0.1
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.bind((host, 0))
        yield Peer(host=host, port=bound.getsockname()[1])


@contextlib.asynccontextmanager
async def full_backlog(*, host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    """Open a black hole: connecting neither succeeds nor fails.

    The listener's queue has a capacity of one and is never emptied; once it is full, Linux drops
    further SYNs.

    Args:
        host: Where to listen.

    Raises:
        RuntimeError: This system does not drop SYNs; only Linux is known to.

    Example:
        >>> from tryconnect.testing import full_backlog
        >>> async with full_backlog() as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=0.1)).reason)
        timeout

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
