"""A server that answers late, and counts what it is asked, and how many of a host at once."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator


class Counting:
    """A server at all addresses of this machine, in a thread.

    Attributes:
        began: When the first request came, by the monotonic clock; 0 before.
        ended: When the last answer went.
        asked: How often each path was asked.
        clients: How many requests came from each address.
        answers: How many requests it answers before it falls silent.
        most: How many requests of each host were open at the same time, at most.
        most_of_all: How many of all hosts.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.answers: float = math.inf
        self.asked: Counter[str] = Counter()
        self.clients: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.most_of_all = 0
        self.began = self.ended = 0.0
        self.port = 0
        self._open: Counter[str] = Counter()

    def url(self, number: int, host: int = 0, network: str = "127.1") -> str:
        return f"http://{network}.{host // 250}.{host % 250 + 1}:{self.port}/{number}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        self.clients[writer.get_extra_info("peername")[0]] += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):  # its client may have been cut off
            writer.close()
            return
        self._open[host] += 1
        self.most[host] = max(self.most[host], self._open[host])
        self.most_of_all = max(self.most_of_all, self._open.total())
        self.began = self.began or time.monotonic()
        try:
            self.asked[head.split()[1].decode()] += 1
            if self.asked.total() > self.answers:
                await reader.read()  # until its client hangs up
                return
            await asyncio.sleep(self.seconds)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            self.ended = time.monotonic()
        except OSError:
            pass
        finally:
            self._open[host] -= 1
            writer.close()


@contextlib.contextmanager
def counting(seconds: float = 0.0) -> Iterator[Counting]:
    """Serve until the context exits."""
    server = Counting(seconds)
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> None:
        listening = await asyncio.start_server(server.answer, "127.0.0.1", 0, backlog=4096)
        port = server.port = listening.sockets[0].getsockname()[1]
        listening.close()
        listening = await asyncio.start_server(server.answer, "0.0.0.0", port, backlog=4096)  # noqa: S104 - all loopback addresses
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            listening.close()

    def run() -> None:
        asyncio.set_event_loop(loop)
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        for left in asyncio.all_tasks(loop):
            left.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    task = loop.create_task(serve())
    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
