"""Hosts, paths and queries as the WHATWG URL standard serialises them, and so browsers.

ada-url does it.  Where it has no wheel and could not be built, :mod:`~tryconnect._address.fallback`
stands in.
"""

from __future__ import annotations

__all__ = ["ascii_host", "relative_target", "request_target"]


def ascii_host(host: str) -> str:
    """Return a host in ASCII: escapes undone, names by UTS 46, number forms as ``a.b.c.d``.

    Args:
        host: as it was written, without user name, port and brackets.

    Raises:
        ValueError: the host is none that a browser would look up.
    """
    try:
        from ada_url import URL
    except ImportError:
        from tryconnect._address import fallback

        return fallback.ascii_host(host)
    return URL(f"http://{host}/").hostname


def request_target(tail: str) -> str:
    """Return the path and query of a URL as they go on the wire.

    Args:
        tail: what follows the host and port, up to the fragment.
    """
    # Before the mark, a space at the end is not one that surrounds the URL.
    return _serialised(f"http://h{tail}#", "http://h/")


def relative_target(reference: str, base: str) -> str:
    """Return the path and query that a reference without a host leads to.

    Args:
        reference: a relative one, without a scheme; a fragment is left out.
        base: the path and query that it is relative to.
    """
    # With a scheme before it, a colon in its first segment is no scheme's.
    return _serialised(f"http:{reference}", f"http://h{base}")


def _serialised(reference: str, base: str) -> str:
    try:
        from ada_url import join_url
    except ImportError:
        from tryconnect._address import fallback

        return fallback.request_target(reference, base)
    return join_url(base, reference).removeprefix("http://h").partition("#")[0]
