"""Reductions of axes to one value each: sums, means, extremes, norms, products.

Sources: the operators' pages of the ONNX standard.
May import: numpy, kernel, values, builder, rational, constants, softmax.
Must not know: formats.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.rational import accumulated, narrow, objects, rationals
from verifai.graph.values import Activation, Constant, Value, finite
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array
from verifai.load.lower.constants import as_type
from verifai.load.lower.softmax import log_total_of_powers

Reduce = Callable[[Builder, Activation], Activation]  # (rows, n) to (rows, 1) or (rows,)
Fold = Callable[[Sequence[Any]], Any]  # of the entries of one row


def total(builder: Builder, x: Activation) -> Activation:
    """The sum of the last axis."""
    return builder.dense(x, np.ones((1, x.shape[-1])))


def mean(builder: Builder, x: Activation) -> Activation:
    """The mean of the last axis."""
    return builder.dense(x, np.ones((1, x.shape[-1])), divisor=x.shape[-1])


def greatest(builder: Builder, x: Activation) -> Activation:
    """The maximum of the last of two axes."""
    return builder.greatest(builder.whole(x), np.arange(x.index.size).reshape(x.shape))


def _least(builder: Builder, x: Activation) -> Activation:
    negative = greatest(builder, builder.linear([(x, -ONE)]))
    return builder.linear([(negative, -ONE)])


def _product(builder: Builder, x: Activation) -> Activation:
    result = Activation(x.node, x.index[:, 0])
    for column in range(1, x.shape[1]):
        result = builder.product(result, Activation(x.node, x.index[:, column]))
    return result


def total_of_squares(builder: Builder, x: Activation) -> Activation:
    """The sum of the squares of the last axis."""
    return total(builder, builder.product(x, x))


def total_of_magnitudes(builder: Builder, x: Activation) -> Activation:
    """The sum of the absolute values of the last axis."""
    return total(builder, builder.piecewise(x, [ZERO], [-ONE, ONE], ZERO))


def _then(reduce: Reduce, function: str) -> Reduce:
    return lambda builder, x: builder.smooth(reduce(builder, x), function)


@dataclass(frozen=True, slots=True)
class Reduction:
    """A reduction.

    Attributes:
        reduce: how values are reduced.
        fold: the same for constants, None if that may not be rational.
        is_plain: whether one value reduces to itself.
    """

    reduce: Reduce
    fold: Fold | None
    is_plain: bool = True


def _mean_of(entries: Sequence[Any]) -> Any:
    return accumulated(operator.add, entries) / len(entries)


@dataclass(frozen=True, slots=True)
class Axes:
    """What is reduced.

    Attributes:
        places: the axes, counted from the front, none twice.
        keep: whether they stay, with length 1.
    """

    places: tuple[int, ...]
    keep: bool

    def rows(self, array: Array) -> Array:
        """The array as (what is kept, what is reduced)."""
        rest = tuple(axis for axis in range(array.ndim) if axis not in self.places)
        kept = math.prod(array.shape[axis] for axis in rest)
        width = math.prod(array.shape[axis] for axis in self.places)
        return array.transpose(rest + self.places).reshape(kept, width)

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the result."""
        if self.keep:
            return tuple(1 if axis in self.places else n for axis, n in enumerate(shape))
        return tuple(n for axis, n in enumerate(shape) if axis not in self.places)


def reduced(builder: Builder, x: Activation, axes: Axes, reduce: Reduce) -> Activation:
    """The reduction of the given axes of x to one value each.

    Raises:
        InputError: there is nothing to reduce.
    """
    rows = axes.rows(x.index)
    if not rows.size:
        raise InputError(f"a reduction of shape {x.shape}")
    y = reduce(builder, Activation(x.node, rows))
    return Activation(y.node, y.index.reshape(axes.shape(x.shape)))


def over(builder: Builder, x: Value, axes: Axes, kind: Reduction) -> Value:
    """A reduction of axes of a value, which may be a constant.

    Args:
        builder: where nodes go.
        x: the value.
        axes: those to reduce.
        kind: one of `KINDS`.

    Raises:
        InputError: there is nothing to reduce.
    """
    x = finite(x)
    if isinstance(x, Constant) and kind.fold is not None:
        result = _folded(builder, x, axes, kind.fold)
        if result is not None:
            return result
    return reduced(builder, builder.lift(x), axes, kind.reduce)


def _folded(builder: Builder, x: Constant, axes: Axes, fold: Fold) -> Constant | None:
    """The reduction of a constant; None if it has no entries or is a mean of integers."""
    rows, shape = axes.rows(x.array), axes.shape(x.shape)
    if not rows.size or (x.is_integer and fold is _mean_of):
        return None
    builder.spend(rows.size)
    if not x.is_integer:
        return Constant(narrow(objects(map(fold, rationals(rows).tolist()), shape)), x.name)
    whole = objects(map(fold, rows.astype(object).tolist()), shape)
    if x.array.dtype.kind == "b":
        return Constant(whole.astype(bool), x.name)
    return Constant(as_type(whole, x.array.dtype), x.name)


KINDS: Mapping[str, Reduction] = {
    "L1": Reduction(
        total_of_magnitudes, lambda e: accumulated(operator.add, map(abs, e)), is_plain=False
    ),
    "L2": Reduction(_then(total_of_squares, "sqrt"), None, is_plain=False),
    "LogSum": Reduction(_then(total, "log"), None, is_plain=False),
    "LogSumExp": Reduction(log_total_of_powers, None, is_plain=False),
    "Max": Reduction(greatest, max),
    "Mean": Reduction(mean, _mean_of),
    "Min": Reduction(_least, min),
    "Prod": Reduction(_product, lambda e: accumulated(operator.mul, e)),
    "Sum": Reduction(total, lambda e: accumulated(operator.add, e)),
    "SumSquare": Reduction(
        total_of_squares, lambda e: accumulated(operator.add, (v * v for v in e)), is_plain=False
    ),
}
