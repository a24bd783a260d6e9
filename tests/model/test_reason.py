"""The closed set of words."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from tryconnect._model.reason import Reason


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_its_own_word_with_a_sentence_for_people(reason: Reason) -> None:
    assert reason == reason.value == reason.name == str(reason)
    assert reason.isidentifier()
    assert reason.islower()
    assert reason.meaning[0].isupper()
    assert reason.meaning.endswith(".")
    assert json.dumps(reason) == f'"{reason.name}"'


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_survives_being_copied_and_pickled(reason: Reason) -> None:
    assert copy.deepcopy(reason) is reason
    assert pickle.loads(pickle.dumps(reason)) is reason  # noqa: S301 - ours


def test_no_two_reasons_mean_the_same() -> None:
    assert len({reason.meaning for reason in Reason}) == len(Reason)


def test_there_is_no_reason_of_another_name() -> None:
    with pytest.raises(ValueError, match="is not a valid Reason"):
        Reason("OK")  # type: ignore[call-arg]
