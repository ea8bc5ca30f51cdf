"""A network's values in float64: the loader's results as numbers that other programs can compare.

It is written for the tests alone and follows the definitions of the kernel's nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from verifai.kernel.network import (
    Affine,
    Input,
    Network,
    Node,
    Product,
    Pwl,
    Sign,
    Smooth,
    Square,
)

Array = npt.NDArray[Any]
FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "cos": np.cos,
    "erf": np.vectorize(math.erf, otypes=[float]),
    "exp": np.exp,
    "log": np.log,
    "reciprocal": np.reciprocal,
    "sigmoid": lambda x: 0.5 + 0.5 * np.tanh(0.5 * x),
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}


class Floats:
    """Linear algebra that rounds as numpy does."""

    def zeros(self, rows: int, columns: int) -> Array:
        return np.zeros((rows, columns))

    def lift(self, array: Array) -> Array:
        return array

    def matmul(self, left: Array, right: Array) -> Array:
        return left @ right


def evaluate(network: Network, *inputs: Array) -> list[Array]:
    """The outputs, each of its node's shape, for one array for each input."""
    values: list[Array] = []
    given = iter(inputs)
    for node in network.nodes:
        if isinstance(node, Input):
            values.append(np.asarray(next(given), dtype=np.float64).reshape(1, -1))
        else:
            values.append(_value(node, values))
    assert next(given, None) is None, "more arrays than inputs"
    return [values[i].reshape(network.nodes[i].shape) for i in network.outputs]


def _value(node: Node, values: list[Array]) -> Array:
    if isinstance(node, Affine):
        total = node.bias[None] + sum(op.push(Floats(), values[i]) for i, op in node.terms)
        return total if node.divisor is None else total / node.divisor
    if isinstance(node, Pwl):
        return _piecewise(node, values[node.source])
    if isinstance(node, Sign):
        return np.sign(values[node.source])
    if isinstance(node, Square):
        return values[node.source] ** 2
    if isinstance(node, Smooth):
        return FUNCTIONS[node.function](values[node.source])
    assert isinstance(node, Product)
    return values[node.left] * values[node.right]


def _piecewise(node: Pwl, x: Array) -> Array:
    """f(x) = anchor + ∫ slope from the first knot to x."""
    first = node.knots[0]
    total = node.anchor + node.slopes[0] * np.minimum(x - first, 0)
    ends = [*node.knots[1:], np.full_like(first, np.inf)]
    for start, end, slope in zip(node.knots, ends, node.slopes[1:], strict=True):
        total = total + slope * (np.clip(x, start, end) - start)
    return total
