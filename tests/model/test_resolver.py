"""What a resolver of the caller's own offers."""

from __future__ import annotations

import inspect

import aiohttp.abc
import pytest

from tryconnect._model.resolver import HostResolver


@pytest.mark.parametrize("method", ["resolve", "close"])
def test_a_resolver_of_aiohttps_is_one(method: str) -> None:
    ours = inspect.signature(getattr(HostResolver, method))
    theirs = inspect.signature(getattr(aiohttp.abc.AbstractResolver, method))
    assert list(ours.parameters) == list(theirs.parameters)
    assert [each.default for each in ours.parameters.values()] == [
        each.default for each in theirs.parameters.values()
    ]
