"""What a first check needs besides the network, done before its clock starts.

The trust store of a system takes 25 to 100 ms to read, and c-ares 20 ms to load: neither is the
site's time, nor that of its deadline.
"""

from __future__ import annotations

import contextlib
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from tryconnect._address.authority import is_ip
from tryconnect._check.loading import Loading
from tryconnect._transport.tls import TlsContexts

if TYPE_CHECKING:
    from tryconnect._address.target import Target
    from tryconnect._options import Options

__all__ = ["Preparation"]

_RESOLVER = "tryconnect._transport.resolver"


class Preparation:
    """What the checks of one client in one event loop need, each done once.

    Args:
        options: The client's.

    Attributes:
        trust: The TLS contexts of its checks.
    """

    def __init__(self, options: Options) -> None:
        self.trust = TlsContexts(options.ssl)
        self._needs_trust = True
        self._needs_names = options.resolver is None and _RESOLVER not in sys.modules
        self._loading = Loading(_load_resolver, _RESOLVER, "Resolver")

    def is_wanted(self, target: Target) -> bool:
        """Return whether a check of this target is the first that needs something."""
        return (self._needs_trust and target.is_encrypted) or (
            self._needs_names and _has_name(target)
        )

    async def done(self, target: Target) -> None:
        """Return once it is done; what goes wrong is said by the check itself."""
        with contextlib.suppress(Exception):
            if self._needs_trust and target.is_encrypted:
                if self.trust.ready() is None:
                    await self.trust.context()
                self._needs_trust = False
        with contextlib.suppress(Exception):
            if self._needs_names and _has_name(target):
                await self._loading.done()
        self._needs_names = self._needs_names and not _has_name(target)
        self._needs_trust = self._needs_trust and not target.is_encrypted


def _has_name(target: Target) -> bool:
    return not is_ip(target.host) and bool(target.host) and not target.path


def _load_resolver() -> None:
    import_module(_RESOLVER)
