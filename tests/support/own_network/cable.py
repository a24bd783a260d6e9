"""A cable between two network namespaces, and ways to break it.

Nothing here works outside a namespace that was made for it. The addresses are invented, and mean
something else in any other network.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

NEAR, FAR, NOBODY = "10.77.0.1", "10.77.0.2", "10.77.0.3"
NEAR_V6, FAR_V6, NOBODY_V6 = "fd77::1", "fd77::2", "fd77::3"
ELSEWHERE = "10.78.0.1"
"""An address without a route."""
DEVICE, FAR_DEVICE = "near0", "far0"
PREFIXES = {4: 24, 6: 64}


def alone() -> None:
    """Refuse to continue in a network that others use.

    Raises:
        RuntimeError: This is the namespace in which the tests were started, or one with devices.
    """
    outer = os.environ.get("TRYCONNECT_OUTER_NETWORK")
    links = json.loads(system("ip", "-json", "link"))
    devices = {link["ifname"] for link in links if link["link_type"] == "ether"}
    if outer in {None, str(Path("/proc/self/ns/net").readlink())} or devices - {DEVICE, FAR_DEVICE}:
        raise RuntimeError(f"this is no network of our own: {devices}")


def system(*command: str) -> str:
    """Run a system command, and return its output."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


class Far(NamedTuple):
    """The machine at the other end."""

    ports: Mapping[str, int]
    """The ports of its servers, by name."""
    by: tuple[str, ...]
    """The command prefix that runs a command there."""

    def at(self, server: str, scheme: str = "http") -> str:
        """Return the URL of a server by name."""
        host = f"[{FAR_V6}]" if server.endswith("v6") else FAR
        return f"{scheme}://{host}:{self.ports[server]}"


@contextmanager
def cable() -> Iterator[Far]:
    """Connect a cable to another machine; both are removed when the context exits."""
    alone()
    with subprocess.Popen(
        ["unshare", "--net", sys.executable, "-m", "tests.support.own_network.far"],  # noqa: S607
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as machine:
        assert machine.stdin
        assert machine.stdout
        by = ("nsenter", "--net", "--target", str(machine.pid))
        machine.stdout.readline()  # it is in its namespace
        system("ip", "link", "set", "lo", "up")
        system("ip", "link", "add", DEVICE, "type", "veth", "peer", "name", FAR_DEVICE)
        system("ip", "link", "set", FAR_DEVICE, "netns", str(machine.pid))
        up()
        _up(FAR_DEVICE, FAR, FAR_V6, by=by)
        for limit in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
            system(*by, "sh", "-c", f"echo 0 >/proc/sys/net/{limit}")
        machine.stdin.write("the cable is there\n")
        machine.stdin.flush()
        yield Far(json.loads(machine.stdout.readline()), by)
        machine.stdin.close()


def up() -> None:
    """Switch our end of the cable on."""
    _up(DEVICE, NEAR, NEAR_V6)


def down() -> None:
    """Switch our end of the cable off."""
    system("ip", "link", "set", DEVICE, "down")


def _up(device: str, *ips: str, by: tuple[str, ...] = ()) -> None:
    for ip in ips:
        prefix = PREFIXES[6 if ":" in ip else 4]
        # The address is unique here, so duplicate address detection is off.
        nodad = ("nodad",) if ":" in ip else ()
        system(*by, "ip", "address", "replace", f"{ip}/{prefix}", "dev", device, *nodad)
    system(*by, "ip", "link", "set", device, "up")


@contextmanager
def route(kind: str) -> Iterator[None]:
    """Give ``ELSEWHERE`` a route in this machine's table, such as ``unreachable``."""
    system("ip", "route", "add", kind, ELSEWHERE)
    try:
        yield
    finally:
        system("ip", "route", "delete", kind, ELSEWHERE)


@contextmanager
def firewall(rule: str, *, by: tuple[str, ...]) -> Iterator[None]:
    """Filter the input of a machine with an nftables rule."""
    system(*by, "nft", "add table inet broken")
    try:
        system(*by, "nft", "add chain inet broken in { type filter hook input priority 0 ; }")
        system(*by, "nft", f"add rule inet broken in {rule}")
        yield
    finally:
        system(*by, "nft", "delete table inet broken")


@contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """Change a kernel setting."""
    path = Path("/proc/sys/net", name)
    before = path.read_text()
    path.write_text(value)
    try:
        yield
    finally:
        path.write_text(before)
