"""The probe server as an application of aiohttp's, to be run or to be mounted."""

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

    Mounted, it cannot choose how it is run: give ``AppRunner`` or ``run_app``
    ``handler_cancellation=True``, so that who hangs up ends the checks that were asked for, and
    ``shutdown_timeout=2.5``, so that checks under way have 5 s left at the end.

    Args:
        targets: what is watched as long as the application runs, and shown on its page.
        client: how addresses that come with a request are checked.  It need not be open: the
            application opens one like it that keeps no connections, so that each check is a whole
            one.  ``None``: ``Client(guard=Guard.public())``, since whoever can ask chooses the
            address.
        target_client: the same for the targets.  ``None``: ``Client()``.
        token: a secret that must come with each request but those for ``/healthz``, as
            ``Authorization: Bearer …`` or as the password of any user.  ``None``: whoever reaches
            the server may ask.
        limit: how many checks that were asked for run at once; for one more the answer is 503.  As
            many again may run for targets.
        local: the server is reached from this machine only, so it answers no request that is made
            to another host's name: see DNS rebinding in the threat model.

    Raises:
        ValueError: two targets have the same name, or an option makes no sense.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.

    .. versionadded:: 0.1
    """
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError("a token is one word of printable ASCII characters")
    app = web.Application(
        middlewares=[problems, shield(token=token, local=local), _page.known_files],
        client_max_size=MAX_BODY,
    )
    metrics, listeners = Metrics(), EventStream()
    app[METRICS], app[EVENTS] = metrics, listeners
    app[WATCHER] = Watcher(
        targets, limit=check_positive_int(limit, "limit"), metrics=metrics, listener=listeners
    )
    strangers = client or tryconnect.Client(guard=tryconnect.Guard.public())
    ours = target_client or tryconnect.Client()

    async def checking(app: web.Application) -> AsyncIterator[None]:
        async with strangers._twin() as opened:  # noqa: SLF001 - both own sessions
            app[ADMISSION] = Admission(opened, limit=limit, metrics=metrics)
            yield

    async def watching(app: web.Application) -> AsyncIterator[None]:
        async with (
            ours._twin() as opened,  # noqa: SLF001 - as above
            app[WATCHER].going_on(opened.probe),
        ):
            yield

    app.cleanup_ctx.extend([checking, watching])
    app.on_shutdown.append(_let_listeners_go)
    app.on_response_prepare.append(harden)
    app.add_routes([*_api.ROUTES, *_page.ROUTES])
    return app


async def _let_listeners_go(app: web.Application) -> None:
    app[EVENTS].close()
