"""How much each input may move a linear form over a box: intervals of its gradient.

Source: Wang et al. 2018, Formal Security Analysis of Neural Networks using Symbolic Intervals.
May import: numpy, compiled, interval, smooth. Must not know: queries, how boxes are split.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.interval import Bounds
from verifai.bounds.maps import Array
from verifai.kernel.network import Affine, Input


def gradient_ranges(
    compiled: Compiled, bounds: Bounds, seeds: Mapping[int, Array]
) -> tuple[Array, Array]:
    """Intervals that hold the gradient of each box's form at every point of the box.

    Args:
        compiled: the network.
        bounds: intervals of all values over B boxes.
        seeds: coefficients of the form of every box by node, (B, n).

    Returns:
        Lower and upper ends, (B, all inputs).
    """
    middle: dict[int, Array] = {node: a.astype(compiled.dtype) for node, a in seeds.items()}
    radius: dict[int, Array] = {node: np.zeros_like(a) for node, a in middle.items()}
    done: tuple[dict[int, Array], dict[int, Array]] = ({}, {})

    def add(target: dict[int, Array], node: int, a: Array) -> None:
        target[node] = target[node] + a if node in target else a

    for position in reversed(range(max(seeds) + 1)):
        centre, spread = middle.pop(position, None), radius.pop(position, None)
        if centre is None or spread is None:
            continue
        node = compiled.network.nodes[position]
        if isinstance(node, Input):
            done[0][position], done[1][position] = centre, spread
        elif isinstance(node, Affine):
            data = compiled.linear[position]
            scale = 1.0 if data.scale is None else data.scale
            for (source, a_map), (_, wide) in zip(data.terms, data.magnitudes, strict=True):
                add(middle, source, a_map.pull(centre * scale))
                add(radius, source, wide.pull(spread * scale))
        else:
            for source, low, high in _slopes(compiled, bounds, position):
                mid, half = (low + high) / 2, (high - low) / 2
                add(middle, source, centre * mid)
                add(radius, source, np.abs(centre) * half + spread * (np.abs(mid) + half))
    rows = len(bounds)
    centres, spreads = compiled.join(done[0], rows), compiled.join(done[1], rows)
    return centres - spreads, centres + spreads


def _slopes(compiled: Compiled, bounds: Bounds, position: int) -> list[tuple[int, Array, Array]]:
    """For every source of a nonlinear node, the range of the derivative by it."""
    sources = compiled.network.nodes[position].sources
    ranges = compiled.kinds[position].slope_ranges(bounds.ends(sources))
    return [(source, *pair) for source, pair in zip(sources, ranges, strict=True)]
