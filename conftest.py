"""Makes pytest run the code blocks of the docs; see tests/docs/documents.py."""

import os
import signal

import pytest
from sybil import Sybil

from tests.docs import documents

# A shell makes background processes ignore SIGINT (POSIX, "Signals and error handling"), and their
# children inherit that; some programs that the tests start wait for Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_collect_file = Sybil(
    parsers=[documents.blocks],
    patterns=["README.rst", "docs/*.rst", "docs/*/*.rst", "docs/*/*/*.rst"],
    setup=documents.enter,
    teardown=documents.leave,
).pytest()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share all tests among two processes; files that are named run in this one.

    Tests look at the time, so that more of them than processors would be late.
    """
    every = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return 2 if every and (os.cpu_count() or 1) > 1 else 0
