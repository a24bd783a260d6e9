"""The history of a watched address: its counts, its state, and the latest checks."""

import pytest

from tryconnect import Reason, Report, Timings
from tryconnect._runs.history import History, Point

SIZE = 3


def report(reason: Reason) -> Report:
    return Report("h", reason, f"why {reason}", timings=Timings(total=0.25))


def test_checks_are_counted_and_the_latest_ones_remembered() -> None:
    history = History("h", SIZE)
    assert (history.share, history.detail) == ("–", "")  # noqa: RUF001 - a dash

    for now, reason in enumerate(
        [Reason.local, Reason.ok, Reason.ok, Reason.refused, Reason.ok], start=1
    ):
        point = history.take(report(reason), float(now))
        assert point == Point(now, reason, 0.25)
        assert point.ok is (reason is Reason.ok)

    assert (history.checks, history.good, history.share) == (4, 3, "75.0%")
    assert [each.time for each in history.latest] == [3, 4, 5]
    assert history.detail == "why ok"


def test_the_first_state_is_no_change() -> None:
    history = History("h", SIZE)

    history.change(report(Reason.ok), 1.0)
    assert (history.transitions, history.since) == (0, 1.0)
    history.change(report(Reason.refused), 3.0)
    assert (history.transitions, history.since) == (1, 3.0)


UP = {Reason.ok: True, Reason.refused: False, Reason.status: False, Reason.local: None}


@pytest.mark.parametrize("reason", UP)
def test_an_address_is_up_or_down_or_its_state_is_unknown(reason: Reason) -> None:
    history = History("h", SIZE)
    assert history.up is None

    history.change(report(reason), 1.0)

    assert history.up is UP[reason]
