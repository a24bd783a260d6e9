"""The facts of an alert, as words and as variables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._alerts.alert import LARGEST_FACTS, OWN_NETWORK, Alert, AlertKind, long_duration

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z

SHOP = Alert(
    kind=AlertKind.down,
    name="shop",
    address="https://me:hunter2@shop.test/?key=hunter2",
    reason="status",
    detail="answered 503 at https://me:hunter2@shop.test/, where 2xx was expected\n   ^^^",
    since=NOON,
    now=NOON + 7260,
    group="web",
)


def test_a_command_gets_the_facts_without_secrets_and_without_lines() -> None:
    assert SHOP.variables() == {
        "TRYCONNECT_STATE": "down",
        "TRYCONNECT_REASON": "status",
        "TRYCONNECT_SINCE": "2026-01-01T12:00:00+00:00",
        "TRYCONNECT_SECONDS": "7260",
        "TRYCONNECT_NAME": "shop",
        "TRYCONNECT_GROUP": "web",
        "TRYCONNECT_ADDRESS": "https://me:***@shop.test/?key=***",
        "TRYCONNECT_TITLE": "shop is down",
        "TRYCONNECT_DETAIL": "answered 503 at https://me:***@shop.test/, where 2xx was expected",
    }


TITLES = {
    AlertKind.down: "shop is down",
    AlertKind.still_down: "shop is still down, for 2 h 1 min",
    AlertKind.up: "shop is up again after 2 h 1 min",
}


@pytest.mark.parametrize(("kind", "title"), TITLES.items())
def test_a_title_says_it_all(kind: AlertKind, title: str) -> None:
    alert = Alert(
        kind=kind, name="shop", address="h", reason="", detail="", since=NOON, now=NOON + 7260
    )

    assert alert.title == title


def test_the_network_has_words_of_its_own() -> None:
    gone = Alert(
        kind=AlertKind.local,
        name=OWN_NETWORK,
        address="",
        reason="local",
        detail="",
        since=0,
        now=60,
    )

    assert gone.title == "this machine's network is gone"
    assert gone.body == "since 1970-01-01T00:00:00+00:00"


DURATIONS = {
    0.04: "40 ms",
    59.0: "59 s",
    60.0: "1 min",
    3599.0: "59 min",
    7260.0: "2 h 1 min",
    86_400.0: "1 d",
    90_061.0: "1 d 1 h",
}


@pytest.mark.parametrize(("seconds", "words"), DURATIONS.items())
def test_a_duration_has_two_units_at_most(seconds: float, words: str) -> None:
    assert long_duration(seconds) == words


@pytest.mark.slow
@given(*[st.text(max_size=6000)] * 4)
def test_whatever_a_peer_says_the_variables_are_short_and_printable(
    name: str, group: str, address: str, detail: str
) -> None:
    alert = Alert(
        kind=AlertKind.down,
        name=name[:100],
        group=group[:100],
        address=address,
        reason="status",
        detail=detail,
        since=NOON,
        now=NOON - 60,  # the clock was set back
    )

    facts = alert.variables()

    assert sum(len(f"{key}={value}\0".encode()) for key, value in facts.items()) <= LARGEST_FACTS
    assert all(value.isprintable() for value in facts.values())
    assert facts["TRYCONNECT_SECONDS"] == "0"


def test_a_long_detail_is_cut_and_nothing_else() -> None:
    alert = Alert(
        kind=AlertKind.up,
        name="é" * 100,
        address="",
        reason="ok",
        detail="x" * 9000,
        since=0,
        now=1,
    )

    facts = alert.variables()

    assert facts["TRYCONNECT_NAME"] == "é" * 100
    assert facts["TRYCONNECT_TITLE"].endswith(" is up again after 1 s")
    assert 3000 < len(facts["TRYCONNECT_DETAIL"]) < 4000
