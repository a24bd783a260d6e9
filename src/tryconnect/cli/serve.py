"""Run the probe server: checks over HTTP, metrics for Prometheus, and a status page.

Only this machine can reach it, unless --host says otherwise. The exit code is 0 after SIGINT or
SIGTERM, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from tryconnect import Client, Guard
from tryconnect._options import DEFAULT_LIMIT
from tryconnect.cli import _arguments as arguments
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from aiohttp.web import Application

__all__ = ["configure", "run"]

SHUTDOWN = 5.0
"""Seconds that running checks have to finish at shutdown. aiohttp waits for its timeout until they
finish, and again after it has cancelled them."""

LAST_PORT = 65_535

TOKEN = "TRYCONNECT_TOKEN"  # noqa: S105 - a variable's name


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument(
        "--host",
        type=_host,
        default="127.0.0.1",
        help="the address to listen on; :: is every address, of IPv4 too (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=9115,
        help="the port to listen on; 0: any free one (default: %(default)s)",
    )
    parser.add_argument(
        "--targets", type=Path, metavar="FILE", help="a TOML file of targets to watch"
    )
    parser.add_argument(
        "--token",
        help=f"a secret that every request must send (default: the variable {TOKEN})",
    )
    parser.add_argument("--open", action="store_true", help="require no token")
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="let other machines check private addresses from here",
    )
    at_once = "how many checks may run at once; further ones get 503"
    arguments.add_number(parser, "--limit", DEFAULT_LIMIT, at_once)


def _host(text: str) -> str:
    """Return a host without the brackets that an IPv6 address has in URLs."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _port(text: str) -> int:
    if not text.isdecimal() or not int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {LAST_PORT}, not {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal arrives."""
    try:
        app = _application(options)
    except ImportError as error:
        raise TryConnectError(str(error)) from error
    with _listening(options.host, options.port) as sock:
        asyncio.run(_serve(app, sock))
    return 0


async def _serve(app: Application, sock: socket.socket) -> None:
    from aiohttp import web  # noqa: PLC0415 - --help needs none of it

    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN / 2
    )
    try:
        await runner.setup()
        await web.SockSite(runner, sock).start()
        print(f"serving at {_url(sock)}", flush=True)  # noqa: T201 - a command line prints
        await _signal()
    finally:
        await runner.cleanup()


async def _signal() -> None:
    """Wait for a signal to end. Ending is quick, so a second signal changes nothing."""
    received = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C interrupts asyncio.run
            asyncio.get_running_loop().add_signal_handler(each, received.set)
    await received.wait()


def _application(options: argparse.Namespace) -> Application:
    """Return the application that the options describe.

    Raises:
        ImportError: The extra is not installed.
        ValueError: The options are invalid, or would let other machines in by accident.
    """
    from tryconnect import web  # noqa: PLC0415 - --help needs none of it
    from tryconnect.web._security import is_loopback  # noqa: PLC0415 - likewise

    local = is_loopback(options.host)
    token = os.environ.get(TOKEN) or None if options.token is None else options.token
    if options.open and token is not None:
        raise ValueError("--open and a token exclude each other")
    if not (local or options.open or token):
        raise ValueError(
            f"other machines can reach {options.host}: give a --token that they must send, or "
            "--open to require none"
        )
    guarded = not (local or options.allow_private)
    return web.probe_app(
        targets=web.read_targets(options.targets) if options.targets else (),
        client=Client(guard=Guard.public() if guarded else None),
        token=token,
        limit=options.limit,
        local=local and not options.open and token is None,
    )


def _listening(host: str, port: int) -> socket.socket:
    """Open the server's socket, so that a port in use is reported before anything starts.

    Raises:
        TryConnectError: The host and port cannot be listened on.
    """
    ipv6 = ":" in host
    try:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if ipv6 else socket.AF_INET,
            backlog=128,
            dualstack_ipv6=ipv6 and socket.has_dualstack_ipv6(),  # :: is IPv4, too
        )
    except OSError as error:
        raise TryConnectError(f"cannot listen on {host}: {error.strerror}") from error


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
