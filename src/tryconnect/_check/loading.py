"""Loading aiohttp when a check needs it: it takes a quarter of a second, and most do without.

No loop stands still for it, and no deadline counts it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from tryconnect._check.unloaded import is_want, no_means
from tryconnect._model.faults import LocalFault
from tryconnect._runtime.threads import Overdue, run_in_daemon_thread
from tryconnect.errors import TryConnectError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Loading", "afford_loading", "load_aiohttp"]

_ADDRESS_SPACE = 48 * 2**20
"""Bytes: what aiohttp and OpenSSL need to load is 36 MiB of it, with 64 bits."""


def afford_loading() -> None:
    """Look whether there is memory to load aiohttp and OpenSSL, without using any.

    Where there is not, OpenSSL may end the process, or spin for ever and hold the interpreter.

    Raises:
        MemoryError: there is not.
    """
    bytes(_ADDRESS_SPACE)  # by calloc: its pages are not touched


def load_aiohttp() -> None:
    """Import what checks by aiohttp need; does nothing where that has been done.

    Raises:
        LocalFault: this machine lacks the means.
        TryConnectError: aiohttp cannot be loaded, because of this machine's settings.
    """
    try:
        if "tryconnect._check.network" not in sys.modules:
            afford_loading()
        import tryconnect._check.network  # noqa: F401, PLC0415 - the purpose
    except (OSError, ImportError, MemoryError, RuntimeError, SystemError) as error:
        if is_want(error):
            raise no_means() from error
        if not isinstance(error, OSError):
            raise
        # aiohttp makes TLS contexts as it loads, and OpenSSL opens the file of SSLKEYLOGFILE then.
        raise TryConnectError(
            f"aiohttp cannot be loaded ({error}): does SSLKEYLOGFILE name a file to write to?"
        ) from error


class Loading:
    """An import, once for all who wait for it in one loop.

    Args:
        load: imports.
        module: what is imported last.
        name: what that has when it is whole.
    """

    def __init__(
        self,
        load: Callable[[], object] = load_aiohttp,
        module: str = "tryconnect._check.network",
        name: str = "Network",
    ) -> None:
        self._load = load
        self._module = module
        self._name = name
        self._import: asyncio.Future[object] | None = None

    async def done(self) -> None:
        """Return when it is loaded; the import runs in a thread.

        Raises:
            LocalFault: see :func:`load_aiohttp`; or the import does not end.
            TryConnectError: see there.
        """
        if hasattr(sys.modules.get(self._module), self._name):
            return
        try:
            if self._import is None:
                self._import = run_in_daemon_thread(
                    self._load, name="tryconnect-import", exit_waits=True
                )
            # One caller's cancellation is not the others'.
            await asyncio.shield(self._import)
        except Overdue:
            raise
        except LocalFault:
            pass  # no thread is to be had: the loop has to wait
        self._load()
