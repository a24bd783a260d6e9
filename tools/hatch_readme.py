"""Hatch's hook for the description of the package: ``README.rst`` with links that hold anywhere.

An index shows the README without the repository beside it, where a relative link leads nowhere. So
links lead to the repository (``project.urls`` of ``pyproject.toml``, ``Source``); while that names
none, their text stays and pictures go.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"`([^`<]+?)\s+<(?!\w+:|#)([^>]+)>`__")
_PICTURE = re.compile(r"^\.\. (image|figure):: (?!\w+:)(\S+)\n(?:[ \t]+\S.*\n)*", re.MULTILINE)


class ReadmeHook(MetadataHookInterface):
    """Fills in ``project.readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Take the README beside ``pyproject.toml``."""
        text = Path(self.root, "README.rst").read_text("utf-8")
        source = metadata.get("urls", {}).get("Source", "")
        metadata["readme"] = {"content-type": "text/x-rst", "text": linked(text, source)}


def linked(text: str, source: str) -> str:
    """Return a text in reST whose links and pictures lead to a repository, or nowhere.

    Args:
        text: With links and pictures relative to the top of the repository.
        source: The repository's address; empty if it has none.
    """
    if not source:
        return _LINK.sub(r"\1", _PICTURE.sub("", text))
    text = _PICTURE.sub(
        lambda found: found[0].replace(found[2], f"{source}/raw/HEAD/{found[2]}"), text
    )
    return _LINK.sub(rf"`\1 <{source}/blob/HEAD/\2>`__", text)
