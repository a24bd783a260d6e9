"""In a sandbox without IPv6, or on a kernel without it, ``socket()`` fails with EAFNOSUPPORT.

systemd's ``RestrictAddressFamilies=`` does that to a service. The program here installs the same
filter (seccomp(2)), which cannot be removed.
"""

from __future__ import annotations

import platform
import sys

import pytest

from tests.support.programs import run
from tryconnect import testing as peers

pytestmark = pytest.mark.slow

SOCKET_CALLS = {"x86_64": 41, "aarch64": 198}
"""The system call number of ``socket()``."""

PROGRAM = """
import asyncio, ctypes, errno, socket, struct, sys
import tryconnect
from tryconnect.testing import dns_server, ipv6_loopback
from tryconnect._transport.resolver import Resolver

SOCKET, PORT = int(sys.argv[1]), int(sys.argv[2])

def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000

def forbid_ipv6():
    program = b"".join([
        instruction(LOAD, 0),  # the call's number
        instruction(EQUAL, SOCKET, 0, 3),
        instruction(LOAD, 16),  # its first argument
        instruction(EQUAL, socket.AF_INET6, 0, 1),
        instruction(RETURN, ERRNO | errno.EAFNOSUPPORT),
        instruction(RETURN, ALLOW),
    ])
    code = ctypes.create_string_buffer(program, len(program))
    filter = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, filter) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER

async def main():
    async with dns_server({"both.test": ["::1", "127.0.0.1"], "six.test": ["::1"]}) as dns:
        names = Resolver(**dns.resolver_arguments)
        async with tryconnect.Client(proxy=None, resolver=names) as client:
            for scheme in ("http", "tcp"):
                for host in ("[::1]", "six.test", "both.test", "127.0.0.1"):
                    report = await client.probe(f"{scheme}://{host}:{PORT}", timeout=2)
                    print(report.reason, report.detail if report.reason == "local" else "")
        await names.close()

tryconnect.Client()  # imports aiohttp, which takes a while
forbid_ipv6()
try:
    socket.socket(socket.AF_INET6)
except OSError as error:
    assert error.errno == errno.EAFNOSUPPORT
else:
    raise AssertionError("the filter lets IPv6 through")
assert not ipv6_loopback()
asyncio.run(main())
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in SOCKET_CALLS,
    reason="the filter is written for Linux on two machines",
)
def test_without_ipv6_names_lead_to_ipv4_and_the_rest_is_our_own_fault() -> None:
    with peers.in_thread(peers.http_server()) as peer:
        done = run(PROGRAM, str(SOCKET_CALLS[platform.machine()]), str(peer.port))

    assert (done.returncode, done.stderr) == (0, "")
    ours = "local this machine has no way to send to {}:{} (Address family not supported"
    places = ("[::1]", "six.test", "", "") * 2
    for line, place in zip(done.stdout.splitlines(), places, strict=True):
        assert line.startswith(ours.format(place, peer.port) if place else "ok"), line
