"""What belongs to a running server, under the keys by which its handlers find it."""

from __future__ import annotations

from aiohttp import web

from tryconnect.web._admission import Checks
from tryconnect.web._events import Listeners
from tryconnect.web._metrics import Books
from tryconnect.web._watcher import Watching

__all__ = ["BOOKS", "CHECKS", "LISTENERS", "WATCHING"]

BOOKS = web.AppKey("tryconnect_books", Books)
CHECKS = web.AppKey("tryconnect_checks", Checks)
LISTENERS = web.AppKey("tryconnect_listeners", Listeners)
WATCHING = web.AppKey("tryconnect_watching", Watching)
