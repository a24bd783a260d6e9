"""Bytes that nobody declared -> the encoding they look like.

The one place that knows a detection library. chardetng-py is Firefox's detector (measured best
on Chinese, Japanese and Korean); chardet stands in where it has no wheel. Both are imported on
the first question only: most pages never ask.

No top-level domain is passed as a hint: a right one gains a few points on single-byte text, a
wrong one ruins everything (a Chinese domain makes two of three Japanese and Korean pages Chinese).
"""

from typing import Final

from tryconnect._decoding.labels import web_name

# Where the detectors answer with a Python name that is no label.
_ALIASES: Final = {"cp874": "windows-874", "cp932": "shift_jis", "cp949": "euc-kr"}

# What no detector may answer: UTF-8 was ruled out before it was asked, UTF-16 without a mark and
# the encodings that browsers replace by one U+FFFD are never read as text.
_NOT_AN_ANSWER: Final = frozenset({"utf-8", "utf-16le", "utf-16be", "replacement"})

_MULTI_BYTE: Final = frozenset({"gb18030", "gbk", "big5", "euc-jp", "shift_jis", "euc-kr"})


def detect(window: bytes, *, whole: bool) -> str | None:
    """Return the WHATWG name of the encoding that these bytes look like, or None.

    Args:
        window: Part of a body, from its first non-ASCII byte on.
        whole: The window reaches the end of the body.
    """
    name = _asked(window, whole=whole)
    if whole and name not in _MULTI_BYTE and window[-1:] >= b"\x80":
        # A body that was cut inside a character ends in a lead byte, and a detector believes that
        # no multi-byte encoding does so. Without that byte it found 4 of 5 such texts of two to
        # sixty characters, with it 1 of 16; uncut texts kept their answers.
        shorter = _asked(window[:-1], whole=whole)
        return shorter if shorter in _MULTI_BYTE else name
    return name


def _asked(window: bytes, *, whole: bool) -> str | None:
    """Return the detector's answer, if it has one that makes sense here."""
    try:
        label = _ask(window, whole)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (a detector's bug must not become the caller's)
        return None
    except BaseException as panic:
        # A Rust panic is raised as pyo3_runtime.PanicException, a BaseException that cannot be
        # imported. Everything else up there is a cancellation or an exit: not ours.
        if type(panic).__name__ != "PanicException":
            raise
        return None
    name = web_name(_ALIASES.get(label.lower(), label))
    return None if name in _NOT_AN_ANSWER else name


def _ask(window: bytes, whole: bool) -> str:  # noqa: FBT001 (detect() names it)
    """Return what the best installed detector answers; neither: ImportError."""
    try:
        # 14 ms, when first needed
        from chardetng_py import (  # type: ignore[import-untyped]  # noqa: PLC0415
            EncodingDetector,
        )
    except ImportError:
        import chardet  # noqa: PLC0415 (48 ms, likewise)

        # prefer_superset would rename ISO-8859-5 to windows-1251, which is no superset of it.
        return chardet.detect(window, prefer_superset=False)["encoding"] or ""
    detector = EncodingDetector()
    # "last" for a window that was cut would call a character cut in the middle malformed.
    detector.feed(window, last=whole)
    return str(detector.guess(tld=None, allow_utf8=False))
