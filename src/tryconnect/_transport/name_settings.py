"""What this machine's settings say about names: nsswitch.conf, the hosts file and resolv.conf."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tryconnect._transport.hosts_file import HostsFile
from tryconnect._transport.nsswitch import NameServices, parse_nsswitch
from tryconnect._transport.resolv_conf import ResolvConf, parse_resolv_conf
from tryconnect._transport.watched_file import WatchedFile

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NameSettings", "machine_settings", "settings_for"]


class NameSettings(NamedTuple):
    """How names are looked up."""

    services: NameServices
    hosts: HostsFile
    conf: ResolvConf
    confirm: bool = True
    """Whether the system's ``getaddrinfo`` has the last word where a name was not found."""


def machine_settings() -> NameSettings:
    """Return what the files say now; parts that have not changed are the same objects."""
    return NameSettings(_nsswitch.read(), _hosts.read(), _resolv_conf())


def settings_for(conf: ResolvConf) -> NameSettings:
    """Return settings with other name servers than the machine's.

    The system would ask its own ones, and so is not asked.
    """
    return NameSettings(NameServices(), _hosts.read(), conf, confirm=False)


# Their settings are in a registry. c-ares reads it, and asks whom it finds there; the rest, and
# there is more of it (LLMNR, NetBIOS, mDNS, scoped resolvers), is the system's business.
_REGISTRY = sys.platform in ("win32", "darwin")
_HOSTS = "/etc/hosts"
if sys.platform == "win32":
    _HOSTS = os.path.expandvars(r"%SystemRoot%\System32\drivers\etc\hosts")
_WITHOUT = NameServices(others=_REGISTRY, mdns=_REGISTRY)

_hosts = WatchedFile(_HOSTS, HostsFile)
_nsswitch = WatchedFile("/etc/nsswitch.conf", partial(parse_nsswitch, without=_WITHOUT))
_OF_REGISTRY = ResolvConf(servers=(None,))
_resolv_conf: Callable[[], ResolvConf] = (
    (lambda: _OF_REGISTRY) if _REGISTRY else WatchedFile("/etc/resolv.conf", parse_resolv_conf).read
)
