"""The files that a server reads again: its targets, its certificate."""

import asyncio
import json
import logging
import os
import signal
import ssl
import tomllib
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from tests.web.serving import (
    NOT_UTF8,
    ask,
    asking,
    problem,
    served_at,
    serving,
    unguarded,
    until,
)
from tests.web.test_targets_file import BAD, WHOLE
from tryconnect import cli
from tryconnect.testing.certificates import authority
from tryconnect.web import _reload, read_targets
from tryconnect.web._keys import EVENTS, WATCHER
from tryconnect.web._reload import RELOADER, follow_file
from tryconnect.web._targets_file import TargetsFile
from tryconnect.web._targets_schema import targets_schema

pytestmark = pytest.mark.slow

TOKEN = "reload-horse"  # noqa: S105 - a test's


def targets(*names: str, every: int = 1000) -> str:
    return "".join(
        f'[[target]]\nname = "{name}"\naddress = "tcp://127.0.0.1:1"\nevery = {every}\n'
        for name in names
    )


def write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")


def remove(file: Path) -> None:
    file.unlink()


def command_line(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "targets.toml"
    file.write_text(targets("a", "b"), "utf-8")
    return file


def following(file: Path, token: str | None = TOKEN) -> aiohttp.web.Application:
    app = unguarded(read_targets(file))

    def take(read: TargetsFile) -> None:
        app[WATCHER].replace(read.targets)

    follow_file(app, file, take, token=token)
    return app


BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def test_a_reload_watches_other_targets_and_lets_the_same_go_on(file: Path) -> None:
    async with asking(following(file)) as asker:
        watcher = asker.app[WATCHER]
        await until(lambda: watcher.targets["a"].latest)
        kept, changed = watcher.targets["a"], watcher.targets["b"]
        write(file, targets("a") + targets("b", every=999) + targets("c"))

        response = await asker.post("/-/reload", headers=BEARER)

        assert (response.status, await response.json()) == (200, {"targets": 3})
        assert [*watcher.targets] == ["a", "b", "c"]
        assert watcher.targets["a"] is kept
        assert watcher.targets["b"] is not changed
        await until(lambda: watcher.targets["c"].latest)
        assert watcher.healthy
        write(file, targets("c"))
        await asker.post("/-/reload", headers=BEARER)
        assert [*watcher.targets] == ["c"]
        assert watcher.healthy


async def test_listeners_connect_again_and_get_the_new_targets(file: Path) -> None:
    async with asking(following(file)) as asker:
        listening = await asker.get("/api/events")
        await until(lambda: asker.app[EVENTS].count)
        await asker.app[RELOADER].reload()

        assert b'"name":"b"' in await listening.read()  # to its end
        assert (await asker.get("/api/events")).status == 200


async def test_a_broken_file_keeps_the_old_targets_and_says_why(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with asking(following(file)) as asker:
        write(file, targets("a") + "evry = 3\n")

        told = await problem(await asker.post("/-/reload", headers=BEARER), 422)

        assert told.startswith(f"{file}, line 5: a target has no 'evry'")
        assert [*asker.app[WATCHER].targets] == ["a", "b"]
        rows = (await (await asker.get("/metrics")).text()).splitlines()
        assert "tryconnect_targets_file_last_reload_successful 0.0" in rows
    # Whoever follows the file may have seen it, too.
    assert set(caplog.messages) == {f"the targets are kept, since the file is broken: {told}"}


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer x", f"Basic {TOKEN}", TOKEN])
async def test_a_reload_needs_its_own_token(authorization: str | None, file: Path) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with asking(following(file)) as asker:
        write(file, targets("c"))

        assert await problem(await asker.post("/-/reload", headers=headers), 401)
        assert [*asker.app[WATCHER].targets] == ["a", "b"]


@pytest.mark.parametrize("authorization", NOT_UTF8)
async def test_a_token_that_is_no_text_reloads_nothing(
    authorization: bytes, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    request = b"POST /-/reload HTTP/1.0\r\nAuthorization: %b\r\n\r\n" % authorization
    app = following(file)
    with caplog.at_level(logging.DEBUG, "tryconnect.web"):
        async with served_at(app) as address:
            write(file, targets("c"))
            answer = await ask(address, request)

            assert [*app[WATCHER].targets] == ["a", "b"]
    assert answer.split(b" ")[1] == b"401"
    assert len([record for record in caplog.records if record.name != "asyncio"]) <= 1


async def test_without_a_token_there_is_no_such_path(file: Path) -> None:
    async with asking(following(file, token=None)) as asker:
        for headers in ({}, {"Authorization": "Bearer "}):
            assert await problem(await asker.post("/-/reload", headers=headers), 404)


async def test_a_changed_file_is_read_once_it_is_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_reload, "LOOK_EVERY", 0.05)
    async with asking(following(file)) as asker:
        watcher = asker.app[WATCHER]
        before = watcher.targets["a"]
        await asyncio.sleep(0.2)
        assert watcher.targets["a"] is before  # nothing has changed
        new = file.with_name("new")
        new.write_text(targets("c"), "utf-8")
        new.replace(file)
        await until(lambda: [*watcher.targets] == ["c"])

        remove(file)
        await asyncio.sleep(0.2)
        assert [*watcher.targets] == ["c"]
        write(file, targets("d"))
        await until(lambda: [*watcher.targets] == ["d"])


async def test_a_fault_of_whoever_takes_the_targets_is_logged_and_the_file_is_still_followed(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_reload, "LOOK_EVERY", 0.02)
    taken: list[int] = []

    def take(read: TargetsFile) -> None:
        taken.append(len(read.targets))
        if len(taken) == 1:
            raise RuntimeError("broken at http://h/?key=secret")

    app = unguarded()
    follow_file(app, file, take)
    async with asking(app):
        write(file, targets("c"))
        await until(lambda: taken == [1])
        write(file, targets("c", "d", "e"))
        await until(lambda: taken == [1, 3])

    (message,) = caplog.messages
    assert "RuntimeError: broken at http://h/?key=***" in message


# --- the command


async def test_sighup_has_the_file_read_again(file: Path) -> None:
    async with serving("--targets", str(file)) as served, aiohttp.ClientSession() as session:

        async def names() -> list[str]:
            async with session.get(f"{served.url}api/targets") as response:
                return [each["name"] for each in (await response.json())["targets"]]

        assert await names() == ["a", "b"]
        write(file, targets("c"))
        os.utime(file, (0, 0))
        served.process.send_signal(signal.SIGHUP)

        async def changed() -> bool:
            return await names() == ["c"]

        await until(changed)


async def test_sighup_without_a_file_is_no_death() -> None:
    async with serving() as served, aiohttp.ClientSession() as session:
        served.process.send_signal(signal.SIGHUP)
        async with session.get(f"{served.url}healthz") as response:
            assert response.status == 200


async def test_a_token_comes_from_a_file_and_is_not_seen_in_the_list_of_processes(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "token"
    secret.write_text("correct-horse\n", "utf-8")
    async with (
        serving("--token-file", str(secret)) as served,
        aiohttp.ClientSession(headers={"Authorization": "Bearer correct-horse"}) as session,
        session.get(f"{served.url}api/targets") as response,
    ):
        assert response.status == 200
        line = command_line(served.process.pid)
        assert b"token" in line
        assert b"horse" not in line


async def test_it_serves_https_and_takes_a_renewed_certificate(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def issue() -> None:
        issued = authority().issue_cert("127.0.0.1")
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())

    issue()
    context = ssl.create_default_context(cadata=authority().cert_pem.bytes().decode())
    async with serving("--tls-cert", str(cert), "--tls-key", str(key)) as served:
        assert served.url.startswith("https://127.0.0.1:")
        port = int(served.url.rsplit(":", 1)[1].strip("/"))

        async def shown() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            return found

        before = await shown()
        issue()
        served.process.send_signal(signal.SIGHUP)

        async def renewed() -> bool:
            return await shown() != before

        await until(renewed)


def test_a_file_can_be_checked_without_serving(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["serve", "--check-config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: 2 targets, no fault\n"
    file.write_text(targets("a", "a"), "utf-8")

    with pytest.raises(SystemExit) as left:
        cli.main(["serve", "--check-config", str(file)])

    assert left.value.code == 2
    assert f"{file}, line 6: two targets are called 'a'" in capsys.readouterr().err


# --- the schema

SCHEMA = Path(__file__).parents[2] / "docs/reference/targets.schema.json"


def test_the_schema_that_is_published_is_the_one_of_the_code() -> None:
    """Write it with ``python -m tests.web.test_reload``."""
    assert json.loads(SCHEMA.read_text("utf-8")) == targets_schema()


def valid(text: str) -> bool:
    instance: dict[str, Any] = tomllib.loads(text)
    return Draft202012Validator(targets_schema()).is_valid(instance)


def test_it_accepts_good_files() -> None:
    Draft202012Validator.check_schema(targets_schema())
    assert valid(WHOLE)
    assert valid(targets("a"))


SHAPES = [
    *("an empty file", "another table", "no name", "no address", "a word that is not known"),
    *("a name of nothing", "a number for a name", "too often", "never", "half a check"),
    *("an expectation of something else", "one table", "a list of texts"),
]
"""What a schema can tell: the rest is in the values."""


@pytest.mark.parametrize("name", SHAPES)
def test_it_refuses_broken_ones(name: str) -> None:
    assert not valid(BAD[name][0])


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(targets_schema(), indent=2) + "\n", "utf-8")
