"""Reductions of axes to one value each: sums, means, extremes, norms, products.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, python-flint, kernel, values, builder, rational, onnx_call, onnx_fold,
onnx_softmax.
Must not know: protobuf.
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
from verifai.graph.values import Activation, Constant, Value, axis_of
from verifai.kernel.operator import Array
from verifai.load.onnx.call import Call, Lowering
from verifai.load.onnx.fold import as_type
from verifai.load.onnx.softmax import log_total_of_powers

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
class _Kind:
    """A reduction.

    Attributes:
        reduce: how values are reduced.
        fold: the same for constants, None if that may not be rational.
        since: the opset from which its axes are an input.
        is_plain: whether one value reduces to itself.
    """

    reduce: Reduce
    fold: Fold | None
    since: int = 18
    is_plain: bool = True


def _mean_of(entries: Sequence[Any]) -> Any:
    return accumulated(operator.add, entries) / len(entries)


def _rows(array: Array, axes: tuple[int, ...]) -> Array:
    """The array as (what is kept, what is reduced)."""
    rest = tuple(axis for axis in range(array.ndim) if axis not in axes)
    kept = math.prod(array.shape[axis] for axis in rest)
    return array.transpose(rest + axes).reshape(kept, math.prod(array.shape[a] for a in axes))


def _shape(shape: tuple[int, ...], axes: tuple[int, ...], keep: bool) -> tuple[int, ...]:
    """The shape of the result."""
    if keep:
        return tuple(1 if axis in axes else n for axis, n in enumerate(shape))
    return tuple(n for axis, n in enumerate(shape) if axis not in axes)


def reduced(
    call: Call, x: Activation, axes: tuple[int, ...], reduce: Reduce, *, keep: bool
) -> Activation:
    """The reduction of the given axes of x to one value each."""
    rows = _rows(x.index, axes)
    if not rows.size:
        raise call.refuse(f"a reduction of shape {x.shape}")
    y = reduce(call.builder, Activation(x.node, rows))
    return Activation(y.node, y.index.reshape(_shape(x.shape, axes, keep)))


def _folded(
    call: Call, x: Constant, axes: tuple[int, ...], fold: Fold, *, keep: bool
) -> Constant | None:
    """The reduction of a constant; None if it has no entries or is a mean of integers."""
    rows, shape = _rows(x.array, axes), _shape(x.shape, axes, keep)
    if not rows.size or (x.is_integer and fold is _mean_of):
        return None
    call.builder.spend(rows.size)
    if not x.is_integer:
        return Constant(narrow(objects(map(fold, rationals(rows).tolist()), shape)), x.name)
    whole = objects(map(fold, rows.astype(object).tolist()), shape)
    if x.array.dtype.kind == "b":
        return Constant(whole.astype(bool), x.name)
    return Constant(as_type(call, whole, x.array.dtype), x.name)


def _reduction(kind: _Kind) -> Lowering:
    def lowering(call: Call) -> list[Value]:
        x, axes = call.finite(0), _axes(call, kind.since)
        keep = call.flag("keepdims", default=True)
        if axes is None and kind.is_plain:
            return [x]
        if axes is None:
            raise call.refuse("noop_with_empty_axes without axes")
        if isinstance(x, Constant) and kind.fold is not None:
            result = _folded(call, x, axes, kind.fold, keep=keep)
            if result is not None:
                return [result]
        return [reduced(call, call.builder.lift(x), axes, kind.reduce, keep=keep)]

    return lowering


def _axes(call: Call, since: int) -> tuple[int, ...] | None:
    """The axes to reduce; None if there is nothing to do."""
    rank = len(call.value(0).shape)
    given, nothing = call.listed("axes", 1, since), False
    if call.opset >= since:
        nothing = call.flag("noop_with_empty_axes")
    if not given:
        return None if nothing else tuple(range(rank))
    axes = tuple(axis_of(axis, rank) for axis in given)
    if len(set(axes)) != len(axes):
        raise call.refuse(f"an axis twice in {given}")
    return axes


_KINDS: Mapping[str, _Kind] = {
    "ReduceL1": _Kind(
        total_of_magnitudes, lambda e: accumulated(operator.add, map(abs, e)), is_plain=False
    ),
    "ReduceL2": _Kind(_then(total_of_squares, "sqrt"), None, is_plain=False),
    "ReduceLogSum": _Kind(_then(total, "log"), None, is_plain=False),
    "ReduceLogSumExp": _Kind(log_total_of_powers, None, is_plain=False),
    "ReduceMax": _Kind(greatest, max),
    "ReduceMean": _Kind(mean, _mean_of),
    "ReduceMin": _Kind(_least, min),
    "ReduceProd": _Kind(_product, lambda e: accumulated(operator.mul, e)),
    "ReduceSum": _Kind(total, lambda e: accumulated(operator.add, e), since=13),
    "ReduceSumSquare": _Kind(
        total_of_squares, lambda e: accumulated(operator.add, (v * v for v in e)), is_plain=False
    ),
}
LOWERINGS: Mapping[str, Lowering] = {name: _reduction(kind) for name, kind in _KINDS.items()}
