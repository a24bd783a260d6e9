"""The laws hold for the tests' own tables, and for what grows out of them.

This is the small change of fuzzing, the same at each run; ``run_atheris.py`` and ``replies.py`` go
further.
"""

import random

import pytest

from tests.fuzz import seeds, targets
from tests.fuzz.mutation import mutated
from tools import fuzz_replies as replies
from tryconnect import Client, Report

GROWN = 300
"""Inputs that are grown for each room."""


def grown(room: str) -> list[bytes]:
    """Inputs like the seeds, the same at each run."""
    chance = random.Random(room)  # noqa: S311
    others = [*seeds.SEEDS[room], *seeds.WORDS[room] * 3]
    return [mutated(chance, chance.choice(seeds.SEEDS[room]), others) for _ in range(GROWN)]


@pytest.mark.parametrize("room", targets.ROOMS)
def test_the_laws_hold_for_the_seeds(room: str) -> None:
    for data in seeds.SEEDS[room]:
        held(room, data)


@pytest.mark.parametrize("room", targets.ROOMS)
def test_the_laws_hold_for_what_grows_out_of_the_seeds(room: str) -> None:
    for data in grown(room):
        held(room, data)


@pytest.mark.slow
@pytest.mark.parametrize("room", targets.ROOMS)
def test_long_inputs_are_no_slower_than_they_are_long(room: str) -> None:
    chance = random.Random(room)  # noqa: S311
    for word in chance.choices(seeds.WORDS[room], k=6):
        opening = chance.choice(seeds.SEEDS[room])[:40]
        held(room, opening + word * (60_000 // len(word)))


def held(room: str, data: bytes) -> None:
    """Say which input it was."""
    try:
        targets.check(room, data)
    except Exception as error:
        error.add_note(f"{room}: {data[:2000]!r}")
        raise


def test_a_broken_law_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "redact_address", str)
    with pytest.raises(AssertionError, match=targets.SECRET):
        targets.check("redaction", b"http://\nme\n\n\nh/")


def test_a_slow_input_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "LONGEST", 0.0)
    with pytest.raises(AssertionError, match="0 s"):
        targets.check("head", b"")


def test_seeds_and_words_are_there_for_every_room() -> None:
    assert seeds.SEEDS.keys() == seeds.WORDS.keys() == targets.ROOMS.keys()


CASES = 60


@pytest.mark.slow
async def test_mutated_replies_break_no_law() -> None:
    figures = await replies.run(count=CASES, seed=1)
    assert figures.broken == []
    assert figures.reasons.total() == CASES * len(replies.CALLS) + len(figures.late)  # asked again


async def test_a_call_that_raises_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def raises(client: Client, url: str) -> Report:
        raise LookupError(f"{client} {url}")

    monkeypatch.setattr(replies, "CALLS", (raises,))
    figures = await replies.run(count=1, seed=1, first=5)
    (broken,) = figures.broken
    assert broken.startswith("case 5, raises:\n")
    assert "LookupError" in broken


async def test_a_late_call_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "LATE", -replies.TIMEOUT)
    figures = await replies.run(count=1, seed=1)
    assert len(figures.late) == len(figures.broken) == len(replies.CALLS)
