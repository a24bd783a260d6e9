"""Which proxy, if any, a target is asked through: the environment's rules, as curl reads them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib import request

from tryconnect._model.faults import ProxyUnusable
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
        if setting == "env":
            self._environment = request.getproxies_environment()
            self._from_system = not self._environment
            self._by_scheme = self._environment or request.getproxies()
        elif setting is not None:
            self._by_scheme = {"all": str(setting)}

    def choose(self, target: Target) -> URL | None:
        """Return the proxy for a target, or ``None`` for the direct way.

        Raises:
            ProxyUnusable: there is one, but not of a kind that can be spoken to.
        """
        if not self._by_scheme:
            return None
        scheme = target.url.partition(":")[0]
        proxy = self._by_scheme.get(scheme) or self._by_scheme.get("all")
        if not proxy or self._bypassed(target):
            return None
        return _usable(proxy)

    def _bypassed(self, target: Target) -> bool:
        place = f"{target.host}:{target.port}"
        if self._from_system:
            return bool(request.proxy_bypass(place))
        # The snapshot's NO_PROXY, not today's; a proxy of the caller's own is for all.
        return bool(self._environment) and (
            _named_in_no_proxy(place, self._environment)
            or _in_networks(target.host, self._environment.get("no", ""))
        )


def _named_in_no_proxy(place: str, environment: dict[str, str]) -> bool:
    # typeshed has it for macOS and Windows only; CPython for all.
    bypass = request.proxy_bypass_environment  # type: ignore[attr-defined, unused-ignore]
    return bool(bypass(place, environment))


def _in_networks(host: str, no_proxy: str) -> bool:
    """Tell whether ``NO_PROXY`` names the IP address or its network, as requests and curl read it.

    The standard library compares names only.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in map(_network, no_proxy.split(",")) if network)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip().strip("[]"), strict=False)
    except ValueError:
        return None


def _usable(proxy: str) -> URL:
    shown = redact_address(proxy, unparsable=True)
    try:
        url = _read(proxy if "://" in proxy else f"http://{proxy}")
        # aiohttp sends a proxy's credentials in Latin-1.
        f"{url.user}{url.password}".encode("latin-1")
        named = bool(url.raw_host)
    except ValueError:  # its text may quote a password
        raise ProxyUnusable(f"the proxy {shown} has an address that cannot be read") from None
    if url.scheme not in {"http", "https"} or not named:
        raise ProxyUnusable(f"the proxy {shown} cannot be used: only http:// and https:// ones can")
    if ":" in (url.user or ""):
        raise ProxyUnusable(f"the proxy {shown} cannot be used: its user name has a colon in it")
    return url


def _read(text: str) -> URL:
    from yarl import URL  # noqa: PLC0415 - costs a third of the import budget; most need it late

    try:
        return URL(text)
    except OverflowError as error:  # Punycode may stand for a number that is no character's
        raise ValueError("this is no URL") from error
