"""What decoding answers."""

from __future__ import annotations

import dataclasses

import pytest

from tryconnect._model.text import Decoded, EncodingSource


@pytest.mark.parametrize("source", EncodingSource)
def test_a_source_is_its_own_word(source: EncodingSource) -> None:
    assert source == source.name == str(source)


def test_the_sources_stand_in_the_order_of_their_strength() -> None:
    strongest_first = ["bom", "override", "header", "meta", "xml", "json", "utf8"]
    assert list(EncodingSource) == [*strongest_first, "detected", "fallback"]


def test_a_decoded_body_does_not_change() -> None:
    decoded = Decoded("a", "utf-8", EncodingSource.utf8)
    assert decoded == Decoded("a", "utf-8", EncodingSource.utf8)
    with pytest.raises(dataclasses.FrozenInstanceError):
        decoded.text = "b"  # type: ignore[misc]
