"""Checks on Pythons and systems that lack something, and the page that says what then.

Each program takes away what is not there elsewhere, before anything of ours is loaded, and checks
as it would anywhere. What a system is called is left alone: to lie about it would prove nothing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import ROOT, run
from tryconnect import testing as peers

LACKING = {
    "nothing": "",
    "a selector that a loop can watch, as on Windows": """
        import select
        for name in ("epoll", "poll", "devpoll", "kqueue"):
            if hasattr(select, name):
                delattr(select, name)
        import selectors
        assert selectors.DefaultSelector is selectors.SelectSelector
    """,
    "add_reader, as Windows' own loop": """
        import asyncio
        class new_loop(asyncio.SelectorEventLoop):
            def add_reader(self, *_):
                raise NotImplementedError
            add_writer = add_reader
    """,
    "wheels": """
        import sys
        for name in ("ada_url", "chardetng_py", "uvloop"):
            sys.modules[name] = None
    """,
    "what only POSIX has": """
        import os, sys
        for name in ("fcntl", "grp", "pwd", "resource", "termios"):
            sys.modules[name] = None
        for name in ("fchmod", "fork", "geteuid", "killpg", "register_at_fork"):
            delattr(os, name)
    """,
    "unix sockets": """
        import functools, socket
        # asyncio's own pair, for which other systems have a way.
        socket.socketpair = functools.partial(socket.socketpair, socket.AF_UNIX)
        del socket.AF_UNIX
    """,
    "/proc": "import os; assert not os.path.exists('/proc/self')",
}
"""What is missing, and the program's beginning that takes it away."""

BY = {"/proc": ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$0" "$@"')}
"""What takes it away from outside."""

PROGRAM = """
import asyncio, sys
import tryconnect, tryconnect.cli, tryconnect.doctor, tryconnect.sync, tryconnect.web

http, name, port, strange, silent = sys.argv[1:]
addresses = [http, name, f"tcp://{port}", strange, "unix:///nowhere"]

async def main():
    async with tryconnect.Client(proxy=None) as client:
        print(*[(await client.probe(each)).reason for each in addresses])
        print(*[each.reason async for each in client.probe_many(addresses, ordered=True)])
        print(await client.fetch_text(http))
        print((await client.probe(silent, timeout=0.2)).reason)

with asyncio.Runner(loop_factory=globals().get("new_loop")) as runner:
    runner.run(main())
print(tryconnect.sync.try_connect(http), tryconnect.cli.main([http, "-q", "--no-proxy"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "lacking",
    [
        pytest.param(each, marks=[pytest.mark.wants(namespaces=True)] * (each in BY))
        for each in LACKING
    ],
)
@pytest.mark.usefixtures("unmeasured")
def test_checks_say_the_same_without(lacking: str) -> None:
    text = "füße".encode("latin-1")
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
    with (
        peers.in_thread(peers.raw(answer)) as peer,
        peers.in_thread(peers.tls_server("self_signed")) as strange,
        peers.in_thread(peers.silent()) as silent,
    ):
        named = f"http://LOCALHOST:{peer.port}/ü b?é"
        program = textwrap.dedent(LACKING[lacking]) + PROGRAM
        words = peer.url, named, peer.address, strange.url, silent.url
        done = run(program, *words, by=BY.get(lacking, ()))

    unix = "local" if lacking == "unix sockets" else "refused"
    reasons = f"ok ok ok tls_certificate {unix}"
    assert done.stdout.splitlines() == [reasons, reasons, "füße", "timeout", "True 0"], done.stderr
    assert (done.returncode, done.stderr) == (0, "")


# --- the page


PAGE = ROOT / "docs/explanation/platforms.rst"
SOURCE = ROOT / "src/tryconnect"
BRANCH = re.compile(
    r"sys\.platform|os\.name\b|hasattr\((?:os|select|selectors|signal|socket)\b|sched_getaffinity"
)
"""What asks for the platform, or for what only some have."""


def rows() -> Iterator[tuple[str, str]]:
    """Yield what is missing, by the page's tables, and the rest of its row."""
    for row in re.split(r"^   \* - ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        missing, _, rest = row.partition("\n")
        yield missing, rest.partition("\n\n")[0]


def test_each_row_names_files_and_tests_that_exist() -> None:
    for missing, rest in rows():
        if missing == "Missing":
            continue
        files = re.findall(r"``([\w/]+\.py)``", rest)
        tests = re.findall(r"``(tests/[\w/]+\.py)::(\w+)``", rest)
        assert files, missing
        assert tests or "not simulated" in rest, missing
        assert [each for each in files if not (SOURCE / each).exists()] == []
        for file, name in tests:
            assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE)


def test_each_file_that_asks_for_the_platform_is_in_a_row() -> None:
    named = "".join(rest for _, rest in rows())
    asking: list[Path] = [
        each.relative_to(SOURCE) for each in SOURCE.rglob("*.py") if BRANCH.search(each.read_text())
    ]
    assert len(asking) > 20
    assert [each for each in sorted(asking) if f"``{each}``" not in named] == []
