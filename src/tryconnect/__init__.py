"""Does this address answer, and if not, why?  On time, from any asyncio program."""

from tryconnect._calls import fetch, fetch_text, probe, try_connect
from tryconnect._client import Client
from tryconnect._decoded import EncodingSource
from tryconnect._expect import Expect
from tryconnect._guard import Guard
from tryconnect._records import Hop, Page, Report, Timings, Tls
from tryconnect._version import __version__
from tryconnect.errors import FetchError, InvalidAddress, Reason, TryConnectError

__all__ = [
    "Client",
    "EncodingSource",
    "Expect",
    "FetchError",
    "Guard",
    "Hop",
    "InvalidAddress",
    "Page",
    "Reason",
    "Report",
    "Timings",
    "Tls",
    "TryConnectError",
    "__version__",
    "fetch",
    "fetch_text",
    "probe",
    "try_connect",
]
