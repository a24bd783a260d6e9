"""The how-to of the wall screen, line by line: from nothing to mail when something is down."""

import asyncio
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.alerts.sinks import eventually, mail_server
from tryconnect import testing as peers

PAGE = Path(__file__).parents[2] / "docs/howto/wall.rst"

pytestmark = pytest.mark.slow


def lines() -> list[str]:
    block = re.search(r"\.\. code-block:: sh\n\n((?:    .*\n)+)", PAGE.read_text("utf-8"))
    assert block is not None
    return textwrap.dedent(block[1]).splitlines()


def test_it_is_ten_lines() -> None:
    assert len(lines()) == 10


async def history(session: aiohttp.ClientSession) -> dict[str, Any]:
    response = await session.get("/api/targets/database/history")
    found: dict[str, Any] = await response.json()
    return found


async def test_the_lines_put_a_page_up_and_send_mail(tmp_path: Path) -> None:
    install, *rest = lines()
    assert install.startswith("pip install ")
    async with mail_server() as mail, peers.http_server() as site, peers.closed_port() as database:
        # What is somebody else's in the page is ours here; all other words are its own.
        ours = {
            "mailtos://watch:password@example.com?to=on-call@example.com": mail.url,
            "https://example.com/": site.url,
            "tcp://db.example.com:5432": f"tcp://{database.address}",
            "tryconnect serve": f"exec {sys.executable} -m tryconnect serve --port 0",
        }
        script = "\n".join(rest)
        for theirs, own in ours.items():
            assert script.count(theirs) == 1
            script = script.replace(theirs, own)
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-e", "-c", script),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"NO_PROXY": "*"},
        )
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().rpartition(" ")[2].strip()
        try:
            await eventually(lambda: mail.subjects == ["database is down"])
            async with aiohttp.ClientSession(url) as session:
                page = await (await session.get("/")).text()
                past = await history(session)
                while not past["incidents"]:  # they are written within a second
                    await asyncio.sleep(0.05)
                    past = await history(session)
        finally:
            process.terminate()
            _, said = await process.communicate()

    assert "<title>Our services</title>" in page
    assert [incident["reason"] for incident in past["incidents"]] == ["refused"]
    assert "alert delivered by notify: database is down" in said.decode()
    assert process.returncode == 0
