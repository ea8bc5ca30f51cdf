"""Times CROWN with refined intermediate bounds on many small boxes of an ACAS-shaped network.

Prints boxes a second for each batch size and float type, beside the time that the matrix
products alone would need. Run with OPENBLAS_NUM_THREADS=1 to time one core.
"""

import time

import numpy as np
from boxes_per_second import dense

from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import refine, unstable
from verifai.bounds.interval import interval


def floor(pairs: list[int], width: int, dtype: type) -> float:
    """Seconds that the matrix products for these numbers of unstable values (by layer) need."""
    weight, total = np.ones((width, width), dtype), 0.0
    for layer, count in enumerate(pairs):
        rows = np.ones((1280, width), dtype)
        start = time.perf_counter()
        for _ in range(20):
            rows @ weight
        total += (time.perf_counter() - start) / 20 / 1280 * 2 * count * layer
    return total


def main() -> None:
    """Prints one line for each batch size, box width and float type."""
    net = dense((5, 50, 50, 50, 50, 50, 50, 5))
    print("dtype    boxes  width  unstable  boxes/s  GEMM share")
    for dtype in (np.float64, np.float32):
        compiled = compile_network(net, dtype)
        for boxes in (256, 1024):
            for width in (0.02, 0.1, 0.3):
                middle = np.random.default_rng(1).uniform(-1, 1, (boxes, 5)).astype(dtype)
                half = dtype(width / 2)
                times = []
                for _ in range(3):
                    start = time.perf_counter()
                    root = interval(compiled, middle - half, middle + half)
                    tight = refine(compiled, root).bounds
                    times.append(time.perf_counter() - start)
                inner = compiled.preactivations
                left = sum(int(unstable(compiled, tight, n).sum()) for n in inner) / boxes
                asked = [int(unstable(compiled, root, n).sum()) for n in inner]
                share = floor(asked, 50, dtype) / min(times)
                rate = boxes / min(times)
                print(f"{dtype.__name__} {boxes:6d} {width:6} {left:9.1f} {rate:8.0f} {share:8.2f}")


if __name__ == "__main__":
    main()
