"""Lets pytest run the blocks of the documents; tests/docs/documents.py says how."""

import signal

from sybil import Sybil

from tests.docs import documents

# A shell has SIGINT ignored by what it starts in the background (POSIX, "Signals and error
# handling"), and so by all that it starts in turn; here some of those wait for Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_collect_file = Sybil(
    parsers=[documents.blocks],
    patterns=["README.rst", "docs/*.rst", "docs/**/*.rst"],
    setup=documents.enter,
    teardown=documents.leave,
).pytest()
