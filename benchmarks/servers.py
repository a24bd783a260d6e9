"""The servers that are checked: nginx if it is installed, else a plain one; and a silent one.

Each is its own process, on the last processor, and is reachable only through the loopback device,
at any address of 127.0.0.0/8 (Linux). It inherits listening sockets, so there is no need to wait
for it to start, and no port is free one moment and taken the next.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import trustme

from benchmarks.work import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NGINX", "Site", "certificate", "pages", "pinned", "secure_pages", "silence"]

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")

BODIES = {"/1k": b"k" * 2**10, "/1m": b"m" * 2**20}
"""What is served, by path."""

ANY = "0.0.0.0"  # noqa: S104 - on the loopback device, see listening()

BACKLOG = 4096
"""Connections that may wait to be accepted; usually the kernel's own limit."""

CONFIGURATION = """\
daemon off; {user} worker_rlimit_nofile {files}; pid {folder}/pid;
error_log stderr error;
events {{ worker_connections {files}; multi_accept on; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  open_file_cache max=8; default_type text/plain;
  root {folder};
  {temporary}
  {servers}
}}
"""

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Site(NamedTuple):
    """The ports of a server, and the certificate of its authority."""

    ports: list[int]
    ca: str | None = None


def listening(*hosts: str) -> list[socket.socket]:
    """Return a socket for each host, listening on a port chosen by the system.

    They are reachable only from this machine.
    """
    sockets = []
    for host in hosts:
        sock = socket.socket()
        # "Any address" then means all of 127.0.0.0/8, and nothing else.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        sock.bind((host, 0))
        sock.listen(BACKLOG)
        sock.settimeout(0)  # as nginx expects it
        sockets.append(sock)
    return sockets


@contextlib.contextmanager
def pages() -> Iterator[Site]:
    """Serve ``/1k`` and ``/1m`` over plain HTTP, at every address of 127.0.0.0/8."""
    with tempfile.TemporaryDirectory() as folder, serving(listening(ANY), Path(folder)) as ports:
        yield Site(ports)


@contextlib.contextmanager
def secure_pages(count: int, *, intermediate: bool = False) -> Iterator[Site]:
    """Serve them over TLS: ``count`` hosts, each with its own port and certificate.

    ``intermediate``: The certificates are signed by an authority that the trusted one has signed.
    """
    hosts = [loopback(number) for number in range(count)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        signing = authority.create_child_ca() if intermediate else authority
        for host in hosts:
            leaf = signing.issue_cert(host)
            leaf.private_key_and_cert_chain_pem.write_to_path(certificate(folder, host))
        with serving(listening(*hosts), folder) as ports:
            yield Site(ports, str(folder / "ca.pem"))


@contextlib.contextmanager
def silence() -> Iterator[Site]:
    """Accept every connection at every address, and never answer."""
    command = [sys.executable, "-m", "benchmarks.server_process", "silent"]
    with running(command, listening(ANY)) as ports:
        yield Site(ports)


@contextlib.contextmanager
def serving(sockets: list[socket.socket], folder: Path) -> Iterator[list[int]]:
    """Serve the pages on these sockets: with TLS if the folder has a certificate for one."""
    if NGINX is None:
        command = [sys.executable, "-m", "benchmarks.server_process", "pages", str(folder)]
        with running(command, sockets) as ports:
            yield ports
        return
    for path, body in BODIES.items():
        (folder / path[1:]).write_bytes(body)
    configuration = CONFIGURATION.format(
        folder=folder,
        user="user root;" * (os.geteuid() == 0),  # else its workers could not read the folder
        files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        temporary=" ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY),
        servers="\n  ".join(nginx_server(sock, folder) for sock in sockets),
    )
    (folder / "nginx.conf").write_text(configuration, "utf-8")
    command = [NGINX, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    # nginx's mechanism for upgrading itself: it inherits the sockets named here.
    inherited = "".join(f"{sock.fileno()};" for sock in sockets)
    with running(command, sockets, NGINX=inherited) as ports:
        yield ports


def nginx_server(sock: socket.socket, folder: Path) -> str:
    """Return nginx's configuration of one socket."""
    host, port = sock.getsockname()
    file = certificate(folder, host)
    if not file.exists():
        return f"server {{ listen {host}:{port}; }}"
    key = f"ssl_certificate {file}; ssl_certificate_key {file};"
    return f"server {{ listen {host}:{port} ssl; {key} }}"


def certificate(folder: Path, host: str) -> Path:
    """Return the path of a host's key and certificate, if it has any."""
    return folder / f"{host}.pem"


@contextlib.contextmanager
def running(command: list[str], sockets: list[socket.socket], **more: str) -> Iterator[list[int]]:
    """Run a server that inherits sockets; this process's copies are closed.

    Raises:
        RuntimeError: The server exited by itself.
    """
    ports = [sock.getsockname()[1] for sock in sockets]
    numbers = [sock.fileno() for sock in sockets]
    environment = {**os.environ, "LISTENING": ",".join(map(str, numbers)), **more}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(  # noqa: S603 - our own words
            pinned(command, last=True), pass_fds=numbers, env=environment, stderr=said
        ) as process,
    ):
        for sock in sockets:
            sock.close()
        try:
            yield ports
            if process.poll() is not None:
                said.seek(0)
                words = said.read().decode("utf-8", "replace")
                raise RuntimeError(f"{command[0]} ended with {process.returncode}: {words}")
        finally:
            process.terminate()


def pinned(command: list[str], *, last: bool) -> list[str]:
    """Return the command that pins a program to the first or last processor, if possible."""
    taskset = shutil.which("taskset")
    if taskset is None:
        return command
    processors = sorted(os.sched_getaffinity(0))
    return [taskset, "--cpu-list", str(processors[-1 if last else 0]), *command]
