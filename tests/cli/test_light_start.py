"""A check on the command line loads aiohttp only where the table of transports sends it there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tryconnect import testing as peers
from tryconnect._check.loading import Loading
from tryconnect._runtime import threads

PROGRAM = """
import sys
from tryconnect.cli import main
main(sys.argv[1:])
print("loaded:", *sorted({"aiohttp", "multidict", "yarl", "aiodns", "pycares"} & {*sys.modules}))
"""
CLEAN = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def loaded(*words: str, **environment: str) -> set[str]:
    """The libraries that a command has loaded."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        text=True,
        check=True,
        env=CLEAN | environment,
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


COMMANDS = {
    "check": ["{url}"],
    "several": ["{url}", "{place}", "unix:///nowhere", "not an address"],
    "file": ["-f", "{file}", "--json"],
    "wait": ["wait", "{url}"],
    "expect": ["{url}", "--expect", "2xx"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_check_loads_no_client_of_http_and_none_of_dns(name: str, tmp_path: Path) -> None:
    file = tmp_path / "addresses"
    with peers.in_thread(peers.http_server()) as server:
        file.write_text(f"{server.url}\n{server.address}\n")
        places = {"url": server.url, "place": server.address, "file": str(file)}

        assert loaded(*(word.format(**places) for word in COMMANDS[name])) == set()


@pytest.mark.slow
def test_a_name_loads_what_looks_it_up() -> None:
    assert "aiohttp" not in loaded("http://localhost:1/")


@pytest.mark.slow
def test_a_proxy_loads_aiohttp() -> None:
    assert "aiohttp" in loaded("http://127.0.0.1:1/", HTTP_PROXY="http://127.0.0.1:1")


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_importing_the_package_loads_neither_nor_what_only_surveys_need() -> None:
    heavy = {"aiohttp", "yarl", "pycares", "hashlib", "json", "shutil", "tempfile"}
    program = f"import sys, tryconnect; print({heavy} & {{*sys.modules}})"
    done = subprocess.run(  # noqa: S603 - as above
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"


async def test_beside_an_import_that_hangs_no_other_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "is_overdue", lambda: True)
    begun: list[int] = []
    with pytest.raises(threads.Overdue):
        await Loading(lambda: begun.append(1), "tryconnect.none").done()

    assert begun == []
