"""What may be shown: everything except passwords, tokens, secret values and terminal controls.

Every text that leaves the library for people, logs or JSON passes through here. Attributes that
carry the caller's own data (``Report.address``, ``Report.url``) do not: the caller knows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tryconnect._model.lazy_pattern import lazy_pattern
from tryconnect._model.secret_words import is_name, secret_values

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

__all__ = [
    "HIDDEN",
    "escape_control",
    "redact",
    "redact_address",
    "redacted_error",
    "secret_spans",
]

HIDDEN = "***"

_SPACE = lazy_pattern(r"(\s+)")
_USERINFO = lazy_pattern(r"://([^/?#\\]*@|[^/?#\\@:\[]*:(?!\d*[/?#\\])\S*@)")
"""What follows a colon and is no port may be a password with a slash or another mark in it."""
_SCHEME = lazy_pattern(r"\s*[A-Za-z][A-Za-z0-9+.\-]*://")
_AUTHORITY = lazy_pattern(r"[^/?#\\]*")
_TAIL = lazy_pattern(r"[?#]")
_MAY_HIDE = lazy_pattern(r"[@?#]")


def secret_spans(address: str, *, unparsable: bool) -> list[tuple[int, int]]:
    """Return where an address keeps its secrets: (start, end) pairs, from left to right.

    A password is one; so is a user name that may be a token: one without a password, with an empty
    one or with a word that stands for none (``https://TOKEN@host``, ``https://TOKEN:@host``,
    ``https://TOKEN:x-oauth-basic@host``), and one that looks like a token, whatever stands beside
    it. In the query and the fragment, it is each value of a name that tells of a secret
    (``token=``, ``X-Amz-Signature=``), or that looks like one itself, and whatever is not written
    as ``name=value``.

    Args:
        address: the text, with or without a scheme.
        unparsable: the text is known not to parse, so any part before its last ``@`` may belong to
            a password (``http://me:pa/ss@host``), and all of its query and fragment is hidden.
    """
    start = match.end() if (match := _SCHEME.match(address)) else 0
    if address[:start].strip().lower() == "unix://" and address.startswith("/", start):
        return []
    spans = []
    limit = len(address) if unparsable else _AUTHORITY.match(address, start).end()  # type: ignore[union-attr]
    at = address.rfind("@", start, limit)
    if at >= 0:
        user, colon, password = address[start:at].partition(":")
        shown = len(user + colon) if not unparsable and is_name(user, password) else 0
        spans.append((start + shown, at))
    tail = _TAIL.search(address, start)
    if tail is not None and unparsable:
        spans.append((max(tail.end(), at), len(address)))
    elif tail is not None:
        spans += secret_values(address, tail.start())
    return [(first, last) for first, last in spans if first < last]


def redact_address(address: str, *, unparsable: bool = False) -> str:
    """Return an address with ``***`` for each of its :func:`secret_spans`."""
    if not _MAY_HIDE.search(address):  # most have nothing to hide, and there may be millions
        return address
    return _masked(address, secret_spans(address, unparsable=unparsable))


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts: list[str] = []
    shown = 0
    for start, end in spans:
        parts += text[shown:start], HIDDEN
        shown = end
    return "".join([*parts, text[shown:]])


def redact(text: str) -> str:
    """Return a text in which every address with a scheme has lost its secrets.

    What follows a query's mark is taken for its query up to the next space: in running text one
    cannot know where a query ends, and an address may stand inside another one's query.
    """
    if "://" not in text:
        return text
    return "".join(_redacted_word(word) if "://" in word else word for word in _SPACE.split(text))


def _redacted_word(word: str) -> str:
    for match in _USERINFO.finditer(word, word.index("://") + 1):
        # In an address's path, a password with a mark in it looks like what its own query hides.
        if _TAIL.search(match[1]):
            word = f"{word[: match.start()]}://{HIDDEN}"
            break
    word = _USERINFO.sub(_redacted_user, word)
    if tail := _TAIL.search(word, word.index("://")):
        spans = secret_values(word, tail.start())
        # Before an @ may be a password with such a mark in it.
        word = _masked(word, [(tail.end(), len(word))] if "@" in word[tail.end() :] else spans)
    return word


def _redacted_user(match: re.Match[str]) -> str:
    return f"://{redact_address(match[1]) if _AUTHORITY.fullmatch(match[1]) else f'{HIDDEN}@'}"


def escape_control(text: str) -> str:
    """Return a text of which every character is one that a terminal shows and does not obey."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte that was no UTF-8 (PEP 383)
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def redacted_error(error: BaseException) -> BaseException:
    """Return an exception that may be logged: itself, or a stand-in with the secrets gone.

    aiohttp's errors print the URL they are about, query and all, and a traceback prints its
    exceptions. The stand-in keeps the traceback and the chain of causes.
    """
    below: BaseException | None = None
    clean = True
    for link in reversed(_causes(error)):
        text = redact(str(link))
        clean = clean and text == str(link)
        if clean:
            below = link
            continue
        stand_in = _RedactedError(f"{type(link).__qualname__}: {text}")
        stand_in.__cause__ = below
        below = stand_in.with_traceback(link.__traceback__)
    return below or error


class _RedactedError(Exception):
    """Stands for an exception whose text held a secret."""


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
