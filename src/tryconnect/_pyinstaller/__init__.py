"""Hooks that tell PyInstaller what it cannot see in the code: files, and modules found by name.

PyInstaller finds this package by the entry point ``pyinstaller40``, and runs each ``hook-NAME.py``
when the program that it packs imports ``NAME``.
"""

from pathlib import Path

__all__ = ["hook_dirs"]


def hook_dirs() -> list[str]:
    """Return the folders with hooks."""
    return [str(Path(__file__).parent)]
