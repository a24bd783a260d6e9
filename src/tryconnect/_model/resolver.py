"""What a resolver of the caller's own offers, as aiohttp's resolvers do."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["HostResolver"]


class HostResolver(Protocol):
    """Looks names up: an ``aiohttp.abc.AbstractResolver``, or anything with its methods."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> Sequence[Mapping[str, Any]]:
        """Return the addresses of a name, each with at least ``host`` and ``port``."""

    async def close(self) -> None:
        """Release what the resolver holds."""
