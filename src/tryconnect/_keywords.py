"""Keywords that a call does not take, and where they belong: many people come from requests."""

from __future__ import annotations

import inspect
import re
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from tryconnect._model.expect import Expect
from tryconnect._options import ClientOptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["explains_keywords"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")

_OF_CALLS = {
    "limit": "probe_many(…)",
    "per_host": "probe_many(…)",
    "ordered": "probe_many(…)",
    "keep_tracebacks": "probe_many(…)",
    "transport": "probe_many(…)",
    "every": "watch(…)",
    "rise": "watch(…)",
    "fall": "watch(…)",
    "any_of": "wait_until_up(…) and wait_until_down(…)",
    "max_bytes": "fetch(…) and fetch_text(…)",
    "encoding": "fetch(…) and fetch_text(…)",
    "method": "checks: try_connect(…), probe(…) and the like",
}
"""Keywords of some calls, and which these are."""

_OF_OTHERS = {
    "verify": 'write Client(ssl=False), or Client(ca_file="…")',
    "cert": "write Client(cert_file=…, key_file=…)",
    "proxies": "write Client(proxy=…)",
    "auth": "write it into the address, https://user:password@host/, or into Client(headers=…)",
    "cookies": 'write Client(headers={"Cookie": "…"})',
    "params": "write them into the address, as ?name=value",
    "allow_redirects": "write expect=Expect(max_redirects=0)",
    "follow_redirects": "write expect=Expect(max_redirects=0)",
    "retries": "a check is one observation; wait_until_up(…) and watch(…) repeat it",
}
"""Keywords of requests, httpx and their like, and what says the same here."""


def explains_keywords(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Return a function that says, of a keyword which it does not take, where that belongs."""
    name = function.__qualname__.removesuffix(".__init__")

    @wraps(function)
    def call(*args: _P.args, **keywords: _P.kwargs) -> _T:
        try:
            return function(*args, **keywords)
        except TypeError as error:
            inner = error.__traceback__ and error.__traceback__.tb_next
            found = None if inner else _UNEXPECTED.search(str(error))
            where = found and _belongs(found[1])
            if found is None or not where:
                raise
            message = f"{name}() {found[0]}: {where}"
        raise TypeError(message)

    if not inspect.iscoroutinefunction(function):
        return call
    if mark := getattr(inspect, "markcoroutinefunction", None):  # Python 3.12
        return cast("Callable[_P, _T]", mark(call))

    @wraps(function)
    async def awaits(*args: _P.args, **keywords: _P.kwargs) -> Any:
        return await cast("Awaitable[Any]", call(*args, **keywords))

    return cast("Callable[_P, _T]", awaits)


def _belongs(name: str) -> str | None:
    if name in ClientOptions.__annotations__:
        return f"{name} belongs to Client({name}=…)"
    if name in Expect.__match_args__:
        return f"{name} belongs to expect=Expect({name}=…)"
    if name in _OF_CALLS:
        return f"{name} belongs to {_OF_CALLS[name]}"
    return _OF_OTHERS.get(name)
