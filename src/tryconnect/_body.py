"""Bodies: read in pieces, up to a limit, and decoded.  Never ``response.text()``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tryconnect._faults import TooLarge

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from tryconnect._expect import Expect

__all__ = ["BodyPlan", "accept_encoding", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPlan:
    max_bytes: int
    expect: Expect | None = None
    cut: bool = False
    encoding: str | None = None

    def wants(self, status: int) -> bool:
        return self.expect is None or self.expect.accepts_status(status)


def accept_encoding() -> str:
    return "identity"


async def read(response: ClientResponse, plan: BodyPlan) -> str:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > plan.max_bytes:
            if not plan.cut:
                raise TooLarge(f"the body is longer than {plan.max_bytes:,} bytes")
            break
        await asyncio.sleep(0)
    return bytes(data).decode("utf-8", "replace")
