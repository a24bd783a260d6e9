"""What programs ask over HTTP: a check, many of them, the watched targets and their news."""

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
    """``GET /probe``: a check, as Prometheus wants to hear of it."""
    question = probe_question(request.query, request.headers)
    report = await request.app[ADMISSION].one(question)
    return _metrics(request, metrics(report))


async def check(request: web.Request) -> web.Response:
    """``GET /api/check``: a check, as JSON."""
    report = await request.app[ADMISSION].one(check_question(request.query))
    return _json(report.as_dict())


async def check_list(request: web.Request) -> web.StreamResponse:
    """``POST /api/check``: many checks, a line of JSON for each as soon as it is done."""
    question = list_question(request.query)
    listed = await addresses(request)
    async with request.app[ADMISSION].many(listed, question) as run:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            await _send_reports(request, response, listed, run)
        except ConnectionError:  # whoever asked has left
            pass
        except Exception as error:  # noqa: BLE001 - it is too late for another answer
            log_fault(error)
            _break_off(request)
    return response


async def _send_reports(
    request: web.Request, response: web.StreamResponse, listed: list[str], run: Probes
) -> None:
    """Send each report with the index of its address: that may be shown without its secrets."""
    indices: dict[str, list[int]] = {}
    for index, address in reversed([*enumerate(listed)]):
        indices.setdefault(address, []).append(index)  # a text may stand there twice
    async for report in run:
        request.app[METRICS].count(report)
        told = {"index": indices[report.address].pop()} | report.as_dict()
        await send(request, response, f"{as_json(told)}\n".encode())


def _break_off(request: web.Request) -> None:
    """Let no half answer pass for a whole one."""
    if request.transport is not None:
        request.transport.abort()


async def targets(request: web.Request) -> web.Response:
    """``GET /api/targets``: all targets that are watched."""
    listed = await _all_targets(request.app[WATCHER])
    return web.json_response(text=f'{{"targets":{listed}}}')


async def target(request: web.Request) -> web.Response:
    """``GET /api/targets/{name}``: one of them."""
    watched = request.app[WATCHER].targets.get(request.match_info["name"])
    if watched is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no target of this name is watched")
    return _json(watched.as_dict())


async def events(request: web.Request) -> web.StreamResponse:
    """``GET /api/events``: all targets as they are, then each check, and each change of state.

    A client that comes again needs no event of the past: it hears how things stand.  What happens
    while that is written comes after it, and may be in it already.
    """
    listeners = request.app[EVENTS]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    with listeners.one_more() as queue, contextlib.suppress(ConnectionError):
        now = await _all_targets(request.app[WATCHER])
        await response.prepare(request)
        await send(request, response, listeners.message("targets", now))
        while (data := await queue.get()) is not None:
            await send(request, response, data)
    return response


async def _all_targets(watching: Watcher) -> str:
    """Return all targets as JSON, one step of the loop for each.

    A thousand of them with their histories are 6 MB, and would hold the loop for 150 ms.
    """
    told = []
    for each in watching.targets.values():
        told.append(as_json(each.as_dict()))
        await asyncio.sleep(0)
    return f"[{','.join(told)}]"


async def server_metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: the server's own."""
    return _metrics(request, request.app[METRICS].registry)


async def healthz(request: web.Request) -> web.Response:
    """``GET /healthz``: whether the server works."""
    if not request.app[WATCHER].healthy:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the targets are not watched any more")
    return _json({"status": "ok"})


def _metrics(request: web.Request, told: CollectorRegistry | Iterable[Metric]) -> web.Response:
    body, content_type = encoded(told, request.headers.get("Accept", ""))
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
