"""Keeps freed memory in the process, for programs that make and drop many arrays.

The C library gives large freed blocks back to the system at once, and the system clears every page
again at the next use; that costs more than the arithmetic on arrays of some 100 KiB. A process of
our own (the command line, a worker) calls this once at its start; the library never does it by
itself.

May import: the standard library. Must not know: anything else.
"""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h
LARGEST_MMAP_THRESHOLD = 1 << 25  # glibc takes no more; larger blocks are mapped as before
KEPT = 1 << 30


def keep_memory() -> bool:
    """Asks the C library to keep up to 1 GiB of freed memory; whether it agreed (glibc only)."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    kept = mallopt(MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD), mallopt(TRIM_THRESHOLD, KEPT)
    return kept == (1, 1)
