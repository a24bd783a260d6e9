"""What a file says about alerts is read, or its first fault is told with the line."""

from datetime import time
from pathlib import Path
from typing import Any

import pytest

from tryconnect._alerts.channels import Command, Notification
from tryconnect._alerts.state import Pace
from tryconnect.web._alert_tables import AlertSettings
from tryconnect.web._targets_file import TargetsFile, read_targets_file

TARGET = """
[[target]]
name = "shop"
address = "https://shop.test/"
group = "web"
"""

WHOLE = """
[[alert]]
name = "on call"
exec = "/bin/true --now 'two words'"
notify = ["json://a.test", "json://b.test"]
remind = "4h"
timeout = 5
most_per_hour = 3

[[alert]]
name = "office"
notify_variable = "OFFICE"

[[maintenance]]
start = 23:00:00
end = 02:00:00
days = ["sat"]
zone = "Europe/Berlin"
groups = ["web"]

[[maintenance]]
start = 2026-01-31T23:00:00+01:00
end = 2026-02-01T23:00:00+01:00

[network]
canaries = ["tcp://192.0.2.1:53"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OFFICE", "json://c.test")
    return tmp_path / "targets.toml"


def read(file: Path, text: str) -> TargetsFile:
    file.write_text(text)
    file.chmod(0o644)
    return read_targets_file(file)


def settings(file: Path, text: str) -> AlertSettings:
    found = read(file, text).alerts
    assert found is not None
    return found


def test_a_whole_file(file: Path) -> None:
    found = settings(file, TARGET + WHOLE)

    pace = Pace(remind=4 * 3600, most=3)
    assert [(way.channel, way.pace) for way in found.ways["on call"]] == [
        (Command("/bin/true --now 'two words'", 5), pace),
        (Notification(("json://a.test", "json://b.test"), 5), pace),
    ]
    assert [way.channel for way in found.ways["office"]] == [Notification(("json://c.test",))]
    night, once = found.maintenances
    assert (night.start, night.days, night.groups) == (time(23), ("sat",), ("web",))
    assert once.targets == ()
    assert found.canaries == ("tcp://192.0.2.1:53",)


def test_a_target_has_all_alerts_or_those_that_it_names(file: Path) -> None:
    found = settings(file, TARGET + WHOLE)

    assert len(found.ways_of(None)) == 3
    assert found.ways_of(("office",)) == [*found.ways["office"]]
    assert found.ways_of(()) == []


def test_a_file_without_alerts_has_none(file: Path) -> None:
    assert settings(file, TARGET) == AlertSettings()


ALERT = '[[alert]]\nname = "a"\n'
FAULTS: dict[str, tuple[str, int, str]] = {
    "no table": ('alert = 1\n[[target]]\nname = "a"\naddress = "h"', 1, "an alert is a table"),
    "no way": (ALERT, 1, "an alert has exec, notify or notify_variable"),
    "no name": ('[[alert]]\nexec = "/bin/true"', 1, "there is no name"),
    "two of a name": (
        f'{ALERT}exec = "/bin/true"\n{ALERT}exec = "/bin/true"',
        5,
        "two alerts are called 'a'",
    ),
    "an unknown field": (f"{ALERT}shell = true", 3, "there is no 'shell' here"),
    "no program": (f'{ALERT}exec = "/no/such"', 3, "there is no program '/no/such'"),
    "no text": (f"{ALERT}exec = 1", 3, "a command is a text, not 1"),
    "no URL": (f'{ALERT}notify = "secret word"', 3, "URL 1 is not one of Apprise's"),
    "no list": (f"{ALERT}notify = 1", 3, "notify is a list of URLs"),
    "a file": (f'{ALERT}notify = ["file:///etc/passwd"]', 3, "URL 1: file:// is refused"),
    "no variable": (f'{ALERT}notify_variable = "NO_SUCH"', 3, "there is no variable NO_SUCH"),
    "no duration": (f'{ALERT}exec = "/bin/true"\nremind = "soon"', 4, "a duration looks like"),
    "no seconds": (f'{ALERT}exec = "/bin/true"\ntimeout = 0', 4, "timeout"),
    "no number": (f'{ALERT}exec = "/bin/true"\nmost_per_hour = 0', 4, "most_per_hour"),
    "no time": ("[[maintenance]]\nstart = 1\nend = 2", 2, "this is a time such as"),
    "no end": ("[[maintenance]]\nstart = 10:00:00", 1, "there is no end"),
    "no day": (
        '[[maintenance]]\nstart = 10:00:00\nend = 11:00:00\ndays = ["someday"]',
        2,
        "a day is one of",
    ),
    "no zone": (
        '[[maintenance]]\nstart = 10:00:00\nend = 11:00:00\nzone = "Nowhere/Land"',
        4,
        "there is no time zone 'Nowhere/Land'",
    ),
    "no list of names": (
        '[[maintenance]]\nstart = 10:00:00\nend = 11:00:00\ntargets = "shop"',
        4,
        "this is a list of texts",
    ),
    "a list of numbers": (f"alert = [1]\n{TARGET}", 1, "this is a table [[alert]]"),
    "a name that is none": (
        "[[maintenance]]\nstart = 10:00:00\nend = 11:00:00\ntargets = [1]",
        4,
        "this is a text, not 1",
    ),
    "no address": ('[network]\ncanaries = ["http://a:99999"]', 2, "a port is a number"),
    "two networks": ("[[network]]", 1, "the network is a table [network]"),
    "an unknown network": ("[network]\ngateway = 1", 2, "there is no 'gateway' here"),
    "an unknown alert": (
        '[[target]]\nname = "b"\naddress = "h"\nalerts = ["on call"]',
        1,
        "there is no alert called 'on call'",
    ),
}


@pytest.mark.parametrize(("text", "line", "fault"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_told_with_its_line(text: str, line: int, fault: str, file: Path) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        read(file, text if text.startswith("alert") else text + TARGET)

    assert fault in str(raised.value)
    assert f"line {line}: " in str(raised.value) or fault.startswith("there is no alert")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("mode", "refused"), [(0o644, False), (0o664, True), (0o646, True)])
def test_a_file_that_others_write_may_not_name_a_command(
    mode: int,
    refused: Any,
    file: Path,
) -> None:
    file.write_text(f'{TARGET}{ALERT}exec = "/bin/true"')
    file.chmod(mode)

    if not refused:
        read_targets_file(file)
        return
    with pytest.raises(ValueError, match=r"line 8: a file with exec must be safe from others: "):
        read_targets_file(file)


def test_but_a_notification_it_may(file: Path) -> None:
    file.write_text(f'{TARGET}{ALERT}notify = "json://a.test"')
    file.chmod(0o666)

    assert read_targets_file(file).alerts is not None


def test_a_url_that_apprise_cannot_read_is_told_with_its_alert(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(notification: Notification) -> None:
        if "b.test" in notification.urls[0]:
            raise ValueError("URL 1 (json): Apprise cannot read it")

    monkeypatch.setattr(Notification, "verify", verify)
    good = f'{ALERT}notify = "json://a.test"'
    bad = '[[alert]]\nname = "b"\nexec = "/bin/true"\nnotify = "json://b.test"'
    settings(file, TARGET + good).verify()

    with pytest.raises(
        ValueError, match=r"^the alert 'b': URL 1 \(json\): Apprise cannot read it$"
    ):
        settings(file, f"{TARGET}{good}\n{bad}").verify()
