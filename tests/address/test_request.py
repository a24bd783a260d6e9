"""What to check is read once; what is expected of it fits its kind of address."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from tryconnect import Expect, InvalidAddress
from tryconnect._address.request import (
    APPLIES_TO,
    Request,
    check_applies,
    read_request,
    read_requests,
)
from tryconnect._address.target import parse
from tryconnect._model.faults import LocalFault

ADDRESSES = {
    "http": "http://h/",
    "https": "https://h/",
    "http+unix": "http+unix://%2Fs/",
    "tls": "tls://h:1",
    "service": "redis://h",
    "tcp": "tcp://h:1",
    "unix": "unix:///s",
}
VALUES: dict[str, Any] = {
    "status": 204,
    "headers": {"A": "b"},
    "body": "x",
    "pattern": "x",
    "max_redirects": 0,
    "within": 0.5,
    "cert_days": 14,
}
TABLE = [(field, scheme) for field in VALUES for scheme in ADDRESSES]


def test_the_table_has_each_field_and_each_kind() -> None:
    assert set(VALUES) == {field.name for field in fields(Expect) if field.init}
    assert set(APPLIES_TO) == {*VALUES, "method"}
    assert set().union(*APPLIES_TO.values()) == set(ADDRESSES)


@pytest.mark.parametrize(("field", "scheme"), TABLE)
def test_what_is_expected_applies_or_is_a_fault(field: str, scheme: str) -> None:
    address, expect = ADDRESSES[scheme], Expect(**{field: VALUES[field]})
    request = read_request(address, expect)

    assert (request.address, request.target, request.expect) == (address, parse(address), expect)
    assert (request.fault is None) is (scheme in APPLIES_TO[field])
    if request.fault is None:
        assert request.valid_target() is request.target
        return
    with pytest.raises(
        ValueError, match=rf"^{field} cannot be expected of {re.escape(address)}: only of [hts]"
    ):
        request.valid_target()


@pytest.mark.parametrize(("field", "scheme"), TABLE)
def test_what_does_not_apply_is_left_out_where_nobody_asked_for_it(field: str, scheme: str) -> None:
    address, expect = ADDRESSES[scheme], Expect(**{field: VALUES[field]})

    request = read_request(address, expect, strict=False)

    applies = scheme in APPLIES_TO[field]
    assert request == Request(address, parse(address), expect if applies else None, None)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("scheme", ADDRESSES)
def test_another_method_is_like_an_expectation(scheme: str, strict: bool) -> None:  # noqa: FBT001
    address, applies = ADDRESSES[scheme], scheme in APPLIES_TO["method"]

    request = read_request(address, method="HEAD", strict=strict)

    assert request.target == parse(address)._replace(method="HEAD" if applies else "GET")
    assert (request.fault is None) is (applies or not strict)
    if request.fault is not None:
        assert str(request.fault).startswith(f"the method cannot be expected of {address}: ")


@pytest.mark.parametrize("expect", [Expect(body="x"), Expect(204, pattern="x")], ids=repr)
def test_nothing_is_expected_of_the_body_that_head_has_not(expect: Expect) -> None:
    request = read_request("http://h/", expect, method="HEAD")

    with pytest.raises(ValueError, match=r"^the answer to HEAD has no body"):
        request.valid_target()
    with pytest.raises(ValueError, match=r"^the answer to HEAD has no body"):
        read_requests(["http://h/"], expect, method="HEAD")


def test_the_rest_is_kept() -> None:
    request = read_request("tcp://h:1", Expect(status=204, body="x", within=1), strict=False)

    assert request.expect == Expect(within=1)
    assert request.fault is None


def test_of_a_list_each_address_is_held_to_what_applies_to_it() -> None:
    expect = Expect(status=204, cert_days=3)

    requests = read_requests(["tls://h:1", "tcp://h:1", "http://[", "https://h/"], expect)

    assert [request.expect for request in requests] == [Expect(cert_days=3), None, None, expect]


@pytest.mark.parametrize(
    ("addresses", "expect", "complaint"),
    [
        (["tcp://h:1"], Expect(204), "status cannot be expected of tcp://h:1: only of http://"),
        (["tcp://me:pw@h/?a=b", "h:1"], Expect(204), "status cannot be expected of h:1: only"),
        (["h:1", "h:2", "h:3", "h:4"], Expect(204), "status .* of h:1, h:2, h:3 and 1 more: "),
        (["tls://h:1", "h:1"], Expect(200, cert_days=1), "status .* of tls://h:1, h:1: only"),
    ],
)
def test_what_applies_to_no_address_of_a_list_is_a_fault_that_names_them(
    addresses: list[str], expect: Expect, complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        read_requests(addresses, expect)
    with pytest.raises(ValueError, match=f"^{complaint}"):
        check_applies(addresses, expect)
    assert len(read_requests(addresses, expect, strict=False)) == len(addresses)


def test_a_list_is_read_no_further_than_until_all_has_applied() -> None:
    addresses = iter(["h:1", "https://h/", "h:2"])
    check_applies(addresses, Expect(204, cert_days=1))
    assert [*addresses] == []


@pytest.mark.parametrize("addresses", [[], ["http://["]])
def test_of_no_address_anything_may_be_expected(addresses: list[str]) -> None:
    assert len(read_requests(addresses, Expect(204))) == len(addresses)


@pytest.mark.parametrize("expect", [None, Expect(204)], ids=repr)
def test_a_text_that_is_no_address_is_a_fault_of_the_request(expect: Expect | None) -> None:
    request = read_request("http://", expect)

    assert (request.target, request.expect) == (None, expect)
    with pytest.raises(InvalidAddress) as raised:
        request.valid_target()
    assert raised.value is request.fault


def test_a_default_does_not_apply_to_what_is_no_address() -> None:
    assert read_request("http://", Expect(status=204), strict=False).expect is None


@pytest.mark.parametrize("error", [ImportError("no idna"), MemoryError(), OSError(24, "no file")])
def test_what_cannot_be_loaded_to_read_an_address_is_this_machines_fault(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unloaded(_: str) -> Any:
        raise error

    monkeypatch.setattr("tryconnect._address.request.parse", unloaded)
    request = read_request("bücher.test", Expect(status=204))

    assert request.target is None
    assert isinstance(request.fault, LocalFault)
    assert request.fault.__cause__ is error
