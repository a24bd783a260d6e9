"""Requests: what each of them says, and to whom secrets are said."""

from __future__ import annotations

import pytest

from tryconnect._address.target import parse
from tryconnect._transport.http_request import RequestHeads

USUAL = {"User-Agent": "me", "Accept": "*/*"}
FIRST = "http://a.test/x"


def lines(head: bytes) -> list[str]:
    text = head.decode()
    assert text.endswith("\r\n\r\n")
    return text[:-4].split("\r\n")


CASES = [
    ({}, FIRST, ["GET /x HTTP/1.1", "Host: a.test"]),
    ({}, "http://a.test:81/?a=%2F", ["GET /?a=%2F HTTP/1.1", "Host: a.test:81"]),
    ({}, "https://[::1]/", ["GET / HTTP/1.1", "Host: [::1]"]),
    ({"Host": "b.test"}, FIRST, ["GET /x HTTP/1.1", "Host: b.test"]),
]


@pytest.mark.parametrize(("headers", "address", "first"), CASES)
def test_a_request(headers: dict[str, str], address: str, first: list[str]) -> None:
    target = parse(address)

    assert lines(RequestHeads(USUAL | headers).head(target, target)) == [
        *first,
        "User-Agent: me",
        "Accept: */*",
        "Connection: close",
    ]


def test_of_two_spellings_the_later_value_counts() -> None:
    target = parse(FIRST)
    head = lines(RequestHeads(USUAL | {"accept": "text/html"}).head(target, target))

    assert [line for line in head if line.lower().startswith("accept")] == ["Accept: text/html"]


def test_a_connection_header_of_ones_own_stands_alone() -> None:
    target = parse(FIRST)
    head = lines(RequestHeads({"connection": "keep-alive"}).head(target, target))

    assert [line for line in head if line.lower().startswith("connection")] == [
        "connection: keep-alive"
    ]


SECRETS = {"Authorization": "Bearer x", "cookie": "mine=1", "Host": "b.test", "X-Key": "k"}
OTHERS = ["http://b.test/", "https://a.test:444/", "http://a.test:81/"]


@pytest.mark.parametrize("other", OTHERS)
def test_secrets_stay_with_their_origin(other: str) -> None:
    heads = RequestHeads(SECRETS)
    first = parse(FIRST)

    assert {"Authorization: Bearer x", "cookie: mine=1", "Host: b.test"} <= {
        *lines(heads.head(first, first))
    }
    sent = {*lines(heads.head(parse(other), first))}
    assert "X-Key: k" in sent
    assert not {"Authorization: Bearer x", "cookie: mine=1"} & sent
    assert [line for line in sent if line.startswith("Host")] != [
        "Host: b.test"
    ] or "b.test" in other


def test_what_an_address_and_hops_bring_is_added() -> None:
    target = parse("http://me:word@a.test/")
    sent = lines(RequestHeads(SECRETS).head(target, target, "a=b; c=d"))

    assert "Authorization: Basic bWU6d29yZA==" in sent
    assert "Authorization: Bearer x" not in sent
    assert "cookie: mine=1; a=b; c=d" in [line.replace("Cookie", "cookie") for line in sent]
