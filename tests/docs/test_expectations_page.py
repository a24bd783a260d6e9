"""The pages have the tables that the code goes by."""

from types import ModuleType

import pytest

from tests.support import expectations, greetings


@pytest.mark.parametrize("written_by", [expectations, greetings])
def test_the_page_has_the_table_of_the_code(written_by: ModuleType) -> None:
    _, written, _ = written_by.TABLE.parts()
    assert written == "\n".join(written_by.table())
