"""Small local servers for the doctor's tests, in threads."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING, TypeAlias

from tryconnect.doctor._bounded import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["HELLO", "Serve", "anonymous", "answer", "greet", "listening", "over_tls", "serving"]

Serve: TypeAlias = "Callable[[socket.socket], None]"
"""Serves one client."""

HELLO = b"hello"

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def greet(sock: socket.socket) -> None:
    """Send a greeting, and wait until the client has left."""
    sock.sendall(HELLO)
    sock.recv(1)


def answer(sock: socket.socket) -> None:
    """Answer one HTTP request."""
    heard = b""
    while b"\r\n\r\n" not in heard and (more := sock.recv(65536)):
        heard += more
    sock.sendall(_ANSWER)


def over_tls(context: ssl.SSLContext, serve: Serve) -> Serve:
    """Return the same server over TLS."""

    def encrypted(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as inner:
            serve(inner)

    return encrypted


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    """Listen on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)
        yield listener


@contextlib.contextmanager
def serving(serve: Serve) -> Iterator[tuple[str, int]]:
    """Serve clients one after another, in a thread; yield the address."""
    over = threading.Event()
    with listening() as listener:

        def accept() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):  # no client, or it has left
                    sock, _ = listener.accept()
                    sock.settimeout(LIMIT)
                    with sock:
                        serve(sock)

        thread = threading.Thread(target=accept, name="tryconnect-doctor-server", daemon=True)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            over.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            thread.join(LIMIT)


def anonymous() -> tuple[ssl.SSLContext, ssl.SSLContext] | None:
    """Make a client's and a server's context without certificates (RFC 8422, section 2.4).

    Return ``None`` if OpenSSL was built without them.
    """
    try:
        return _anonymous(ssl.PROTOCOL_TLS_CLIENT), _anonymous(ssl.PROTOCOL_TLS_SERVER)
    except ssl.SSLError:
        return None


def _anonymous(side: int) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # TLS 1.3 requires certificates
    context.set_ciphers("aNULL:@SECLEVEL=0")
    return context
