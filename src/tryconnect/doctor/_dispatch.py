"""Whether checks run natively in a loop, or through the portal."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import tryconnect
from tryconnect._check.loading import load_aiohttp
from tryconnect._runtime.capabilities import LoopCapabilities
from tryconnect.doctor._bounded import LIMIT, until
from tryconnect.doctor._findings import fault, ok
from tryconnect.doctor._servers import anonymous, answer, over_tls, serving

if TYPE_CHECKING:
    import ssl

    from tryconnect.doctor._findings import Finding
    from tryconnect.doctor._servers import Serve

__all__ = ["road"]


async def road() -> Finding:
    """Check local addresses, and report which way tryconnect chose."""
    await _have_aiohttp()
    for scheme, (serve, context) in _servers().items():
        with serving(serve) as (host, port):
            report = await _checked(f"{scheme}://{host}:{port}/", context)
        if not report:
            return fault(
                f"an {scheme} check within this machine fails in this loop: {report.detail}",
                'fix the faults above, or use tryconnect.Client(loop="portal")',
            )
    capabilities = LoopCapabilities(asyncio.get_running_loop())
    far = [scheme for scheme in ("http", "https") if capabilities.lacks(scheme)]
    return ok(_TOLD[len(far)].format(far=" and ".join(far)))


_TOLD = {
    0: "checks run natively, in this loop",
    1: "{far} checks run through the portal, a loop of tryconnect's own; others in this loop",
    2: "checks run through the portal, a loop of tryconnect's own",
}
"""By the number of schemes that need the portal."""


def _servers() -> dict[str, tuple[Serve, ssl.SSLContext | None]]:
    found: dict[str, tuple[Serve, ssl.SSLContext | None]] = {"http": (answer, None)}
    if (contexts := anonymous()) is not None:
        ours, theirs = contexts
        found["https"] = over_tls(theirs, answer), ours
    return found


async def _checked(address: str, context: ssl.SSLContext | None) -> tryconnect.Report:
    async with tryconnect.Client(proxy=None, ssl=context) as client:
        return await client.probe(address, timeout=LIMIT)


async def _have_aiohttp() -> None:
    """Import aiohttp in a thread: it would block the loop for a quarter of a second."""
    thread = threading.Thread(target=load_aiohttp, name="tryconnect-doctor-import", daemon=True)
    thread.start()
    await until(lambda: not thread.is_alive(), timeout=_LONG_IMPORT)


_LONG_IMPORT = 30.0
"""Seconds; a cold disk is slow."""
