"""What a secret looks like, in the parts of an address that may hold one."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tryconnect._model.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HIDE_USERS", "is_name", "secret_values"]

HIDE_USERS = "TRYCONNECT_HIDE_USERS"
"""The environment variable that hides every user name, where it is set to anything."""


def is_name(user: str, password: str) -> bool:
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

_PREFIX = lazy_pattern(
    r"(?:gh[opsur]|github_pat|glpat|gldt|glrt|[spr]k|xox[a-z]|npm|pypi|hf|dop_v1|shp[a-z]{2}|"
    r"hv[sb]|sg|key|pat|ya29|tok|token|secret)[_.\-]\w",
    re.IGNORECASE,
)
"""How tokens begin: GitHub, GitLab, Stripe, Slack, npm, PyPI, Hugging Face, DigitalOcean, Shopify,
Vault, SendGrid, Mailgun, Google."""

_MIXED = lazy_pattern(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[\w.~+/=\-]{20,}", re.ASCII)
"""What is too long, and too mixed, to be a name."""


def secret_values(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of what to hide in the query and fragment that begin at ``start``."""
    if len(text) - start > _LONGEST_QUERY:
        yield start + 1, len(text)
        return
    before = False
    for pair in _PAIR.finditer(text, start):
        name, value = pair.groups(default="")
        alone = not value.strip("=")  # base64 ends in equals signs
        # After a secret, a word may be the rest of it, as is whatever follows another mark of a
        # query or a fragment: whoever wrote it did not escape it.
        rest = before and (alone or pair[0][0] in "?#")
        if rest or (not _PLAIN_WORD.fullmatch(name) if alone else _looks_secret(name)):
            hidden = pair.start(1), pair.end()
        elif not alone and (_tells_of_secret(name) or _may_hold_secret(value)):
            hidden = pair.span(2)
        else:
            before = before or ("=" in pair[0] and _tells_of_secret(name))
            continue
        before = True
        if hidden[0] < hidden[1]:
            yield hidden


_LONGEST_QUERY = 2000
"""Characters. Nobody reads a longer one."""

_PAIR = lazy_pattern(r"[?#&]([^?#&=]*)(?:=([^&#]*))?")
"""``name=value``, or a word alone."""

_PLAIN_WORD = lazy_pattern(r"""[a-z]{0,12}['")>\],.;:]*""")
"""What stands in a query without a value: ``?wsdl``, ``#history``. Tokens are longer, and mixed.
In running text, quotes and brackets follow."""


def _tells_of_secret(name: str) -> bool:
    letters = _NO_LETTER.sub("", unquote(name).casefold())
    return letters in _SECRET_NAMES or _SECRET_NAME.search(letters) is not None


_NO_LETTER = lazy_pattern(r"[^a-z0-9]+")

_SECRET_NAME = lazy_pattern(
    "auth|token|secret|pass|pwd|cred|key(?!word)|signature|hmac|session|sess?id|cookie|csrf|xsrf|"
    "jwt|saml|assertion|bearer|otp|nonce|ticket|private|verif|invit|confirm|accessid|webhook"
)
"""OAuth, AWS (``X-Amz-Signature``, ``X-Amz-Credential``, ``AWSAccessKeyId``), GCS
(``GoogleAccessId``), SAML, CAS (``ticket``), servlets (``jsessionid``), links in mails."""

_SECRET_NAMES = frozenset(
    ("sig", "sign", "code", "state", "hash", "pw", "p", "pin", "sid", "appid", "crumb", "salt", "k")
)
"""Too short to be looked for inside other names. OAuth: ``code``; Azure: ``sig``; InfluxDB: ``p``;
OpenWeather: ``appid``; Jenkins: ``crumb``."""


def _may_hold_secret(value: str) -> bool:
    """Return whether a value looks like a secret, or holds something that may have one.

    That is an address with a user name or a query, percent-encoded once or twice.
    """
    plain = unquote(unquote(value)).strip("\"'()<>[]{},.;: ")
    return (
        _looks_secret(plain)
        or _HOLDS_MORE.search(plain) is not None
        or _SECRET_NAME.search(plain.casefold()) is not None
    )


_HOLDS_MORE = lazy_pattern(r"[@=?#&%]")


def _looks_secret(text: str) -> bool:
    return len(text) > _LONGEST_WORD or bool(_PREFIX.match(text) or _OPAQUE.search(text))


_LONGEST_WORD = 60
"""Characters. What is longer is more than a word or two."""

_OPAQUE = lazy_pattern(
    "(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}|"
    "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-|"
    r"(?=\S*[0-9])(?=\S*[a-z])(?=\S*[A-Z])[\w+/\-]{20,}|"
    "eyJ",
    re.ASCII,
)
"""Random letters and digits, UUIDs, base64, JSON web tokens (RFC 7519 begins them with ``eyJ``)."""
