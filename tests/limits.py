"""What the system lets this process have, made less for a while."""

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def descriptors(left: int) -> Iterator[None]:
    """Leave this process so many of them."""
    import resource  # noqa: PLC0415 - only some systems have it

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as opened:
        # The lowest free numbers are given out first; there may be others in between.
        free = [opened.enter_context(socket.socket()) for _ in range(left + 1)]
        limit = free[-1].fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
