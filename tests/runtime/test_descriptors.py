"""How many checks the descriptors of this process are enough for."""

import subprocess
import sys

import pytest

from tryconnect._runtime.descriptors import PER_CHECK, RESERVE, affordable

resource = pytest.importorskip("resource", reason="this system has no such limits")

LEFT = """
import os, resource, sys
from tryconnect._runtime.descriptors import affordable
kept = [open(os.devnull) for _ in range(int(sys.argv[2]))]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[1])))
print(affordable(1000))
"""


def left(most: int, kept: int) -> int:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", LEFT, str(most), str(kept)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


def test_what_is_open_already_counts() -> None:
    # Standard input, output, error, and the one that lists the others.
    assert left(256, 0) == (256 - 4 - RESERVE) // PER_CHECK
    assert left(256, 100) == (256 - 104 - RESERVE) // PER_CHECK


def test_one_check_can_always_be_tried() -> None:
    assert left(32, 20) == 1


def test_what_is_affordable_is_not_lowered() -> None:
    assert affordable(3) == 3


def test_no_limit_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)

    assert affordable(10**9) == 10**9


def test_a_system_without_such_limits_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)

    assert affordable(10**9) == 10**9


def test_where_nobody_counts_nothing_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> list[str]:
        raise FileNotFoundError

    monkeypatch.setattr("os.listdir", refuse)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))

    assert affordable(1000) == (100 - RESERVE) // PER_CHECK


def test_a_server_takes_what_the_administrator_allows() -> None:
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256));"
        "from tryconnect._runtime.descriptors import limit, raise_limit;"
        "raise_limit(); print(limit())"
    )

    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)  # noqa: S603

    assert done.stdout == b"256\n"
