"""Write Yarotsky's ReLU network for x² on [0, 1], with exact dyadic weights.

With the tooth g(x) = 2 min(x, 1 - x) and its iterates g_s = g ∘ … ∘ g (s times),

    f_m(x) = x - Σ_{s ≤ m} g_s(x) / 4^s

is the piecewise-linear interpolation of x² at the multiples of 2^-m, so that
0 ≤ f_m(x) - x² ≤ 4^-(m+1) on [0, 1], with equality on the right half-way between the multiples.
The network has m layers of three neurons: relu(g), relu(g - 1/2) and the sum so far, which is at
least x² ≥ 0 and so passes its ReLU unchanged.

    python networks/yarotsky.py --depth 4

Source: Yarotsky, "Error bounds for approximations with deep ReLU networks", Neural Networks 94
(2017), Proposition 2.

May import: relu_net. Must not know: how the error is verified.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from relu_net import Layer, save

DATA = Path(__file__).parents[1] / "verifai" / "data"
MAX_DEPTH = 60  # 4^-60 and its neighbours are ordinary float32 numbers


def yarotsky_layers(depth: int) -> list[Layer]:
    """The layers that compute f_depth exactly on [0, 1].

    Raises:
        ValueError: depth outside 1 … MAX_DEPTH.
    """
    if not 1 <= depth <= MAX_DEPTH:
        raise ValueError(f"depth {depth} (want 1 to {MAX_DEPTH})")
    layers = [Layer.of([[1], [1], [1]], [0, -0.5, 0])]
    for stage in range(1, depth):
        tooth = [2, -4, 0]
        layers.append(Layer.of([tooth, tooth, _sum_after(stage)], [0, -0.5, 0]))
    return [*layers, Layer.of([_sum_after(depth)], [0])]


def _sum_after(stage: int) -> list[float]:
    """The sum so far minus g_stage / 4^stage, over (relu(g), relu(g - 1/2), sum)."""
    scale = 4.0**-stage
    return [-2 * scale, 4 * scale, 1]


def main() -> None:
    """Write yarotsky_M.onnx."""
    parser = argparse.ArgumentParser(description="Write Yarotsky's ReLU network for the square.")
    parser.add_argument("--depth", type=int, default=4, help="the m of f_m (default: 4)")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: verifai/data)")
    options = parser.parse_args()
    path = options.out / f"yarotsky_{options.depth}.onnx"
    save(yarotsky_layers(options.depth), path)
    print(path)


if __name__ == "__main__":
    main()
