"""FastAPI: starts once all that the shop needs is up; GET /ready checks it again."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response

import tryconnect

NEEDS = os.environ["SHOP_NEEDS"].split()


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, tryconnect.Client]]:
    async with tryconnect.Client(expect="2xx") as client:
        await client.wait_until_up(*NEEDS, timeout=60)
        yield {"client": client}


app = FastAPI(lifespan=lifespan)


@app.get("/ready")
async def ready(request: Request, response: Response) -> list[tryconnect.Report]:
    probes = [request.state.client.probe(address, timeout=2) for address in NEEDS]
    reports = await asyncio.gather(*probes)
    response.status_code = 200 if all(reports) else 503
    return reports
