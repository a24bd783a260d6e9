"""Data frames of addresses in, data frames of reports out: for pandas, and engines that pass them.

It needs the extra ``arrow``, and pandas.

.. versionadded:: 0.1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tryconnect._survey.batches import ROW
from tryconnect.arrow import probe_batches

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["probe_frame"]


def probe_frame(frame: pd.DataFrame, *, column: str = "address", **options: Any) -> pd.DataFrame:
    """Check the addresses of a data frame, and return the reports in its order, with its index.

    For one process: ``probe_frame(df)``; for Dask: ``ddf.map_partitions(probe_frame, meta=…)``; for
    Spark: ``applyInPandas``.

    Args:
        frame: The addresses, and other columns, which are kept.
        column: Where the addresses are.
        **options: As in :func:`tryconnect.arrow.probe_batches`.

    Returns:
        A row for each row of the frame. An empty frame gives an empty one with the same columns,
        which serves engines that ask for an example (``meta=probe_frame(df.head(0))``).

    Raises:
        TypeError: As in :func:`tryconnect.arrow.probe_batches`.
        ValueError: As there.

    Example:
        >>> import pandas
        >>> from tryconnect.pandas import probe_frame
        >>> frame = pandas.DataFrame({"address": ["127.0.0.1:1", "http://["]})
        >>> probe_frame(frame)["reason"].tolist()
        ['refused', 'invalid_address']

    .. versionadded:: 0.1
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    if ROW in table.column_names:
        raise ValueError(f"the index tells rows apart: rename or drop the column {ROW!r}")
    batches = list(probe_batches(table, column=column, **options))
    reports = pa.Table.from_batches(batches).sort_by(ROW).drop_columns([ROW])
    result: pd.DataFrame = reports.to_pandas()
    result.index = frame.index
    return result
