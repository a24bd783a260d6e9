"""How much memory this process has, for the scripts that look whether it grows (Linux)."""

import ctypes
import gc
import mmap
from pathlib import Path

__all__ = ["held"]


def held() -> float:
    """Return the MiB that this process holds; 0 where the system does not tell in Linux's way.

    What was freed goes back to the system first.  glibc keeps it otherwise: once a block of 20 MB
    was freed, up to 40 MB of free memory may lie at the heap's end (``mallopt(3)``,
    ``M_MMAP_THRESHOLD``), and how much it is hangs on where the last small block happened to be.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return resident()


def resident() -> float:
    """Return the MiB that this process has in memory, held or not."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * mmap.PAGESIZE / 2**20
