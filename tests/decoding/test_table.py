"""The table holds, whole and in pieces."""

import pytest

from tests.decoding.cases import CASES, Case
from tryconnect._decoding.decoder import Decoder, decode
from tryconnect._model.text import Decoded

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_body_becomes_the_text_that_a_browser_shows(case: Case) -> None:
    decoded = decode(case.body, case.header)
    assert decoded == Decoded(case.text, case.encoding, case.source), case.why


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_body_that_comes_in_pieces_is_the_same(case: Case) -> None:
    size = max(1, len(case.body) // 50)
    decoder = Decoder(case.header)
    for start in range(0, len(case.body), size):
        decoder.feed(case.body[start : start + size])
    for _ in decoder.finish():
        pass
    assert decoder.result == Decoded(case.text, case.encoding, case.source), case.why


def test_the_table_is_as_wide_as_it_claims() -> None:
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.why for case in CASES)
