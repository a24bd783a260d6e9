"""Separate environments for clients that would affect others.

urllib3-future, which niquests uses, overwrites urllib3 on installation: requests in the same
environment would be measured with a library that its users do not have.
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
    """Return the Python of an environment with a library; ``None`` if there is none.

    It is created by the first call and removed when this process exits.
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
