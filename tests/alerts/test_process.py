"""Programs for alerts: what they get, and that nothing of them stays."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from tests.web.serving import until
from tryconnect._alerts.process import ProgramError, run

pytestmark = pytest.mark.slow


async def test_a_program_gets_its_environment_and_nothing_else() -> None:
    said = await run(["/usr/bin/env"], env={"A": "b c; $(reboot)"}, timeout=10)

    assert said == "A=b c; $(reboot)"


async def test_it_reads_what_it_is_given() -> None:
    assert await run(["/bin/cat"], env={}, timeout=10, stdin=b"hello") == "hello"


FAILURES = {
    "no such program": (["/no/such"], "cannot be run: No such file or directory"),
    "no program": (["/etc/passwd"], "cannot be run: Permission denied"),
    "a status": (["/bin/sh", "-c", "exit 3"], "ended with status 3"),
    "its last words": (
        ["/bin/sh", "-c", "printf '\\033[31mno\\nroute\\n'; exit 1"],
        r"ended with status 1: \\x1b\[31mno route",
    ),
    "a signal": (["/bin/sh", "-c", "kill -TERM $$"], "was killed by signal 15"),
}


@pytest.mark.parametrize(("argv", "said"), FAILURES.values(), ids=list(FAILURES))
async def test_a_failure_is_told_in_one_line(argv: list[str], said: str) -> None:
    with pytest.raises(ProgramError, match=f"^{said}$"):
        await run(argv, env={}, timeout=10)


# Each writes down the number of a process that would sleep for ever.
FAMILIES = {
    "it sleeps": "echo $$ >{}; exec sleep 1000",
    "a child sleeps": "sleep 1000 & echo $! >{}; wait",
    "a child that nobody waits for": "sleep 1000 & echo $! >{}; exit 0",
    "a child that ignores signals": "(trap '' TERM HUP; sleep 1000) & echo $! >{}; wait",
    "a grandchild": "sh -c 'sleep 1000 & echo $! >{}; wait' & wait",
}


@pytest.mark.parametrize("script", FAMILIES.values(), ids=list(FAMILIES))
async def test_no_process_of_a_program_outlives_it(script: str, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    began = time.monotonic()

    try:
        await run(["/bin/sh", "-c", script.format(file)], env={"PATH": os.defpath}, timeout=1)
    except ProgramError as error:
        assert str(error) == "did not end within 1 s, and was killed"  # noqa: PT017

    assert time.monotonic() - began < 5
    await until(lambda: not alive(int(file.read_text())))


async def test_nor_does_one_whose_caller_is_cancelled(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = f"sleep 1000 & echo $! >{file}; wait"
    task = asyncio.create_task(run(["/bin/sh", "-c", script], env={"PATH": os.defpath}, timeout=60))
    await until(lambda: file.exists() and file.read_text())

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until(lambda: not alive(int(file.read_text())))


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_output_without_end_is_no_matter() -> None:
    program = "import sys\nfor _ in range(1000): print('x' * 1000)\nsys.exit(1)"

    with pytest.raises(ProgramError) as raised:
        await run([sys.executable, "-c", program], env={}, timeout=20)

    assert len(str(raised.value)) < 400
