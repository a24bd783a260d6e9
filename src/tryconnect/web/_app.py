"""The probe server as an aiohttp application, to run or to mount."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

import tryconnect
from tryconnect._options import DEFAULT_LIMIT, check_positive_int
from tryconnect.web import _api, _history_api, _page
from tryconnect.web._address_list import MAX_BODY
from tryconnect.web._admission import Admission
from tryconnect.web._delivery import delivered
from tryconnect.web._embedding import allow, cross_origin, framed_by, origins
from tryconnect.web._events import EventStream
from tryconnect.web._keys import ADMISSION, EVENTS, HISTORY, METRICS, MONITOR, TITLE, WATCHER
from tryconnect.web._metrics import Metrics
from tryconnect.web._monitor import Monitor
from tryconnect.web._problems import problems
from tryconnect.web._security import harden, shield
from tryconnect.web._target_metrics import TargetMetrics
from tryconnect.web._watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from aiohttp.typedefs import Middleware

    from tryconnect.web._alert_tables import AlertSettings
    from tryconnect.web._history import HistoryStore
    from tryconnect.web._targets import WatchedTarget

__all__ = ["probe_app"]

_TOKEN = re.compile(r"[\x21-\x7e]+")


def probe_app(
    *,
    targets: Iterable[WatchedTarget] = (),
    client: tryconnect.Client | None = None,
    target_client: tryconnect.Client | None = None,
    token: str | None = None,
    limit: int | None = None,
    local: bool = False,
    alerts: AlertSettings | None = None,
    history: HistoryStore | None = None,
    title: str = "tryconnect",
    frame_ancestors: Iterable[str] = (),
    cors_origins: Iterable[str] = (),
) -> web.Application:
    """Return the probe server, as an application to run or to mount in another one.

    Pass ``handler_cancellation=True`` to the ``AppRunner`` or ``run_app`` that runs it, so that a
    client that disconnects cancels its checks, and ``shutdown_timeout=2.5``, so that running checks
    have 5 s to finish at shutdown.

    Args:
        targets: What to watch while the application runs, and to show on its page.
        client: Checks the addresses in requests. It need not be open: the application opens a copy
            that keeps no connections alive, so that each check connects anew. ``None``:
            ``Client(guard=Guard.public())``, since clients choose the addresses.
        target_client: Checks the targets, likewise. ``None``: ``Client()``.
        token: A secret that every request except for ``/healthz`` must send, as
            ``Authorization: Bearer …`` or as the password of any user. ``None``: requests need no
            token.
        limit: How many requested checks may run at once; a further one is answered with 503. As
            many again may run for targets; those that timed out last hold at most half of that.
            ``None``: 100, and as many for targets as they need and the process has descriptors for.
        local: Only this machine can reach the server, so requests for another host's name are
            refused: see DNS rebinding in the threat model.
        alerts: How to tell of changes; ``None``: nobody is told.
        history: Where to write checks and incidents; the application closes it. ``None``: only the
            latest checks are kept, in memory.
        title: The title of the status page.
        frame_ancestors: Origins whose pages may show the status page in a frame.
        cors_origins: Origins whose pages may read what is watched, but have nothing checked.

    Raises:
        ValueError: Two targets have the same name, or an option is invalid.
        TryConnectError: aiohttp cannot be loaded because of this machine's settings.

    Example:
        >>> shop = tryconnect.web.WatchedTarget(name="shop", address="https://example.com/")
        >>> app = tryconnect.web.probe_app(targets=[shop], token="a-long-secret")

    .. versionadded:: 0.1
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError("a token is one word of printable ASCII characters")
    framing, reading = origins(frame_ancestors), origins(cors_origins)
    app = _application(cross_origin(reading), shield(token=token, local=local))
    app[TITLE] = title
    _add_watcher(app, targets, Monitor(alerts, history), history, limit)
    requested = client or tryconnect.Client(guard=tryconnect.Guard.public())
    app.cleanup_ctx.append(_running(requested, target_client or tryconnect.Client(), limit))
    if framing:
        app.on_response_prepare.append(framed_by(framing))
    return app


def _application(cross: Middleware, secure: Middleware) -> web.Application:
    """Return an application that answers, and says no more than it must when something fails."""
    app = web.Application(
        middlewares=[delivered, cross, problems, secure], client_max_size=MAX_BODY
    )
    app.on_shutdown.append(_close_events)
    app.on_response_prepare.append(harden)
    app.on_response_prepare.append(allow)
    app.add_routes([*_history_api.ROUTES, *_api.ROUTES, *_page.ROUTES])
    return app


def _add_watcher(
    app: web.Application,
    targets: Iterable[WatchedTarget],
    monitor: Monitor,
    history: HistoryStore | None,
    limit: int | None,
) -> None:
    """Add what watches the targets, and all that listens to it."""
    if limit is not None:
        check_positive_int(limit, "limit")
    metrics, events = Metrics(), EventStream()
    app[METRICS], app[EVENTS], app[MONITOR] = metrics, events, monitor
    app[WATCHER] = Watcher(
        targets,
        limit=limit,
        metrics=metrics,
        listeners=[metrics, events, monitor],
        on_stale=events.aged,
        judge=monitor.judge,
        on_replaced=events.restart,
    )
    if history is not None:
        app[HISTORY] = history
    metrics.registry.register(TargetMetrics(app[WATCHER]))


def _running(
    requested: tryconnect.Client, watched: tryconnect.Client, limit: int | None
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return what runs while the application does: copies of the clients, and the watcher."""

    async def running(app: web.Application) -> AsyncIterator[None]:
        async with (
            requested._twin(mockable=False) as checking,
            watched._twin(mockable=False) as watching,
            app[MONITOR].running(_watched_targets(app), watching.probe),
            app[WATCHER].running(watching._check),
        ):
            admission = Admission(checking, limit=limit or DEFAULT_LIMIT, metrics=app[METRICS])
            app[ADMISSION] = admission
            yield

    return running


def _watched_targets(app: web.Application) -> list[WatchedTarget]:
    return [watched.target for watched in app[WATCHER].targets.values()]


async def _close_events(app: web.Application) -> None:
    app[EVENTS].close()
