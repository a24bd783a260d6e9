"""When something is told: the machine of values, as a table of stories."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._alerts.alert import AlertKind
from tryconnect._alerts.state import Pace, Teller

UP, DOWN, QUIET, LOUD, FAIL = "up", "down", "quiet", "loud", "fail"
HOUR = 3600.0

# Each story: how it is told, what happens when, and what is told when.  Somebody looks each minute.
STORIES: dict[
    str, tuple[dict[str, Any], list[tuple[float, str]], list[tuple[float, AlertKind]]]
] = {
    "up from the start": ({}, [(0, UP)], []),
    "down from the start": ({}, [(0, DOWN)], [(0, AlertKind.down)]),
    "down and up": (
        {},
        [(0, UP), (60, DOWN), (300, UP)],
        [(60, AlertKind.down), (300, AlertKind.up)],
    ),
    "down again": (
        {},
        [(0, DOWN), (60, UP), (120, DOWN)],
        [(0, AlertKind.down), (60, AlertKind.up), (120, AlertKind.down)],
    ),
    "reminders": (
        {"remind": HOUR},
        [(0, DOWN), (2.5 * HOUR, UP)],
        [
            (0, AlertKind.down),
            (HOUR, AlertKind.still_down),
            (2 * HOUR, AlertKind.still_down),
            (2.5 * HOUR, AlertKind.up),
        ],
    ),
    "no reminder of what is up": ({"remind": HOUR}, [(0, UP), (9 * HOUR, UP)], []),
    "so many an hour, then what is so": (
        {"most": 3},
        [(0, DOWN), (60, UP), (120, DOWN), (180, UP), (300, DOWN), (360, UP), (2 * HOUR, UP)],
        [(0, AlertKind.down), (60, AlertKind.up), (120, AlertKind.down), (HOUR, AlertKind.up)],
    ),
    "what was over before it could be told is not": (
        {"most": 2},
        [(0, DOWN), (60, UP), (120, DOWN), (180, UP), (2 * HOUR, UP)],
        [(0, AlertKind.down), (60, AlertKind.up)],
    ),
    "a maintenance": (
        {},
        [(0, UP), (60, QUIET), (120, DOWN), (180, UP), (240, LOUD), (300, UP)],
        [],
    ),
    "a maintenance after which it is down": (
        {},
        [(0, UP), (60, QUIET), (120, DOWN), (240, LOUD)],
        [(240, AlertKind.down)],
    ),
    "a maintenance in which it came up": (
        {},
        [(0, DOWN), (60, QUIET), (120, UP), (240, LOUD)],
        [(0, AlertKind.down), (240, AlertKind.up)],
    ),
    "a delivery that fails twice": (
        {"first_retry": 50},
        [(0, FAIL), (0, FAIL), (0, DOWN), (600, UP)],
        # After 50 seconds and 100 more, at the next minute each.
        [(0, AlertKind.down), (60, AlertKind.down), (180, AlertKind.down), (600, AlertKind.up)],
    ),
    "one that fails until it is over": (
        {"first_retry": 900, "last_retry": 900},
        [(0, FAIL), (0, DOWN), (600, UP), (2 * HOUR, UP)],
        [(0, AlertKind.down)],
    ),
    "down and told before a restart": (
        {"told_up": False},
        [(0, DOWN), (60, UP)],
        [(60, AlertKind.up)],
    ),
    "up again after a restart": ({"told_up": False}, [(0, UP)], [(0, AlertKind.up)]),
    "down and perhaps not told before a restart": (
        {"told_up": None},
        [(0, DOWN)],
        [(0, AlertKind.down)],
    ),
    "perhaps told, and up": ({"told_up": None}, [(0, UP)], [(0, AlertKind.up)]),
    "reminders after a restart": (
        {"told_up": False, "remind": HOUR},
        [(0, DOWN), (1.5 * HOUR, DOWN)],
        [(HOUR, AlertKind.still_down)],
    ),
}


def told(
    options: dict[str, Any], events: list[tuple[float, str]]
) -> tuple[list[tuple[float, AlertKind]], Teller]:
    told_up = options.get("told_up", True)
    pace = Pace(**{name: value for name, value in options.items() if name != "told_up"})
    teller = Teller(pace, told_up=told_up)
    found, failures, quiet, left = [], 0, False, [*events]
    for now in range(0, int(events[-1][0]) + 61, 60):
        while left and left[0][0] <= now:
            word = left.pop(0)[1]
            failures += word == FAIL
            quiet = {QUIET: True, LOUD: False}.get(word, quiet)
            if word in {UP, DOWN}:
                teller.update(up=word == UP)
        if kind := teller.due(now, quiet=quiet):
            found.append((float(now), kind))
            assert teller.due(now) is None  # one at a time
            if failures:
                failures -= 1
                teller.failed(now)
            else:
                teller.delivered(now)
    return found, teller


@pytest.mark.parametrize(("options", "events", "expected"), STORIES.values(), ids=list(STORIES))
def test_a_story_is_told_so(
    options: dict[str, Any],
    events: list[tuple[float, str]],
    expected: list[tuple[float, AlertKind]],
) -> None:
    assert told(options, events)[0] == expected


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from([UP, DOWN, QUIET, LOUD, FAIL]))),
    st.integers(1, 5),
)
def test_whatever_happens_down_and_up_alternate_and_the_last_word_is_true(
    steps: list[tuple[int, str]], most: int
) -> None:
    events = [(minute * 60.0, word) for minute, word in sorted(steps)]
    state = next((word for _, word in reversed(events) if word in {UP, DOWN}), UP)
    events += [(201 * 60.0, LOUD), (201 * 60.0 + 5 * HOUR, state)]

    found, teller = told({"most": most}, events)

    assert teller.told_down is (state == DOWN)
    # Those that failed are repeated; what differs from the one before is the other state.
    changes = [kind for n, (_, kind) in enumerate(found) if not n or kind is not found[n - 1][1]]
    assert changes == [AlertKind.down, AlertKind.up] * (len(changes) // 2) + [AlertKind.down] * (
        len(changes) % 2
    )


@pytest.mark.slow
@given(st.lists(st.booleans()))
def test_a_target_is_settled_when_nothing_can_be_due(states: list[bool]) -> None:
    teller = Teller(Pace(remind=1))
    for now, up in enumerate(states):
        teller.update(up=up)
        if teller.settled:
            assert teller.due(now + 1e9) is None
        elif teller.due(now):
            assert not teller.settled
            teller.delivered(now)
