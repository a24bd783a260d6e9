"""Starts what pyarrow keeps for the life of a process, which no test is to blame for."""

from __future__ import annotations

from pathlib import Path


def start(folder: Path) -> None:
    """Let pyarrow start its threads, one of each kind, before a test's guard counts them.

    Args:
        folder: For its files.
    """
    import pyarrow as pa  # noqa: PLC0415 - whoever calls this has it
    import pyarrow.dataset as ds  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    from pyarrow import csv  # noqa: PLC0415 - as above

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    table = pa.table({"a": list(range(200_000)), "b": ["x"] * 200_000})
    table.sort_by("a")
    csv.write_csv(table, folder / "a.csv")
    list(csv.open_csv(folder / "a.csv"))
    pq.write_table(table, folder / "a.parquet", row_group_size=1000)
    for _ in range(2):
        pq.read_table(folder / "a.parquet")
        ds.dataset(folder / "a.parquet").to_table(filter=ds.field("a") > 1)
