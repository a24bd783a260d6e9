"""The gateways as the system's own files have them."""

import sys
from pathlib import Path

import pytest

from tryconnect._alerts.gateway import Gateway, gateway_fault, gateways

ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
"""

ZERO = "0" * 32
LINK_LOCAL = "fe800000000000000000000000000001"
IPV6_ROUTE = f"""\
{ZERO} 00 {ZERO} 00 {LINK_LOCAL} 00000400 00000000 00000000 00000003     eth0
fd770000000000000000000000000000 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 00000001     eth0
{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo
"""


def test_default_routes_are_read_from_the_systems_files(tmp_path: Path) -> None:
    (tmp_path / "route").write_text(ROUTE)
    (tmp_path / "ipv6_route").write_text(IPV6_ROUTE)

    assert gateways(tmp_path) == [Gateway("192.168.0.1", "eth0"), Gateway("fe80::1", "eth0")]


def test_where_there_are_no_such_files_there_is_no_gateway(tmp_path: Path) -> None:
    assert gateways(tmp_path) == []


def test_without_a_gateway_from_the_start_there_is_nothing_to_look_at() -> None:
    assert gateway_fault([]) is None


ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
10.0.0.1         0x1         0x{flags}         52:54:00:00:00:01     *        lo
10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        lo
"""

LOOP = "lo\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
NOBODY = "lo\t00000000\t0200000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
NO_DEVICE = "none0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"

STATES = {
    "it has answered": (LOOP, "2", None),
    "its address is written down": (LOOP, "6", None),
    "it does not answer": (LOOP, "0", "the gateway 10.0.0.1 does not answer"),
    "nobody has asked": (LOOP.replace("0100000A", "0900000A"), "2", None),
    "no route": ("", "2", "there is no route to a gateway"),
    "no device": (NO_DEVICE, "2", "the device none0 has no link"),
    "one of two": (NOBODY + LOOP, "2", None),
    "none of two": (NOBODY + LOOP, "0", "the gateway 10.0.0.2 does not answer"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these files")
@pytest.mark.parametrize(("routes", "flags", "fault"), STATES.values(), ids=list(STATES))
def test_a_gateway_is_there_unless_the_system_knows_better(
    routes: str, flags: str, fault: str | None, tmp_path: Path
) -> None:
    (tmp_path / "route").write_text(ROUTE.splitlines(keepends=True)[0] + routes)
    (tmp_path / "arp").write_text(ARP.format(flags=flags))

    assert gateway_fault([Gateway("10.0.0.1", "lo")], tmp_path) == fault
