"""What is taken for a secret in the query of an address."""

from __future__ import annotations

import pytest

from tryconnect._model.redaction import redact, redact_address
from tryconnect._model.secret_words import HIDE_USERS, is_name

NAMES = [
    "token",
    "access_token",
    "id_token",
    "refresh-token",
    "X-Amz-Security-Token",
    "auth_token",
    "csrf_token",
    "user[token]",
    "Token",
    "TOKEN",
    "%74oken",
    "tok%65n",
    "amp;token",
    "auth",
    "authorization",
    "oauth_verifier",
    "password",
    "passwd",
    "pass",
    "passphrase",
    "user_pass",
    "pwd",
    "pw",
    "p",
    "secret",
    "client_secret",
    "api_key",
    "apikey",
    "api-key",
    "key",
    "k",
    "access.key",
    "AWSAccessKeyId",
    "Ocp-Apim-Subscription-Key",
    "GoogleAccessId",
    "X-Goog-Credential",
    "X-Amz-Credential",
    "sig",
    "signature",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "hmac",
    "hash",
    "code",
    "state",
    "nonce",
    "session",
    "sessionid",
    "PHPSESSID",
    "jsessionid",
    "sid",
    "jwt",
    "assertion",
    "SAMLResponse",
    "SAMLRequest",
    "ticket",
    "otp",
    "pin",
    "cookie",
    "crumb",
    "appid",
    "webhook",
    "invite",
    "confirmation",
    "verify",
    "private",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_value_of_a_name_that_tells_of_a_secret_is_hidden(name: str) -> None:
    assert redact_address(f"https://h/?a=1&{name}=x&b=2") == f"https://h/?a=1&{name}=***&b=2"
    assert redact_address(f"https://h/#{name}=x") == f"https://h/#{name}=***"
    assert redact(f"GET https://h/?a=1&{name}=x failed") == f"GET https://h/?a=1&{name}=*** failed"


SECRET_VALUES = [
    "ghp_abcdef",  # GitHub
    "sk_live_abc",  # Stripe
    "AKIAIOSFODNN7EXAMPLE",  # AWS
    "d41d8cd98f00b204e9800998ecf8427e",  # a digest, or a key
    "550e8400-e29b-41d4-a716-446655440000",
    "wJalrXUtnFEMI-K7MDENG_bPxRfiCY",  # base64 for URLs
    "wJalr/XUtn7EM+K7M/DENG/bP",
    "eyJhbGciOiJIUzI1NiJ9.e30.abc",
    "id:550e8400e29b41d4a716",
    "http://me:pw@host/",
    "http%3A%2F%2Fme%3Apw%40host%2F",
    "http%253A%252F%252Fme%253Apw%2540host%252F",
    "/login?next=xy",
    "a;token=xy",
    "{%22token%22:%22x%22}",
    "x" * 61,
    "%zz",
]


@pytest.mark.parametrize("value", SECRET_VALUES)
def test_a_value_that_may_be_a_secret_is_hidden_whatever_its_name(value: str) -> None:
    assert redact_address(f"https://h/?a={value}&b=2") == "https://h/?a=***&b=2"
    assert redact_address(f"https://h/#a={value}") == "https://h/#a=***"


@pytest.mark.parametrize("value", [value for value in SECRET_VALUES if "=" not in value])
def test_it_is_hidden_where_a_name_should_be(value: str) -> None:
    assert value[:8] not in redact_address(f"https://h/?{value}")
    assert value[:8] not in redact_address(f"https://h/?{value}=")


PLAIN_QUERIES = [
    "page=2",
    "q=two+words",
    "q=two%20words&lang=de",
    "from=2026-01-31T00:00:00Z&to=2026-02-01",
    "target=example.com:443&module=http_2xx",
    "url=https://example.com/path",
    "bbox=1.5,-2,3,4",
    "keyword=socks",
    "filter[name]=x",
    "v=1.2.3-beta1",
    "health",
    "q=",
    "",
    "&&",
]


@pytest.mark.parametrize("query", PLAIN_QUERIES)
def test_the_rest_of_a_query_is_shown(query: str) -> None:
    assert redact_address(f"https://h/?{query}") == f"https://h/?{query}"
    assert redact(f"(https://h/?{query})") == f"(https://h/?{query})"


BASE64_ALONE = ["c2VjcmV0", "c2VjcmV0dA==", "c2VjcmV0dGU=", "S3CR3T", "s3cr3t", "averylongsecret"]


@pytest.mark.parametrize("word", BASE64_ALONE)
def test_what_stands_alone_and_is_no_plain_word_is_hidden(word: str) -> None:
    assert redact_address(f"https://h/?{word}") == "https://h/?***"
    assert redact_address(f"https://h/?a=1&{word}#{word}") == "https://h/?a=1&***#***"


def test_a_query_that_nobody_reads_is_hidden() -> None:
    assert redact_address(f"https://h/?{'a&' * 1001}") == "https://h/?***"
    assert redact_address(f"https://h/?{'a&' * 999}") != "https://h/?***"


NO_PASSWORDS = [
    "x-oauth-basic",
    "x-oauth-token",
    "x-access-token",
    "x-token-auth",
    "x-token",
    "oauth",
    "oauth2",
    "token",
    "api",
    "api_token",
    "api-token",
    "api_key",
    "api-key",
    "apikey",
    "apitoken",
    "access_token",
    "bearer",
    "basic",
    "x",
    "xx",
    "xxx",
    "y",
    "_",
    "-",
    ".",
    "*",
    "0",
    "1",
    "none",
    "null",
    "nil",
    "no",
    "nopass",
    "nopassword",
    "n/a",
    "no-password",
    "no_password",
    "empty",
    "blank",
    "unused",
    "ignored",
    "ignore",
    "any",
    "anything",
    "dummy",
    "placeholder",
]
"""Words that stand for no password, so that the user name is the token."""


@pytest.mark.parametrize("word", ["", *NO_PASSWORDS])
def test_a_user_name_beside_no_password_is_a_secret(word: str) -> None:
    assert not is_name("me", word)
    assert not is_name("me", f" {word.upper()}%20")
    assert is_name("me", f"{word}#")


PREFIXES = [
    "gho_",
    "ghp_",
    "ghs_",
    "ghu_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "sk_",
    "pk_",
    "rk_",
    "xoxb-",
    "npm_",
    "pypi-",
    "hf_",
    "dop_v1_",
    "shpat_",
    "hvs.",
    "hvb.",
    "SG.",
    "key-",
    "pat_",
    "ya29.",
    "tok_",
    "token_",
    "secret_",
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_user_name_that_begins_as_a_token_is_a_secret(prefix: str) -> None:
    assert not is_name(f"{prefix}a", "word")
    assert not is_name(f"%{ord(prefix[0]):02X}{prefix[1:]}a", "word")
    assert is_name(f"{prefix[:-1]}a", "word")


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("a" * 19 + "1", False),
        ("a" * 18 + "1", True),
        ("a" * 20, True),
        ("1" * 20, True),
        ("me@home.test1-------", True),
    ],
)
def test_a_user_name_that_is_long_and_mixed_is_a_secret(user: str, shown: bool) -> None:  # noqa: FBT001
    assert is_name(user, "word") is shown


def test_the_variable_has_its_documented_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HIDE_USERS == "TRYCONNECT_HIDE_USERS"
    assert is_name("me", "word")
    monkeypatch.setenv(HIDE_USERS, "1")

    assert not is_name("me", "word")


# Marks that were not escaped in a secret, or in what follows one.
UNESCAPED = {
    "http://h/?token=#0SECRET=0": "http://h/?token=#***",
    "http://h/?token=ab#cd=ef": "http://h/?token=***#***",
    "http://h/?token=ab#cd": "http://h/?token=***#***",
    "http://h/?page=1#a=b": "http://h/?page=1#a=b",
    "http://h/?token=&page=1": "http://h/?token=&page=1",
}


@pytest.mark.parametrize(("address", "shown"), UNESCAPED.items())
def test_what_follows_a_secret_and_another_mark_is_hidden(address: str, shown: str) -> None:
    assert redact_address(address) == shown
    assert redact(f"see {address} there") == f"see {shown} there"
