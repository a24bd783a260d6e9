"""What the head of an answer means for a check, and where it leads: for both transports.

Everything here is decided from values.  A parser's opinion of a head does not count: where no body
is read, what matters is the status, and where it leads to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from tryconnect._address.target import resolve_redirect
from tryconnect._model.faults import BadRedirect, TooManyRedirects
from tryconnect._model.redaction import escape_control, redact_address
from tryconnect._model.report import Hop
from tryconnect._transport.http_head import fields_of, not_http, status_of
from tryconnect.errors import InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tryconnect._address.target import Target
    from tryconnect._transport.trace import Trace

__all__ = ["MAX_REDIRECTS", "Answer", "follow", "read_answer"]

MAX_REDIRECTS = 10
"""What browsers' users ever meet; requests goes to 30."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Statuses with a ``Location`` to go on to (RFC 9110, section 15.4); 300 and 304 are answers."""


Answer: TypeAlias = "tuple[int, Iterable[tuple[str, str]]]"
"""The head of an answer, as far as a check looks at it: the status, from 100 to 999, and name and
value of each header field, none where only the status matters."""


def read_answer(head: bytes, *, is_last: bool = False) -> Answer:
    """Read a complete head.

    Args:
        head: As it came.
        is_last: No redirect is followed any more.

    Raises:
        NotHttp: it has no status, or it redirects and nobody can tell whereto.
    """
    status = status_of(head)
    if status is None:
        raise not_http(head)
    return status, fields_of(head) if status in _REDIRECTS and not is_last else ()


def follow(trace: Trace, answer: Answer, max_redirects: int | None = None) -> bool:
    """Take note of an answer; return whether it redirects, and the trace has a new target.

    Args:
        trace: Of the check.
        answer: The next one.
        max_redirects: How many redirects are followed; the answer after them is the last.
            ``None``: ``MAX_REDIRECTS``, and one more is a fault.

    Raises:
        TooManyRedirects: there were enough of them.
        BadRedirect: it leads to what is no HTTP address.
    """
    trace.status, fields = answer
    trace.end()
    if trace.status not in _REDIRECTS or len(trace.hops) == max_redirects:
        return False
    fields = [(name.lower(), value) for name, value in fields]
    location = next((value for name, value in fields if name == "location"), "")
    if not location:
        return False
    if max_redirects is None and len(trace.hops) == MAX_REDIRECTS:
        raise TooManyRedirects(f"more than {MAX_REDIRECTS} redirects, and no end")
    target = _next_target(trace.target, location)
    trace.cookies.store(trace.target, [value for name, value in fields if name == "set-cookie"])
    trace.hops.append(Hop(trace.status, trace.target.url))
    trace.target = target
    return True


def _next_target(target: Target, location: str) -> Target:
    try:
        return resolve_redirect(target, location)
    except InvalidAddress as error:
        shown = redact_address(location, unparsable=True)
        problem = f"the answer redirects, but {error.problem}"
        raise BadRedirect(f"{problem} ({escape_control(shown)[:100]})") from error
