"""Check a target by another host's name: virtual hosts behind one address.

The name goes into the ``Host`` header, into the TLS handshake, and is the one that the certificate
must be for; the connection goes to the target.
"""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from yarl import URL

from tryconnect._address.authority import is_ip
from tryconnect._address.request import read_request
from tryconnect._address.target import TargetKind, parse
from tryconnect._transport.resolver import Resolver
from tryconnect.errors import InvalidAddress
from tryconnect.web._problems import bad_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from tryconnect import Client
    from tryconnect._address.request import Request
    from tryconnect._model.resolver import HostResolver

__all__ = ["check_hostname", "named"]


def check_hostname(hostname: str, address: str) -> None:
    """Raise if a target cannot be asked by that name.

    Raises:
        Problem: It is no host's name, or the target is not asked by HTTP.
    """
    try:
        host = parse(f"http://{hostname}/").host
        target = read_request(address).target
        by_http = target is None or target.kind is TargetKind.http
    except InvalidAddress:
        host, by_http = "", True
    if not host or _NOT_IN_NAMES.search(hostname) or is_ip(host):
        raise bad_request("hostname is the name of a host")
    if not by_http:
        raise bad_request("hostname is for a target that is asked by HTTP")


_NOT_IN_NAMES = re.compile(r"[\s/:@?#\[\]]")


@contextlib.asynccontextmanager
async def named(
    client: Client, request: Request, hostname: str
) -> AsyncIterator[tuple[Client, Request]]:
    """Lend a client, and the request to make with it, for a check by another name.

    Args:
        client: Whose options hold.
        request: What to check.
        hostname: The name, which has been checked.
    """
    target = request.target
    if target is None:
        yield client, request
        return
    name = parse(f"http://{hostname}/").host
    options = client._options  # noqa: SLF001 - the client's twin is ours
    inner = options.resolver or Resolver(None)
    twin = client._twin()
    twin._options = options._replace(  # noqa: SLF001 - as above
        headers={**options.headers, "Host": hostname},
        resolver=_Renamed(inner, name, target.host),
    )
    renamed = replace(request, target=parse(str(URL(target.url).with_host(name))))
    try:
        async with twin:
            yield twin, renamed
    finally:
        if options.resolver is None:
            await inner.close()


class _Renamed:
    """A resolver that looks a target's host up in place of one name."""

    def __init__(self, inner: HostResolver, name: str, host: str) -> None:
        self._inner = inner
        self._name = name
        self._host = host

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[Mapping[str, Any]]:
        """Return the addresses of the target for the name, and those of other names."""
        if host.rstrip(".") != self._name.rstrip("."):
            return await self._inner.resolve(host, port, family=family)
        if not is_ip(self._host):
            return await self._inner.resolve(self._host, port, family=family)
        kind = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        flags = socket.AI_NUMERICHOST
        return [
            {
                "hostname": host,
                "host": self._host,
                "port": port,
                "family": kind,
                "proto": 0,
                "flags": flags,
            }
        ]

    async def close(self) -> None:
        """Do nothing: whoever lent the resolver closes it."""
