"""What stands in for ada-url, beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._address import fallback
from tryconnect._address.whatwg import relative_target, request_target

HOSTS = {
    "Example.com": "example.com",
    "b%C3%BCcher.test": "xn--bcher-kva.test",
    "BÜCHER.test": "xn--bcher-kva.test",
    "faß.test": "xn--fa-hia.test",
    "xn--bcher-kva.test": "xn--bcher-kva.test",
}


@pytest.mark.parametrize(("host", "in_ascii"), HOSTS.items())
def test_a_host_in_ascii(host: str, in_ascii: str) -> None:
    assert fallback.ascii_host(host) == in_ascii


@pytest.mark.parametrize("host", ["%E9", "é\u202e", "☕.test"])
def test_a_host_that_idna_refuses(host: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        fallback.ascii_host(host)


# The reference, and the base -> the path and query.
TARGETS = [
    ("http://h", "http://h/", "/"),
    ("http://h/a b?c d", "http://h/", "/a%20b?c%20d"),
    ("http://h/a/../b/./", "http://h/", "/b/"),
    ("http://h/a/%2E%2e", "http://h/", "/"),
    ("http://h/../a/.", "http://h/", "/a/"),
    ("http:", "http://h/a?b", "/a?b"),
    ("http:?c", "http://h/a?b", "/a?c"),
    ("http:c#d", "http://h/a/b?q", "/a/c"),
    ("http:/c", "http://h/a/b", "/c"),
    ("http:\\c", "http://h/a/b", "/c"),
]


@pytest.mark.parametrize(("reference", "base", "target"), TARGETS)
def test_a_request_target(reference: str, base: str, target: str) -> None:
    assert fallback.request_target(reference, base) == target


PIECES = [
    *(
        "/",
        "//",
        ".",
        "..",
        "%2e",
        ".%2E",
        "a",
        "b;c",
        "?",
        "\\",
        " ",
        "é",
        '"',
        "<",
        ">",
        "^",
        "`",
    ),
    *(
        "{",
        "}",
        "|",
        "'",
        "%",
        "%zz",
        "%41",
        ":",
        "@",
        "[",
        "]",
        "+",
        "&",
        "~",
        "\x01",
        "\x7f",
        "_",
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=10).map(
    lambda pieces: "".join(pieces).strip(" \x01")
)


@given(tail=TEXTS, base=st.sampled_from(["/", "/a", "/a/b?q", "/?", "//x/y"]))
def test_the_fallback_writes_the_same(tail: str, base: str) -> None:
    assert fallback.request_target(f"http://h/{tail}#", "http://h/") == request_target(f"/{tail}")
    if tail.replace("\\", "/")[:2] != "//":
        same = fallback.request_target(f"http:{tail}", f"http://h{base}")
        assert same == relative_target(tail, base)
