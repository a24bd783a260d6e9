"""Chinese, Japanese and Korean encodings in which a lead byte opens a character."""

import pytest

from tryconnect._decoding import multibyte
from tryconnect._decoding.decoder import decode
from tryconnect._decoding.multibyte import MultiByteDecoder, sequences

# How many malformed steps came before -> the text of what Python reads otherwise (a character that
# it moved; four bytes that stand for none).
COUNTED = {10_000: "\ue7c7 \ufffd<p>", 10_001: "\u1e3f \ufffd9\ufffd9<p>"}


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize(("malformed", "text"), COUNTED.items())
def test_ten_thousand_malformed_steps_are_counted_as_the_standard_does(
    malformed: int, text: str, pieces: int
) -> None:
    decoder = MultiByteDecoder(sequences("gbk"))
    for _ in range(pieces):
        decoder.decode(b"\xff" * (malformed // pieces) + b" ", final=False)
    decoder.decode(b"\xff" * (malformed % pieces) + b" ", final=False)
    told = [
        decoder.decode(body, final=True) for body in (b"\x81\x35\xf4\x37", b"\xfe\x39\xfe\x39<p>")
    ]
    assert " ".join(told) == text


HALVES = {
    "gbk": (b"\x81", b"\x81\x30", b"\x81\x30\x81"),
    "big5": (b"\x81", b"\xfe"),
    "euc-jp": (b"\xa4", b"\x8e", b"\x8f", b"\x8f\xa1"),
    "shift_jis": (b"\x81", b"\xe0"),
    "euc-kr": (b"\x81", b"\xfe"),
}


@pytest.mark.parametrize(
    ("encoding", "half"), [(name, half) for name, halves in HALVES.items() for half in halves]
)
def test_half_a_character_waits_for_the_rest_where_others_are_malformed(
    encoding: str, half: bytes
) -> None:
    known = sequences(encoding)
    assert known.step_by_step(b"\xff\n" + half, final=False) == ("\ufffd\n", half)
    assert known.step_by_step(b"\xff\n" + half, final=True) == ("\ufffd\n\ufffd", b"")


@pytest.mark.parametrize(
    ("label", "codec"),
    [("gbk", "gb18030"), ("big5", "big5"), ("shift_jis", "cp932"), ("euc-kr", "cp949")],
)
def test_every_character_of_the_large_encodings_comes_back(label: str, codec: str) -> None:
    han = [chr(point) for point in range(0x4E00, 0x9FA6)]
    body = "".join(han).encode(codec, "ignore")
    assert decode(body, f"text/html; charset={label}").text == body.decode(codec)


class CountedSequences(multibyte.Sequences):
    """Counts what is read step by step."""

    def __init__(self) -> None:
        super().__init__(multibyte.SPELLINGS["gbk"]())
        self.bytes_read = 0

    def step_by_step(self, data: bytes, *, final: bool) -> tuple[str, bytes]:
        self.bytes_read += len(data)
        return super().step_by_step(data, final=final)


@pytest.mark.parametrize("junk", [b"\xff", b"\x81\x20", b"\xa1\xa1\xff"])
def test_slow_repairs_are_capped(junk: bytes) -> None:
    known = CountedSequences()
    decoder = multibyte.MultiByteDecoder(known)
    piece = junk * 6000
    for _ in range(100):
        decoder.decode(piece, False)  # noqa: FBT003
    assert known.bytes_read <= 2 * len(piece) + 10_000 * len(junk)


def test_characters_that_python_lacks_are_not_repairs() -> None:
    known = CountedSequences()
    decoder = multibyte.MultiByteDecoder(known)
    piece = b"\x80\x81\x35\xf4\x37" * 5000
    texts = [decoder.decode(piece, False) for _ in range(10)]  # noqa: FBT003
    assert set(texts) == {"€\ue7c7" * 5000}
    assert known.bytes_read == 10 * len(piece)


def test_after_the_cap_doubtful_sequences_are_not_read_step_by_step() -> None:
    known = CountedSequences()
    decoder = multibyte.MultiByteDecoder(known)
    decoder.decode(b"\xff" * (multibyte.MALFORMED_CAP + 1), False)  # noqa: FBT003
    before = known.bytes_read
    decoder.decode(b"\x81\x35\xf4\x37", False)  # noqa: FBT003
    assert known.bytes_read == before
