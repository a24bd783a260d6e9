"""The windows of the examples, used as people use them: offscreen, and on a screen of Xvfb's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.screen import screen

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
SCREENSHOT = ROOT / "docs/howto/qt_status.png"
PNG = b"\x89PNG\r\n\x1a\n"

COMPLAINTS = ("Traceback", "never retrieved", "never awaited", "destroyed but", "Unclosed", "FIXME")


def used(user: str, *words: str, display: str = "") -> dict[str, Any]:
    """Run a user's program to its end; return what the user saw."""
    strict = ("-X", "dev", "-W", "error")
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, *strict, "-m", f"tests.examples.{user}", *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "DISPLAY": display},
    )
    assert done.returncode == 0, done.stderr
    # Debugging loops complain of long steps on busy machines; of nothing else may be complained.
    assert [word for word in COMPLAINTS if word in done.stderr + done.stdout] == []
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param("qasync", marks=pytest.mark.wants(module="qasync")),
        pytest.param("qtasyncio", marks=pytest.mark.wants(module="PySide6.QtAsyncio")),
    ],
)
def test_the_window_for_qt(loop: str, tmp_path: Path) -> None:
    """With ``TRYCONNECT_SCREENSHOTS=write`` qasync's makes the one in the documents anew."""
    wanted = os.environ.get("TRYCONNECT_SCREENSHOTS") == "write" and loop == "qasync"
    screenshot = SCREENSHOT if wanted else tmp_path / "window.png"
    seen = used("qt_user", loop, str(screenshot))

    assert seen["typed and pressed Return"][0] == "#2da44e"
    assert seen["typed and pressed Return"][1].startswith("answered 200 in ")
    assert seen["a server went away"] == ["#d1242f", "2 of 5 answer"]
    assert seen["the hanging one"] == "…"
    assert seen["ticks while a check hangs"] >= 5
    assert seen["stopped"] == [*["stopped"] * 4, "invalid_address", "stopped"]
    assert seen["seconds to stop"] < 5
    assert seen["a stop button to click"] is False
    assert screenshot.read_bytes().startswith(PNG)


@pytest.mark.wants(module="tkinter", program="Xvfb")
def test_the_window_for_tk() -> None:
    with screen("960x440") as display:
        seen = used("tk_user", display=display)

    assert seen["typed and pressed Return"] == ["http://shop.example/", "ok"]
    assert seen["the hanging one"] == "…"
    assert seen["stopped"] == ["stopped", "stopped", "stopped", "invalid_address", "stopped"]
    assert seen["seconds to stop"] < 5


def test_the_screenshot_of_the_documents_is_one() -> None:
    assert SCREENSHOT.read_bytes().startswith(PNG)
