"""Nodes that nobody rounds: whole multiples of a power of two that are not too many.

At points of few digits a network of signs with weights 1 and -1 computes with whole multiples of a
grain. A sum of such numbers, none of whose partial sums has more multiples than the significand
has, is exact in any order, so a sign after it is that of the real number.

May import: numpy, kernel. Must not know: models, queries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from verifai.kernel.arithmetic import Ends
from verifai.kernel.network import Affine, Input, Network, Node, Pwl, Sign
from verifai.kernel.operator import Array, Gather, Operator

Grain = tuple[float, float]  # all values are multiples of the first and no larger than the second
UNKNOWN: Grain = (0.0, math.inf)


def grains(network: Network, boxes: Sequence[Ends], unit: float) -> list[float]:
    """For every node a power of two of which its values are multiples, computed exactly; else 0.

    Args:
        network: the network.
        boxes: exact points, one pair of equal ends for every input node.
        unit: unit roundoff of what computes.
    """
    found: list[Grain] = []
    given = iter(boxes)
    for node in network.nodes:
        if isinstance(node, Input):
            points = next(given)[0]
            made = (lowest_bit(points), float(np.abs(points).max()))
        else:
            made = _image(node, [found[s] for s in node.sources])
        grain, reach = made
        found.append(made if grain > 0 and reach * unit <= grain else UNKNOWN)
    return [grain if math.isfinite(grain) else 1.0 for grain, _ in found]


def lowest_bit(values: Array) -> float:
    """The greatest power of two of which all values are multiples; infinity if all are 0.

    >>> lowest_bit(np.array([3.0, -0.75, 0.0]))
    0.25
    """
    parts, exponents = np.frexp(values[values != 0])
    if not parts.size:
        return math.inf
    whole = np.abs(np.ldexp(parts, 53)).astype(np.int64)
    return float(np.ldexp((whole & -whole).astype(np.float64), exponents - 53).min())


def snapped(ends: Ends, grain: float) -> Ends:
    """The ends moved inwards to multiples of the grain; where that empties it, as they were."""
    low, high = np.ceil(ends[0] / grain) * grain, np.floor(ends[1] / grain) * grain
    is_good = low <= high
    return np.where(is_good, low, ends[0]), np.where(is_good, high, ends[1])


def _image(node: Node, sources: Sequence[Grain]) -> Grain:
    if isinstance(node, Sign):
        return 1.0, 1.0
    if UNKNOWN in sources:
        return UNKNOWN
    if isinstance(node, Pwl) and np.isin(node.slopes, (-1.0, 0.0, 1.0)).all():
        ((grain, reach),) = sources
        data = (grain, lowest_bit(node.knots), lowest_bit(node.anchor))
        most = reach + float(np.abs(node.knots).max()) + float(np.abs(node.anchor).max())
        return min(data), most
    if isinstance(node, Affine) and node.divisor is None and node.radius is None:
        grain, reach = lowest_bit(node.bias), float(np.abs(node.bias).max())
        for (_, operator), (own, most) in zip(node.terms, sources, strict=True):
            weights = _weights(operator)
            grain = min(grain, own * lowest_bit(weights))
            reach += most * float(np.abs(weights).sum(axis=1).max())
        return grain, reach
    return UNKNOWN


def _weights(operator: Operator) -> Array:
    """One row an output, or an output channel."""
    if isinstance(operator, Gather):
        return operator.scale.reshape(-1, 1)
    return operator.weight.reshape(len(operator.weight), -1)
