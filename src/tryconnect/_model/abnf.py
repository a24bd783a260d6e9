"""Grammar that several standards share, written once."""

from __future__ import annotations

from typing import Final

__all__ = ["TOKEN"]

TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - not a password
"""A ``token`` (RFC 9110, section 5.6.2), as a regular expression."""
