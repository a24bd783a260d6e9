"""Does this address answer, and if not, why?  On time, from any asyncio program."""

from importlib import import_module
from typing import TYPE_CHECKING

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
from tryconnect._model.expect import Expect, ExpectLike
from tryconnect._model.greeting import Greeting
from tryconnect._model.guard import Guard
from tryconnect._model.report import Hop, Page, Report, Timings, Tls
from tryconnect._model.text import EncodingSource
from tryconnect._runs.bulk import Probes
from tryconnect._runs.source import Address, Addresses
from tryconnect._runs.watching import Watch
from tryconnect._survey.api import survey
from tryconnect._survey.result import Survey
from tryconnect._version import __version__
from tryconnect.errors import FetchError, InvalidAddress, Reason, TryConnectError, WaitTimeout

__all__ = [
    "Address",
    "Addresses",
    "Client",
    "EncodingSource",
    "Expect",
    "ExpectLike",
    "FetchError",
    "Greeting",
    "Guard",
    "Hop",
    "InvalidAddress",
    "Page",
    "Probes",
    "Reason",
    "Report",
    "Survey",
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
    "survey",
    "try_connect",
    "wait_until_down",
    "wait_until_up",
    "watch",
]

if TYPE_CHECKING:
    from tryconnect import doctor as doctor
    from tryconnect import sync as sync
    from tryconnect import web as web
else:
    # PEP 562: the entry points are there after "import tryconnect", and load when they are used.
    # Type checkers do not see this, so they still tell of names that are not there.
    _ENTRY_POINTS = ("doctor", "sync", "web")

    def __getattr__(name: str) -> object:
        if name in _ENTRY_POINTS:
            return import_module(f"tryconnect.{name}")
        raise AttributeError(f"module 'tryconnect' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *_ENTRY_POINTS})
