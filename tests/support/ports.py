"""Ports for what cannot be told to listen at port 0.

The system gives ports of its own range to outgoing connections, thousands of them while tests run:
one that was free a moment ago may be taken. These ports lie beside that range.
"""

import contextlib
import random
import socket

__all__ = ["free_port"]

BESIDE = range(20_000, 32_768)
"""Linux gives 32768 to 60999 to outgoing connections (ip(7), ``ip_local_port_range``)."""


def free_port(*hosts: str) -> int:
    """Return a port at which nobody listens, at any of these hosts; 127.0.0.1 unless told."""
    while True:
        port = random.choice(BESIDE)  # noqa: S311 - no secret
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for host in hosts or ("127.0.0.1",):
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                stack.enter_context(socket.create_server((host, port), family=family))
            return port
