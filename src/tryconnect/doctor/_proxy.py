"""The proxies in use: whether they are supported, and can be reached."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from yarl import URL

from tryconnect._address.target import parse
from tryconnect._model.faults import ProxyUnusable
from tryconnect._model.redaction import redact_address
from tryconnect._model.render import duration
from tryconnect._transport.proxies import Proxies
from tryconnect.doctor._findings import fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tryconnect.doctor._findings import Finding

__all__ = ["proxies"]

_CONNECT_TIMEOUT = 2.0
"""Seconds to connect to a proxy."""

_OUTSIDE = "outside.example"
"""Stands for all names but this machine's; it is not looked up."""


def proxies() -> Iterator[Finding]:
    """Connect to each proxy that checks of other machines use."""
    settings = Proxies("env")
    chosen = {scheme: _chosen(settings, scheme, _OUTSIDE) for scheme in ("http", "https")}
    served: dict[URL, list[str]] = {}
    for scheme, proxy in chosen.items():
        if isinstance(proxy, ProxyUnusable):
            advice = "set it to an http:// or socks5h:// proxy, or unset it"
            yield fault(f"no {scheme} address can be checked: {proxy}", advice)
        elif proxy is not None:
            served.setdefault(proxy, []).append(scheme)
    for proxy, schemes in served.items():
        yield _tried(proxy, " and ".join(schemes))
    if any(isinstance(_chosen(settings, scheme, "localhost"), URL) for scheme in chosen):
        yield warning(
            "checks of this machine itself go through the proxy, too",
            "add localhost,127.0.0.1,::1 to NO_PROXY",
        )
    if not any(chosen.values()):
        yield ok("no proxy is in use")


def _chosen(settings: Proxies, scheme: str, host: str) -> URL | ProxyUnusable | None:
    try:
        return settings.choose(parse(f"{scheme}://{host}/"))
    except ProxyUnusable as error:
        return error


def _tried(proxy: URL, schemes: str) -> Finding:
    shown = redact_address(str(proxy))
    begun = time.monotonic()
    try:
        socket.create_connection((proxy.host, proxy.port), timeout=_CONNECT_TIMEOUT).close()
    except OSError as error:
        return fault(
            f"the proxy {shown} for {schemes} addresses cannot be reached "
            f"({error.strerror or error})",
            "start it, correct its address, or unset it: all checks through it fail",
        )
    took = duration(time.monotonic() - begun)
    return ok(f"{schemes} addresses go through the proxy {shown}, reached in {took}")
