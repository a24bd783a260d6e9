"""Which peers may be connected to, judged by the very address that is about to be connected to.

A check of the text, or of a name's addresses, comes too early: redirects, other spellings of an
address and names whose answer changes (DNS rebinding) all get past it. The address of the socket,
at the moment of connecting, cannot change any more.
"""

from __future__ import annotations

import inspect
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Guard", "IPAddress"]

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052

# What the standard library, in one version or another, calls global although the IANA registries of
# special-purpose addresses do not; and one that is global, but answers only inside a cloud.
_NOT_PUBLIC = [
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata service is in here
        "192.88.99.0/24",  # 6to4 relays, deprecated (RFC 7526)
        "168.63.129.16/32",  # Azure's metadata and health service
        "64:ff9b:1::/48",  # NAT64 of a private network (RFC 8215)
        "100::/64",  # discard-only (RFC 6666)
        "2001:2::/48",  # benchmarking (RFC 5180)
        "2001:10::/28",  # ORCHID (RFC 4843)
        "2001:db8::/32",  # documentation (RFC 3849)
        "3fff::/20",  # documentation (RFC 9637)
        "5f00::/16",  # segment routing (RFC 9602)
        "fec0::/10",  # site-local (RFC 3879)
    )
]


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides which peers a client may connect to.

    A client with a guard uses no proxy, since it would be the proxy that connects, and refuses
    ``unix://`` addresses. What is refused has the reason ``blocked``; no packet went there.

    Args:
        allows: Takes the IP address of a peer and returns whether it may be connected to. It is
            called in the event loop, for every connection, so it must not wait. Only ``True``
            means yes: what returns anything but a ``bool`` allows nothing.
        ports: The only ports that may be connected to; ``None`` for all.

    Raises:
        TypeError: ``allows`` cannot be called, or is a coroutine function or a generator, whose
            answer would come too late.

    Example:
        >>> async with tryconnect.Client(guard=tryconnect.Guard.public()) as client:
        ...     report = await client.probe("http://127.0.0.1/")
        >>> print(report.reason)
        blocked

    .. versionadded:: 0.1
    """

    allows: Callable[[IPAddress], bool]
    ports: Collection[int] | None = None

    def __post_init__(self) -> None:
        if not callable(self.allows):
            raise TypeError(f"a guard needs a function, not {type(self.allows).__name__}")
        if any(map(_answers_later, (self.allows, type(self.allows).__call__))):
            raise TypeError("a guard's function must answer at once: it cannot be async")

    @classmethod
    def public(cls, *, ports: Collection[int] | None = None) -> Guard:
        """Return the guard that allows what the whole internet can reach.

        That is what the IANA registries of special addresses (RFC 6890) call globally reachable,
        without multicast and the metadata services of clouds. An IPv6 address that stands for an
        IPv4 one (IPv4-mapped, 6to4, Teredo, NAT64) is as public as the one inside.

        Args:
            ports: The only ports that may be connected to, for example ``{80, 443}``; ``None``
                for all.
        """
        return cls(_is_public, ports)

    def lets_through(self, sockaddr: tuple[Any, ...]) -> bool:
        """Return whether a socket address may be connected to.

        Args:
            sockaddr: As the standard library has it for ``AF_INET`` and ``AF_INET6``. Whatever is
                no IP address is refused.
        """
        host, port = sockaddr[:2]
        if self.ports is not None and port not in self.ports:
            return False
        try:
            # A zone says through which interface, not where to.
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        answer: object = self.allows(address)
        if inspect.iscoroutine(answer):
            answer.close()  # it is never awaited, and need not warn of that
        return answer is True


def _answers_later(function: object) -> bool:
    """Return whether a call only makes something that would have to be awaited or iterated."""
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    )


def _is_public(address: IPAddress) -> bool:
    return all(map(_is_public_itself, _embedded(address) or [address]))


def _is_public_itself(address: IPAddress) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_PUBLIC)
    )


def _embedded(address: IPAddress) -> list[IPAddress]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    nat64 = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else None
    found = (address.ipv4_mapped, address.sixtofour, nat64, *(address.teredo or ()))
    return [inner for inner in found if inner is not None]
