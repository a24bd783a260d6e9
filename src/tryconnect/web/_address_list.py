"""Read the addresses in the body of a request."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

from aiohttp import web

from tryconnect.web._problems import Problem, bad_request

__all__ = ["MAX_ADDRESSES", "MAX_BODY", "addresses"]

MAX_ADDRESSES = 10_000
MAX_BODY = 2**20
"""Bytes: enough for that many addresses of a hundred characters each."""

READ_TIMEOUT = 30.0
"""Seconds within which a body must arrive."""


async def addresses(request: web.Request) -> list[str]:
    """Read the addresses in a body: a JSON list, or text with one address per line.

    Raises:
        Problem: The body is malformed, or has no addresses or too many.
    """
    if (request.content_length or 0) > MAX_BODY:
        raise _too_long()
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            data = await request.read()
    except TimeoutError:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time") from None
    except web.RequestPayloadError:
        raise bad_request("the body is malformed, or broke off") from None
    if len(data) > MAX_BODY:
        raise _too_long()
    read = _READERS.get(request.content_type)
    if read is None:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body must be a JSON list of addresses (application/json), or have one address per "
            "line (text/plain)",
        )
    try:
        found = read(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise bad_request("the body is not UTF-8") from None
    if not found:
        raise bad_request("the body has no addresses")
    if len(found) > MAX_ADDRESSES:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a list has at most {MAX_ADDRESSES:,} addresses, this one has {len(found):,}",
        )
    return found


def _from_json(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise bad_request(f"the body is not JSON: {place}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; lists within lists
        raise bad_request("the body is not a list of addresses") from None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise bad_request('the body is not a JSON list of strings such as ["https://example.com/"]')
    return found


def _from_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


_READERS = {"application/json": _from_json, "text/plain": _from_lines}


def _too_long() -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_BODY:,} bytes")
