"""Errors as problem details: JSON with one sentence (RFC 9457), and no traceback."""

from __future__ import annotations

import contextlib
import json
import logging
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from tryconnect._model.redaction import escape_control, redacted_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

__all__ = ["Problem", "bad_request", "log_fault", "problems"]

_log = logging.getLogger("tryconnect.web")


class Problem(Exception):
    """An error that a request is answered with.

    Args:
        status: The HTTP status of the response.
        detail: One sentence for the client, without a full stop.
        headers: Further headers of the response.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """Return the response."""
        problem = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": escape_control(self.detail),
        }
        return web.Response(
            status=self.status,
            text=json.dumps(problem),
            content_type="application/problem+json",
            headers=self.headers,
        )


def bad_request(detail: str) -> Problem:
    """Return the problem of an invalid request."""
    return Problem(HTTPStatus.BAD_REQUEST, detail)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: turn every exception into a problem."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        return _from_aiohttp(error, request).response()
    except ConnectionError:  # the client has left: this is neither read nor logged
        return bad_request("the connection was lost").response()
    except Exception as error:
        log_fault(error)
        return Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the server's log"
        ).response()


def log_fault(error: BaseException, what: str = "internal error") -> None:
    """Log an error and what it ended, with control characters escaped."""
    with contextlib.suppress(MemoryError):
        lines = "".join(traceback.format_exception(redacted_error(error))).splitlines()
        _log.error("%s\n%s", escape_control(what), "\n".join(map(escape_control, lines)))


_SENTENCES = {
    HTTPStatus.NOT_FOUND: "there is nothing at this path",
    HTTPStatus.FORBIDDEN: "access is forbidden",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too long",
}


def _from_aiohttp(error: web.HTTPException, request: web.Request) -> Problem:
    status = HTTPStatus(error.status)
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        sentence = f"{request.method} is not allowed here, only {allowed}"
        return Problem(status, sentence, headers={"Allow": allowed})
    return Problem(status, _SENTENCES.get(status, status.phrase.lower()))
