"""Which values of a network are integers wherever its integer inputs are.

May import: numpy, network, operator, query. Must not know: intervals, certificates.
"""

from __future__ import annotations

import numpy as np

from verifai.kernel.network import Affine, Input, Node, Product, Pwl, Sign, Square
from verifai.kernel.operator import Array, Gather
from verifai.kernel.query import Query


def integer_values(query: Query) -> Array:
    """Which values are integers at every input whose integer inputs are integers; (N,) bool."""
    net = query.network
    known = np.zeros(net.offsets[-1], dtype=bool)
    known[sorted(query.integers)] = True
    for i, node in enumerate(net.nodes):
        if isinstance(node, Input):
            continue
        sources = [known[net.offsets[s] : net.offsets[s + 1]] for s in node.sources]
        known[net.offsets[i] : net.offsets[i + 1]] = _is_integer(node, sources)
    return known


def _is_integer(node: Node, sources: list[Array]) -> Array:
    if isinstance(node, Square | Product):
        return np.asarray(np.logical_and.reduce(sources))
    if isinstance(node, Sign):
        return np.ones_like(sources[0])
    if isinstance(node, Pwl):
        data = np.concatenate([node.knots, node.slopes, node.anchor[None]])
        return np.asarray(sources[0] & (data == np.floor(data)).all(axis=0))
    if not isinstance(node, Affine) or node.radius is not None:
        return np.zeros(1, dtype=bool)
    result: Array = node.bias == np.floor(node.bias)
    if node.divisor is not None:
        result = result & (node.divisor == 1)
    for (_, op), known in zip(node.terms, sources, strict=True):
        array = op.scale if isinstance(op, Gather) else op.weight
        if not (array == np.floor(array)).all():
            return np.zeros(1, dtype=bool)
        result = result & ~op.push(_Reaching(), ~known[None])[0]
    return result


class _Reaching:
    """Truth values: what is reached from a marked value by a weight that is not 0; no product."""

    def zeros(self, rows: int, columns: int) -> Array:
        return np.zeros((rows, columns), dtype=bool)

    def lift(self, array: Array) -> Array:
        return np.asarray(array != 0)

    def matmul(self, left: Array, right: Array) -> Array:
        return np.stack([(right[marked] != 0).any(axis=0) for marked in left])
