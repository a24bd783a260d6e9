"""The watched targets as metrics."""

import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tryconnect import Reason, Report, Timings, Tls
from tryconnect.web import WatchedTarget
from tryconnect.web._metrics import Metrics
from tryconnect.web._prometheus import encoded
from tryconnect.web._target_metrics import TargetMetrics
from tryconnect.web._watcher import Watcher

EXPIRES = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def watcher() -> Watcher:
    targets = [WatchedTarget(name=name, address="h") for name in ("shop", "mail", "new")]
    watcher = Watcher(targets, limit=None, metrics=Metrics(), listeners=[])
    reports = {
        "shop": [Report("h", Reason.ok, "", timings=Timings(total=0.25), tls=Tls("x", EXPIRES))],
        "mail": [Report("h", Reason.ok, ""), Report("h", Reason.refused, "")],
    }
    for name, each in reports.items():
        for report in each:
            watcher.targets[name].take(report, 1234.5)
            watcher.targets[name].change(report, 1234.5)
    return watcher


def rows(watcher: Watcher) -> dict[str, float]:
    text = encoded(TargetMetrics(watcher).collect(), "")[0].decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_each_target_has_its_rows(watcher: Watcher) -> None:
    told = rows(watcher)

    assert told.pop("tryconnect_schedule_lateness_seconds") < 1
    assert told == {
        "tryconnect_targets": 3,
        "tryconnect_targets_late": 0,
        'tryconnect_target_up{target="shop"}': 1,
        'tryconnect_target_up{target="mail"}': 0,
        'tryconnect_target_check_duration_seconds{target="shop"}': 0.25,
        'tryconnect_target_check_duration_seconds{target="mail"}': 0,
        'tryconnect_target_last_check_timestamp_seconds{target="shop"}': 1234.5,
        'tryconnect_target_last_check_timestamp_seconds{target="mail"}': 1234.5,
        'tryconnect_target_lateness_seconds{target="shop"}': 0,
        'tryconnect_target_lateness_seconds{target="mail"}': 0,
        'tryconnect_target_lateness_seconds{target="new"}': 0,
        'tryconnect_target_cert_expiry_timestamp_seconds{target="shop"}': EXPIRES.timestamp(),
        'tryconnect_target_reason{reason="ok",target="shop"}': 1,
        'tryconnect_target_reason{reason="refused",target="mail"}': 1,
        'tryconnect_target_checks_total{reason="ok",target="shop"}': 1,
        'tryconnect_target_checks_total{reason="ok",target="mail"}': 1,
        'tryconnect_target_checks_total{reason="refused",target="mail"}': 1,
    }


def test_what_nobody_checks_is_not_up(watcher: Watcher) -> None:
    later = time.monotonic() + 3600
    watcher.targets["shop"].clock = lambda: later

    assert 'tryconnect_target_up{target="shop"}' not in rows(watcher)


def test_a_target_that_waits_for_room_is_late(watcher: Watcher) -> None:
    watched = watcher.targets["new"]
    watched.due, watched.waits = time.monotonic() - 5, True

    told = rows(watcher)

    assert told['tryconnect_target_lateness_seconds{target="new"}'] == pytest.approx(5, abs=0.5)
    assert told["tryconnect_schedule_lateness_seconds"] == pytest.approx(5, abs=0.5)
    assert told["tryconnect_targets_late"] == 1


# --- rules for alerts

EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = EXAMPLES / "tryconnect-alerts.yml"


@pytest.mark.slow
@pytest.mark.wants(program="promtool")
@pytest.mark.parametrize(
    "words",
    [("check", "rules", "tryconnect-alerts.yml"), ("test", "rules", "tryconnect-alerts.test.yml")],
)
def test_promtool_finds_the_rules_good(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], cwd=EXAMPLES, capture_output=True, text=True)  # noqa: PLW1510, S603, S607

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_ask_for_series_that_there_are(watcher: Watcher) -> None:
    asked = set(re.findall(r"\b(?:tryconnect|probe)_\w+", RULES.read_text("utf-8")))
    told = {name.partition("{")[0] for name in rows(watcher)}
    theirs = {"probe_success", "probe_ssl_earliest_cert_expiry"}
    reload = {"tryconnect_targets_file_last_reload_successful"}

    assert asked - told - theirs - reload == set()
