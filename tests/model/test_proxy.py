"""Which kinds of proxies can be used."""

from __future__ import annotations

from tryconnect._model.proxy import NEEDS_SOCKS, PROXY_SCHEMES, SOCKS_SCHEMES


def test_a_proxy_speaks_http_or_one_of_curls_kinds_of_socks() -> None:
    assert set(PROXY_SCHEMES) - set(SOCKS_SCHEMES) == {"http", "https"}
    assert SOCKS_SCHEMES == ("socks4", "socks4a", "socks5", "socks5h")


def test_what_socks_needs_is_told_by_the_command_that_installs_it() -> None:
    assert '"tryconnect[socks]"' in NEEDS_SOCKS
