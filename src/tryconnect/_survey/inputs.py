"""The input of a survey becomes Arrow files of equal size, whatever it comes from.

They hold the addresses as they are, secrets included: only their owner may read them, and they are
removed at the end.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from tryconnect._survey.batches import ROW, batches_of, report_schema
from tryconnect._survey.files import appearing
from tryconnect._survey.plan import BUCKETS, bucket_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "FORMATS",
    "Reading",
    "Spool",
    "batches",
    "fingerprint",
    "rows_of",
    "sort_by_host",
    "spool",
]

ADDRESS = "address"
_BATCH = 16384
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")

FORMATS = {
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
}
"""How a file is read, by its suffix; any other holds a line for each address."""


class Reading(NamedTuple):
    """How the input is read.

    Attributes:
        format: ``lines``, ``csv``, ``parquet`` or ``jsonl``; ``None``: by the file's suffix.
        column: Where the addresses are, but for lines.
        keep: The other columns to keep; ``None``: all.
    """

    format: str | None
    column: str
    keep: Sequence[str] | None


def is_path(source: Any) -> bool:
    """Return whether a source, or one of several, is a file's name."""
    return isinstance(source, str | os.PathLike)


def paths_of(source: Any) -> list[Path] | None:
    """Return the files of a source that names some; ``None``: it is something else."""
    if is_path(source):
        return [Path(source)]
    if (
        isinstance(source, list | tuple)
        and source
        and all(isinstance(s, os.PathLike) for s in source)
    ):
        return [Path(each) for each in source]
    return None


def fingerprint(source: Any) -> list[Any] | None:
    """Return what tells one input of files from another; ``None``: only its content does."""
    paths = paths_of(source)
    if paths is None:
        return None
    known = [(path.resolve(), path.stat()) for path in paths]
    return [[str(path), stat.st_size, stat.st_mtime_ns] for path, stat in known]


