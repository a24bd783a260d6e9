"""What a survey consists of: lanes of parts, which the input and the settings determine.

A host is in one bucket, a bucket in one lane, and of a lane one part at a time is under way.
So ``per_host`` in a part is ``per_host`` in the whole cluster. Without such a limit each part is a
lane of its own, and nothing is sorted by host.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tryconnect._address.target import TargetKind, parse
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "BUCKETS",
    "Part",
    "Slice",
    "bucket_of",
    "lanes_by_host",
    "lanes_by_rows",
    "read",
    "written",
]

BUCKETS = 1024
"""Of hosts: enough for lanes of equal size, few enough for a batch each in every file."""

_SLACK = 1.25
"""How much larger than asked for a part may be, so that few of them are small."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of a file of the input: those of one record batch, or, without a number, all."""

    file: str
    rows: int
    batch: int | None = None
    start: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What one task checks, and writes into one file of that name."""

    name: str
    rows: int
    slices: tuple[Slice, ...]


def bucket_of(address: str) -> int:
    """Return the bucket of an address' host; of what leads to no host, that of its text."""
    try:
        target = parse(address)
    except InvalidAddress:
        host = address
    else:
        host = target.path if target.kind is TargetKind.unix else target.host
    return zlib.crc32(host.encode("utf-8", "surrogatepass")) % BUCKETS


def lanes_by_rows(files: Sequence[tuple[str, int]]) -> list[list[Part]]:
    """Return a part for each file of the input, given with its rows."""
    return [
        [Part(f"part-{number:05}", rows, (Slice(file, rows),))]
        for number, (file, rows) in enumerate(files)
    ]


def lanes_by_host(
    files: Sequence[tuple[str, Sequence[int]]], rows_per_part: int
) -> list[list[Part]]:
    """Return lanes of about equal size, the longest first.

    Args:
        files: Those that the input was sorted into, each with the rows of each bucket.
        rows_per_part: How many rows a part has, about.
    """
    most = int(rows_per_part * _SLACK)
    lanes = [
        list(_chain(f"part-{number:05}", _slices(files, group), most))
        for number, group in enumerate(_groups(files, most))
    ]
    return sorted(lanes, key=len, reverse=True)


def _groups(files: Sequence[tuple[str, Sequence[int]]], most: int) -> Iterator[list[int]]:
    """Yield groups of neighbouring buckets that fit into one part, or are one bucket."""
    group: list[int] = []
    rows = 0
    for bucket in range(BUCKETS):
        size = sum(counts[bucket] for _, counts in files)
        if group and rows + size > most:
            yield group
            group, rows = [], 0
        if size:
            group.append(bucket)
            rows += size
    if group:
        yield group


def _slices(files: Sequence[tuple[str, Sequence[int]]], group: Sequence[int]) -> Iterator[Slice]:
    for bucket in group:
        for file, counts in files:
            if counts[bucket]:
                yield Slice(file, counts[bucket], bucket)


def _chain(name: str, slices: Iterator[Slice], most: int) -> Iterator[Part]:
    """Yield the parts of a lane, each with at most so many rows."""
    number, taken, rows = 0, [], 0
    for each in slices:
        start = 0
        while start < each.rows:
            count = min(each.rows - start, most - rows)
            taken.append(Slice(each.file, count, each.batch, start))
            start += count
            rows += count
            if rows == most:
                yield Part(f"{name}-{number:03}", rows, tuple(taken))
                number, taken, rows = number + 1, [], 0
    if taken:
        yield Part(f"{name}-{number:03}", rows, tuple(taken))


def written(settings: dict[str, Any], lanes: list[list[Part]] | None) -> str:
    """Return the text of a plan's file; ``None``: its parts are not known yet."""
    told = None if lanes is None else [[asdict(part) for part in lane] for lane in lanes]
    import json  # noqa: PLC0415 - not to load it with the package

    return json.dumps({"settings": settings, "lanes": told})


def read(text: str) -> tuple[dict[str, Any], list[list[Part]] | None]:
    """Return the settings and the lanes of a plan's file."""
    import json  # noqa: PLC0415 - as above

    plan = json.loads(text)
    lanes = plan["lanes"]
    if lanes is None:
        return plan["settings"], None
    return plan["settings"], [[_part(part) for part in lane] for lane in lanes]


def _part(told: dict[str, Any]) -> Part:
    slices = tuple(Slice(**each) for each in told["slices"])
    return Part(told["name"], told["rows"], slices)
