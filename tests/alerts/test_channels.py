"""A command and a notification: what they get, what is refused, and that secrets stay secret."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.sinks import Noted, http_hook, mail_server
from tests.alerts.test_alert import SHOP
from tryconnect import testing as peers
from tryconnect._alerts import channels
from tryconnect._alerts.channels import Command, Notification, ProgramError, notify_urls


@pytest.mark.slow
async def test_a_command_gets_its_arguments_without_a_shell_and_the_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRYCONNECT_TOKEN", "hunter2")
    noted = Noted(tmp_path)

    await Command(noted.line).deliver(SHOP)

    (got,) = noted.got
    assert got == {"argv": ["two words; $(reboot)"], **SHOP.variables()}


LINES = {
    "an open quote": ("'a", "the command cannot be read: no closing quotation"),
    "nothing": ("  ", "the command is empty"),
    "no such program": ("/no/such thing", "there is no program '/no/such' that can be run"),
    "none by its name": ("no-such-program-anywhere", "there is no program"),
}


@pytest.mark.parametrize(("line", "fault"), LINES.values(), ids=list(LINES))
def test_a_command_that_cannot_be_run_is_refused_at_once(line: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}"):
        Command(line)


def test_a_command_must_be_a_text() -> None:
    with pytest.raises(TypeError, match=r"a command is a text"):
        Command(["true"])  # type: ignore[arg-type]


URLS = {
    "nothing": ((), "there is no URL to notify"),
    "no URL": (("hello",), "URL 1 is not one of Apprise's"),
    "two in one": (("json://a.test json://b.test",), "URL 1 is not one of Apprise's"),
    "a file": (("json://a.test", "file:///etc/passwd"), "URL 2: file:// is refused"),
    "in other letters": (("FILE:///etc/passwd",), "URL 1: file:// is refused"),
    "a command": (("exec://reboot",), "URL 1: exec:// is refused"),
    "the desktop": (("dbus://",), "URL 1 is not one of Apprise's"),
    "the desktop, whole": (("gnome://x",), "URL 1: gnome:// is refused"),
    "the log": (("syslog://x",), "URL 1: syslog:// is refused"),
}


@pytest.mark.parametrize(("urls", "fault"), URLS.values(), ids=list(URLS))
def test_a_url_that_is_none_or_not_of_a_network_is_refused(
    urls: tuple[str, ...], fault: str
) -> None:
    with pytest.raises(ValueError, match=f"^{fault}"):
        Notification(urls)


@pytest.mark.slow
def test_the_process_that_sends_refuses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_SCHEMA", re.compile("(.*)"))

    for url, fault in (
        ("syslog://local1", r"^URL 1 \(syslog\): it is refused$"),
        ("nonsense://hunter2@a.test", r"^URL 1 \(nonsense\): Apprise cannot read it$"),
    ):
        with pytest.raises(ValueError, match=fault):
            Notification((url,)).verify()


@pytest.mark.slow
async def test_a_notification_arrives_by_mail_and_by_http() -> None:
    async with mail_server() as mail, http_hook() as hook:
        notification = Notification((mail.url, hook.url))
        await notification.deliver(SHOP)

    (message,), (posted,) = mail.got, hook.got
    assert message["Subject"] == posted["title"] == "shop is down"
    assert posted["type"] == "failure"
    assert "answered 503 at https://me:***@shop.test/" in posted["message"]
    text = message.get_body(("plain", "html"))
    assert text is not None
    assert "answered 503" in text.get_content()
    assert "hunter2" not in str(message) + str(posted)


@pytest.mark.slow
async def test_what_is_not_delivered_is_told_without_the_url() -> None:
    async with http_hook() as hook:
        hook.status = 500
        with pytest.raises(ProgramError) as raised:
            await Notification((hook.url,)).deliver(SHOP)

    assert str(raised.value) == "ended with status 1: URL 1 (json): not delivered"


@pytest.mark.slow
async def test_a_service_that_does_not_answer_is_given_up() -> None:
    async with peers.silent() as peer:
        url = f"json://{peer.url.partition('//')[2]}"
        with pytest.raises(ProgramError, match=r"did not end within 3 s, and was killed"):
            await Notification((url,), timeout=3).deliver(SHOP)


@pytest.mark.slow
def test_urls_are_no_arguments_and_no_variables_of_the_process_that_sends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others see those in ``ps`` and in /proc."""
    monkeypatch.setenv("TRYCONNECT_NOTIFY", "json://hunter2.test/")
    seen: dict[str, Any] = {}
    run = subprocess.run

    def note(argv: list[str], **options: object) -> object:
        seen.update(argv=argv, env=options["env"])
        return run(argv, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", note)
    Notification(("json://hunter2.test/",)).verify()

    assert "hunter2" not in str(seen)
    assert seen["argv"][0] == sys.executable
    assert os.environ["PATH"] == seen["env"]["PATH"]


def test_without_apprise_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(ValueError, match=r"pip install 'tryconnect\[notify\]'"):
        Notification(("json://a.test",))


def test_a_notification_does_not_show_its_urls() -> None:
    assert "hunter2" not in repr(Notification(("json://hunter2.test",)))


def test_urls_stand_on_lines() -> None:
    text = (
        "# the people on call\njson://a.test  json://b.test\n\n  # json://c.test\nmailto://d.test\n"
    )

    assert notify_urls(text) == ("json://a.test", "json://b.test", "mailto://d.test")
