"""Starts pyarrow's threads before the tests."""

from __future__ import annotations

import pytest

from tests.support import arrow_threads


@pytest.fixture(scope="session", autouse=True)
def started_arrow_threads(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Start them, or skip all tests of this folder."""
    pytest.importorskip("pyarrow")
    arrow_threads.start(tmp_path_factory.mktemp("arrow"))
