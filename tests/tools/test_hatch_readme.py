"""The description of the package, where the repository is not around."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import tryconnect
from tryconnect import _version
from tryconnect._options import USER_AGENT

pytest.importorskip("hatchling")

from tools.hatch_readme import linked

ROOT = Path(__file__).parents[2]
SOURCE = "https://forge.test/tryconnect"

TEXTS = [
    ("`a\n  b <docs/a.rst>`__", "a\n  b", f"`a\n  b <{SOURCE}/blob/HEAD/docs/a.rst>`__"),
    ("`a <https://b.test/>`__", "`a <https://b.test/>`__", "`a <https://b.test/>`__"),
    ("`a <#here>`__", "`a <#here>`__", "`a <#here>`__"),
    (
        ".. image:: docs/a.svg\n   :alt: b\n\nc\n",
        "\nc\n",
        f".. image:: {SOURCE}/raw/HEAD/docs/a.svg\n   :alt: b\n\nc\n",
    ),
]


@pytest.mark.parametrize(("text", "without", "with_source"), TEXTS)
def test_links_lead_to_the_repository_or_nowhere(text: str, without: str, with_source: str) -> None:
    assert linked(text, "") == without
    assert linked(text, SOURCE) == with_source


@pytest.mark.parametrize("source", ["", SOURCE])
def test_the_readme_has_no_link_that_is_dead_on_an_index(source: str) -> None:
    text = linked((ROOT / "README.rst").read_text("utf-8"), source)
    targets = re.findall(r"<([^<>`\s]+)>`__|(?:image|figure):: (\S+)", text)
    assert targets
    for link, picture in targets:
        assert (link or picture).startswith("https://")


def test_the_address_of_the_project_stands_in_one_place() -> None:
    """While there is none, no program sends one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    homepage = project["urls"].get("Homepage", "")
    assert homepage == _version.HOMEPAGE
    known = f"tryconnect/{tryconnect.__version__}"
    assert (f"{known} (+{homepage})" if homepage else known) == USER_AGENT
