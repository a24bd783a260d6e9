"""Separate environments for clients that would affect others.

urllib3-future, which niquests uses, overwrites urllib3 on installation: requests in the same
environment would be measured with a library that its users do not have.
"""

from __future__ import annotations

import atexit
import functools
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["python", "version"]


@functools.cache
def python(library: str, version: str = "") -> str | None:
    """Return the Python of an environment with a library; ``None`` if there is none.

    Args:
        library: Its name; ours comes from this checkout.
        version: Of the Python, as ``3.11``; nothing: this one's.

    It is created by the first call and removed when this process exits.
    """
    base = _interpreter(version) if version else sys.executable
    if base is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    interpreter = str(folder / "bin" / "python")
    for command in (
        [base, "-m", "venv", str(folder)],
        [interpreter, "-m", "pip", "install", "--quiet", _OURS.get(library, library)],
    ):
        if subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603
            return None
    return interpreter


_OURS = {"tryconnect": str(Path(__file__).parent.parent)}


def _interpreter(version: str) -> str | None:
    """Return a Python of that version which can make environments."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    places = [*sorted(pyenv.glob(f"{version}.*/bin/python3")), shutil.which(f"python{version}")]
    for place in filter(None, places):
        command = [str(place), "-c", "import ensurepip, ssl, sqlite3"]
        if not subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603
            return str(place)
    return None


def version(library: str) -> str:
    """Return the version of a library in its environment."""
    places = Path(python(library) or "").parent.parent.glob("lib/python*/site-packages")
    (found,) = importlib.metadata.distributions(name=library, path=[*map(str, places)])
    return found.version
