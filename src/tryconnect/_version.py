"""The version, which is written only here, and where the project lives."""

__version__ = "0.1.0"

HOMEPAGE = ""
"""``project.urls.Homepage`` of ``pyproject.toml``, as a test holds; empty while there is none."""
