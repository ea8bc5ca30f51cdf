"""How far a float32 program may stray when it computes one sum of products.

A `Sum` is an affine node with the roundings that its terms may meet. Scaling one or adding several
gives a `Sum` again, with the roundings of both steps: so it covers a program that goes step by step
and one that folds the steps into one (a bias that is added first, a normalization inside the
weights).

Sources: Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1 (γ_n for sums of
products in any order).
May import: numpy, kernel. Must not know: files, operators of a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array, Conv, Dense, Gather, Operator

UNIT = 2.0**-24  # unit roundoff of IEEE binary32, round to nearest
LARGEST = 2.0**40  # of constants and values; what is larger is refused, so nothing overflows
TINY = 2.0**-60  # counts as a term of every sum: UNIT·TINY covers all underflow below 2^-126
REACH = 2.0**120  # of intermediate results that the network does not show
MAX_STEPS = 1 << 20
DOUBLE = 2.0**-50  # relative: covers the rounding of a few operations on doubles
HEAVY = 1 + 2.0**-14  # a bias this close to `size` weighs as much
SLACK = 1 + 2.0**-12  # covers HEAVY, and the rounding of the error terms themselves


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """Σ operator(x) + bias, as a float32 program computes it in some order, fused or not.

    Attributes:
        terms: nodes and operators, as in `Affine`.
        bias: the sum of the constants, (n,).
        size: at least the sum of the constants' absolute values plus TINY, (n,).
        steps: the most roundings that one of the products or constants meets.
        reach: no intermediate result is larger, if all |x| are at most LARGEST.
        slack: the relative error of the coefficients as doubles, and what was declared.
    """

    terms: tuple[tuple[int, Operator], ...]
    bias: Array
    size: Array
    steps: int
    reach: float
    slack: float = DOUBLE

    @property
    def relative(self) -> float:
        """The result strays by at most relative·(Σ |operator|(|x|) + size).

        Raises:
            InputError: the sum is too long, or an intermediate result might overflow.
        """
        if self.steps > MAX_STEPS:
            raise InputError(f"a sum of {self.steps} roundings (at most {MAX_STEPS})")
        if not self.reach <= REACH:
            raise InputError("an intermediate result that might overflow float32")
        share = self.steps * UNIT
        return share / (1 - share) * SLACK * (1 + self.slack) + self.slack


def of_operator(
    node: int, operator: Operator, outputs: int, *, steps: int, slack: float = 0.0
) -> Sum:
    """One operator applied to a node's values.

    Args:
        node: the node.
        operator: the operator.
        outputs: how many values it gives.
        steps: roundings that each product meets.
        slack: relative error of the weights.
    """
    row = _largest_row(operator)
    zeros = np.zeros(outputs)
    return Sum(((node, operator),), zeros, zeros + TINY, steps, row * LARGEST, slack + DOUBLE)


def _largest_row(operator: Operator) -> float:
    """The largest sum of absolute weights of one output."""
    if isinstance(operator, Gather):
        return float(np.abs(operator.scale).max())
    weight: Array = np.abs(operator.weight)
    return float(weight.reshape(len(weight), -1).sum(axis=1).max()) * SLACK


def scaled(total: Sum, factor: Array, *, steps: int, slack: float) -> Sum | None:
    """The sum times a factor an output; None where that is no sum of the same operators.

    Args:
        total: the sum.
        factor: (n,).
        steps: roundings of the multiplication.
        slack: relative error of the factor.
    """
    if (factor == 1).all() and not slack:
        return total
    terms = []
    for node, operator in total.terms:
        changed = _scaled_operator(operator, factor)
        if changed is None:
            return None
        terms.append((node, changed))
    return Sum(
        tuple(terms),
        total.bias * factor,
        total.size * np.abs(factor) + TINY,
        total.steps + steps,
        max(1.0, float(np.abs(factor).max())) * total.reach,
        total.slack + slack + DOUBLE,
    )


def _scaled_operator(operator: Operator, factor: Array) -> Operator | None:
    if isinstance(operator, Gather):
        return Gather.of(operator.inputs, operator.index, operator.scale * factor)
    if isinstance(operator, Dense):
        rows = factor.reshape(-1, len(operator.weight))
        return Dense.of(operator.weight * rows[0][:, None]) if (rows == rows[0]).all() else None
    columns = factor.reshape(len(operator.weight), -1)
    if not (columns == columns[:, :1]).all():
        return None
    each = columns[:, 0].reshape(-1, *(1,) * (operator.weight.ndim - 1))
    return Conv.of(
        operator.weight * each,
        operator.spatial,
        stride=operator.stride,
        padding=(operator.before, operator.after),
        dilation=operator.dilation,
        groups=operator.groups,
    )


def added(parts: Sequence[Sum], constant: Array, *, steps: int = 0) -> Sum:
    """The sum of several sums and a constant, in any order, with `steps` more roundings."""
    has_constant = bool(constant.any())
    return Sum(
        tuple(term for part in parts for term in part.terms),
        sum((part.bias for part in parts), constant),
        sum((part.size for part in parts), np.abs(constant)) * (1 + DOUBLE),
        sum(part.steps for part in parts) + len(parts) - 1 + has_constant + steps,
        sum(part.reach for part in parts) + float(np.abs(constant).max(initial=0)),
        sum(part.slack for part in parts) + DOUBLE,
    )


def weighed(total: Sum, one: int) -> Sum:
    """The same sum with terms that weigh as much as its `size`, where its bias is lighter.

    The radius of a node is relative to its terms. So a term s, read from a node whose value is 1,
    and -s in the bias stand for constants that cancelled and for underflow.

    Args:
        total: the sum.
        one: a node of the single value 1.
    """
    own = np.abs(total.bias)
    light = ~(total.size <= own * HEAVY)
    if not light.any():
        return total
    half = np.where(light, (total.size * HEAVY - own) / 2, 0.0)
    weight = np.where(total.bias > 0, -half, half)  # |bias - weight| + |weight| = own + 2·half
    term = (one, Gather.of(1, np.where(light, 0, -1), weight))
    return replace(total, terms=(*total.terms, term), bias=total.bias - weight)
