"""Lets pytest run the blocks of the documents; tests/documents.py says how."""

from sybil import Sybil

from tests import documents

pytest_collect_file = Sybil(
    parsers=[documents.blocks],
    patterns=["README.rst", "docs/*.rst", "docs/**/*.rst"],
    setup=documents.enter,
    teardown=documents.leave,
).pytest()
