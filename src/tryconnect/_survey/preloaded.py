"""What every worker needs, imported once by the process that they are forked from.

Its imports take most of the time that a survey needs to begin; they run beside those of the client.
"""

from __future__ import annotations

import contextlib
import warnings

import tryconnect._check.network
import tryconnect._survey.engine  # noqa: F401 - the purpose, as above and below

with contextlib.suppress(ImportError):  # pyarrow imports it with its first array, where it is there
    import pandas as pd  # noqa: F401

# Those of OpenBLAS and jemalloc, which both know of forks.
warnings.filterwarnings("ignore", ".* is multi-threaded, use of fork", DeprecationWarning)
