"""Checks names whose name server never answers: a program for one way of asking.

``python -m benchmarks.executors.names LOOP WAY TIMEOUT COUNT``

It must run where no other name server can be reached: in its own network namespace, whose
``/etc/resolv.conf`` names 127.0.0.1 (:func:`alone` makes one, which needs root).
"""

import shlex
import socket
import sys
import time
from pathlib import Path

from benchmarks.executors.holes import WAYS, measured
from benchmarks.executors.loops import LOOPS
from benchmarks.executors.processes import say

RESOLV_CONF = Path("/etc/resolv.conf")
SETTING = "nameserver 127.0.0.1\n"


def alone(setting: Path) -> tuple[str, ...]:
    """Return the command prefix that leaves a command only loopback, with a name server on it.

    Args:
        setting: A file that holds ``SETTING``.
    """
    script = (
        f'ip link set lo up && mount --bind {shlex.quote(str(setting))} {RESOLV_CONF} && exec "$@"'
    )
    return ("unshare", "--net", "--mount", "sh", "-c", script, "sh")


def main() -> None:
    """Run one way, with a name server that never answers."""
    if RESOLV_CONF.read_text("ascii") != SETTING:
        raise RuntimeError("this is no network of our own")
    loop, way, timeout, count = sys.argv[1:]
    urls = [f"http://hole-{number}.example/" for number in range(int(count))]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as name_server:
        name_server.bind(("127.0.0.1", 53))
        begun = time.monotonic()
        LOOPS[loop](measured(WAYS[way], urls, float(timeout)))
        say(closed=time.monotonic() - begun)


if __name__ == "__main__":
    main()
