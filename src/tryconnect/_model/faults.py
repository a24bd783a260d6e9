"""Faults that tryconnect finds by itself, where no library raises anything.

They reach users only as ``Report.error``; their text is the report's detail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BadRedirect",
    "Blocked",
    "ContentEncodingError",
    "Disconnected",
    "Interrupted",
    "LocalFault",
    "NotHttp",
    "ProxyRefused",
    "ProxyUnusable",
    "TooLarge",
    "TooManyRedirects",
    "WrongService",
    "links",
]


class BadRedirect(Exception):
    """The peer redirected to something that is no HTTP address."""


class Blocked(OSError):
    """The guard refuses a peer.

    An ``OSError``, so that the next address of the name is tried. All have the same text, by which
    aiohappyeyeballs knows that all addresses failed alike, and raises the first one's.
    """

    def __init__(self) -> None:
        super().__init__("the client's guard lets nothing connect there")


class Disconnected(Exception):
    """The peer ended the connection in good order, and without an answer."""


class TooManyRedirects(Exception):
    """The chain of redirects did not end in time."""


class ProxyUnusable(Exception):
    """The proxy to use is of a kind that tryconnect does not speak to."""


class ProxyRefused(Exception):
    """A SOCKS proxy does not connect; its text is what the proxy does, for a sentence."""


class LocalFault(Exception):
    """A setting of our own machine makes the check impossible."""


class Interrupted(LocalFault):
    """This process did not run for a good part of a check.

    Attributes:
        seconds: For how long.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"this machine slept, or this process was stopped or blocked, for {seconds:.1f} s of "
            "the check, which proves nothing: check again"
        )
        self.seconds = seconds


class NotHttp(Exception):
    """The answer looks like HTTP to a parser, but is something else."""


class WrongService(Exception):
    """Something answered, and not as the service does that was asked for."""


class TooLarge(Exception):
    """The body is longer than the caller allows."""


class ContentEncodingError(ValueError):
    """A body is not what its Content-Encoding says, or nothing here can undo that."""


def links(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, what it was raised from or during, and so on, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
