"""The pictures of the terminal show what the command line prints today."""

from __future__ import annotations

import html
import re
import sys

import pytest

from tests.docs.documents import steady

if sys.platform == "win32":
    pytest.skip("there are no such terminals", allow_module_level=True)

from tools.draw_terminal import FOLDER, PICTURES, Picture, svg_of

pytestmark = pytest.mark.slow


def words(svg: str) -> list[str]:
    """The words of a picture, without what differs from run to run."""
    lines = [re.sub("<[^>]+>", " ", line) for line in svg.splitlines() if "<text" in line]
    text = html.unescape("\n".join(lines)).replace("\u00a0", " ")
    text = re.sub(r"[▁-▇×]+", "<bars>", text)  # noqa: RUF001 - as drawn
    text = re.sub(r"\d:\d\d:\d\d", "<time>", text)
    return " ".join(steady(text)).split()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_current(name: str) -> None:
    """If not, run ``python -m tools.draw_terminal``."""
    assert words((FOLDER / f"{name}.svg").read_text("utf-8")) == words(svg_of(PICTURES[name]))


def test_another_screen_is_noticed() -> None:
    shown = words((FOLDER / "terminal-check.svg").read_text("utf-8"))

    assert words(svg_of(Picture("example.com localhost:8000", 80))) != shown


def test_every_picture_is_in_a_document() -> None:
    page = (FOLDER.parent / "reference/command-line.rst").read_text("utf-8")

    assert set(re.findall(r"_static/(terminal-[\w-]+)\.svg", page)) == set(PICTURES)
