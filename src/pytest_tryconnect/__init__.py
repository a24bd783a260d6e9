"""Brings the fixtures of ``tryconnect.testing`` to whoever imports it.

pytest loads this file at every start, in each project that has tryconnect installed.  So it is no
part of the package, imports next to nothing, and does nothing until a test file or a
``conftest.py`` has imported ``tryconnect.testing``.

.. versionadded:: 0.1
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pytest

_IMPORTED = "tryconnect.testing"
_FIXTURES = "tryconnect.testing.fixtures"


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class) -> None:
    """Look, when a test file was imported and before its tests ask for fixtures."""
    manager = collector.config.pluginmanager
    if _IMPORTED in sys.modules and not manager.has_plugin(_FIXTURES):
        from tryconnect.testing import fixtures  # noqa: PLC0415 - only now it is wanted

        # Under the name that ``pytest_plugins`` and ``-p`` would give it, too.
        manager.register(fixtures, _FIXTURES)
