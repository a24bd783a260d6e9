"""Lowers the limits of this process temporarily."""

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def descriptors(left: int) -> Iterator[None]:
    """Leave this process ``left`` free descriptors."""
    import resource  # noqa: PLC0415 - only some systems have it

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as opened:
        # The lowest free numbers are allocated first; there may be used ones in between.
        free = [opened.enter_context(socket.socket()) for _ in range(left + 1)]
        limit = free[-1].fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@contextlib.contextmanager
def no_thread_to_be_had() -> Iterator[None]:
    """Make threads fail to start: their stack would exceed the address space."""
    before = threading.stack_size(2**48)
    try:
        yield
    finally:
        threading.stack_size(before)
