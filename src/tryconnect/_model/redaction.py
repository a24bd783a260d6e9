"""What may be shown: everything except passwords, tokens, queries, fragments and terminal controls.

Every text that leaves the library for people, logs or JSON passes through here. Attributes that
carry the caller's own data (``Report.address``, ``Report.url``) do not: the caller knows them.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

__all__ = [
    "HIDDEN",
    "HIDE_USERS",
    "escape_control",
    "redact",
    "redact_address",
    "redacted_error",
    "secret_spans",
]

HIDDEN = "***"

HIDE_USERS = "TRYCONNECT_HIDE_USERS"
"""The environment variable that hides every user name, where it is set to anything."""

_SPACE = re.compile(r"(\s+)")
_USERINFO = re.compile(r"://([^/?#\\]*@)")
_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.\-]*://")
_AUTHORITY = re.compile(r"[^/?#\\]*")
_TAIL = re.compile(r"[?#]")


def secret_spans(address: str, *, unparsable: bool = False) -> list[tuple[int, int]]:
    """Return where an address keeps its secrets: (start, end) pairs, from left to right.

    A password is one; so is a user name that may be a token: one without a password, with an empty
    one or with a word that stands for none (``https://TOKEN@host``, ``https://TOKEN:@host``,
    ``https://TOKEN:x-oauth-basic@host``), and one that looks like a token, whatever stands beside
    it; so are query and fragment (signatures, access tokens).

    Args:
        address: the text, with or without a scheme.
        unparsable: the text is known not to parse, so any part before its last ``@`` may belong to
            a password (``http://me:pa/ss@host``).
    """
    start = match.end() if (match := _SCHEME.match(address)) else 0
    if address[:start].strip().lower() == "unix://" and address.startswith("/", start):
        return []
    spans = []
    limit = len(address) if unparsable else _AUTHORITY.match(address, start).end()  # type: ignore[union-attr]
    at = address.rfind("@", start, limit)
    if at >= 0:
        user, colon, password = address[start:at].partition(":")
        shown = len(user + colon) if not unparsable and _is_name(user, password) else 0
        spans.append((start + shown, at))
    tail = _TAIL.search(address, start if unparsable else max(start, at))
    if tail is not None:
        spans.append((max(tail.end(), at), len(address)))
    return [(first, last) for first, last in spans if first < last]


def _is_name(user: str, password: str) -> bool:
    """Return whether a user name is no secret itself."""
    if user == "":
        return bool(password)
    return (
        unquote(password).strip().casefold() not in _NO_PASSWORDS
        and not any(pattern.match(unquote(user)) for pattern in (_PREFIX, _MIXED))
        and not os.environ.get(HIDE_USERS)
    )


_NO_PASSWORDS = frozenset(
    {
        *("", "x-oauth-basic", "x-oauth-token", "x-access-token", "x-token-auth", "x-token"),
        *("oauth", "oauth2", "token", "api", "api_token", "api-token", "api_key", "api-key"),
        *("apikey", "apitoken", "access_token", "bearer", "basic", "x", "xx", "xxx", "y", "_"),
        *("-", ".", "*", "0", "1", "none", "null", "nil", "no", "nopass", "nopassword", "n/a"),
        *("no-password", "no_password", "empty", "blank", "unused", "ignored", "ignore", "any"),
        *("anything", "dummy", "placeholder"),
    }
)
"""What services have their users write where a token takes the place of the user name (GitHub:
``x-oauth-basic``; Toggl: ``api_token``; Freshdesk, Basecamp: ``X``), and what people make up.
With GitLab, Bitbucket and others the token comes after such a word: there it is the password."""

_PREFIX = re.compile(
    r"(?:gh[opsur]|github_pat|glpat|gldt|glrt|[spr]k|xox[a-z]|npm|pypi|hf|dop_v1|shp[a-z]{2}|"
    r"hv[sb]|sg|key|pat|ya29|tok|token|secret)[_.\-]\w",
    re.IGNORECASE,
)
"""How tokens begin: GitHub, GitLab, Stripe, Slack, npm, PyPI, Hugging Face, DigitalOcean, Shopify,
Vault, SendGrid, Mailgun, Google."""

_MIXED = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[\w.~+/=\-]{20,}", re.ASCII)
"""What is too long, and too mixed, to be a name."""


def redact_address(address: str, *, unparsable: bool = False) -> str:
    """Return an address with ``***`` for each of its :func:`secret_spans`."""
    for start, end in reversed(secret_spans(address, unparsable=unparsable)):
        address = f"{address[:start]}{HIDDEN}{address[end:]}"
    return address


def redact(text: str) -> str:
    """Return a text in which every address with a scheme has lost its secrets.

    What follows a query's mark is hidden up to the next space: in running text one cannot know
    where a query ends, and an address may stand inside another one's query.
    """
    return "".join(_redacted_word(word) if "://" in word else word for word in _SPACE.split(text))


def _redacted_word(word: str) -> str:
    if tail := _TAIL.search(word, word.index("://")):
        word = f"{word[: tail.end()]}{HIDDEN}"
    return _USERINFO.sub(lambda match: f"://{redact_address(match[1])}", word)


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
