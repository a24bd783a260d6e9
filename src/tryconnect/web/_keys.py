"""The keys under which handlers find the parts of a running server."""

from __future__ import annotations

from aiohttp import web

from tryconnect.web._admission import Admission
from tryconnect.web._events import EventStream
from tryconnect.web._history import HistoryStore
from tryconnect.web._metrics import Metrics
from tryconnect.web._monitor import Monitor
from tryconnect.web._watcher import Watcher

__all__ = ["ADMISSION", "EVENTS", "HISTORY", "METRICS", "MONITOR", "TITLE", "WATCHER"]

METRICS = web.AppKey("tryconnect_metrics", Metrics)
ADMISSION = web.AppKey("tryconnect_admission", Admission)
EVENTS = web.AppKey("tryconnect_events", EventStream)
WATCHER = web.AppKey("tryconnect_watcher", Watcher)
HISTORY = web.AppKey("tryconnect_history", HistoryStore)
TITLE = web.AppKey("tryconnect_title", str)
MONITOR = web.AppKey("tryconnect_monitor", Monitor)
