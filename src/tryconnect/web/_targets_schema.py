"""The schema of targets files, for editors and for whoever writes such files by a program."""

from __future__ import annotations

from typing import Any

from tryconnect.web._alert_tables import TABLES
from tryconnect.web._targets import FIELDS, REQUIRED

__all__ = ["targets_schema"]


def targets_schema() -> dict[str, Any]:
    """Return the JSON schema of a targets file."""
    target = {
        "type": "object",
        "properties": {name: field.schema for name, field in FIELDS.items()},
        "required": REQUIRED,
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A targets file of tryconnect serve",
        "type": "object",
        "properties": {"target": {"type": "array", "minItems": 1, "items": target}, **TABLES},
        "required": ["target"],
        "additionalProperties": False,
    }
