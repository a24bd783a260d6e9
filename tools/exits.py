"""Ends programs under their checks, many times, and counts how they end.

::

    python tools/exits.py [--runs 200] [PYTHON …]

Each program makes a check that ends within milliseconds, while a thread still imports aiohttp,
reads certificates or looks a name up; then it ends, or waits with ``asyncio.run`` under way. Half
of them have a look-up hang in the system's ``getaddrinfo``, whose thread nobody can join: that
needs root and ``unshare``, for a network with a silent name server, and is left out without.
The same program with checks of ``tcp://``, which read no certificates, tells how long an exit takes
by itself.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROGRAM = """
import asyncio, socket, sys, threading, time, tryconnect

address, timeout, how, hangs = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4] == "hangs"
if how != "import":
    import tryconnect._check.session
if hangs:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 53))
    threading.Thread(target=socket.getaddrinfo, args=("slow.test", 80), daemon=True).start()
    silent.recv(512)

async def main():
    if how == "import":
        await asyncio.wait_for(asyncio.shield(tryconnect.probe(address)), timeout)
    elif how == "wait":
        await tryconnect.wait_until_up(address, timeout=timeout, any_of=True)
    elif how == "task":
        asyncio.ensure_future(tryconnect.probe(address))
        await asyncio.sleep(timeout)
    else:
        await tryconnect.probe(address, timeout=timeout)

try:
    asyncio.run(main())
except (TimeoutError, tryconnect.WaitTimeout):
    pass
print(time.time(), flush=True)
"""

NETWORK = (
    "ip link set lo up && echo nameserver 127.0.0.1 >{0} && mount --bind {0} /etc/resolv.conf "
    '&& exec "$@"'
)
TIMEOUTS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05)
WAYS = ("probe", "import", "wait", "task")


def ended(python: str, address: str, words: list[str], *, hangs: bool) -> tuple[int, str, float]:
    """Run the program once; return its exit code, what it printed to stderr, and how long it took
    from its last line to its end."""
    command = [python, "-c", PROGRAM, address, *words, "hangs" if hangs else "goes"]
    with tempfile.NamedTemporaryFile() as resolv_conf:
        if hangs:
            script = NETWORK.format(resolv_conf.name)
            command = ["unshare", "--net", "--mount", "sh", "-c", script, "sh", *command]
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, text=True, timeout=60, check=False
        )
    end = time.time()
    begun = float(done.stdout.strip() or end)
    return done.returncode, done.stderr, end - begun


def main() -> int:
    """Run them all; return 1 where one crashed or printed anything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("python", nargs="*", default=[sys.executable])
    options = parser.parse_args()
    can_hang = bool(shutil.which("unshare")) and Path("/proc/self").stat().st_uid == 0
    bad = 0
    for python in options.python:
        chance = random.Random(5)  # noqa: S311 - the same ones each time
        codes: Counter[int] = Counter()
        taken: dict[str, list[float]] = {"https": [], "tcp": []}
        for number in range(options.runs):
            words = [str(chance.choice(TIMEOUTS)), WAYS[number // 2 % len(WAYS)]]
            for scheme, times in taken.items():
                address = f"{scheme}://127.0.0.1:9"
                hangs = can_hang and number % 2 == 1
                code, said, seconds = ended(python, address, words, hangs=hangs)
                codes[code] += 1
                times.append(seconds)
                if code or said:
                    bad += 1
                    print(scheme, words, hangs, code, said[-300:])
        medians = {scheme: round(statistics.median(times), 3) for scheme, times in taken.items()}
        most = {scheme: round(max(times), 3) for scheme, times in taken.items()}
        print(python, "exit codes:", dict(codes), "median exit:", medians, "longest:", most)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
