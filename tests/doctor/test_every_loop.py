"""What the doctor says of every loop that tryconnect is tested in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.loops.drivers import DRIVERS
from tests.support.screen import screen
from tryconnect.doctor import _loop_checks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent

WORSE = {
    "qtasyncio": {
        "clock": "fault",
        "unretrieved": "fault",
        **dict.fromkeys(("sock_connect", "create_connection", "tls", "add_reader"), "warning"),
    },
    "rloop": {"tls": "warning"},
    "minimal": dict.fromkeys(_loop_checks.LOOP_TESTS, "warning"),
    "slotted": dict.fromkeys(_loop_checks.LOOP_TESTS, "warning"),
}
"""What is not ok, by loop."""

PORTAL = "checks run through the portal, a loop of tryconnect's own"
ROADS = {
    "rloop": "https checks run through the portal, a loop of tryconnect's own; others in this loop",
    **dict.fromkeys(("qtasyncio", "minimal", "slotted"), PORTAL),
}


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    if shutil.which("Xvfb") is None:
        yield ""
        return
    with screen() as display:
        yield display


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(name, marks=pytest.mark.wants(**driver.wants) if driver.wants else ())
        for name, driver in DRIVERS.items()
    ],
)
def test_the_doctor_knows_it(loop: str, display: str) -> None:
    variables = {"QT_API": "pyside6", "QT_QPA_PLATFORM": "offscreen", "DISPLAY": display}
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "tests.doctor.program", loop],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    expected = dict.fromkeys(_loop_checks.LOOP_TESTS, "ok") | WORSE.get(loop, {})
    expected["road"] = ROADS.get(loop, "checks run natively, in this loop")
    assert found == expected
