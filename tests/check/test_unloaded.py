"""First checks on a machine that lacks the means to load what checks need."""

from __future__ import annotations

import errno
import sys

import pytest

from tests.support.programs import run
from tryconnect import FetchError, Reason
from tryconnect._address.request import read_request
from tryconnect._check.unloaded import UnloadedChecker, is_want

WITHOUT_DESCRIPTORS = """
import asyncio, os, resource, sys
import tryconnect

async def main():
    _, most = old = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        for each in held[: int(sys.argv[1])]:
            os.close(each)
    print((await tryconnect.probe("https://127.0.0.1:9/")).reason)
    async with tryconnect.Client() as client:
        print((await client.probe("http://127.0.0.1:9/")).reason)
    resource.setrlimit(resource.RLIMIT_NOFILE, old)
    print((await tryconnect.probe("https://127.0.0.1:9/")).reason)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of descriptors")
def test_a_first_check_without_a_descriptor_is_our_own_fault_and_the_next_one_works() -> None:
    done = run(WITHOUT_DESCRIPTORS, "0")

    assert (done.returncode, done.stdout.split(), done.stderr) == (
        0,
        ["local", "local", "refused"],
        "",
    )


WITHOUT_MEMORY = """
import asyncio, resource, sys
import tryconnect

async def main():
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    limit = used + int(sys.argv[1]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print((await tryconnect.probe("https://127.0.0.1:9/", timeout=30)).reason, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")
@pytest.mark.parametrize("mebibytes", [4, 16, 64])
def test_nor_does_want_of_address_space_blame_anybody(mebibytes: int) -> None:
    done = run(WITHOUT_MEMORY, str(mebibytes))

    if mebibytes < 64 and not done.stdout:  # Python itself, or OpenSSL, has not enough to go on
        assert any(words in done.stderr for words in PYTHON_GIVES_UP)
    else:
        assert done.stdout.strip() in {"local", "refused"}, done.stderr


PYTHON_GIVES_UP = (
    "MemoryError",
    "Fatal Python error",
    "RuntimeError: can't allocate",
    "SystemError",
)

NEVER_LOADED = """
import asyncio, importlib.machinery, sys, threading
import tryconnect
from tryconnect._runtime import threads

threads.MAX_SETUP = 0.2
class Hangs:
    def find_spec(self, name, *_):
        return importlib.machinery.ModuleSpec(name, self) if name == sys.argv[1] else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        threading.Event().wait()

async def main():
    sys.meta_path.insert(0, Hangs())
    address = "https://127.0.0.1:9/"
    for probe in (tryconnect.probe, tryconnect.probe):
        print(await probe(address))
    async for report in tryconnect.probe_many([address]):
        print(report)
    async with tryconnect.Client() as client:
        print(await client.probe(address))

asyncio.run(main())
print(tryconnect.sync.probe("http://127.0.0.1:9/"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["aiohttp", "tryconnect._check.session", "hashlib"])
@pytest.mark.usefixtures("unmeasured")
def test_an_import_that_never_ends_is_nobodys_fault_but_this_machines(module: str) -> None:
    """OpenSSL that has no memory left when it starts was seen to do so."""
    done = run(NEVER_LOADED, module)

    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done
    for line in lines:
        assert line.startswith("local "), line
        assert "was not loaded within" in line


async def test_a_fetch_says_so_too() -> None:
    checker = UnloadedChecker(MemoryError())
    with pytest.raises(FetchError) as caught:
        await checker.fetch(read_request("http://good.test/"))

    assert caught.value.report.reason is Reason.local
    assert isinstance(caught.value.__cause__, Exception)
    assert isinstance(caught.value.__cause__.__cause__, MemoryError)
    checker.abandon()
    await checker.aclose()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.EMFILE, "no"),
        OSError(errno.ENOMEM, "no"),
        ImportError("x.so: failed to map segment from shared object"),
        ImportError("x.so: cannot open shared object file: Too many open files"),
        RuntimeError("can't start new thread"),
        OSError(786688, "[CRYPTO] malloc failure (_ssl.c:3098)"),
        OSError("unknown error (_ssl.c:3098)"),
        RuntimeError("can't allocate read lock"),
        SystemError("<built-in function compile> returned NULL without setting an exception"),
    ],
)
def test_want_is_told_from_other_faults(error: Exception) -> None:
    outer = ImportError("aiohttp")
    outer.__cause__ = error
    assert is_want(error)
    assert is_want(outer)


@pytest.mark.parametrize("error", [ImportError("no aiohttp"), PermissionError(13, "SSLKEYLOGFILE")])
def test_other_faults_are_none(error: Exception) -> None:
    assert not is_want(error)
