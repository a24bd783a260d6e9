"""The probe server as an aiohttp application, to run or to mount."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

import tryconnect
from tryconnect._options import DEFAULT_LIMIT, check_positive_int
from tryconnect.web import _api, _page
from tryconnect.web._address_list import MAX_BODY
from tryconnect.web._admission import Admission
from tryconnect.web._events import EventStream
from tryconnect.web._keys import ADMISSION, EVENTS, METRICS, WATCHER
from tryconnect.web._metrics import Metrics
from tryconnect.web._problems import problems
from tryconnect.web._security import harden, shield
from tryconnect.web._watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tryconnect.web._targets import WatchedTarget

__all__ = ["probe_app"]

_TOKEN = re.compile(r"[\x21-\x7e]+")


def probe_app(
    *,
    targets: Iterable[WatchedTarget] = (),
    client: tryconnect.Client | None = None,
    target_client: tryconnect.Client | None = None,
    token: str | None = None,
    limit: int = DEFAULT_LIMIT,
    local: bool = False,
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
            many again may run for targets.
        local: Only this machine can reach the server, so requests for another host's name are
            refused: see DNS rebinding in the threat model.

    Raises:
        ValueError: Two targets have the same name, or an option is invalid.
        TryConnectError: aiohttp cannot be loaded because of this machine's settings.

    .. versionadded:: 0.1
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError("a token is one word of printable ASCII characters")
    app = web.Application(
        middlewares=[problems, shield(token=token, local=local), _page.known_files],
        client_max_size=MAX_BODY,
    )
    metrics, events = Metrics(), EventStream()
    app[METRICS], app[EVENTS] = metrics, events
    app[WATCHER] = Watcher(
        targets, limit=check_positive_int(limit, "limit"), metrics=metrics, listener=events
    )
    requested = client or tryconnect.Client(guard=tryconnect.Guard.public())
    watched = target_client or tryconnect.Client()

    async def running(app: web.Application) -> AsyncIterator[None]:
        async with (
            requested._twin(mockable=False) as checking,  # noqa: SLF001 - both own sessions
            watched._twin(mockable=False) as watching,  # noqa: SLF001 - as above
            app[WATCHER].running(watching.probe),
        ):
            app[ADMISSION] = Admission(checking, limit=limit, metrics=metrics)
            yield

    app.cleanup_ctx.append(running)
    app.on_shutdown.append(_close_events)
    app.on_response_prepare.append(harden)
    app.add_routes([*_api.ROUTES, *_page.ROUTES])
    return app


async def _close_events(app: web.Application) -> None:
    app[EVENTS].close()
