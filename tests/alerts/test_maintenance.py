"""When a maintenance is on."""

from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tryconnect._alerts.maintenance import Maintenance

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = {"start": time(23), "end": time(2), "zone": UTC}
WORK = {"start": time(9), "end": time(17), "zone": UTC}
ONCE = {
    "start": datetime(2026, 1, 5, 10, tzinfo=timezone(timedelta(hours=2))),
    "end": datetime(2026, 1, 5, 12, tzinfo=timezone(timedelta(hours=2))),
}

# 2026-01-05 is a Monday.
MOMENTS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "a day": (WORK, "2026-01-05T12:00", True),
    "its first moment": (WORK, "2026-01-05T09:00", True),
    "its end": (WORK, "2026-01-05T17:00", False),
    "before midnight": (NIGHT, "2026-01-05T23:30", True),
    "after midnight": (NIGHT, "2026-01-06T01:59", True),
    "the morning": (NIGHT, "2026-01-06T02:00", False),
    "a day of the week": (WORK | {"days": ["mon"]}, "2026-01-05T12:00", True),
    "another one": (WORK | {"days": ["tue", "sun"]}, "2026-01-05T12:00", False),
    "the night of Monday, on Tuesday": (NIGHT | {"days": ["mon"]}, "2026-01-06T01:00", True),
    "the night of Tuesday, on Tuesday": (NIGHT | {"days": ["tue"]}, "2026-01-06T01:00", False),
    "24 hours": ({"start": time(0), "end": time(0), "zone": UTC}, "2026-01-05T12:00", True),
    "once": (ONCE, "2026-01-05T08:00", True),
    "once, two hours later": (ONCE, "2026-01-05T10:00", False),
    "winter time": (WORK | {"zone": BERLIN}, "2026-01-05T08:30", True),
    "summer time": (WORK | {"zone": BERLIN}, "2026-07-06T15:30", False),
    "once, in a zone": (
        {"start": datetime(2026, 7, 6, 12), "end": datetime(2026, 7, 6, 13), "zone": BERLIN},  # noqa: DTZ001
        "2026-07-06T10:30",
        True,
    ),
}


@pytest.mark.parametrize(("window", "moment", "on"), MOMENTS.values(), ids=list(MOMENTS))
def test_a_window_is_on_at_a_moment(window: dict[str, Any], moment: str, on: bool) -> None:  # noqa: FBT001
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert Maintenance(**window).covers(now, "shop", "") is on


WHOM = {
    "all": ({}, True),
    "by name": ({"targets": ["shop"]}, True),
    "another one": ({"targets": ["mail"]}, False),
    "by group": ({"groups": ["web"]}, True),
    "another group": ({"groups": ["db"]}, False),
    "either": ({"targets": ["mail"], "groups": ["web"]}, True),
}


@pytest.mark.parametrize(("whom", "covered"), WHOM.values(), ids=list(WHOM))
def test_a_window_is_for_some_or_for_all(whom: dict[str, Any], covered: bool) -> None:  # noqa: FBT001
    always = Maintenance(start=time(0), end=time(0), **whom)

    assert always.covers(datetime.now(UTC), "shop", "web") is covered


def test_a_target_without_a_group_is_in_none() -> None:
    assert not Maintenance(start=time(0), end=time(0), groups=[""]).covers(
        datetime.now(UTC), "shop", ""
    )


@pytest.mark.parametrize(
    "nonsense",
    [
        {"start": time(1), "end": datetime(2026, 1, 1, tzinfo=UTC)},
        {"start": datetime(2026, 1, 2, tzinfo=UTC), "end": datetime(2026, 1, 1, tzinfo=UTC)},
        {"start": time(1), "end": time(2), "days": ["someday"]},
        ONCE | {"days": ["mon"]},
    ],
)
def test_what_makes_no_window_is_refused(nonsense: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Maintenance(**nonsense)
