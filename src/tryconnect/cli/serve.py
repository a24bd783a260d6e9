"""Run the probe server: checks over HTTP, metrics for Prometheus, and a status page.

Only this machine can reach it, unless --host says otherwise.  The exit code is 0 after SIGINT or
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
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from aiohttp.web import Application

__all__ = ["configure", "run"]

SHUTDOWN = 5.0
"""Seconds that checks under way have left when the server is to end.  aiohttp waits its timeout
for them to end by themselves, and then once more after it has told them to."""

LAST_PORT = 65_535

TOKEN = "TRYCONNECT_TOKEN"  # noqa: S105 - a variable's name


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen at (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=9115,
        help="the port to listen at; 0: any that is free (default: %(default)s)",
    )
    parser.add_argument("--targets", type=Path, metavar="FILE", help="a TOML file of what to watch")
    parser.add_argument(
        "--token",
        help=f"a secret that every request must bring (default: the variable {TOKEN})",
    )
    parser.add_argument("--open", action="store_true", help="answer whoever asks, without a token")
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="let other machines have private addresses checked from here",
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=DEFAULT_LIMIT,
        metavar="N",
        help="checks at once, above which the answer is 503 (default: %(default)s)",
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {LAST_PORT}, not {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
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
    """Wait until the server is to end.  It ends soon, so a second signal does not hurry it."""
    come = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C interrupts asyncio.run
            asyncio.get_running_loop().add_signal_handler(each, come.set)
    await come.wait()


def _application(options: argparse.Namespace) -> Application:
    """Return the server that the options ask for.

    Raises:
        ImportError: the extra is not installed.
        ValueError: the options make no sense, or would let strangers in unasked.
    """
    from tryconnect import web  # noqa: PLC0415 - --help needs none of it
    from tryconnect.web._security import is_loopback  # noqa: PLC0415 - likewise

    local = is_loopback(options.host)
    token = os.environ.get(TOKEN) or None if options.token is None else options.token
    if options.open and token is not None:
        raise ValueError("--open and a token exclude each other")
    if not (local or options.open or token):
        raise ValueError(
            f"other machines can reach {options.host}: give a --token that they must bring, or "
            "--open to answer whoever asks"
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
    """Open the server's socket, so that a port that is taken is told before anything starts.

    Raises:
        OSError: there is no such address or port to be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
