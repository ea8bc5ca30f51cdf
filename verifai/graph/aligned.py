"""Networks of the same structure, and by how much their numbers differ, exactly.

May import: numpy, kernel. Must not know: how differences are written down.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from verifai.kernel.network import Affine, Network, Pwl
from verifai.kernel.operator import Array, Conv, Dense, Gather, Operator


def is_aligned(first: Network, second: Network) -> bool:
    """Whether both networks have the same nodes but for numbers, and exact constants."""
    if len(first.nodes) != len(second.nodes) or first.outputs != second.outputs:
        return False
    for a, b in zip(first.nodes, second.nodes, strict=True):
        if type(a) is not type(b) or a.sources != b.sources or a.shape != b.shape:
            return False
        if isinstance(a, Affine) and isinstance(b, Affine) and not _is_like(a, b):
            return False
        if isinstance(a, Pwl) and isinstance(b, Pwl) and not _is_same_function(a, b):
            return False
        if getattr(a, "function", None) != getattr(b, "function", None):
            return False
    return True


def _is_like(a: Affine, b: Affine) -> bool:
    if a.radius is not None or b.radius is not None:
        return False
    pairs = zip(a.terms, b.terms, strict=True)
    return all(type(x) is type(y) for (_, x), (_, y) in pairs)


def _is_same_function(a: Pwl, b: Pwl) -> bool:
    data = ((a.knots, b.knots), (a.slopes, b.slopes), (a.anchor, b.anchor))
    return all(np.array_equal(x, y) for x, y in data)


def divisors(node: Affine) -> Array:
    """The divisor of every value of a node."""
    return np.ones(len(node.bias)) if node.divisor is None else node.divisor


def minus(b: Array, a: Array) -> Array | None:
    """b - a if every entry of it is a double (Knuth's two-sum finds no error)."""
    s = b - a
    back = s - b
    error = (b - (s - back)) - (a + back)
    return s if np.isfinite(s).all() and not error.any() else None


def entries(operator: Operator) -> Array:
    """The numbers of an operator."""
    return operator.scale if isinstance(operator, Gather) else operator.weight


def change(a: Operator, b: Operator) -> Operator | None:
    """The operator b - a, if its entries are doubles and both are otherwise alike."""
    if entries(a).shape != entries(b).shape:
        return None
    numbers = minus(entries(b), entries(a))
    if numbers is None:
        return None
    if isinstance(a, Dense) and isinstance(b, Dense):
        return Dense.of(numbers)
    if isinstance(a, Gather) and isinstance(b, Gather) and np.array_equal(a.index, b.index):
        return Gather.of(b.inputs, b.index, numbers)
    if isinstance(a, Conv) and isinstance(b, Conv):
        like = (a.stride, a.before, a.after, a.dilation, a.groups, a.spatial)
        if like == (b.stride, b.before, b.after, b.dilation, b.groups, b.spatial):
            return replace(b, weight=numbers)
    return None
