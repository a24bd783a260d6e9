"""Which kinds of proxies can be used."""

from __future__ import annotations

__all__ = ["NEEDS_SOCKS", "PROXY_SCHEMES", "SOCKS_SCHEMES"]

SOCKS_SCHEMES = ("socks4", "socks4a", "socks5", "socks5h")
"""As curl has them: with 4a and 5h the proxy looks names up."""

PROXY_SCHEMES = ("http", "https", *SOCKS_SCHEMES)

NEEDS_SOCKS = 'python-socks: pip install "tryconnect[socks]"'
