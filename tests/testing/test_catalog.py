"""The hall has all that the package can do wrong, and each of it opens."""

import pytest

from tests.support.event_loops import on_each_loop
from tryconnect import testing
from tryconnect.testing import BAD_PEERS, REPLIES
from tryconnect.testing.tls import KINDS

BY_WAY_OF = {"http_server", "proxy", "raw", "repeats", "serve", "tls_server", "unix_server"}
"""What makes peers that the hall has under other names, or good ones."""


def test_every_reply_is_in_the_hall() -> None:
    assert {f"reply: {name.replace('_', ' ')}" for name in REPLIES} <= set(BAD_PEERS)


def test_every_kind_of_tls_is_in_the_hall() -> None:
    assert {f"TLS: {kind.replace('_', ' ')}" for kind in KINDS} == {
        name for name in BAD_PEERS if name.startswith("TLS: ")
    }


def test_everything_that_opens_a_peer_is_in_the_hall() -> None:
    openings = {
        getattr(each.open, "func", each.open).__name__ for each in BAD_PEERS.values()
    } | BY_WAY_OF

    others = {"ca_pem", "dns_server", "in_thread", "ipv6_loopback", "server_context", "trusting"}
    functions = {name for name in testing.__all__ if name[0].islower()}
    assert functions - others <= openings


@pytest.mark.slow
@on_each_loop
@pytest.mark.parametrize("name", BAD_PEERS)
async def test_each_opens_and_closes_without_a_client(name: str) -> None:
    async with BAD_PEERS[name].open() as peer:
        assert peer.url.startswith(("http://127.0.0.1:", "https://127.0.0.1:"))
    assert BAD_PEERS[name].does
