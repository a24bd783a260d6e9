"""FastAPI writes a report as the library does: the recipe of docs/howto/migrate.rst."""

from __future__ import annotations

import json
from typing import Any

import fastapi

import tryconnect
from tryconnect import Report  # FastAPI looks the annotation up at run time
from tryconnect import testing as peers

app = fastapi.FastAPI()


@app.get("/up")
async def up(address: str) -> Report:
    """Check one."""
    return await tryconnect.probe(address)


@app.get("/many")
async def many(address: str) -> list[Report]:
    """Check one many times."""
    return [await tryconnect.probe(address) for _ in range(2)]


async def got(path: str, query: str = "") -> Any:
    """Ask the application, as an ASGI server does."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(),
             "headers": [], "http_version": "1.1", "scheme": "http", "root_path": ""}  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 200
    return json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


async def test_a_report_is_written_as_the_library_does() -> None:
    async with peers.closed_port() as closed:
        query = f"address={closed.url}%3Ftoken=SECRET"
        one, several = await got("/up", query), await got("/many", query)

    for told in (one, *several):
        assert told.keys() == Report("h", tryconnect.Reason.ok, "").as_dict().keys()
        assert (told["ok"], told["reason"]) == (False, "refused")
        assert "SECRET" not in json.dumps(told)


async def test_the_schema_of_the_application_has_it() -> None:
    schema = await got("/openapi.json")
    answer = schema["paths"]["/up"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["required"] == ["address", "ok", "reason"]
