"""Makes pytest run the code blocks of the docs; see tests/docs/documents.py."""

import signal

from sybil import Sybil

from tests.docs import documents

# A shell makes background processes ignore SIGINT (POSIX, "Signals and error handling"), and their
# children inherit that; some programs that the tests start wait for Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_collect_file = Sybil(
    parsers=[documents.blocks],
    patterns=["README.rst", "docs/*.rst", "docs/**/*.rst"],
    setup=documents.enter,
    teardown=documents.leave,
).pytest()
