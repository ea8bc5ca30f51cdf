"""One thread for the linear algebra: the matrices are small, and the search has its own processes.

May import: the standard library, threadpoolctl. Must not know: anything else.
"""

import os
from contextlib import AbstractContextManager, nullcontext

NAMES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def start_with_one_thread() -> None:
    """Tells libraries that are loaded from now on, unless the user has told them otherwise."""
    for name in NAMES:
        os.environ.setdefault(name, "1")


def one_thread() -> AbstractContextManager[object]:
    """Limits the libraries that are loaded, inside the context; nothing where they were told."""
    if all(os.environ.get(name) == "1" for name in NAMES):
        return nullcontext()
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, "blas")
    return limits
