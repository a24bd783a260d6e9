"""The options of a survey: named once in the signature, and told from what is none."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from tryconnect import survey
from tryconnect._survey.options import Options, SurveyOptions, read_options


def test_the_signature_names_all_options_with_their_defaults() -> None:
    shown = inspect.signature(survey).parameters
    defaults = {name: each.default for name, each in shown.items() if name not in {"source", "out"}}

    assert defaults.keys() == SurveyOptions.__annotations__.keys()
    assert Options(**defaults) == Options()
    assert [*shown][:2] == ["source", "out"]


def test_the_docstring_tells_of_each() -> None:
    doc = inspect.getdoc(survey) or ""
    missing = [n for n in SurveyOptions.__annotations__ if f"\n    {n}: " not in doc]
    assert missing == []


def test_a_keyword_that_is_no_option_is_named() -> None:
    wrong: Any = {"limits": 3}
    with pytest.raises(TypeError, match=r"^survey\(\) got an unexpected keyword argument 'limits'"):
        read_options(wrong)


def test_what_the_plan_compares_holds_no_header() -> None:
    client: Any = {"headers": {"Authorization": "hunter2"}}
    told = Options(client=client).of_plan()

    assert "hunter2" not in repr(told)
    assert told["client"] != Options().of_plan()["client"]
