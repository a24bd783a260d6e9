"""Serve an application: accept connections, bound what each may take, and end in order.

aiohttp's own sites accept without a limit, answer what is no HTTP with the versions of aiohttp and
Python, and log a traceback for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tryconnect._model.redaction import escape_control
from tryconnect._runtime.descriptors import limit
from tryconnect._runtime.threads import wait_all
from tryconnect.web._delivery import WRITE_TIMEOUT
from tryconnect.web._problems import Problem
from tryconnect.web._security import HEADERS

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import AsyncIterator, Iterable

    from aiohttp.web import BaseRequest

__all__ = ["served"]

_log = logging.getLogger("tryconnect.web")

IDLE_TIMEOUT = 30.0
"""Seconds within which a request's head must be complete, from the connection's start or from the
end of the response before."""

HANDSHAKE_TIMEOUT = 10.0

SHUTDOWN = 5.0
"""Seconds that running checks have to finish at shutdown. aiohttp waits for its timeout until they
finish, and again after it has cancelled them."""

MOST_CONNECTIONS = 1000
SHARE = 4
"""Connections take a quarter of the descriptors at most: the checks need some, too."""

ACCEPT_PAUSE = 0.5
"""Seconds to wait before the next attempt to accept where there is no descriptor for it."""

TELL_EVERY = 60.0

SWEEP_EVERY = 1.0

BACKLOG = 128


class Connection(web.RequestHandler):
    """A client's connection.

    Args:
        server: Keeps account of it.
        manager: aiohttp's.
    """

    def __init__(self, server: _Server, manager: web.Server) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type] # as AppRunner(access_log=None) passes it
            keepalive_timeout=IDLE_TIMEOUT,
        )
        self._server = server
        self._unread = 0
        self._unread_since = math.inf
        self._outgoing: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, which aiohttp forgets as it closes it."""
        if isinstance(transport, asyncio.WriteTransport):
            self._outgoing = transport
        self._server.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another one."""
        super().connection_lost(exc)
        self._outgoing = None
        self._server.left(self)

    def resume_writing(self) -> None:
        """The client has read most of what was buffered."""
        self._unread_since = math.inf
        super().resume_writing()

    def sweep(self, now: float) -> None:
        """Cut the connection off if nothing has been read of its buffer for too long.

        Closing a transport waits until all is read: for ever, if nobody reads.
        """
        if self._outgoing is None:
            return
        unread, before = self._outgoing.get_write_buffer_size(), self._unread
        self._unread = unread
        if not unread or unread < before:
            self._unread_since = math.inf
        elif self._unread_since == math.inf:
            self._unread_since = now
        elif now - self._unread_since > WRITE_TIMEOUT:
            self._outgoing.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP with a problem, and log one line at most."""
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun already")
        self.log_exception("bad request from %s", request.remote, exc_info=exc)
        detail = "this is not an HTTP request that can be read"
        response = Problem(HTTPStatus(status), detail).response()
        response.headers.update(HEADERS)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log an error of the protocol: for debugging, as anybody can cause thousands of them."""
        error = kw.get("exc_info")
        message = escape_control(f"{args[0] % args[1:]}: {type(error).__name__}")
        _log.debug("%s", message)


class _Server:
    """The connections of one running server.

    Args:
        manager: aiohttp's.
    """

    def __init__(self, manager: web.Server) -> None:
        self._manager = manager
        self.connections: set[Connection] = set()
        most = limit()
        self._most = MOST_CONNECTIONS if most is None else min(MOST_CONNECTIONS, most // SHARE)
        self._opening: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._told_at = -math.inf

    def left(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self.connections.discard(connection)
        self._room.set()

    async def accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        """Accept connections for ever, as long as there is room for them."""
        loop = asyncio.get_running_loop()
        while True:
            while len(self.connections) + len(self._opening) >= self._most:
                self._tell(f"{self._most} connections are open")
                self._room.clear()
                await self._room.wait()
            try:
                sock, _ = await loop.sock_accept(listener)
            except ConnectionError:  # it has gone already
                continue
            except OSError as error:
                self._tell(error.strerror or type(error).__name__)
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            task = loop.create_task(self._open(sock, context))
            self._opening.add(task)
            task.add_done_callback(self._opened)

    async def _open(self, sock: socket.socket, context: ssl.SSLContext | None) -> None:
        timeout = HANDSHAKE_TIMEOUT if context else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(self, self._manager),
                sock,
                ssl=context,
                ssl_handshake_timeout=timeout,
            )
        except OSError:  # it has gone, or does not speak TLS
            sock.close()
        except BaseException:
            sock.close()
            raise

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._tell(f"{type(error).__name__}: {error}")

    async def sweep(self) -> None:
        """Look for clients that do not read, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            for connection in [*self.connections]:
                connection.sweep(loop.time())

    async def aclose(self) -> None:
        """End the handshakes that are under way."""
        opening = [*self._opening]
        for task in opening:
            task.cancel()
        await wait_all(*opening)

    def _tell(self, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at > TELL_EVERY:
            self._told_at = now
            _log.warning("no more connections are accepted for now: %s", escape_control(why))


@contextlib.asynccontextmanager
async def served(
    app: web.Application, listeners: Iterable[socket.socket], context: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve an application while the context lasts; leaving it gives checks time to finish.

    Args:
        app: The application, which is started and cleaned up.
        listeners: Bound sockets; they are closed.
        context: For TLS; ``None``: plain HTTP.
    """
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN / 2
    )
    tasks: list[asyncio.Task[None]] = []
    server: _Server | None = None
    try:
        await runner.setup()
        assert runner.server is not None  # noqa: S101 - setup makes it
        server = _Server(runner.server)
        loop = asyncio.get_running_loop()
        tasks.append(loop.create_task(server.sweep()))
        for listener in listeners:
            listener.listen(BACKLOG)
            listener.setblocking(False)  # noqa: FBT003 - the socket's own word
            tasks.append(loop.create_task(server.accept(listener, context)))
        yield
    finally:
        for task in tasks[1:]:
            task.cancel()
        await wait_all(*tasks[1:])
        for listener in listeners:
            listener.close()
        await runner.cleanup()
        if server is not None:
            await server.aclose()
        for task in tasks[:1]:
            task.cancel()
        await wait_all(*tasks[:1])
