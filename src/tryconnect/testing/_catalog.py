"""The catalogue of bad peers, for tests that run with each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tryconnect.testing._encoded import bomb, packed
from tryconnect.testing._misbehaving import (
    accepts_late,
    big_header,
    closes,
    drip,
    endless_1xx,
    endless_body,
    endless_headers,
    raw,
    reset,
    silent,
)
from tryconnect.testing._optional import tls_server
from tryconnect.testing._ports import closed_port, full_backlog
from tryconnect.testing._replies import REPLIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tryconnect.testing._misbehaving import Opening

__all__ = ["BAD_PEERS", "PeerCase"]


@dataclass(frozen=True)
class PeerCase:
    """A peer of the catalogue.

    Attributes:
        open: Returns the peer, as an async context manager.
        does: What it does, in a few words.
        hangs: Whether a client without a timeout would wait practically forever.
        scheme: ``http`` or ``https``: how to address it, whatever it speaks.

    Example:
        >>> from tryconnect.testing import BAD_PEERS
        >>> async with BAD_PEERS["silent"].open() as peer:
        ...     print((await tryconnect.probe(peer.url, timeout=0.1)).reason)
        timeout

    .. versionadded:: 0.1
    """

    open: Callable[[], Opening]
    does: str
    hangs: bool = False
    scheme: str = "http"


_CONNECTIONS = {
    "refuses": PeerCase(closed_port, "nothing listens"),
    "black hole": PeerCase(full_backlog, "neither accepts nor refuses", hangs=True),
    "silent": PeerCase(silent, "accepts and never responds", hangs=True),
    "accepts late": PeerCase(partial(accepts_late, 0.05), "answers, after 50 ms"),
    "closes at once": PeerCase(partial(closes, "accept"), "closes before the request"),
    "closes": PeerCase(closes, "closes instead of answering"),
    "resets at once": PeerCase(partial(reset, "accept"), "resets before the request"),
    "resets": PeerCase(reset, "resets instead of answering"),
    "resets in the status line": PeerCase(partial(reset, "status"), "resets after 12 bytes"),
    "resets in the headers": PeerCase(partial(reset, "headers"), "resets inside a header"),
    "resets in the body": PeerCase(partial(reset, "body"), "resets after good headers"),
}
_FLOODS = {
    "drips the status line": PeerCase(drip, "sends a byte a second", hangs=True),
    "drips the headers": PeerCase(
        partial(drip, "headers"), "sends a byte a second from the headers on", hangs=True
    ),
    "drips the body": PeerCase(
        partial(drip, "body"), "sends a byte a second from the body on", hangs=True
    ),
    "endless headers": PeerCase(endless_headers, "sends headers forever"),
    "endless 1xx": PeerCase(endless_1xx, "sends 1xx responses forever", hangs=True),
    "endless body": PeerCase(endless_body, "sends a body forever", hangs=True),
    "1 MB of header": PeerCase(partial(big_header, 2**20), "sends one header of 1 MiB"),
}
_CODINGS = ("gzip", "deflate", "br", "zstd")
_BODIES = {
    **{
        f"corrupt {coding}": PeerCase(
            partial(packed, coding, corrupt=True), f"sends a body with broken {coding}"
        )
        for coding in _CODINGS
    },
    **{
        f"{coding} bomb": PeerCase(
            partial(bomb, coding), f"sends a small {coding} body that expands to 64 MiB"
        )
        for coding in _CODINGS
    },
    "stacked codings": PeerCase(
        partial(packed, "deflate", "gzip"), "compresses its body twice, which is allowed"
    ),
}
_REPLIES = {
    f"reply: {name.replace('_', ' ')}": PeerCase(partial(raw, reply), reply.remark)
    for name, reply in REPLIES.items()
}
_TLS = {
    "good": "does everything right",
    "expired": "presents a certificate that expired yesterday",
    "not_yet_valid": "presents a certificate that is valid from tomorrow",
    "wrong_host": "presents a certificate for another host",
    "self_signed": "presents a self-signed certificate",
    "unknown_ca": "presents a certificate of an unknown authority",
    "missing_intermediate": "omits a certificate of its chain",
    "weak_key": "has an RSA key of 1024 bits",
    "weak_digest": "presents a certificate with a SHA-1 signature",
    "address_only": "presents a certificate for 127.0.0.1, its address",
    "client_certificate_demanded": "requires a client certificate",
    "sni_needed": "serves good.test only, and is addressed as 127.0.0.1",
    "tls_1_0_only": "supports no version after TLS 1.0",
    "never_close_notify": "answers, and never closes the connection",
    "silent_handshake": "never responds to the ClientHello",
    "reset_in_handshake": "resets after the ClientHello",
    "closes_in_handshake": "closes after the ClientHello",
    "alert_in_handshake": "answers the ClientHello with an alert",
    "plain_on_tls_port": "answers the ClientHello with plain HTTP",
}
_HANDSHAKES = {
    f"TLS: {kind.replace('_', ' ')}": PeerCase(
        partial(tls_server, kind), does, hangs=kind == "silent_handshake", scheme="https"
    )
    for kind, does in _TLS.items()
}

BAD_PEERS: dict[str, PeerCase] = {
    **_CONNECTIONS,
    **_FLOODS,
    **_BODIES,
    **_REPLIES,
    **_HANDSHAKES,
    "TLS on a plain port": PeerCase(
        tls_server, "speaks TLS only, and is addressed with plain HTTP"
    ),
}
"""All bad peers by name.

Those that speak TLS, ``br`` or ``zstd`` require the extra ``testing``.

.. versionadded:: 0.1
"""
