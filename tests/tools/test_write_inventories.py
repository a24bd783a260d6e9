"""The inventories that a build of the documents reads in place of the internet."""

from __future__ import annotations

import zlib

import pytest

from tools.write_inventories import INVENTORIES, entries, only

HEAD = b"""# Sphinx inventory version 2
# Project: shop
# Version: 1
# The remainder of this file is compressed using zlib.
"""
WHOLE = HEAD + zlib.compress(
    b"""shop.Cart py:class 1 api.html#$ -
shop.Till py:class 1 api.html#$ The till
shop.Cart std:label -1 cart.html Carts
"""
)


def test_python_objects_that_are_referred_to_are_kept() -> None:
    kept = only(WHOLE, {"shop.Cart", "elsewhere.Cart"})

    assert kept.startswith(HEAD)
    assert list(entries(kept)) == ["shop.Cart py:class 1 api.html#$ -"]


@pytest.mark.parametrize(
    ("project", "name"),
    [
        ("python", "ssl.SSLContext"),
        ("aiohttp", "aiohttp.web.Application"),
        ("yarl", "yarl.URL"),
        ("pandas", "pandas.DataFrame"),
    ],
)
def test_an_inventory_has_what_signatures_name(project: str, name: str) -> None:
    inventory = (INVENTORIES / f"{project}.inv").read_bytes()

    assert name in {entry.partition(" ")[0] for entry in entries(inventory)}
