"""The HTTP API: single checks, lists of checks, watched targets and their events."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from tryconnect.web._address_list import addresses
from tryconnect.web._events import as_json, send
from tryconnect.web._keys import ADMISSION, EVENTS, METRICS, WATCHER
from tryconnect.web._parameters import check_question, list_question, probe_question
from tryconnect.web._probe_metrics import metrics
from tryconnect.web._problems import Problem, log_fault
from tryconnect.web._prometheus import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tryconnect._runs.bulk import Probes
    from tryconnect.web._prometheus import CollectorRegistry, Metric
    from tryconnect.web._watcher import Watcher

__all__ = ["ROUTES"]

_json = partial(web.json_response, dumps=as_json)


async def probe(request: web.Request) -> web.Response:
    """``GET /probe``: a check, as metrics for Prometheus."""
    question = probe_question(request.query, request.headers)
    report = await request.app[ADMISSION].one(question)
    return _metrics(request, metrics(report))


async def check(request: web.Request) -> web.Response:
    """``GET /api/check``: a check, as JSON."""
    report = await request.app[ADMISSION].one(check_question(request.query))
    return _json(report.as_dict())


async def check_list(request: web.Request) -> web.StreamResponse:
    """``POST /api/check``: many checks, a line of JSON for each as it completes."""
    question = list_question(request.query)
    listed = await addresses(request)
    async with request.app[ADMISSION].many(listed, question) as run:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            await _send_reports(request, response, listed, run)
        except ConnectionError:  # the client has left
            pass
        except Exception as error:  # noqa: BLE001 - it is too late for another response
            log_fault(error)
            _break_off(request)
    return response


async def _send_reports(
    request: web.Request, response: web.StreamResponse, listed: list[str], run: Probes
) -> None:
    """Send each report with its address's index, since secrets in the address are redacted."""
    indices: dict[str, list[int]] = {}
    for index, address in reversed([*enumerate(listed)]):
        indices.setdefault(address, []).append(index)  # an address may be listed twice
    async for report in run:
        request.app[METRICS].count(report)
        found = {"index": indices[report.address].pop()} | report.as_dict()
        await send(request, response, f"{as_json(found)}\n".encode())


def _break_off(request: web.Request) -> None:
    """Abort the connection, so that half a response is not taken for a whole one."""
    if request.transport is not None:
        request.transport.abort()


async def targets(request: web.Request) -> web.Response:
    """``GET /api/targets``: all watched targets."""
    listed = await _all_targets(request.app[WATCHER])
    return web.json_response(text=f'{{"targets":{listed}}}')


async def target(request: web.Request) -> web.Response:
    """``GET /api/targets/{name}``: one of them."""
    watched = request.app[WATCHER].targets.get(request.match_info["name"])
    if watched is None:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no target of this name")
    return _json(watched.as_dict())


async def events(request: web.Request) -> web.StreamResponse:
    """``GET /api/events``: the state of all targets, then each check and each change of state.

    A client that reconnects needs no past events: it gets the current state first. Events that
    occur while that is written follow it, and may be part of it already.
    """
    stream = request.app[EVENTS]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    with stream.subscribed() as queue, contextlib.suppress(ConnectionError):
        now = await _all_targets(request.app[WATCHER])
        await response.prepare(request)
        await send(request, response, stream.message("targets", now))
        while (data := await queue.get()) is not None:
            await send(request, response, data)
    return response


async def _all_targets(watcher: Watcher) -> str:
    """Return all targets as JSON, yielding to the loop after each.

    A thousand of them with their histories are 6 MB, and would block the loop for 150 ms.
    """
    shown = []
    for each in watcher.targets.values():
        shown.append(as_json(each.as_dict()))
        await asyncio.sleep(0)
    return f"[{','.join(shown)}]"


async def server_metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: the metrics of the server itself."""
    return _metrics(request, request.app[METRICS].registry)


async def healthz(request: web.Request) -> web.Response:
    """``GET /healthz``: whether the server works."""
    if not request.app[WATCHER].healthy:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the targets are no longer watched")
    return _json({"status": "ok"})


def _metrics(request: web.Request, found: CollectorRegistry | Iterable[Metric]) -> web.Response:
    body, content_type = encoded(found, request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type})


ROUTES = (
    web.get("/probe", probe),
    web.get("/api/check", check),
    web.post("/api/check", check_list),
    web.get("/api/targets", targets),
    web.get("/api/targets/{name}", target),
    web.get("/api/events", events),
    web.get("/metrics", server_metrics),
    web.get("/healthz", healthz, name="healthz"),
)
