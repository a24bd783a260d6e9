"""Starlette: GET /ready is 200 while all that the shop needs answers, else 503."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import tryconnect

NEEDS = os.environ["SHOP_NEEDS"].split()


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, tryconnect.Client]]:
    async with tryconnect.Client(timeout=2, expect="2xx") as client:
        yield {"client": client}


async def ready(request: Request) -> JSONResponse:
    reports = await asyncio.gather(*map(request.state.client.probe, NEEDS))
    status = 200 if all(reports) else 503
    return JSONResponse([report.as_dict() for report in reports], status)


app = Starlette(routes=[Route("/ready", ready)], lifespan=lifespan)
