"""What a situation is: files of the machine, name servers, and names that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tryconnect.testing.dns import Zone

Policy = Callable[[bytes, int], bytes | None]
"""Of a packet and how many came before, what is answered at once: ``b""`` is nothing, ``None``
leaves it to the zone."""


@dataclass(frozen=True)
class Served:
    """A name server."""

    zone: Zone
    policy: Policy | None = None
    only: str = "udp tcp"


@dataclass(frozen=True)
class Daemon:
    """A real name server."""

    program: str
    arguments: Sequence[str]
    config: str = ""
    """Is put into a file; ``{file}`` in the arguments is its path, ``{folder}`` where it lies."""
    zone: str = ""
    """A second file, beside it: ``zone``."""


Servers = Mapping[str, Served | Zone]
"""By the address that they listen at, on port 53."""


@dataclass(frozen=True)
class Step:
    """What changes before the names are asked for once more."""

    files: Mapping[str, str | None] = field(default_factory=dict)
    servers: Servers | None = None


@dataclass(frozen=True)
class Situation:
    """What two resolvers are asked, each with everything made anew."""

    names: Sequence[str]
    servers: Callable[[], Servers] = dict
    resolv: str | None = "nameserver 127.0.0.1\n"
    hosts: str | None = "127.0.0.1 localhost\n"
    nsswitch: str | None = "hosts: files dns\n"
    files: Mapping[str, str | None] = field(default_factory=dict)
    """More files in /etc."""
    environment: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[str] = ()
    """Of the shell, beforehand."""
    daemons: Sequence[Daemon] = ()
    steps: Sequence[Step] = ()
    family: str = "any"
    at_once: bool = False
    """Whether all names are asked for at the same time."""
    lossy: bool = False
    """Whether chance decides who loses a question, and so takes longer."""
    better: str = ""
    """Why ours finds a name that glibc does not find here."""
