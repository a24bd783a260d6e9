"""The small function behind which the detection library stands."""

import asyncio
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from tests.decoding import sentences as said
from tryconnect._decoding import detector as detection
from tryconnect._decoding.decoder import decode
from tryconnect._decoding.detector import detect
from tryconnect._model.text import EncodingSource

GBK = said.CHINESE.encode("gbk")


class PanicException(BaseException):
    """Named as the one that Rust's panics become."""


def stand_in(monkeypatch: pytest.MonkeyPatch, answer: str | BaseException) -> None:
    """Let chardetng_py answer this."""

    class EncodingDetector:
        def feed(self, _: bytes, *, last: bool) -> None:
            assert isinstance(last, bool)

        def guess(self, **_: Any) -> str:
            if isinstance(answer, BaseException):
                raise answer
            return answer

    module = ModuleType("chardetng_py")
    module.EncodingDetector = EncodingDetector  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chardetng_py", module)


@pytest.mark.parametrize("failure", [PanicException("rust"), ValueError(), RuntimeError("a bug")])
def test_a_detector_that_fails_has_no_answer(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    stand_in(monkeypatch, failure)
    assert detect(GBK, whole=True) is None
    decoded = decode(GBK, "text/html")
    assert (decoded.encoding, decoded.source) == ("windows-1252", EncodingSource.fallback)


@pytest.mark.parametrize(
    "exit_", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit, MemoryError]
)
def test_what_is_not_the_detectors_own_passes(
    monkeypatch: pytest.MonkeyPatch, exit_: type[BaseException]
) -> None:
    stand_in(monkeypatch, exit_())
    with pytest.raises(exit_):
        decode(GBK)


@pytest.mark.parametrize("answer", ["UTF-8", "UTF-16LE", "UTF-16BE", "ISO-2022-KR", "no such", ""])
def test_answers_that_cannot_be_are_none(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    stand_in(monkeypatch, answer)
    assert detect(GBK, whole=False) is None


@pytest.mark.parametrize(
    ("answer", "name"), [("cp874", "windows-874"), ("CP932", "shift_jis"), ("cp949", "euc-kr")]
)
def test_python_names_are_understood(
    monkeypatch: pytest.MonkeyPatch, answer: str, name: str
) -> None:
    stand_in(monkeypatch, answer)
    assert detect(GBK, whole=False) == name


def test_chardet_is_not_asked_for_a_superset_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chardetng_py", None)
    body = said.RUSSIAN.encode("iso8859-5")
    assert (decode(body).text, decode(body).encoding) == (said.RUSSIAN, "iso-8859-5")


@pytest.mark.parametrize(
    ("text", "codec"),
    [(said.CHINESE, "gbk"), (said.JAPANESE, "cp932"), (said.KOREAN, "cp949"), (said.THAI, "cp874")],
)
def test_chardet_stands_in(monkeypatch: pytest.MonkeyPatch, text: str, codec: str) -> None:
    monkeypatch.setitem(sys.modules, "chardetng_py", None)
    assert decode(text.encode(codec), "text/html").text == text


def test_no_detector_at_all_means_the_browsers_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chardetng_py", None)
    monkeypatch.setitem(sys.modules, "chardet", None)
    decoded = decode(said.GERMAN.encode("cp1252"), "text/html")
    assert (decoded.text, decoded.source) == (said.GERMAN, EncodingSource.fallback)


def test_chardet_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("chardet")
    module.detect = lambda *_, **__: {"encoding": None}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chardetng_py", None)
    monkeypatch.setitem(sys.modules, "chardet", module)
    assert detect(GBK, whole=True) is None


@pytest.mark.parametrize("codec", ["gbk", "big5", "cp932", "euc_jp"])
def test_a_text_that_is_cut_inside_a_character_keeps_its_encoding(codec: str) -> None:
    text = {"gbk": said.CHINESE, "big5": said.TAIWANESE}.get(codec, said.JAPANESE)
    body = text.rstrip("。").encode(codec)
    for shorter in range(2, 20, 2):
        cut = body[: -shorter + 1]
        assert decode(cut, "text/html").text.rstrip("\ufffd") == cut.decode(codec, "ignore")


def test_a_long_body_is_judged_by_its_first_telling_bytes() -> None:
    """A window of 16 KiB: so a detector never works on more."""
    body = b"a" * 300_000 + GBK * 200 + said.RUSSIAN.encode("cp1251") * 5000
    assert decode(body, "text/html").encoding == "gb18030"


def test_the_libraries_are_imported_by_the_first_question_only() -> None:
    program = (
        "import sys; import tryconnect._decoding.decoder as t; t.decode('é'.encode(), 'text/html');"
        "assert not {'chardetng_py', 'chardet', 'charset_normalizer'} & set(sys.modules);"
        f"t.decode({GBK!r}); assert 'chardetng_py' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own


# The bytes that a detector is asked for -> what it says.
ASKED = [
    ({b"\xb0\xa1\xb0": "windows-1252", b"\xb0\xa1": "gbk"}, True, "gbk"),
    ({b"\xb0\xa1\x80": "windows-1252", b"\xb0\xa1": "gbk"}, True, "gbk"),
    ({b"\xb0\xa1\xb0": "windows-1252", b"\xb0\xa1": "koi8-r"}, True, "windows-1252"),
    ({b"\xb0\xa1\xb0": "windows-1252"}, False, "windows-1252"),
    ({b"\xb0\xa1z": "windows-1252"}, True, "windows-1252"),
    *(
        ({b"\xb0\xa1\xb0": name}, True, name)
        for name in ("gb18030", "gbk", "big5", "euc-jp", "shift_jis", "euc-kr")
    ),
]


@pytest.mark.parametrize(("answers", "whole", "name"), ASKED)
def test_a_detector_is_asked_again_without_a_last_byte_that_may_be_half_a_character(
    monkeypatch: pytest.MonkeyPatch, answers: dict[bytes, str], name: str, *, whole: bool
) -> None:
    asked = []

    def ask(window: bytes, _: object) -> str:
        asked.append(window)
        return answers.get(window, "none")

    monkeypatch.setattr(detection, "_ask", ask)
    assert detection.detect(next(iter(answers)), whole=whole) == name
    assert asked == list(answers)
