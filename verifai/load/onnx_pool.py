"""Pools and reductions: sums, averages, maxima over windows or axes.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, builder, rational, onnx_call, onnx_window.
Must not know: protobuf.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from verifai.kernel.operator import Conv
from verifai.load.builder import ONE, Builder
from verifai.load.onnx_call import Call, Lowering
from verifai.load.onnx_fold import as_type
from verifai.load.onnx_window import read_window
from verifai.load.values import Activation, Constant, Value, axis_of, check_size

Reduce = Callable[[Builder, Activation], Activation]


def max_pool(call: Call) -> list[Value]:
    """MaxPool: padding takes no part."""
    call.ignore("storage_order")  # the order of the second output, which is refused
    x = call.activation(0)
    window = read_window(call, x.shape[2:])
    taps = window.taps()
    check_size((math.prod(x.shape[:2]), *taps.shape))
    if (x.index < 0).any():
        x = Activation(call.builder.whole(x), np.arange(x.index.size).reshape(x.shape))
    planes = x.index.reshape(-1, math.prod(window.lengths))
    candidates = np.where(taps < 0, -1, planes[:, taps])
    best = call.builder.greatest(x.node, candidates.reshape(-1, taps.shape[1]))
    return [Activation(best.node, best.index.reshape(*x.shape[:2], *window.output))]


def average_pool(call: Call) -> list[Value]:
    """AveragePool: a convolution with ones, divided by the number of taps that count."""
    x = call.activation(0)
    window = read_window(call, x.shape[2:])
    divisor = window.counts(with_padding=call.flag("count_include_pad"))
    if not divisor.all():
        raise call.refuse("an average over a window without values")
    planes = math.prod(x.shape[:2])
    reach = window.reaching().with_axis(planes)
    operator = Conv.of(
        np.ones((1, 1, *reach.kernel)),
        reach.lengths,
        stride=reach.stride,
        padding=(reach.before, reach.after),
        dilation=reach.dilation,
    )
    y = call.builder.convolve(x, operator, divisor=np.broadcast_to(divisor, reach.output))
    return [Activation(y.node, y.index.reshape(*x.shape[:2], *window.output))]


def _sum(builder: Builder, x: Activation) -> Activation:
    return builder.dense(x, np.ones((1, x.shape[-1])))


def _mean(builder: Builder, x: Activation) -> Activation:
    return builder.dense(x, np.ones((1, x.shape[-1])), divisor=x.shape[-1])


def _max(builder: Builder, x: Activation) -> Activation:
    node = builder.whole(x)
    return builder.greatest(node, np.arange(x.index.size).reshape(x.shape))


def _min(builder: Builder, x: Activation) -> Activation:
    negative = _max(builder, builder.linear([(x, -ONE)]))
    return builder.linear([(negative, -ONE)])


def _reduced(call: Call, axes: tuple[int, ...], reduce: Reduce, *, keep: bool) -> list[Value]:
    """The reduction of the given axes to one value each."""
    x = call.activation(0)
    rest = tuple(axis for axis in range(len(x.shape)) if axis not in axes)
    kept = tuple(x.shape[axis] for axis in rest)
    rows = x.index.transpose(rest + axes).reshape(math.prod(kept), -1)
    if not rows.size:
        raise call.refuse(f"a reduction of shape {x.shape}")
    y = reduce(call.builder, Activation(x.node, rows))
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape)) if keep else kept
    return [Activation(y.node, y.index.reshape(shape))]


def _reduction(reduce: Reduce, since: int) -> Lowering:
    """A reduction whose axes are an input from opset `since` on."""

    def lowering(call: Call) -> list[Value]:
        axes = _axes(call, since)
        keep = call.integer("keepdims", 1) != 0
        return [call.value(0)] if axes is None else _reduced(call, axes, reduce, keep=keep)

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


def reduce_product(call: Call) -> list[Value]:
    """ReduceProd, of constant integers."""
    x, axes = call.constant(0), _axes(call, 18)
    if not x.is_integer:
        raise call.refuse("only a product of integers is supported")
    if axes is None:
        return [x]
    keep = call.integer("keepdims", 1) != 0
    total = np.asarray(np.prod(x.array.astype(object), axis=axes, keepdims=keep), dtype=object)
    return [Constant(as_type(call, total, x.array.dtype), x.name)]


def _global(reduce: Reduce) -> Lowering:
    def lowering(call: Call) -> list[Value]:
        axes = tuple(range(2, len(call.value(0).shape)))
        return _reduced(call, axes, reduce, keep=True)

    return lowering


LOWERINGS: Mapping[str, Lowering] = {
    "AveragePool": average_pool,
    "GlobalAveragePool": _global(_mean),
    "GlobalMaxPool": _global(_max),
    "MaxPool": max_pool,
    "ReduceMax": _reduction(_max, 18),
    "ReduceMean": _reduction(_mean, 18),
    "ReduceMin": _reduction(_min, 18),
    "ReduceProd": reduce_product,
    "ReduceSum": _reduction(_sum, 13),
}
