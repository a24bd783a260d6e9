"""Each module has a test file, and that of a pure one covers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import own_coverage
from tools.own_coverage import COVERED_BY, ENOUGH, PURE, ROOT, modules, named_after, own_tests


@pytest.mark.parametrize("module", modules())
def test_a_module_has_a_test_file_of_its_name_or_a_row_of_the_table(module: str) -> None:
    assert (ROOT / own_tests(module)).is_file()


def test_the_table_has_no_module_that_is_gone_pure_or_has_a_file_of_its_name() -> None:
    assert not set(COVERED_BY) - set(modules())
    assert not [module for module in COVERED_BY if module.startswith(PURE)]
    assert not [module for module in COVERED_BY if (ROOT / named_after(module)).is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("module", [module for package in PURE for module in modules(package)])
def test_the_own_file_of_a_pure_module_covers_it(module: str) -> None:
    assert own_coverage.own_coverage(module) >= ENOUGH


@pytest.mark.slow
def test_what_another_file_covers_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "test_empty.py"
    empty.write_text("import tryconnect._model.render\n\n\ndef test_nothing() -> None: ...\n")
    monkeypatch.setitem(COVERED_BY, "_model/render", str(empty))
    assert own_coverage.own_coverage("_model/render") < ENOUGH
