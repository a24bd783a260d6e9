"""Which name servers are asked, how patiently, and under which names: resolv.conf(5).

It is read as glibc 2.36 reads it, with the environment variables ``LOCALDOMAIN`` and
``RES_OPTIONS``.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tryconnect._transport.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ResolvConf", "parse_resolv_conf"]

_MAX_SERVERS = 3
_PORT = 53
_LARGEST = {"ndots": 15, "timeout": 30, "attempts": 5}
"""glibc's limits: MAXNS, and those of resolv.conf(5)."""


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """How names are asked for."""

    servers: tuple[str | None, ...] = (f"127.0.0.1:{_PORT}",)
    """Who is asked, in order, as c-ares reads them: ``1.2.3.4:53``, ``[fe80::1%eth0]:53``. ``None``
    stands for whom c-ares finds by itself."""
    search: tuple[str, ...] = ()
    """Domains that names are looked for in; ``""`` is the root."""
    ndots: int = 1
    """A name with at least as many dots is first asked for as it is."""
    timeout: float = 5
    """Seconds that the first server has for its answer; others have a share of a multiple."""
    attempts: int = 2
    """How many rounds there are."""
    rotate: bool = False
    tcp: bool = False
    no_aaaa: bool = False

    def candidates(self, name: str) -> Iterator[str]:
        """Yield the absolute names that may be meant, without the dot, in order and each once."""
        if name.endswith("."):
            yield name[:-1]
            return
        as_is_first = name.count(".") >= self.ndots
        names = [f"{name}.{domain}" if domain else name for domain in self.search]
        yield from dict.fromkeys([name, *names] if as_is_first else [*names, name])

    def stages(self, start: int = 0) -> list[tuple[int, float]]:
        """Return which server has the word when, as its index, and for how many seconds.

        Args:
            start: of how many look-ups this one is the last; with ``rotate`` another server begins.
        """
        count = len(self.servers)
        first = start % count if self.rotate else 0
        order = [(first + place) % count for place in range(count)]
        return [(server, self._patience(server)) for server in order * self.attempts]

    def _patience(self, server: int) -> float:
        # As ``send_dg`` in glibc's res_send.c, in whole seconds.
        return max(1, self.timeout * 2**server // len(self.servers)) if server else self.timeout


def parse_resolv_conf(text: str | None) -> ResolvConf:
    """Return what a file says; it never raises.

    Args:
        text: its content; ``None``: there is no file.
    """
    servers: list[str] = []
    search: list[str] | None = None
    options: list[str] = []
    for line in (text or "").splitlines():
        keyword, *words = line.split() or [""]
        if not words or line[0].isspace() or line[0] in "#;":
            continue
        if keyword == "nameserver":
            servers += filter(None, [_server(words[0])])
        elif keyword in ("domain", "search"):
            search = words[:1] if keyword == "domain" else words
        elif keyword == "options":
            options += words
    if "LOCALDOMAIN" in os.environ:
        search = os.environ["LOCALDOMAIN"].split()
    options += os.environ.get("RES_OPTIONS", "").split()
    numbers, flags = _numbers(options), set(options)
    return ResolvConf(
        servers=tuple(servers[:_MAX_SERVERS]) or ResolvConf().servers,
        search=tuple(each.strip(".") for each in (_own_domain() if search is None else search)),
        ndots=numbers.get("ndots", 1),
        timeout=max(1, numbers.get("timeout", 5)),
        attempts=max(1, numbers.get("attempts", 2)),
        rotate="rotate" in flags,
        tcp="use-vc" in flags,
        no_aaaa="no-aaaa" in flags,
    )


def _numbers(options: Iterable[str]) -> dict[str, int]:
    numbers = {}
    for option in options:
        name, _, value = option.partition(":")
        if name in _LARGEST and value.isdecimal():
            numbers[name] = min(int(value), _LARGEST[name])
    return numbers


def _server(word: str) -> str | None:
    """Return a name server as c-ares reads it; ``None``: it is no address."""
    word = word.partition(";")[0].partition("#")[0]
    ip, percent, zone = word.partition("%")
    if ":" in ip:
        return f"[{ip}{percent}{zone}]:{_PORT}" if address_of(ip, socket.AF_INET6) else None
    try:
        return f"{socket.inet_ntoa(socket.inet_aton(word))}:{_PORT}"  # 127.1 is one, as in glibc
    except (OSError, ValueError):
        return None


def _own_domain() -> list[str]:
    """Return the domain of the machine's own name, if it has one."""
    return [domain for domain in [socket.gethostname().partition(".")[2]] if domain]
