"""A certificate's end, read without having verified it, is the one that cryptography reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tryconnect._transport.certificate_end import certificate_end

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(end: datetime, *, names: int = 1) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "peer.test")] * names)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(end, datetime(2020, 1, 1, tzinfo=UTC)) - timedelta(1))
        .not_valid_after(end)
        .sign(KEY, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


@pytest.mark.parametrize("end", ["1951-02-03", "2026-12-24T08:03:11", "2049-12-31", "2050-01-01"])
@pytest.mark.parametrize("names", [1, 100])  # lengths in one byte, and in more
def test_the_end_is_read(end: str, names: int) -> None:
    moment = datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert certificate_end(certificate(moment, names=names)) == moment


WHOLE = certificate(datetime(2030, 1, 1, tzinfo=UTC))


@given(st.binary() | st.integers(0, len(WHOLE)).map(lambda end: WHOLE[:end]))
def test_what_is_no_certificate_has_no_end(data: bytes) -> None:
    assert certificate_end(data) is None or data == WHOLE


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_no_broken_certificate_raises(index: int, byte: int) -> None:
    broken = WHOLE[:index] + bytes([byte]) + WHOLE[index + 1 :]
    assert isinstance(certificate_end(broken), datetime | None)
