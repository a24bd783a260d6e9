"""What a survey has found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tryconnect._options import DEFAULT_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tryconnect.errors import Reason

__all__ = ["Survey"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a survey has found.

    Attributes:
        out: Its folder.
        counts: How many reports there are of each reason.
        parts: The files with the reports.
        failed: The parts that could not be done, each with why; the same call tries them again.
        limit: How many checks ran at the same time in a process, at least: fewer than asked for
            where a process may open too few files (``ulimit -n``).

    Example:
        >>> survey = tryconnect.survey(["127.0.0.1:1"], "found", engine="none")
        >>> survey.counts[tryconnect.Reason.refused], survey.failed
        (1, {})
        >>> [part.suffix for part in survey.parts]
        ['.parquet']

    .. versionadded:: 0.1
    """

    out: Path
    counts: Mapping[Reason, int]
    parts: Sequence[Path]
    failed: Mapping[str, str] = field(default_factory=dict)
    limit: int = DEFAULT_LIMIT

    def dataset(self) -> Any:
        """Return the reports as a ``pyarrow.dataset.Dataset``."""
        import pyarrow.dataset as ds  # noqa: PLC0415 - an extra

        kind = "json" if self.parts and self.parts[0].suffix == ".jsonl" else "parquet"
        return ds.dataset([str(part) for part in self.parts], format=kind)
