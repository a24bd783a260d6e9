"""A stand-in for the checker where this machine lacks the resources to load it.

This module imports only what is loaded with the package itself: nothing more could be.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tryconnect._model.faults import LocalFault, links
from tryconnect._model.report import Report
from tryconnect._runtime.descriptors import shortage
from tryconnect.errors import FetchError, Reason

if TYPE_CHECKING:
    from tryconnect._address.request import Request

__all__ = ["UnloadedChecker", "is_want", "no_means"]


class UnloadedChecker:
    """Reports ``local`` for every check; the next client tries to load the real one again.

    Args:
        error: why it cannot be loaded.
    """

    def __init__(self, error: BaseException) -> None:
        self._error = error if isinstance(error, LocalFault) else no_means()
        if self._error is not error:
            self._error.__cause__ = error

    def start(self, *_: Any, **__: Any) -> None:
        """Begin nothing: every check has to go by :meth:`probe`."""

    async def probe(self, request: Request, **_: Any) -> Report:
        """Return a report that blames this machine."""
        return Report(request.address, Reason.local, str(self._error), error=self._error)

    async def fetch(self, request: Request, **_: Any) -> None:
        """Fetch nothing.

        Raises:
            FetchError: always.
        """
        raise FetchError(await self.probe(request)) from self._error

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def abandon(self) -> None:
        """Do nothing."""


def no_means() -> LocalFault:
    """Return what every check comes to."""
    return LocalFault(
        "this machine has no descriptors, memory or threads left for a check: the address was not "
        "tried"
    )


def is_want(error: BaseException) -> bool:
    """Return whether something failed because descriptors, memory or threads ran out."""
    return any(map(_is_want, links(error))) or shortage() is not None


def _is_want(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno in _WANTS:
        return True
    # The dynamic linker, the thread module and the compiler say it in words only.
    return any(words in str(error) for words in _WORDS)


_WANTS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
_WORDS = (
    "Too many open files",
    "Cannot allocate memory",
    "cannot allocate memory",
    "failed to map segment",
    "malloc failure",  # OpenSSL: ERR_R_MALLOC_FAILURE
    "unknown error (_ssl.c",  # it had no memory even for saying so
    "can't start new thread",
    "can't allocate lock",
    "can't allocate read lock",
    "returned NULL without setting an exception",
    "error return without exception set",
)
