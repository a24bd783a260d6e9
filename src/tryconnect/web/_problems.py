"""Whatever goes wrong becomes a problem: JSON with one sentence (RFC 9457), and no traceback."""

from __future__ import annotations

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


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """A request that cannot be answered as asked.

    Args:
        status: the HTTP status that says so.
        detail: one sentence, without a full stop, for whoever asked.
        headers: more headers of the answer.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """Return the answer that tells of it."""
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
    """Return the problem of a request that makes no sense, and say why."""
    return Problem(HTTPStatus.BAD_REQUEST, detail)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware: answer with a problem, whatever was raised."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        return _of_the_framework(error, request).response()
    except ConnectionError:  # the client has left: nobody reads this, and nobody need log it
        return bad_request("the connection was lost").response()
    except Exception as error:  # noqa: BLE001 - the server goes on
        log_fault(error)
        return Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "the server is at fault; its log tells more"
        ).response()


def log_fault(error: BaseException) -> None:
    """Log a fault of the server's own, with nothing in it that a terminal or a log would obey."""
    lines = "".join(traceback.format_exception(redacted_error(error))).splitlines()
    _log.error("the server is at fault\n%s", "\n".join(map(escape_control, lines)))


_SENTENCES = {
    HTTPStatus.NOT_FOUND: "there is nothing at this path",
    HTTPStatus.FORBIDDEN: "this may not be read",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too long",
}


def _of_the_framework(error: web.HTTPException, request: web.Request) -> Problem:
    status = HTTPStatus(error.status)
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        sentence = f"{request.method} cannot be asked here, only {allowed}"
        return Problem(status, sentence, headers={"Allow": allowed})
    return Problem(status, _SENTENCES.get(status, status.phrase.lower()))
