"""The HTTP API: single checks, lists of checks, watched targets and their events."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from tryconnect._address.request import check_applies
from tryconnect._model.reason import Reason
from tryconnect._model.report import Report
from tryconnect.web._address_list import addresses
from tryconnect.web._admission import LIST_TIMEOUT
from tryconnect.web._delivery import PIECE, disconnect, send
from tryconnect.web._events import as_json
from tryconnect.web._keys import ADMISSION, EVENTS, METRICS, WATCHER
from tryconnect.web._parameters import check_question, list_question, probe_question
from tryconnect.web._probe_debug import explained
from tryconnect.web._probe_metrics import metrics
from tryconnect.web._problems import Problem, bad_request, log_fault
from tryconnect.web._prometheus import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tryconnect._runs.bulk import Probes
    from tryconnect.web._prometheus import CollectorRegistry, Metric

__all__ = ["ROUTES"]

LONGEST_LISTING = 120.0
"""Seconds within which a client must read the list of targets."""

_json = partial(web.json_response, dumps=as_json)


async def probe(request: web.Request) -> web.Response:
    """``GET /probe``: a check, as metrics for Prometheus."""
    question = probe_question(request.query, request.headers)
    report = await request.app[ADMISSION].one(question)
    if question.debug:
        return web.Response(text=explained(report, question))
    return _metrics(request, metrics(report))


async def check(request: web.Request) -> web.Response:
    """``GET /api/check``: a check, as JSON."""
    report = await request.app[ADMISSION].one(check_question(request.query))
    return _json(report.as_dict())


async def check_list(request: web.Request) -> web.StreamResponse:
    """``POST /api/check``: many checks, a line of JSON for each as it completes."""
    question = list_question(request.query)
    listed = await addresses(request)
    try:
        check_applies(listed, question.expect)
    except ValueError as error:
        raise bad_request(str(error)) from None
    async with request.app[ADMISSION].many(listed, question) as run:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        try:
            await _send_reports(request, response, listed, run)
        except ConnectionError:  # the client has left
            pass
        except Exception as error:
            log_fault(error)
            disconnect(request)  # so that half a response is not taken for a whole one
    return response


async def _send_reports(
    request: web.Request, response: web.StreamResponse, listed: list[str], run: Probes
) -> None:
    """Send each report with its address's index, since secrets in the address are redacted."""
    indices: dict[str, list[int]] = {}
    for index, address in reversed([*enumerate(listed)]):
        indices.setdefault(address, []).append(index)  # an address may be listed twice
    try:
        async with asyncio.timeout(LIST_TIMEOUT):
            async for report in run:
                request.app[METRICS].count(report)
                found = {"index": indices[report.address].pop()} | report.as_dict()
                await send(request, response, f"{as_json(found)}\n".encode())
    except TimeoutError:
        for address, left in indices.items():
            report = Report(address, Reason.local, "the list's time was over before this check")
            for index in left:
                found = {"index": index} | report.as_dict()
                await send(request, response, f"{as_json(found)}\n".encode())


async def targets(request: web.Request) -> web.StreamResponse:
    """``GET /api/targets``: all watched targets."""
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        await _send_targets(request, response, b'{"targets":', b"}")
    return response


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
        await response.prepare(request)
        await _send_targets(request, response, b"event: targets\ndata: ", b"\n\n")
        while (data := await queue.get()) is not None:
            await send(request, response, data)
    return response


async def _send_targets(
    request: web.Request, response: web.StreamResponse, before: bytes, after: bytes
) -> None:
    """Send all targets as a JSON list, each rendered when the client has read the ones before.

    A thousand of them with their histories are 6 MB: whole, they would block the loop for 150 ms,
    and cost that much memory for each client that does not read.

    Raises:
        ConnectionError: The client has disconnected, or reads too slowly.
    """
    if request.method == "HEAD":
        return
    try:
        async with asyncio.timeout(LONGEST_LISTING):
            data = bytearray(before + b"[")
            for number, watched in enumerate([*request.app[WATCHER].targets.values()]):
                data += b"," * bool(number) + as_json(watched.as_dict()).encode()
                if len(data) >= PIECE // 2:
                    await send(request, response, bytes(data))
                    data.clear()
                await asyncio.sleep(0)
            await send(request, response, bytes(data + b"]" + after))
    except TimeoutError:
        disconnect(request)
        raise ConnectionError("the client reads too slowly") from None


async def server_metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: the metrics of the server itself."""
    return _metrics(request, request.app[METRICS].registry)


async def healthz(request: web.Request) -> web.Response:
    """``GET /healthz``: whether the server works, and keeps its schedule."""
    watcher = request.app[WATCHER]
    if not watcher.healthy:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the targets are no longer watched")
    late = watcher.lateness
    return _json(
        {
            "status": "late" if late.targets else "ok",
            "lateness_seconds": round(late.seconds, 3),
            "late_targets": late.targets,
        }
    )


async def healthy(request: web.Request) -> web.Response:
    """``GET /-/healthy`` and ``/-/ready``: as Prometheus' own servers have them."""
    if not request.app[WATCHER].healthy:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the targets are no longer watched")
    return web.Response(text="Healthy\n" if request.path.endswith("healthy") else "Ready\n")


def _metrics(request: web.Request, found: CollectorRegistry | Iterable[Metric]) -> web.Response:
    body, content_type = encoded(found, request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type})


ROUTES = (
    web.get("/probe", probe, name="probe"),
    web.get("/api/check", check, name="check"),
    web.post("/api/check", check_list, name="check-list"),
    web.get("/api/targets", targets),
    web.get("/api/targets/{name}", target),
    web.get("/api/events", events),
    web.get("/metrics", server_metrics),
    web.get("/healthz", healthz, name="healthz"),
    web.get("/-/healthy", healthy, name="healthy"),
    web.get("/-/ready", healthy, name="ready"),
)
