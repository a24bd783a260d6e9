"""Whom this machine asks for a name, and in which order: nsswitch.conf(5).

Files and DNS are read and asked by us. Whatever else is named there (mDNS, libvirt, winbind, sss,
systemd's own) only the system's ``getaddrinfo`` can ask.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from tryconnect._model.lazy_pattern import lazy_pattern

__all__ = ["NameServices", "parse_nsswitch"]

Service: TypeAlias = Literal["files", "dns"]


@dataclass(frozen=True, slots=True)
class NameServices:
    """Who is asked for the names of hosts."""

    ours: tuple[Service, ...] = ("files", "dns")
    """Those that we ask ourselves, in order, up to the one whose "no" is final."""
    others: bool = False
    """Whether there are more, which the system has to ask."""
    mdns: bool = False
    """Whether one of them is for names that end in ``.local``."""


def parse_nsswitch(text: str | None, *, without: NameServices) -> NameServices:
    """Return what a file says of hosts.

    Args:
        text: its content; ``None``: there is no file.
        without: what holds where nothing is said.
    """
    lines = [found[1] for found in map(_HOSTS.match, (text or "").splitlines()) if found]
    if not lines:
        return without
    words = _WORD.findall(lines[-1].partition("#")[0])
    ours: list[Service] = []
    services = [word for word in words if word[0] != "["]
    for position, word in enumerate(words):
        if word in _OURS:
            ours.append(cast("Service", word))
            following = words[position + 1] if position + 1 < len(words) else ""
            if following.startswith("[") and _not_found_returns(following):
                break
    return NameServices(
        ours=tuple(ours),
        others=not _OURS.issuperset(services) or bool(_MERGE.search(lines[-1])),
        mdns=any(word.startswith("mdns") for word in services),
    )


def _not_found_returns(actions: str) -> bool:
    """Return whether a "no" of the service before is final."""
    returns = False
    for negated, status, action in _ACTION.findall(actions.lower()):
        if (status == "notfound") is not bool(negated):
            returns = action == "return"
    return returns


_OURS = frozenset({"files", "dns"})
_HOSTS = lazy_pattern(r"\s*hosts\s*:(.*)")
_WORD = lazy_pattern(r"\[[^\]]*\]|[^\s\[\]]+")
_ACTION = lazy_pattern(r"(!?)(success|notfound|unavail|tryagain)\s*=\s*(return|continue|merge)")
_MERGE = lazy_pattern(r"=\s*merge", re.IGNORECASE)
