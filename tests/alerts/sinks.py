"""Where alerts arrive in tests: a mail server and an HTTP server on loopback, and a command."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP


async def eventually(true: Callable[[], object]) -> None:
    """Wait until something is so; on a busy machine a notification takes its time."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)


class Mail:
    """What a mail server has got."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Its URL for Apprise."""
        return f"mailto://127.0.0.1:{self.port}?from=watch@a.test&to=me@b.test&mode=insecure"

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.got]

    async def handle_DATA(self, _: object, __: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.got.append(parsed)
        return "250 OK"


@contextlib.asynccontextmanager
async def mail_server() -> AsyncIterator[Mail]:
    mail = Mail()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mail, loop=loop), "127.0.0.1", 0)
    mail.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mail


class Hook:
    """What an HTTP server has got; it answers with ``status``."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.port = 0

    @property
    def url(self) -> str:
        """Its URL for Apprise."""
        return f"json://user:hunter2@127.0.0.1:{self.port}/?key=hunter2"

    @property
    def titles(self) -> list[str]:
        return [each["title"] for each in self.got]

    async def handle(self, request: web.BaseRequest) -> web.Response:
        if self.status == web.HTTPOk.status_code:
            self.got.append(json.loads(await request.text()))
        return web.Response(status=self.status)


@contextlib.asynccontextmanager
async def http_hook() -> AsyncIterator[Hook]:
    hook = Hook()
    runner = web.ServerRunner(web.Server(hook.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.port = runner.addresses[0][1]
    try:
        yield hook
    finally:
        await runner.cleanup()


NOTE = """
import json, os, sys, time
facts = {name: value for name, value in os.environ.items() if name.startswith("TRYCONNECT_")}
with open(sys.argv[1], "a") as file:
    print(json.dumps(facts | {"argv": sys.argv[2:]}), file=file)
"""


class Noted:
    """What a command has got: its facts, a line each."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._file = folder / "noted.jsonl"
        script = folder / "note.py"
        script.write_text(NOTE)
        self.line = f"'{sys.executable}' '{script}' '{self._file}' 'two words; $(reboot)'"
        """The command, for ``exec``."""

    @property
    def got(self) -> list[dict[str, Any]]:
        if not self._file.exists():
            return []
        return [json.loads(line) for line in self._file.read_text().splitlines()]

    @property
    def states(self) -> list[str]:
        return [each["TRYCONNECT_STATE"] for each in self.got]
