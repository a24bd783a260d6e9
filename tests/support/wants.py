"""Tests that need more than the extra ``test``: a program, a module, or privileges.

Such a test is marked ``@pytest.mark.wants(program="nginx")``, ``wants(module="qasync")`` or
``wants(namespaces=True)``. If the requirement is missing the test is skipped, with the reason. With
``TRYCONNECT_TESTS=all`` it fails instead: ``.ci/run`` installs all requirements and then runs
``pytest -m wants`` that way, since a skipped test would prove nothing there.
"""

import functools
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

ALL = "all"


def _has_program(name: str) -> bool:
    return shutil.which(name) is not None


def _has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # not even its package
        return False


@functools.cache
def _has_namespaces(wanted: bool) -> bool:  # noqa: FBT001 - the value of the mark
    """Return whether network namespaces can be created, which requires ``ip`` and root."""
    if not wanted or not _has_program("ip"):
        return not wanted
    tried = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)  # noqa: S607
    return tried.returncode == 0


KINDS: dict[str, Callable[..., bool]] = {
    "program": _has_program,
    "module": _has_module,
    "namespaces": _has_namespaces,
}


def missing(item: pytest.Item) -> Iterator[str]:
    """Yield the requirements of a test that this machine lacks."""
    for mark in item.iter_markers("wants"):
        for kind, wanted in mark.kwargs.items():
            if not KINDS[kind](wanted):
                yield f"{kind} {wanted}"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "wants(program=, module=, namespaces=): see tests/support/wants.py"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    if lacks := ", ".join(missing(item)):
        complain = pytest.fail if os.environ.get("TRYCONNECT_TESTS") == ALL else pytest.skip
        complain(f"not on this machine: {lacks}")
