"""The cookbook's files for machines.  Run by ``test_cookbook.py``, on a machine of our own.

That is a namespace, in which loopback has the ports, and ``/etc/hosts`` the names of the files.
"""

from __future__ import annotations

import configparser
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import services
from tests.support.own_network.cable import alone, system
from tests.support.programs import ROOT
from tryconnect import sync

pytestmark = pytest.mark.slow

alone()

COOKBOOK = ROOT / "examples/cookbook"
HOSTS = "127.0.0.1 localhost db cache\n"
READY = "http://localhost:8000/ready"
BIN = Path(sys.executable).parent

SHOP = f"""\
#!/bin/sh
sleep 0.5
echo $$ >pid
exec {sys.executable} -m http.server --bind 127.0.0.1 8000
"""
"""The program of the recipes' reader: slow to start."""


@pytest.fixture(scope="session", autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the namespace its names, and a database."""
    hosts = tmp_path_factory.mktemp("machine") / "hosts"
    hosts.write_text(HOSTS)
    system("mount", "--bind", str(hosts), "/etc/hosts")
    system("ip", "link", "set", "lo", "up")
    with services.running("postgresql", 5432):
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder that programs run in."""
    monkeypatch.setenv("PATH", str(BIN), prepend=os.pathsep)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.chdir(tmp_path)
    _script("shop", SHOP)
    Path("ready").touch()
    return tmp_path


def _script(name: str, text: str) -> None:
    Path(name).write_text(text)
    Path(name).chmod(0o755)


@contextmanager
def _running(*words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as program:  # noqa: S603
        try:
            yield program
        finally:
            program.kill()


@contextmanager
def _waiting(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that waits for the cache; yield once it said so, and the cache is there."""
    with _running(*words) as program:
        assert program.stderr
        line = program.stderr.readline()
        assert line.startswith("waiting: refused "), line
        assert "redis://cache" in line
        with services.running("redis", 6379):
            yield program


def _checked(*words: str) -> tuple[int, str]:
    """Run a command; return its exit code, and the word that its line begins with."""
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout.split()[0]


def _read(name: str) -> Any:
    return yaml.safe_load((COOKBOOK / name).read_text())


def _timeout(words: list[str]) -> int:
    """Return the deadline that a command is given, in seconds."""
    return int(words[words.index("--timeout") + 1].removesuffix("s"))


@pytest.mark.usefixtures("folder")
def test_kubernetes() -> None:
    pod = _read("kubernetes.yaml")["spec"]
    (wait,), (shop,) = pod["initContainers"], pod["containers"]
    probe = shop["startupProbe"]
    command = probe["exec"]["command"]

    with _waiting(*wait["command"]) as program:
        assert program.wait(30) == 0
    assert _checked(*command) == (1, "refused")
    with _running("./shop"):
        sync.wait_until_up(READY, timeout=30)
        assert _checked(*command) == (0, "ok")
    assert _timeout(command) < probe["timeoutSeconds"]


@pytest.mark.usefixtures("folder")
def test_compose() -> None:
    project = _read("compose.yaml")["services"]
    shop, tests = project["shop"], project["integration-tests"]
    kind, *health = shop["healthcheck"]["test"]

    assert kind == "CMD"
    assert _checked(*health) == (1, "refused")
    with _waiting(*shlex.split(shop["command"])):
        sync.wait_until_up(READY, timeout=30)
        assert _checked(*health) == (0, "ok")
    assert _timeout(health) < int(shop["healthcheck"]["timeout"].removesuffix("s"))
    assert tests["depends_on"] == {"shop": {"condition": "service_healthy"}}


def test_systemd(folder: Path) -> None:
    unit = folder / "shop.service"
    text = (COOKBOOK / unit.name).read_text()
    text = text.replace("/opt/shop/bin/shop", f"{folder}/shop").replace("/opt/shop/bin", str(BIN))
    unit.write_text(text)
    parser = configparser.ConfigParser()
    parser.read_string(text)
    service = parser["Service"]
    before, start, after = (
        shlex.split(service[name]) for name in ("ExecStartPre", "ExecStart", "ExecStartPost")
    )
    verify = ["systemd-analyze", "verify", str(unit)]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)  # noqa: S603

    assert (verified.returncode, verified.stderr) == (0, "")
    with _waiting(*before) as program:
        assert program.wait(30) == 0
    with _running(*start):
        assert _checked(*after) == (0, "ok")
    assert _timeout(before) + _timeout(after) < int(service["TimeoutStartSec"])


def test_github_actions(folder: Path) -> None:
    steps = _read("github-actions.yaml")["jobs"]["tests"]["steps"]
    _script("integration-tests", f"#!/bin/sh\ntryconnect --expect 2xx {READY} && touch tested\n")

    for step in steps:
        if "run" in step:
            Path("step.sh").write_text(step["run"])
            # As the runner does on Linux.
            bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "step.sh"]
            subprocess.run(bash, check=True, timeout=60)  # noqa: S603
    os.kill(int(Path("pid").read_text()), signal.SIGKILL)  # the runner ends what steps leave
    assert (folder / "tested").exists()
