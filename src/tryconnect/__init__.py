"""Does this address answer, and if not, why?  On time, from any asyncio program."""

from tryconnect._api import (
    fetch,
    fetch_text,
    probe,
    probe_many,
    try_connect,
    wait_until_down,
    wait_until_up,
    watch,
)
from tryconnect._client import Client
from tryconnect._model.expect import Expect
from tryconnect._model.guard import Guard
from tryconnect._model.report import Hop, Page, Report, Timings, Tls
from tryconnect._model.text import EncodingSource
from tryconnect._runs.bulk import Probes
from tryconnect._runs.watching import Watch
from tryconnect._version import __version__
from tryconnect.errors import FetchError, InvalidAddress, Reason, TryConnectError, WaitTimeout

__all__ = [
    "Client",
    "EncodingSource",
    "Expect",
    "FetchError",
    "Guard",
    "Hop",
    "InvalidAddress",
    "Page",
    "Probes",
    "Reason",
    "Report",
    "Timings",
    "Tls",
    "TryConnectError",
    "WaitTimeout",
    "Watch",
    "__version__",
    "fetch",
    "fetch_text",
    "probe",
    "probe_many",
    "try_connect",
    "wait_until_down",
    "wait_until_up",
    "watch",
]
