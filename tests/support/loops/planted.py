"""Stock loops that lack one feature, and record what was tried."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, ClassVar

BaseLoop = asyncio.SelectorEventLoop


class PlantedLoop(BaseLoop):
    """What it lacks raises ``NotImplementedError``, directly or wrapped in another error."""

    lacks: ClassVar[frozenset[str]] = frozenset()
    wrapped: ClassVar[bool] = False
    tried: ClassVar[list[str]] = []
    delay: ClassVar[float] = 0.0
    """Seconds until the loop raises for what it lacks."""

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        await self._try("unix" if sock.family == socket.AF_UNIX else "connect")
        await super().sock_connect(sock, address)

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        await self._try("tls" if options.get("ssl") else "stream")
        return await super().create_connection(*args, **options)

    async def _try(self, what: str) -> None:
        self.tried.append(what)
        if what not in self.lacks:
            return
        await asyncio.sleep(self.delay)
        if self.wrapped:
            raise OSError("no way") from NotImplementedError(what)
        raise NotImplementedError


def planted(*lacks: str, wrapped: bool = False, delay: float = 0.0) -> type[PlantedLoop]:
    """Return a new class of loops, about which nothing is known yet."""
    words = {"lacks": frozenset(lacks), "wrapped": wrapped, "delay": delay, "tried": []}
    return type("PlantedLoop", (PlantedLoop,), words)
