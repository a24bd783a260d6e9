"""The addresses of both families, without waiting for a name server that keeps one of them back.

Some name servers, and boxes between them and us, answer for IPv4 and say nothing to the question
for IPv6.  c-ares then waits for the second answer to the end of its patience, which is seconds (as
glibc does), and a deadline may come before; so each family is asked for alone as well, once both
take long (RFC 8305, section 3: what has come may be used after a moment).
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiodns
    import pycares

__all__ = ["race_families"]

RESOLUTION_DELAY = 0.25
"""Seconds for both: as long as a second address waits for the first (RFC 8305, section 5)."""


async def race_families(
    ares: aiodns.DNSResolver, host: str, question: dict[str, Any]
) -> pycares.AddrInfoResult:
    """Return the addresses of both families, or of the one that answers.

    Args:
        ares: is asked.
        host: the name.
        question: what else ``getaddrinfo`` takes.

    Raises:
        aiodns.error.DNSError: what the question for both ended with.
    """
    both = ares.getaddrinfo(host, socket.AF_UNSPEC, **question)
    asked = {both}
    try:
        await asyncio.wait(asked, timeout=RESOLUTION_DELAY)
        if not both.done():
            for family in (socket.AF_INET, socket.AF_INET6):
                asked.add(ares.getaddrinfo(host, family, **question))
        waiting = asked
        while not both.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in done - {both}:
                if one.exception() is None:
                    return one.result()
        return both.result()
    finally:
        for each in asked:
            if not each.cancel() and not each.cancelled():
                each.exception()  # else asyncio complains that nobody has asked for it
