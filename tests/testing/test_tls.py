"""The TLS servers do what they say."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect import testing as peers
from tryconnect.testing._misbehaving import OK
from tryconnect.testing._serve import Connection
from tryconnect.testing.tls import KINDS, over_tls

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

FAULTS: dict[str, tuple[type[Exception], str | None]] = {
    "expired": (ssl.SSLCertVerificationError, "certificate has expired"),
    "not_yet_valid": (ssl.SSLCertVerificationError, "not yet valid"),
    "wrong_host": (ssl.SSLCertVerificationError, "IP address mismatch"),
    "self_signed": (ssl.SSLCertVerificationError, "self.signed certificate"),
    "unknown_ca": (ssl.SSLCertVerificationError, "unable to get local issuer"),
    "missing_intermediate": (ssl.SSLCertVerificationError, "unable to get local issuer"),
    "weak_key": (ssl.SSLCertVerificationError, "self.signed certificate|key too weak"),
    "weak_digest": (ssl.SSLCertVerificationError, "digest algorithm too weak"),
    "client_certificate_demanded": (ssl.SSLError, "CERTIFICATE_REQUIRED"),
    "sni_needed": (ssl.SSLError, "UNRECOGNIZED_NAME"),
    "tls_1_0_only": (ssl.SSLError, "ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL"),
    "reset_in_handshake": (ConnectionResetError, None),
    "closes_in_handshake": (ConnectionResetError, None),
    "alert_in_handshake": (ssl.SSLError, "HANDSHAKE_FAILURE"),
    "plain_on_tls_port": (ssl.SSLError, "WRONG_VERSION_NUMBER|record layer failure"),
}


async def answer_of(peer: peers.Peer, name: str | None = None) -> bytes:
    reader, writer = await asyncio.open_connection(
        peer.host, peer.port, ssl=peers.trusting(), server_hostname=name or peer.host
    )
    try:
        writer.write(REQUEST)
        return await reader.readexactly(len(OK))
    finally:
        writer.transport.abort()


@on_each_loop
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("good", None),
        ("good", "www.good.test"),
        ("sni_needed", "good.test"),
        ("address_only", None),
    ],
)
async def test_these_answer(kind: str, name: str | None) -> None:
    async with peers.tls_server(kind) as peer:
        assert await answer_of(peer, name) == OK

    assert peer.requests == [REQUEST]


@on_each_loop
@pytest.mark.parametrize("kind", FAULTS)
async def test_these_fail(kind: str) -> None:
    error, text = FAULTS[kind]
    async with peers.tls_server(kind) as peer:
        with pytest.raises(error, match=text):
            await answer_of(peer)


async def test_a_silent_handshake_hangs() -> None:
    async with peers.tls_server("silent_handshake") as peer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await answer_of(peer)


async def test_never_close_notify_keeps_the_connection() -> None:
    async with peers.tls_server("never_close_notify") as peer:
        reader, writer = await asyncio.open_connection(
            peer.host, peer.port, ssl=peers.trusting(), ssl_shutdown_timeout=5
        )
        writer.write(REQUEST)
        assert await reader.readexactly(len(OK)) == OK
        writer.close()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await writer.wait_closed()
        writer.transport.abort()


def test_every_kind_is_tested() -> None:
    good = {"good", "address_only", "silent_handshake", "never_close_notify"}
    assert set(KINDS) == {*FAULTS, *good}


def test_the_authority_is_there_as_a_file(ca_file: Path, client_ssl: ssl.SSLContext) -> None:
    assert ssl.create_default_context(cafile=ca_file).get_ca_certs() == client_ssl.get_ca_certs()


@on_each_loop
async def test_a_client_that_says_good_bye_is_heard() -> None:
    heard: list[bytes] = []

    async def listens(connection: Connection) -> None:
        heard.append(await connection.receive())

    async with peers.serve(over_tls(listens, peers.server_context())) as peer:
        _, writer = await asyncio.open_connection(peer.host, peer.port, ssl=peers.trusting())
        writer.close()  # with a close_notify
        await writer.wait_closed()

    assert heard == [b""]
