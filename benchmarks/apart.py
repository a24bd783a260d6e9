"""Environments of their own, for clients that would change others.

urllib3-future, on which niquests stands, copies itself over urllib3 wherever it is installed:
requests beside it would be measured on a library that its users do not have.
"""

from __future__ import annotations

import atexit
import functools
import importlib.metadata
import shutil
import subprocess
import tempfile
import venv
from pathlib import Path

__all__ = ["python", "version"]


@functools.cache
def python(library: str) -> str | None:
    """Return the Python of an environment that has a library; ``None`` where there is none.

    It is made at the first call, and lasts as long as this process.
    """
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    interpreter = str(folder / "bin" / "python")
    command = [interpreter, "-m", "pip", "install", "--quiet", library]
    installed = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our words
    return None if installed.returncode else interpreter


def version(library: str) -> str:
    """Return the version of a library in its environment."""
    places = Path(python(library) or "").parent.parent.glob("lib/python*/site-packages")
    (found,) = importlib.metadata.distributions(name=library, path=[*map(str, places)])
    return found.version
