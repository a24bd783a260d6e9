"""The trusted certificate authorities, and whether this machine's clock agrees with them."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tryconnect._model.faults import LocalFault
from tryconnect._transport.tls import verifying
from tryconnect.doctor._findings import fault, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tryconnect.doctor._findings import Finding

__all__ = ["machine_clock", "trust"]


def trust() -> Iterator[Finding]:
    """Count the certificate authorities that checks trust."""
    try:
        count = len(verifying().get_ca_certs())
    except LocalFault as error:
        yield fault(str(error), "correct the variable, or unset it")
        return
    folder: str | None = ssl.get_default_verify_paths().capath  # None is missing in typeshed
    if count:
        yield ok(f"{count} certificate authorities are trusted")
    elif folder is not None and any(Path(folder).glob("*.0")):  # loaded on demand
        yield ok(f"the certificate authorities in {folder} are trusted")
    else:
        yield fault(
            "no certificate authority is trusted: every https check fails",
            "install the package ca-certificates, or set SSL_CERT_FILE to a file of them",
        )


def machine_clock(*, now: float | None = None) -> Iterator[Finding]:
    """Compare the clock with the validity of the trusted certificates.

    Authorities are valid for about twenty years: if most of them seem to have expired, or are not
    valid yet, the clock is wrong.

    Args:
        now: Seconds since 1970; ``None``: ask the clock.
    """
    now = time.time() if now is None else now
    shown = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
    try:
        held = [_valid_at(now, certificate) for certificate in verifying().get_ca_certs()]
    except LocalFault:
        held = []
    if not held:
        yield warning(
            f"the clock says {shown}; there are no certificates to compare it with",
            "make sure that this is right: it decides which certificates are accepted",
        )
    elif sum(held) < len(held) / 2:
        yield fault(
            f"the clock says {shown}, when {len(held) - sum(held)} of {len(held)} certificate "
            "authorities are not valid",
            "set the clock, and keep it right with NTP: https checks fail because of it",
        )
    else:
        yield ok(f"the clock says {shown}, which agrees with the certificate authorities")


def _valid_at(now: float, certificate: dict[str, Any]) -> bool:
    begin, end = (ssl.cert_time_to_seconds(certificate[key]) for key in ("notBefore", "notAfter"))
    return begin <= now <= end
