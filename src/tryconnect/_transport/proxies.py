"""Which proxy, if any, a target is asked through: the environment's rules, as curl reads them."""

from __future__ import annotations

import ipaddress
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from tryconnect._model.faults import ProxyUnusable
from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect._model.proxy import NEEDS_SOCKS, PROXY_SCHEMES, SOCKS_SCHEMES
from tryconnect._model.redaction import redact_address

if TYPE_CHECKING:
    from yarl import URL

    from tryconnect._address.target import Target

__all__ = ["Proxies"]


class Proxies:
    """The proxies of one session.

    Args:
        setting: ``"env"`` for what ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``
            (or the system's settings, on Windows and macOS) say now; a URL for one proxy for all;
            ``None`` for none.
    """

    def __init__(self, setting: str | URL | None) -> None:
        self._environment: dict[str, str] = {}
        self._by_scheme: dict[str, str] = {}
        self._from_system = False
        if setting == "env" and _may_name_any():
            from urllib import request

            self._environment = request.getproxies_environment()
            self._from_system = not self._environment
            self._by_scheme = self._environment or request.getproxies()
        elif setting not in {"env", None}:
            self._by_scheme = {"all": str(setting)}
        self.in_use = bool(self._by_scheme)
        """Whether there are any."""

    def choose(self, target: Target) -> URL | None:
        """Return the proxy for a target, or ``None`` for the direct way.

        Raises:
            ProxyUnusable: there is one, but not of a kind that can be spoken to.
        """
        if target.path:  # a unix socket
            return None
        proxy = self._by_scheme.get(target.scheme) or self._by_scheme.get("all")
        if not proxy or self._bypassed(target):
            return None
        return _usable(proxy)

    def _bypassed(self, target: Target) -> bool:
        place = f"{target.host}:{target.port}"
        if self._from_system:
            from urllib import request

            return bool(request.proxy_bypass(place))
        # The snapshot's NO_PROXY, not today's; a proxy of the caller's own is for all.
        return _is_exempt(target.host, target.port, self._environment.get("no", ""))


def _may_name_any() -> bool:
    """Return whether the environment, or a system with settings of its own, may name a proxy."""
    return sys.platform in {"win32", "darwin"} or any(
        name.lower().endswith("_proxy") for name in os.environ
    )


def _is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """Return whether ``NO_PROXY`` names a host, as curl reads it (lib/noproxy.c).

    And as requests does: an entry may end with a port, and an address stand in brackets.
    """
    if no_proxy.strip() == "*":
        return True
    host = host.lower().removesuffix(".")
    address = _ip_address(host)
    entries = map(str.lower, _SEPARATORS.split(no_proxy))
    if address is not None:
        return any(_holds_address(entry, address, port) for entry in entries)
    return any(_holds_name(entry, host, port) for entry in entries)


SOCKS_PORT = 1080
"""RFC 1928, section 3."""

_SEPARATORS = lazy_pattern(r"[,\s]+")


def _holds_name(entry: str, host: str, port: int) -> bool:
    name = entry.removesuffix(f":{port}").removesuffix(".").removeprefix(".")
    return bool(name) and f".{host}".endswith(f".{name}")


def _holds_address(entry: str, address: _IpAddress, port: int) -> bool:
    named = _ENTRY.fullmatch(entry)
    if named is None or named["port"] not in {None, str(port)}:
        return False
    bits = f"/{named['bits']}" if int(named["bits"] or 0) else ""  # none are all of them
    network = _network(f"{named['v6'] or named['ip']}{bits}")
    return network is not None and address in network


_ENTRY = lazy_pattern(
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<ip>[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*))"
    r"(?:/(?P<bits>[0-9]{0,3}))?(?::(?P<port>[0-9]+))?"
)
"""An address or a network, with a port perhaps; without brackets, IPv6 has none."""

_IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


def _ip_address(host: str) -> _IpAddress | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _usable(proxy: str) -> URL:
    from yarl import URL

    shown = redact_address(proxy, unparsable=True)
    try:
        url = URL(proxy if "://" in proxy else f"http://{proxy}")
        # aiohttp sends a proxy's credentials in Latin-1.
        f"{url.user}{url.password}".encode("latin-1")
        named = bool(url.host)
    # Punycode may stand for a number that is no character's. An error may quote a password.
    except (ValueError, OverflowError):
        raise ProxyUnusable(f"the proxy {shown} has an address that cannot be read") from None
    if url.scheme not in PROXY_SCHEMES or not named:
        known = ", ".join(f"{each}://" for each in PROXY_SCHEMES)
        raise ProxyUnusable(f"the proxy {shown} cannot be used: only {known} can")
    if url.scheme in SOCKS_SCHEMES:
        if find_spec("python_socks") is None:
            raise ProxyUnusable(f"the proxy {shown} cannot be used without {NEEDS_SOCKS}")
        return url if url.explicit_port else url.with_port(SOCKS_PORT)
    if url.user and ":" in url.user:
        raise ProxyUnusable(f"the proxy {shown} cannot be used: its user name has a colon in it")
    return url
