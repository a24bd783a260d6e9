"""``python -m tryconnect`` is the command line."""

import sys

from tryconnect.cli import main

if __name__ == "__main__":
    sys.exit(main())
