"""When a certificate ends, read from its own bytes: OpenSSL parses for Python what it has verified.

Only what leads there is read (RFC 5280, section 4.1; the encoding is DER, ITU-T X.690)::

    Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }
    TBSCertificate ::= SEQUENCE { [0] version OPTIONAL, serialNumber, signature, issuer, validity }
    Validity ::= SEQUENCE { notBefore, notAfter }
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from tryconnect._model.lazy_pattern import lazy_pattern

__all__ = ["certificate_end"]

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18

_TIME = lazy_pattern(r"[0-9]{14}Z")
"""Seconds and the zone are never left out (RFC 5280, section 4.1.2.5)."""


@lru_cache(maxsize=64)  # one authority has signed the certificates of many hosts
def certificate_end(certificate: bytes) -> datetime | None:
    """Return when a certificate in DER ends, in UTC; ``None``: that cannot be read."""
    try:
        _, fields, _ = _element(certificate)
        _, fields, _ = _element(fields)
        tag, _, rest = _element(fields)
        for _ in range(3 if tag == _VERSION else 2):  # serialNumber, signature, issuer
            _, _, rest = _element(rest)
        _, validity, _ = _element(rest)
        _, _, rest = _element(validity)
        tag, text, _ = _element(rest)
        return _time(tag, text.decode("ascii"))
    except (IndexError, ValueError):
        return None


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return the first element's tag and content, and what follows it (X.690, section 8.1)."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:  # so many bytes have the length
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    if len(data) < start + length:
        raise ValueError("the element is cut off")
    return tag, data[start : start + length], data[start + length :]


def _time(tag: int, text: str) -> datetime:
    if tag == _UTC_TIME:  # RFC 5280, section 4.1.2.5.1: 50 to 99 are the last century's
        text = f"{19 if text >= '50' else 20}{text}"
    # ``strptime`` takes ten times as long: 2 % of a check.
    if _TIME.fullmatch(text) is None:
        raise ValueError("that is no time")
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)
