"""What tryconnect relies on inside other packages, and what hangs on it.

aiohttp may rename any of it in its next release. So each hook is looked at before its first use:
without one that a guard's safety hangs on, a guarded client refuses to work; without another,
aiohttp's own way is taken. ``tests/transport/test_upstream.py`` says which hook a new release has
lost, before anybody else does.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib import import_module
from operator import attrgetter
from typing import Any

import aiohttp

__all__ = [
    "ADDRESSES",
    "CONNECTIONS",
    "COOKIES",
    "FORK",
    "GUARD",
    "HEADS",
    "HOOKS",
    "TUNNELS",
    "Hook",
    "Use",
    "missing",
    "refusal",
]


class Use(Enum):
    """How a hook is used, and so what must not change about it."""

    overridden = auto()
    """A method that others call and ours replaces: it takes these parameters and no others."""

    called = auto()
    """A function that ours calls: it takes these parameters, among others."""

    set_by_init = auto()
    """An attribute that the constructor sets."""

    replaced = auto()
    """An attribute of a module."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One name inside another package.

    Attributes:
        owner: The module, and the class in it, as ``module:Class``.
        name: The function or attribute.
        use: How it is used.
        promise: What hangs on it.
        parameters: Names of parameters, without ``self``.
    """

    owner: str
    name: str
    use: Use
    promise: str
    parameters: tuple[str, ...] = ()

    def is_there(self) -> bool:
        """Return whether the installed package has it, in the form that we rely on."""
        owner = self.find_owner()
        if self.use is Use.set_by_init:
            return self.name in owner.__init__.__code__.co_names
        found: Any = getattr(owner, self.name, None)
        if self.use is Use.replaced:
            return found is not None
        # asyncio's own protocols have methods of the same names, which do nothing.
        if not getattr(found, "__module__", "").startswith("aiohttp."):
            return False
        names = {*inspect.signature(found).parameters} - {"self"}
        wanted = {*self.parameters}
        return names == wanted if self.use is Use.overridden else names >= wanted

    def find_owner(self) -> Any:
        """Return the module or class that has it, imported."""
        module, _, name = self.owner.partition(":")
        imported = import_module(module)
        return attrgetter(name)(imported) if name else imported


_CONNECTOR = "aiohttp.connector:TCPConnector"
_HANDLER = "aiohttp.client_proto:ResponseHandler"

GUARD = (
    Hook(
        _CONNECTOR,
        "__init__",
        Use.called,
        "The guard is asked about an address before a socket for it exists (this one is public).",
        ("socket_factory",),
    ),
    Hook(
        "aiohttp.connector:BaseConnector",
        "connect",
        Use.overridden,
        "No request goes over a connection whose address the guard was not asked about.",
        ("req", "traces", "timeout"),
    ),
)
"""Without these, a client with a guard refuses to work."""

CONNECTIONS = GUARD[1:]
"""Without it, connections are not kept, and a report has no TLS and less exact times.

A report's ``ip`` and ``timings``, refusing a connection to itself (RFC 9293, section 3.5), and
not taking a dead kept connection's last words for a response.
"""

ADDRESSES = (
    Hook(
        _CONNECTOR,
        "_create_direct_connection",
        Use.overridden,
        "Each address of a name gets one try, and a zone (fe80::1%eth0) is no look-up in the "
        "loop's executor.",
        ("req", "traces", "timeout", "client_error"),
    ),
)
"""Without it, aiohttp connects by itself: addresses that fail are tried several times."""

HEADS = (
    Hook(
        "aiohttp.base_protocol:BaseProtocol",
        "_parser",
        Use.set_by_init,
        "A head reaches the parser whole: the verdict does not hang on how the network cut it.",
    ),
    Hook(
        _HANDLER,
        "_payload",
        Use.set_by_init,
        "A body whose framing is broken ends its reader at once, not at the deadline.",
    ),
    Hook(
        _HANDLER,
        "data_received",
        Use.overridden,
        "Heads and bodies are told apart before aiohttp parses them.",
        ("data",),
    ),
    Hook(
        _HANDLER,
        "connection_lost",
        Use.overridden,
        "A head that its peer hung up in counts as a head.",
        ("exc",),
    ),
    Hook(
        _HANDLER,
        "set_exception",
        Use.overridden,
        "Who reads the body hears of a failure, too.",
        ("exc", "exc_cause"),
    ),
)
"""Without these, aiohttp's own protocol parses responses, and is stricter with what servers send.
"""

TUNNELS = (
    Hook(
        "aiohttp.connector:BaseConnector",
        "_factory",
        Use.set_by_init,
        "Heads reach the parser whole through the tunnel of an HTTP proxy, too.",
    ),
)
"""Without it, aiohttp's own protocol parses what comes through a tunnel."""

COOKIES = (
    Hook(
        "aiohttp.client_reqrep:ClientRequest",
        "send",
        Use.overridden,
        "Bytes of a cookie that are not UTF-8 go back as they came.",
        ("conn",),
    ),
)
"""Without it, they go as aiohttp has it."""

FORK = (
    Hook(
        "pycares",
        "_shutdown_manager",
        Use.replaced,
        "The child of a fork waits for no thread that stayed with its parent.",
    ),
)
"""Without it, c-ares' channels stay open in the child of a fork until it ends."""

HOOKS = tuple(dict.fromkeys(GUARD + CONNECTIONS + ADDRESSES + HEADS + TUNNELS + COOKIES + FORK))


@cache
def missing(hooks: tuple[Hook, ...]) -> tuple[Hook, ...]:
    """Return those of the hooks that the installed packages do not have; looks once a process."""
    return tuple(hook for hook in hooks if not hook.is_there())


def refusal() -> str | None:
    """Return why a client with a guard cannot work here, in a sentence; ``None`` if it can."""
    lost = missing(GUARD)
    if not lost:
        return None
    hooks = " and ".join(f"{hook.owner.partition(':')[2]}.{hook.name}" for hook in lost)
    return (
        f"aiohttp {aiohttp.__version__} has changed {hooks}, which a guard relies on: "
        "install another release of aiohttp, or of tryconnect"
    )
