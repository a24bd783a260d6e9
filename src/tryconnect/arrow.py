"""Arrow record batches of addresses in, Arrow record batches of reports out, for any engine.

Spark's ``mapInArrow``, Ray Data's ``map_batches``, Polars, DuckDB, Dask's ``map_partitions`` and a
plain loop all call the same function; see :doc:`/howto/engines`. It needs the extra ``arrow``.

.. versionadded:: 0.1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tryconnect._options import CHECK_TIMEOUT, DEFAULT_LIMIT
from tryconnect._survey.batches import CheckOptions, checked, report_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from tryconnect._model.expect import ExpectLike
    from tryconnect._options import ClientOptions

__all__ = ["probe_batches", "report_schema"]


def probe_batches(
    batches: Any,
    *,
    column: str = "address",
    keep: Sequence[str] | None = None,
    limit: int = DEFAULT_LIMIT,
    per_host: int | None = None,
    timeout: float = CHECK_TIMEOUT,
    expect: ExpectLike = None,
    client: ClientOptions | None = None,
    show_secrets: bool = False,
    rows_per_batch: int = 4096,
    seconds_per_batch: float = 1.0,
) -> Iterator[pa.RecordBatch]:
    """Check the addresses of a column, and yield a report for each row.

    Reports come in the order in which their checks end. Each carries the input's other columns, and
    ``row``: its number in the input, from 0, unless that is a column of the input. Join by it:
    addresses are redacted, and may repeat.

    The checks run in a thread of tryconnect's own, on and on while the consumer or the producer is
    busy with a batch, so neither causes a time-out. Memory does not grow with the input: a consumer
    who pauses makes them pause. The input is pulled in the consumer's thread, one batch ahead.

    Args:
        batches: Record batches, tables, or what has ``__arrow_c_stream__``: a reader, a data frame.
        column: Where the addresses are, a column of texts. A missing address is an invalid one.
        keep: The other columns to keep; ``None``: all.
        limit: How many checks run at the same time; see :func:`tryconnect.probe_many`.
        per_host: How many of one host; ``None``: no limit of its own.
        timeout: Seconds for each check.
        expect: As in :func:`tryconnect.probe`.
        client: Options of :class:`tryconnect.Client`, such as ``{"user_agent": "…"}``.
        show_secrets: Keep passwords, queries and fragments of addresses instead of ``***``.
        rows_per_batch: How many reports a batch has at most.
        seconds_per_batch: A batch that is not full is given out after this time, in seconds.

    Returns:
        An iterator of record batches with the schema of :func:`report_schema`. Closing it, or
        dropping it, ends the checks.

    Raises:
        TypeError: ``batches`` holds something else, or the column no texts; at the first step.
        ValueError: An option makes no sense; at the first step: no such column, or a report's name.
        TryConnectError: This machine's settings keep aiohttp from loading.

    Example:
        >>> import pyarrow
        >>> from tryconnect.arrow import probe_batches
        >>> table = pyarrow.table({"address": ["127.0.0.1:1", "http://["]})
        >>> reports = pyarrow.Table.from_batches(probe_batches(table)).sort_by("row")
        >>> reports["reason"].to_pylist()
        ['refused', 'invalid_address']

    .. versionadded:: 0.1
    """
    return checked(
        batches,
        CheckOptions(limit, per_host, timeout, expect, client),
        column=column,
        keep=keep,
        rows_per_batch=rows_per_batch,
        seconds_per_batch=seconds_per_batch,
        show_secrets=show_secrets,
    )
