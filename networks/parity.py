"""Write a ReLU network that computes the parity of n bits exactly.

The sum s of the bits lies in 0 … 2^k with k = ⌈log2 n⌉. The fold of [0, 2h] onto [0, h],
t ↦ t for t ≤ h and t ↦ 2h - t above, keeps parity because 2h is even. Folding at
h = 2^(k-1), …, 2, 1 leaves 0 or 1. On t ≥ 0 the fold is relu(t) - 2 relu(t - h): two neurons a
layer, ⌈log2 n⌉ layers, integer weights.

    python networks/parity.py --bits 8
    python networks/parity.py --below 16

The second reads one integer from 0 to 15 instead of bits: 1 if it is odd, 0 if it is even. Between
the integers it is the distance to the nearest even one, so that only integers get a clean answer.

Source: the folded sawtooth of Telgarsky, "Benefits of depth in neural networks" (COLT 2016), and of
Yarotsky, "Error bounds for approximations with deep ReLU networks" (Neural Networks 94, 2017).

May import: relu_net. Must not know: how parity is verified.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from relu_net import Layer, save

DATA = Path(__file__).parents[1] / "verifai" / "data"
MAX_BITS = 1 << 20


def parity_layers(bits: int) -> list[Layer]:
    """The layers whose output is exactly 0 or 1, the parity of the input, on every bit vector.

    Raises:
        ValueError: bits outside 2 … MAX_BITS.
    """
    if not 2 <= bits <= MAX_BITS:
        raise ValueError(f"{bits} bits (want 2 to {MAX_BITS})")
    return _folded(np.ones((1, bits)), (bits - 1).bit_length())


def odd_layers(below: int) -> list[Layer]:
    """The layers whose output is the distance of a number in [0, below] to the nearest even one.

    Raises:
        ValueError: below outside 2 … MAX_BITS.
    """
    if not 2 <= below <= MAX_BITS:
        raise ValueError(f"numbers below {below} (want 2 to {MAX_BITS})")
    return _folded(np.ones((1, 1)), (below - 1).bit_length())


def _folded(read: np.ndarray, folds: int) -> list[Layer]:
    """The layers that fold what `read` makes of the input, at 2^(folds-1), …, 2, 1."""
    fold = np.array([[1, -2]])  # relu(t) - 2 relu(t - h)
    layers = []
    for power in reversed(range(folds)):
        layers.append(Layer.of(np.vstack([read, read]), [0, -(1 << power)]))
        read = fold
    return [*layers, Layer.of(fold, [0])]


def main() -> None:
    """Write parity_N.onnx or odd_N.onnx."""
    parser = argparse.ArgumentParser(description="Write a ReLU network for parity.")
    parser.add_argument("--bits", type=int, default=8, help="number of input bits (default: 8)")
    parser.add_argument("--below", type=int, help="of one integer below this instead of bits")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: verifai/data)")
    options = parser.parse_args()
    if options.below is None:
        path, layers = options.out / f"parity_{options.bits}.onnx", parity_layers(options.bits)
    else:
        path, layers = options.out / f"odd_{options.below}.onnx", odd_layers(options.below)
    save(layers, path)
    print(path)


if __name__ == "__main__":
    main()
