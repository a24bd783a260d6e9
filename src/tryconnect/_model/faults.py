"""Faults that tryconnect finds by itself, where no library raises anything.

They reach users only as ``Report.error``; their text is the report's detail.
"""

from __future__ import annotations

__all__ = [
    "BadRedirect",
    "Blocked",
    "ContentEncodingError",
    "Disconnected",
    "LocalFault",
    "NotHttp",
    "ProxyUnusable",
    "TooLarge",
    "TooManyRedirects",
]


class BadRedirect(Exception):  # noqa: N818 - named after what was found, like the others here
    """The peer redirected to something that is no HTTP address."""


class Blocked(OSError):  # noqa: N818
    """The guard refuses a peer.

    An ``OSError``, so that the next address of the name is tried. All have the same text, by which
    aiohappyeyeballs knows that all addresses failed alike, and raises the first one's.
    """

    def __init__(self) -> None:
        super().__init__("the client's guard lets nothing connect there")


class Disconnected(Exception):  # noqa: N818
    """The peer ended the connection in good order, and without an answer."""


class TooManyRedirects(Exception):  # noqa: N818
    """The chain of redirects did not end in time."""


class ProxyUnusable(Exception):  # noqa: N818
    """The proxy to use is of a kind that tryconnect does not speak to."""


class LocalFault(Exception):  # noqa: N818
    """A setting of our own machine makes the check impossible."""


class NotHttp(Exception):  # noqa: N818
    """The answer looks like HTTP to a parser, but is something else."""


class TooLarge(Exception):  # noqa: N818
    """The body is longer than the caller allows."""


class ContentEncodingError(ValueError):
    """A body is not what its Content-Encoding says, or nothing here can undo that."""
