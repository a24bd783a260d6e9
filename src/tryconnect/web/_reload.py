"""Read the file of targets again: on request, and when it has changed.

A broken file changes nothing: the targets of the last good one are watched, and the log, the
metrics and whoever asked are told why.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from tryconnect._model.redaction import escape_control
from tryconnect._runtime.threads import run_in_daemon_thread, wait_all
from tryconnect.web._keys import METRICS
from tryconnect.web._problems import Problem, log_fault
from tryconnect.web._prometheus import Gauge
from tryconnect.web._security import credentials, is_same_token
from tryconnect.web._targets_file import read_verified

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tryconnect.web._targets_file import TargetsFile

__all__ = ["RELOADER", "Reloader", "follow_file"]

_log = logging.getLogger("tryconnect.web")

LOOK_EVERY = 2.0
"""Seconds from one look at the file's time and size to the next."""


class Reloader:
    """Reads one file of targets again.

    Args:
        path: The file.
        take: Takes what a good one says.
    """

    def __init__(self, path: Path, take: Callable[[TargetsFile], None]) -> None:
        self._path = path
        self._take = take
        self._lock = asyncio.Lock()
        self._seen = self._look()
        self.succeeded = True
        self.succeeded_at = time.time()

    async def reload(self) -> int:
        """Read the file, and take what it says; return the number of targets.

        Raises:
            ValueError: It is broken; what was taken before stays.
        """
        async with self._lock:
            self._seen = self._look()
            try:
                read = partial(read_verified, self._path)
                file = await run_in_daemon_thread(read, name="tryconnect-targets")
                self._take(file)
            except ValueError as error:
                self.succeeded = False
                fault = escape_control(str(error))
                _log.error("the targets are kept, since the file is broken: %s", fault)
                raise
            self.succeeded, self.succeeded_at = True, time.time()
            _log.info("%s was read: %d to watch", self._path, len(file.targets))
            return len(file.targets)

    async def reload_quietly(self) -> None:
        """Read the file; what is wrong has been logged."""
        with contextlib.suppress(ValueError):
            await self.reload()

    async def follow(self) -> None:
        """Read the file whenever it has changed and then been left alone, for ever."""
        before = self._seen
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = self._look()
            if now == before != self._seen and now is not None:
                try:
                    await self.reload_quietly()
                except Exception as error:  # noqa: BLE001 - nothing awaits it
                    log_fault(error)
            before = now

    def _look(self) -> tuple[int, ...] | None:
        """Return what changes with the file's content; ``None``: it is not there for now."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - one call, and no path is made
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


RELOADER = web.AppKey("tryconnect_reloader", Reloader)


def follow_file(
    app: web.Application,
    path: Path,
    take: Callable[[TargetsFile], None],
    *,
    token: str | None = None,
) -> None:
    """Have an application follow its file of targets while it runs.

    Args:
        app: The application, which has not started.
        path: The file.
        take: Takes what a good one says.
        token: What ``POST /-/reload`` must send as ``Bearer``; ``None``: there is no such path.
    """
    reloader = app[RELOADER] = Reloader(path, take)
    registry = app[METRICS].registry
    Gauge(
        "tryconnect_targets_file_last_reload_successful",
        "Whether the targets file was good when it was last read.",
        registry=registry,
    ).set_function(lambda: float(reloader.succeeded))
    Gauge(
        "tryconnect_targets_file_last_reload_success_timestamp_seconds",
        "When a good targets file was last read, in seconds since 1970.",
        registry=registry,
    ).set_function(lambda: reloader.succeeded_at)

    async def following(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(reloader.follow())
        yield
        task.cancel()
        await wait_all(task)

    async def reload(request: web.Request) -> web.Response:
        """``POST /-/reload``: read the file of targets again."""
        scheme, offered = credentials(request)
        if scheme != "bearer" or not is_same_token(offered, token or ""):
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "the token for reloading is missing or wrong",
                headers={"WWW-Authenticate": 'Bearer realm="tryconnect"'},
            )
        try:
            number = await reloader.reload()
        except ValueError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        return web.json_response({"targets": number})

    app.cleanup_ctx.append(following)
    if token is not None:
        app.router.add_post("/-/reload", reload, name="reload")
