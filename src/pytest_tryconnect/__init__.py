"""Registers the fixtures of ``tryconnect.testing`` if that is imported.

pytest loads this file whenever it starts, in each project that has tryconnect installed. So it is
not part of the package, imports almost nothing, and does nothing until a test file or a
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
    """Register them after a test file was imported, before its tests request fixtures."""
    manager = collector.config.pluginmanager
    if _IMPORTED in sys.modules and not manager.has_plugin(_FIXTURES):
        from tryconnect.testing import fixtures  # noqa: PLC0415 - needed only now

        # The name that ``pytest_plugins`` and ``-p`` would use.
        manager.register(fixtures, _FIXTURES)
