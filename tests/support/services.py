"""Real services of Debian's, each on a port of its own on loopback, for as long as a block runs."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tryconnect import sync

PROGRAMS = {
    "redis": "redis-server",
    "postgresql": "pg_createcluster",
    "mysql": "mariadbd",
    "smtp": "exim4",
    "ssh": "sshd",
}
"""The program of each scheme, by which a test sees whether it is there."""

START_TIMEOUT = 60.0
"""Seconds."""

Words = list[str]


@contextlib.contextmanager
def running(scheme: str, port: int, *, wait: bool = True) -> Iterator[None]:
    """Run the service of a scheme at a port.

    Args:
        scheme: which one.
        port: where it listens.
        wait: enter the block only when its port is open.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        place.chmod(0o777)
        server = subprocess.Popen(  # noqa: S603 - our own words
            _COMMANDS[scheme](place, port),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=place,
        )
        try:
            if wait:
                sync.wait_until_up(f"tcp://127.0.0.1:{port}", timeout=START_TIMEOUT)
            yield
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)
            server.kill()
            server.wait()


def _redis(place: Path, port: int) -> Words:
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(place)]


def _postgresql(place: Path, port: int) -> Words:
    (programs,) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    data = place / "data"
    _run(*_as("postgres"), f"{programs}/initdb", "-A", "scram-sha-256", "-D", str(data),
         "--pwfile", str(_password(place)))  # fmt: skip
    options = ["-c", "listen_addresses=127.0.0.1", "-k", str(place), "-p", str(port)]
    return [*_as("postgres"), f"{programs}/postgres", "-D", str(data), *options]


def _password(place: Path) -> Path:
    file = place / "password"
    file.write_text("anything\n", "utf-8")
    return file


def _mysql(place: Path, port: int) -> Words:
    data = place / "data"
    _run("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql",
         "--skip-test-db", "--auth-root-authentication-method=normal")  # fmt: skip
    where = [f"--datadir={data}", f"--socket={place}/socket", f"--pid-file={place}/pid"]
    network = [f"--port={port}", "--bind-address=127.0.0.1"]
    return ["mariadbd", "--no-defaults", "--user=mysql", *where, *network]


def _smtp(place: Path, port: int) -> Words:
    settings = place / "exim.conf"
    settings.write_text(
        f"primary_hostname = mail.test\nspool_directory = {place}/spool\n"
        f"log_file_path = {place}/%slog\nkeep_environment =\nhost_lookup =\nrfc1413_hosts =\n",
        "utf-8",
    )
    return ["exim4", "-C", str(settings), "-bdf", "-oX", f"127.0.0.1.{port}", "-oP", f"{place}/pid"]


def _ssh(place: Path, port: int) -> Words:
    key = place / "key"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    Path("/run/sshd").mkdir(exist_ok=True)  # sshd(8): where it shuts itself in
    options = ["-o", f"ListenAddress=127.0.0.1:{port}", "-o", "PidFile=none", "-h", str(key)]
    return [shutil.which("sshd") or "sshd", "-D", "-f", "/dev/null", *options]


def _as(user: str) -> Words:
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=START_TIMEOUT)  # noqa: S603


_COMMANDS: dict[str, Callable[[Path, int], Words]] = {
    "redis": _redis,
    "postgresql": _postgresql,
    "mysql": _mysql,
    "smtp": _smtp,
    "ssh": _ssh,
}
