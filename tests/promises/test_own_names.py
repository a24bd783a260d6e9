"""Names that only this machine knows, without any name server, in separate namespaces.

Only the three files that the system's name service reads are invented.
"""

import sys
from pathlib import Path

import pytest

from tests.support.programs import run

pytestmark = [pytest.mark.wants(namespaces=True), pytest.mark.slow]

PROGRAM = """
import asyncio, sys
import tryconnect

async def main():
    for address in sys.argv[1:]:
        print((await tryconnect.probe(address, timeout=5)).reason)

asyncio.run(main())
"""
INSIDE = """
set -e
mount --make-rprivate /
for file in resolv.conf hosts nsswitch.conf; do
    [ ! -e "/etc/$file" ] || mount --bind "$1/$file" "/etc/$file"
done
ip link set lo up
shift
exec "$@"
"""
NSSWITCH = "hosts: files dns\n"
"""Desktops say ``mdns4_minimal [NOTFOUND=return]``, which knows that there is no other printer."""

HOSTS = "127.0.0.1 localhost\n127.0.0.1 printer printer.local db.corp.test\n"
SAID = {
    # The machine's own name: nothing listens there, but it resolves.
    "tcp://printer:9": "refused",
    "tcp://printer.local:9": "refused",
    "tcp://db.corp.test:9": "refused",
    "http://localhost:9": "refused",
    # These cannot be resolved.
    "tcp://none:9": "dns_failed",
    "tcp://none.local:9": "dns_failed",
    "tcp://none.test:9": "dns_failed",
    "http://none.test:9": "dns_failed",
    # These need no name service.
    "tcp://127.0.0.1:9": "refused",
}
CONFIGURED = {
    "nothing": "",
    "a remark": "# nobody here\n",
    "no address": "nameserver 999.1.1.1\n",
    "nobody at home": "nameserver 127.0.0.1\n",
    "a search list": "search corp.test\nnameserver 127.0.0.1\n",
}


@pytest.mark.skipif(sys.platform != "linux", reason="there are no namespaces")
@pytest.mark.parametrize("case", CONFIGURED)
def test_without_a_name_server_the_machines_own_names_are_known_and_no_others(
    case: str, tmp_path: Path
) -> None:
    files = {"resolv.conf": CONFIGURED[case], "hosts": HOSTS, "nsswitch.conf": NSSWITCH}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    apart = ("unshare", "--net", "--mount", "sh", "-c", INSIDE, "sh", str(tmp_path))

    done = run(PROGRAM, *SAID, by=apart)

    assert dict(zip(SAID, done.stdout.split(), strict=True)) == SAID, done.stderr
