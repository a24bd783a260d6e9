"""Registers the fixtures of :mod:`pytest_tryconnect.fixtures` where tests name one of them.

pytest loads this file whenever it starts, in each project that has tryconnect installed. So it is
not part of the package, and imports nothing. To register seven fixtures takes pytest two and a half
million instructions, so they wait for a test module or a ``conftest.py`` that has their prefix
in it. Other plugins ask for them by ``pytest_plugins = ["pytest_tryconnect.fixtures"]``.

.. versionadded:: 0.1
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_PREFIX = b"tryconnect_"
_FIXTURES = "pytest_tryconnect.fixtures"


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Look into each ``conftest.py``."""
    if getattr(plugin, "__name__", "").endswith("conftest"):
        _register_if_named(str(getattr(plugin, "__file__", "")), manager)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> None:
    """Look into each test module, before its tests request fixtures."""
    _register_if_named(str(module_path), parent.config.pluginmanager)


def _register_if_named(path: str, manager: pytest.PytestPluginManager) -> None:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib would cost more than the look
        if _PREFIX in file.read() and not manager.has_plugin(_FIXTURES):
            manager.import_plugin(_FIXTURES)
