"""Measures the memory of this process, for the scripts that check whether it grows (Linux)."""

import ctypes
import gc
import mmap
from pathlib import Path

__all__ = ["held"]


def held() -> float:
    """Return the MiB that this process holds; 0 on systems other than Linux.

    Freed memory is returned to the system first. Otherwise glibc keeps it: once a block of 20 MB
    was freed, up to 40 MB of free memory may remain at the end of the heap (``mallopt(3)``,
    ``M_MMAP_THRESHOLD``), depending on where the last small block happens to be.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return resident()


def resident() -> float:
    """Return the resident memory of this process in MiB, including freed memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * mmap.PAGESIZE / 2**20