def batches(source: Any, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the input as batches with the column ``address``, and those that are kept."""
    paths = paths_of(source)
    if paths is None:
        found = _of_memory(source, reading)
    else:
        found = (batch for path in paths for batch in _of_file(path, reading))
    for batch in found:
        yield _chosen(batch, reading)


def _chosen(batch: pa.RecordBatch, reading: Reading) -> pa.RecordBatch:
    column, names = reading.column, batch.schema.names
    missing = {column, *(reading.keep or ())} - {*names}
    if missing:
        lacking = ", ".join(sorted(missing))
        raise ValueError(f"there is no column {lacking} in the input: {', '.join(names)}")
    kept = [
        name
        for name in names
        if name not in {column, ROW} and (reading.keep is None or name in reading.keep)
    ]
    report_schema(batch.schema.field(name) for name in kept)
    addresses = batch.column(column).cast(pa.string())
    arrays = [addresses, *(batch.column(name) for name in kept)]
    return pa.RecordBatch.from_arrays(arrays, [ADDRESS, *kept])


def _of_memory(source: Any, reading: Reading) -> Iterator[pa.RecordBatch]:
    if hasattr(source, "__arrow_c_stream__") or isinstance(source, pa.RecordBatch):
        yield from batches_of(source)
        return
    texts: list[str] = []
    for each in source:
        if isinstance(each, pa.RecordBatch) or hasattr(each, "__arrow_c_stream__"):
            yield from batches_of([each])
            continue
        if not isinstance(each, str) and type(each).__name__ != "URL":
            raise TypeError(f"an address is a str or a yarl.URL, not {each!r:.80}")
        texts.append(str(each))
        if len(texts) == _BATCH:
            yield _of_texts(texts, reading)
            texts = []
    if texts:
        yield _of_texts(texts, reading)


def _of_texts(texts: list[str], reading: Reading) -> pa.RecordBatch:
    """Return addresses that have no column of a name as the column that is wanted."""
    try:
        array = pa.array(texts, pa.string())
    except UnicodeEncodeError:
        array = pa.array([_NO_UNICODE.sub(_SUBSTITUTE, text) for text in texts], pa.string())
    return pa.RecordBatch.from_arrays([array], [reading.column])


_NO_UNICODE = re.compile("[\ud800-\udfff]")
_SUBSTITUTE = "\x1a"
"""Makes an invalid address of what is no text; a ``?`` would make another one, to be checked."""


def _of_file(path: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    kind = reading.format or FORMATS.get(path.suffix.lower(), "lines")
    if kind == "lines":
        yield from _lines(path, reading)
    elif kind == "csv":
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        # All columns are texts: one that looks like numbers at first may not go on so.
        with path.open("rb") as head:
            names = next(_csv_row(head, separator))
        convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        parse = csv.ParseOptions(delimiter=separator, newlines_in_values=True)
        with csv.open_csv(path, convert_options=convert, parse_options=parse) as reader:
            yield from reader
    elif kind == "parquet":
        with pq.ParquetFile(path) as file:
            wanted = None if reading.keep is None else [reading.column, *reading.keep]
            yield from file.iter_batches(_BATCH, columns=wanted)
    else:
        yield from _json_lines(path, reading)


def _csv_row(head: Any, separator: str) -> Iterator[list[str]]:
    import csv as plain  # noqa: PLC0415 - of use for the first line only

    yield from plain.reader([head.readline().decode("utf-8-sig")], delimiter=separator)


def _lines(path: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the lines of a file but the empty ones and those with a # in front."""
    import gzip  # noqa: PLC0415 - few lists are packed

    opening = gzip.open if path.suffix == ".gz" else open
    with opening(path, "rt", encoding="utf-8-sig", errors="surrogateescape") as file:
        lines = (text for text in map(str.strip, file) if text and text[0] != "#")
        while texts := [*islice(lines, _BATCH)]:
            yield _of_texts(texts, reading)


def _json_lines(path: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    schema = None
    with path.open(encoding="utf-8-sig") as file:
        rows: list[dict[str, Any]] = []
        for line in file:
            if line.strip():
                row = json.loads(line)
                keep = (
                    [k for k in row if k != reading.column]
                    if reading.keep is None
                    else reading.keep
                )
                rows.append(
                    {reading.column: row.get(reading.column)} | {k: row.get(k) for k in keep}
                )
            if len(rows) == _BATCH:
                table = pa.Table.from_pylist(rows, schema=schema)
                schema = table.schema
                yield from table.to_batches()
                rows = []
        if rows:
            yield from pa.Table.from_pylist(rows, schema=schema).to_batches()


class Spool(NamedTuple):
    """The files of the input, each with its rows, and what tells it from another."""

    files: list[tuple[str, int]]
    digest: int


def spool(found: Iterable[pa.RecordBatch], inner: Path | None, rows: int) -> Spool:
    """Write the input into files of so many rows each, numbered; without a folder, only count."""
    files: list[tuple[str, int]] = []
    held: list[pa.RecordBatch] = []
    count = first = digest = 0

    def flush() -> None:
        nonlocal held, count, first
        table = pa.Table.from_batches(held).combine_chunks()
        table = table.add_column(0, ROW, pa.array(range(first, first + count), pa.int64()))
        name = f"input-{len(files):05}.arrow"
        if inner is not None:
            with appearing(inner / name, private=True) as path, _writer(path, table) as writer:
                writer.write_table(table, max_chunksize=_BATCH)
        files.append((name, count))
        held, first, count = [], first + count, 0

    for batch in found:
        digest = zlib.crc32("\n".join(map(str, batch.column(ADDRESS).to_pylist())).encode(), digest)
        start = 0
        while start < len(batch):
            piece = batch.slice(start, rows - count)
            held.append(piece)
            count += len(piece)
            start += len(piece)
            if count == rows:
                flush()
    if count:
        flush()
    return Spool(files, digest)


def _writer(path: str, table: pa.Table) -> Any:
    return pa.ipc.new_file(path, table.schema, options=_OPTIONS)


def sort_by_host(inner: str, name: str) -> tuple[str, list[int]]:
    """Write a file of the input anew, with a record batch for each bucket of hosts; does it once.

    Returns:
        The new file's name, and the rows of each bucket.
    """
    final = Path(inner, name.replace("input-", "split-"))
    if final.exists():
        with pa.memory_map(str(final)) as mapped, pa.ipc.open_file(mapped) as reader:
            return final.name, json.loads(reader.schema.metadata[b"counts"])
    with pa.memory_map(str(Path(inner, name))) as mapped, pa.ipc.open_file(mapped) as reader:
        table = reader.read_all()
    buckets = pa.array(
        [bucket_of(text or "") for text in table.column(ADDRESS).to_pylist()], pa.int32()
    )
    counts = [0] * BUCKETS
    for pair in pc.value_counts(buckets).to_pylist():
        counts[pair["values"]] = pair["counts"]
    table = table.take(pc.sort_indices(buckets)).combine_chunks()
    schema = table.schema.with_metadata({b"counts": json.dumps(counts).encode()})
    with (
        appearing(final, private=True) as path,
        pa.ipc.new_file(path, schema, options=_OPTIONS) as to,
    ):
        start = 0
        for count in counts:
            found = table.slice(start, count).combine_chunks().to_batches()
            to.write_batch(
                found[0] if found else pa.RecordBatch.from_pylist([], schema=table.schema)
            )
            start += count
    return final.name, counts


def rows_of(inner: str, part: Any) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part."""
    for each in part.slices:
        with pa.memory_map(str(Path(inner, each.file))) as mapped, pa.ipc.open_file(mapped) as file:
            if each.batch is None:
                yield from (file.get_batch(number) for number in range(file.num_record_batches))
            else:
                yield file.get_batch(each.batch).slice(each.start, each.rows)
