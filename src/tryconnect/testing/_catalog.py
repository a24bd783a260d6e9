"""The hall of bad peers: all of them by name, for tests that a client must pass with every one."""

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
    """One peer of the hall.

    Attributes:
        open: makes the peer, as an async context manager.
        does: what it does, in a few words.
        hangs: a client without a deadline waits for it for ever, or as good as.
        scheme: asked by ``http`` or ``https``, whatever the peer speaks.

    .. versionadded:: 0.1
    """

    open: Callable[[], Opening]
    does: str
    hangs: bool = False
    scheme: str = "http"


_CONNECTIONS = {
    "refuses": PeerCase(closed_port, "nothing listens"),
    "black hole": PeerCase(full_backlog, "neither accepts nor refuses", hangs=True),
    "silent": PeerCase(silent, "accepts and never says a word", hangs=True),
    "accepts late": PeerCase(partial(accepts_late, 0.05), "answers, after 50 ms"),
    "closes at once": PeerCase(partial(closes, "accept"), "hangs up before the request"),
    "closes": PeerCase(closes, "hangs up in place of an answer"),
    "resets at once": PeerCase(partial(reset, "accept"), "resets before the request"),
    "resets": PeerCase(reset, "resets in place of an answer"),
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
    "endless headers": PeerCase(endless_headers, "sends headers for ever"),
    "endless 1xx": PeerCase(endless_1xx, "promises an answer for ever", hangs=True),
    "endless body": PeerCase(endless_body, "sends a body for ever", hangs=True),
    "1 MB of header": PeerCase(partial(big_header, 2**20), "sends one header of 1 MiB"),
}
_CODINGS = ("gzip", "deflate", "br", "zstd")
_BODIES = {
    **{
        f"corrupt {coding}": PeerCase(
            partial(packed, coding, corrupt=True), f"sends a body whose {coding} is broken"
        )
        for coding in _CODINGS
    },
    **{
        f"{coding} bomb": PeerCase(
            partial(bomb, coding), f"sends a small body, which {coding} unpacks to 64 MiB"
        )
        for coding in _CODINGS
    },
    "stacked codings": PeerCase(
        partial(packed, "deflate", "gzip"), "packs its body twice, as it is allowed to"
    ),
}
_REPLIES = {
    f"reply: {name.replace('_', ' ')}": PeerCase(partial(raw, reply), reply.remark)
    for name, reply in REPLIES.items()
}
_TLS = {
    "good": "is as it should be",
    "expired": "shows a certificate whose last day was yesterday",
    "not_yet_valid": "shows a certificate whose first day is tomorrow",
    "wrong_host": "shows a certificate for another host",
    "self_signed": "shows a certificate that vouches for itself",
    "unknown_ca": "shows a certificate that nobody known has signed",
    "missing_intermediate": "leaves a certificate of its chain out",
    "weak_key": "has a key of 1024 bits",
    "weak_digest": "shows a certificate that is signed over SHA-1",
    "address_only": "shows a certificate for 127.0.0.1, and is there",
    "client_certificate_demanded": "wants a certificate from the client, too",
    "sni_needed": "has a site good.test only, and is asked for 127.0.0.1",
    "tls_1_0_only": "knows no version after TLS 1.0",
    "never_close_notify": "answers, and never ends the connection",
    "silent_handshake": "takes the client's hello and says nothing",
    "reset_in_handshake": "answers the client's hello with a reset",
    "closes_in_handshake": "answers the client's hello by hanging up",
    "alert_in_handshake": "answers the client's hello with an alert",
    "plain_on_tls_port": "answers the client's hello in plain HTTP",
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
    "TLS on a plain port": PeerCase(tls_server, "speaks TLS only, and is asked in plain HTTP"),
}
"""All peers by name, from those where no one answers to those that nobody can trust.

Those of TLS, and ``br`` and ``zstd``, need the extra ``testing``.

.. versionadded:: 0.1
"""
