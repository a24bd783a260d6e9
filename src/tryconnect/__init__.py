"""Does this address answer, and if not, why?  On time, from any asyncio program."""

from tryconnect._bulk import Probes
from tryconnect._calls import (
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
from tryconnect._decoded import EncodingSource
from tryconnect._expect import Expect
from tryconnect._guard import Guard
from tryconnect._patience import Watch
from tryconnect._records import Hop, Page, Report, Timings, Tls
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
