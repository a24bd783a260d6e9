"""Run the probe server: checks over HTTP, metrics for Prometheus, and a status page.

Only this machine can reach it, unless --host says otherwise. SIGHUP has it read the targets file
and the certificate again. The exit code is 0 after SIGINT or SIGTERM, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tryconnect import Client, Guard
from tryconnect._options import DEFAULT_LIMIT
from tryconnect._runtime.descriptors import raise_limit
from tryconnect.cli import _arguments as arguments
from tryconnect.cli._output import show
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from aiohttp.web import Application

    from tryconnect.web._history import HistoryStore
    from tryconnect.web._server_tls import Certificate
    from tryconnect.web._targets_file import TargetsFile

__all__ = ["configure", "run"]

_log = logging.getLogger("tryconnect.web")

LAST_PORT = 65_535

TOKEN = "TRYCONNECT_TOKEN"  # noqa: S105 - a variable's name
RELOAD_TOKEN = "TRYCONNECT_RELOAD_TOKEN"  # noqa: S105 - likewise


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
    targets = "a TOML file of targets to watch; it is read again when it has changed"
    _add_file(parser, "--targets", targets)
    _add_file(parser, "--check-config", "check such a file, and serve nothing")
    _add_history(parser)
    _add_page(parser)
    _add_access(parser)
    at_once = (
        "how many checks may run at once; further ones get 503. As many again may run for targets "
        f"(default: {DEFAULT_LIMIT}, and for targets as many as they need)"
    )
    arguments.add_number(parser, "--limit", None, at_once)


def _add_file(parser: argparse.ArgumentParser, flag: str, what: str) -> None:
    parser.add_argument(flag, type=Path, metavar="FILE", help=what)


def _add_history(parser: argparse.ArgumentParser) -> None:
    _add_file(parser, "--history", "keep checks and incidents in this file")
    days = "for how many days to keep"
    arguments.add_number(parser, "--history-days", 7, f"{days} each check")
    size = "MB of the file; the oldest checks go first"
    arguments.add_number(parser, "--history-size", 2000, size)
    arguments.add_number(
        parser, "--history-rollup-days", 400, f"{days} hourly figures and incidents"
    )


def _add_page(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--title", default="tryconnect", help="the title of the status page")
    for flag, what in (
        ("--frame-ancestors", "show the status page in a frame"),
        ("--cors-origin", "read what is watched"),
    ):
        parser.add_argument(
            flag,
            action="append",
            default=[],
            metavar="ORIGIN",
            help=f"let pages of this origin {what}; may be repeated",
        )


def _add_access(parser: argparse.ArgumentParser) -> None:
    secret = f"has a secret that every request must send (default: the variable {TOKEN})"
    _add_file(parser, "--token-file", secret)
    own = f"has one for POST /-/reload, off without it (default: the variable {RELOAD_TOKEN})"
    _add_file(parser, "--reload-token-file", own)
    _add_file(parser, "--tls-cert", "serve HTTPS with this certificate and its chain (PEM)")
    _add_file(parser, "--tls-key", "its key (default: in the same file)")
    parser.add_argument("--open", action="store_true", help="require no token")
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="let other machines check private addresses from here",
    )


def _host(text: str) -> str:
    """Return a host without the brackets that an IPv6 address has in URLs."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _port(text: str) -> int:
    if not text.isdecimal() or not int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {LAST_PORT}, not {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal arrives, or check a file of targets."""
    try:
        if options.check_config is not None:
            return _check_config(options.check_config)
        return _run(options)
    except ImportError as error:
        raise TryConnectError(str(error)) from error


def _check_config(path: Path) -> int:
    """Say how many targets a file has.

    Raises:
        ValueError: It is broken; the message names the line and the fault.
    """
    from tryconnect.web._targets_file import read_verified

    number = len(read_verified(path).targets)
    show(f"{path}: {number} {'target' if number == 1 else 'targets'}, no fault\n")
    return 0


def _run(options: argparse.Namespace) -> int:
    with contextlib.ExitStack() as opened:
        listeners = [opened.enter_context(sock) for sock in _bound(options.host, options.port)]
        app, certificate = _application(options, listeners), _certificate(options)
        opened.enter_context(_log_on_stderr())
        raise_limit()
        asyncio.run(_serve(app, listeners, certificate))
    return 0


@contextlib.contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Write a line for each change of a target, each alert and each fault, as long as it lasts."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("tryconnect.web")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


async def _serve(
    app: Application, listeners: list[socket.socket], certificate: Certificate | None
) -> None:
    from tryconnect.web._server import served

    context = None if certificate is None else certificate.context
    async with served(app, listeners, context):
        ended = _signals(partial(_reload, app, certificate))
        for listener in listeners:
            show(f"serving at {_url(listener, 'http' if certificate is None else 'https')}\n")
        await ended.wait()


def _signals(reload: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Event:
    """Have a signal reload, and others set an event. A second one to end changes nothing."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    reloading: set[asyncio.Task[None]] = set()

    def hang_up() -> None:
        task = loop.create_task(reload())
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    calls = {"SIGINT": ended.set, "SIGTERM": ended.set, "SIGHUP": hang_up}
    for name, call in calls.items():
        # Windows: there is no SIGHUP, and Ctrl-C interrupts asyncio.run.
        with contextlib.suppress(NotImplementedError, AttributeError):
            loop.add_signal_handler(getattr(signal, name), call)
    return ended


async def _reload(app: Application, certificate: Certificate | None) -> None:
    """Read the certificate and the file of targets again; what is broken stays as it was."""
    from tryconnect.web._reload import RELOADER

    if certificate is not None:
        try:
            certificate.renew()
        except ValueError as error:
            _log.error("the certificate is kept: %s", error)
    if RELOADER in app:
        await app[RELOADER].reload_quietly()


def _application(options: argparse.Namespace, listeners: list[socket.socket]) -> Application:
    """Return the application that the options describe.

    Raises:
        ImportError: The extra is not installed.
        ValueError: The options are invalid, or would let other machines in by accident.
    """
    from tryconnect import web
    from tryconnect.web._security import is_loopback
    from tryconnect.web._targets_file import TargetsFile, read_verified

    # The addresses count, not the host's name: that may lead anywhere.
    local = all(is_loopback(listener.getsockname()[0]) for listener in listeners)
    token = _secret(options.token_file, TOKEN)
    if options.open and token is not None:
        raise ValueError("--open and a token exclude each other")
    if not (local or options.open or token):
        raise ValueError(
            f"other machines can reach {options.host}: give a --token-file with what they must "
            "send, or --open to require none"
        )
    guarded = not (local or options.allow_private)
    file = read_verified(options.targets) if options.targets else TargetsFile([], None)
    app = web.probe_app(
        targets=file.targets,
        alerts=file.alerts,
        history=_history(options),
        title=options.title,
        frame_ancestors=options.frame_ancestors,
        cors_origins=options.cors_origin,
        client=Client(guard=Guard.public() if guarded else None),
        token=token,
        limit=options.limit,
        local=local and not options.open and token is None,
    )
    if options.targets:
        _follow(app, options)
    return app


def _follow(app: Application, options: argparse.Namespace) -> None:
    from tryconnect.web._keys import MONITOR, WATCHER
    from tryconnect.web._reload import follow_file

    def take(file: TargetsFile) -> None:
        app[WATCHER].replace(file.targets)
        app[MONITOR].replace(file.targets, file.alerts)

    token = _secret(options.reload_token_file, RELOAD_TOKEN)
    follow_file(app, options.targets, take, token=token)


def _secret(path: Path | None, variable: str) -> str | None:
    """Return a secret from a file, or else from a variable: command lines are public.

    Raises:
        ValueError: The file cannot be read, or is empty.
    """
    if path is None:
        return os.environ.get(variable) or None
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', 'this is not UTF-8')}") from error
    if not secret:
        raise ValueError(f"{path}: there is no token in it")
    return secret


def _certificate(options: argparse.Namespace) -> Certificate | None:
    """Return the certificate to serve with, if there is to be one.

    Raises:
        ValueError: It cannot be used.
    """
    if options.tls_cert is None:
        if options.tls_key is not None:
            raise ValueError("--tls-key needs a --tls-cert")
        return None
    from tryconnect.web._server_tls import Certificate

    return Certificate(options.tls_cert, options.tls_key)


def _history(options: argparse.Namespace) -> HistoryStore | None:
    """Open the history, if there is to be one.

    Raises:
        ValueError: The file cannot be a history.
    """
    if options.history is None:
        return None
    from tryconnect.web._history import HistoryStore, Keep

    keep = Keep(
        days=options.history_days,
        size=options.history_size * 1e6,
        hourly_days=options.history_rollup_days,
    )
    return HistoryStore(options.history, keep=keep)


def _bound(host: str, port: int) -> list[socket.socket]:
    """Bind a socket for each address of a host, so that what cannot be is said before the start.

    Raises:
        TryConnectError: None of them can be listened on.
    """
    bound: list[socket.socket] = []
    fault: OSError | None = None
    try:
        infos = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        infos, fault = [], error
    for family, kind, protocol, _, address in dict.fromkeys(infos):
        # With port 0, the system chooses one for the first address, and all have that.
        chosen = bound[0].getsockname()[1] if bound else port
        sock = socket.socket(family, kind, protocol)
        try:
            _bind(sock, (address[0], chosen, *address[2:]))
        except OSError as error:
            fault = error
            sock.close()
        else:
            bound.append(sock)
    if not bound and fault is not None:
        raise TryConnectError(f"cannot listen on {host}: {fault.strerror}") from fault
    return bound


def _bind(sock: socket.socket, address: tuple[object, ...]) -> None:
    if os.name == "posix":  # elsewhere it would let two servers have one port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6 and socket.has_dualstack_ipv6():
        # :: is IPv4, too; other addresses of IPv6 are themselves.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
    sock.bind(address)


def _url(sock: socket.socket, scheme: str) -> str:
    host, port = sock.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"
