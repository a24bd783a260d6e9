"""The store of certificates: whether anything is in it, and whether this machine's clock fits."""

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


def trust(name: str) -> Iterator[Finding]:
    """Count the authorities that checks trust."""
    try:
        count = len(verifying().get_ca_certs())
    except LocalFault as error:
        yield fault(name, str(error), "correct the variable, or take it away")
        return
    folder: str | None = ssl.get_default_verify_paths().capath  # typeshed leaves the None out
    if count:
        yield ok(name, f"{count} certificate authorities are trusted")
    elif folder is not None and any(Path(folder).glob("*.0")):  # read as they are needed
        yield ok(name, f"the certificate authorities in {folder} are trusted")
    else:
        yield fault(
            name,
            "no certificate authority is trusted: every https check fails",
            "install the package ca-certificates, or name a file of them in SSL_CERT_FILE",
        )


def machine_clock(name: str, *, now: float | None = None) -> Iterator[Finding]:
    """Hold the clock against the certificates that every machine has.

    Authorities live for twenty years or so: a clock that finds most of them expired, or not valid
    yet, is wrong.

    Args:
        name: the finding's.
        now: seconds since 1970; ``None``: ask the clock.
    """
    now = time.time() if now is None else now
    shown = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
    try:
        held = [_valid_at(now, certificate) for certificate in verifying().get_ca_certs()]
    except LocalFault:
        held = []
    if not held:
        yield warning(
            name,
            f"the clock says {shown}, and there are no certificates to hold it against",
            "see that this is right: certificates are accepted or refused by it",
        )
    elif sum(held) < len(held) / 2:
        yield fault(
            name,
            f"the clock says {shown}, when {len(held) - sum(held)} of {len(held)} certificate "
            "authorities are not valid",
            "set the clock, and have it kept by NTP: https checks fail for its sake",
        )
    else:
        yield ok(name, f"the clock says {shown}, which fits the certificate authorities")


def _valid_at(now: float, certificate: dict[str, Any]) -> bool:
    begin, end = (ssl.cert_time_to_seconds(certificate[key]) for key in ("notBefore", "notAfter"))
    return begin <= now <= end
