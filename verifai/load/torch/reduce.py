"""ATen operators that reduce axes or windows to one value: sums, means, maxima, norms, pools.

Sources: the operators' pages of torch and torch.nn.functional.
May import: numpy, flint, values, builder, lower, call.
Must not know: graphs, nodes.
"""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
from flint import fmpq

from verifai.graph.rational import narrow, objects
from verifai.graph.values import Activation, Constant, Value, axis_of, rearranged
from verifai.kernel.operator import Array
from verifai.load.lower import pool
from verifai.load.lower import reduce as lower
from verifai.load.lower.arithmetic import divide, subtract, times
from verifai.load.lower.join import cumulative_sum as sums_along
from verifai.load.lower.matrix import matmul
from verifai.load.lower.pieces import absolute
from verifai.load.lower.window import Steps, Window, window
from verifai.load.torch.call import AtenCall, Result, constant

_CUT = "sums of values that depend on the input converted to torch.bool"


def over(call: AtenCall, kind: str) -> Value:
    """A reduction of this kind along the axes of the call."""
    return _over(call, kind, call.value("self"))


def with_places(call: AtenCall, kind: str) -> Result:
    """A reduction whose second result, where the extreme is, is not supported."""
    return (over(call, kind), None)


def _axes(call: AtenCall) -> tuple[int, ...]:
    """The axes to reduce, counted from the front."""
    rank = len(call.value("self").shape)
    given = call.argument("dim") if "dim" in call.arguments else None
    if given is None or given == []:
        return tuple(range(rank))
    return tuple(axis_of(axis, rank) for axis in call.integers("dim"))


def _over(call: AtenCall, kind: str, x: Value) -> Value:
    """A reduction of x over the axes of the call."""
    if kind == "Sum" and call.is_truth:
        raise call.refuse(_CUT)
    keep = bool(call.argument("keepdim")) if "keepdim" in call.arguments else False
    return lower.over(call.builder, x, lower.Axes(_axes(call), keep), lower.KINDS[kind])


def variance(call: AtenCall) -> Value:
    """The mean of the squared distances from the mean, of n - correction values."""
    x, axes, builder = call.value("self"), _axes(call), call.builder
    count = math.prod(x.shape[axis] for axis in axes)
    correction = 1 if call.argument("correction") is None else call.number("correction")
    if correction != int(correction) or not count > correction:
        raise call.refuse(f"a correction of {correction} for {count} values")
    mean = lower.over(builder, x, lower.Axes(axes, keep=True), lower.KINDS["Mean"])
    distance = subtract(builder, x, mean)
    total = _over(call, "Sum", times(builder, distance, distance))
    return divide(builder, total, constant(count - int(correction), "count"))


def vector_norm(call: AtenCall) -> Value:
    """The norm of order 1, 2 or ∞."""
    x, order = call.value("self"), call.argument("ord")
    if order not in (1, 2, math.inf):
        raise call.refuse(f"a norm of order {order}")
    if order == math.inf:
        return _over(call, "Max", absolute(call.builder, x))
    return _over(call, f"L{int(order)}", x)


def cumulative_sum(call: AtenCall) -> Value:
    """Sums of all entries up to each along one axis."""
    x = call.value("self")
    if call.is_truth:
        raise call.refuse(_CUT)
    return sums_along(call.builder, x, axis_of(call.integer("dim"), len(x.shape)))


def _batched(x: Value, axes: int) -> Value:
    """The value with batch and channel axes before the spatial ones."""
    lengths = (1, *x.shape) if len(x.shape) == axes + 1 else x.shape
    return rearranged(x, lambda array: array.reshape(lengths))


def _like(y: Value, x: Value) -> Value:
    """y without the batch axis that x does not have."""
    lengths = y.shape[1:] if len(y.shape) > len(x.shape) else y.shape
    return rearranged(y, lambda array: array.reshape(lengths))


def max_pool(call: AtenCall) -> Result:
    """Maxima over windows; where they are is not supported."""
    x, axes = call.value("self"), _spatial(call)
    given = call.builder.lift(_batched(x, axes))
    slid = _window(call, given.shape[2:], call.integers("dilation", axes))
    return (_like(pool.max_pool(call.builder, given, slid), x), None)


def average_pool(call: AtenCall) -> Value:
    """Averages over windows."""
    x, divisor, axes = call.value("self"), call.argument("divisor_override"), _spatial(call)
    counted = divisor is not None or bool(call.argument("count_include_pad"))
    given = call.builder.lift(_batched(x, axes))
    slid = _window(call, given.shape[2:], (1,) * axes)
    if divisor is not None and call.argument("ceil_mode"):
        raise call.refuse("both ceil_mode and a divisor")
    y: Value = pool.average_pool(call.builder, given, slid, with_padding=counted)
    if divisor is not None:
        share = narrow(objects([fmpq(math.prod(slid.kernel), divisor)], ()))
        y = times(call.builder, y, Constant(share, "divisor"))
    return _like(y, x)


def _spatial(call: AtenCall) -> int:
    """Over how many axes a pool's windows slide: as its name says."""
    return int(call.op_type.partition("pool")[2][0])


def _window(call: AtenCall, lengths: tuple[int, ...], dilation: tuple[int, ...]) -> Window:
    """The window that the arguments of a pool describe."""
    axes = len(lengths)
    kernel, padding = call.integers("kernel_size", axes), call.integers("padding", axes)
    steps = Steps(kernel, call.integers("stride", axes) or kernel, dilation)
    ends = [(n, n) for n in padding]
    return window(lengths, steps, ends, ceil=bool(call.argument("ceil_mode")))


def _ranges(length: int, parts: int) -> list[range]:
    """The windows of an adaptive pool along one axis."""
    return [range(i * length // parts, -(-(i + 1) * length // parts)) for i in range(parts)]


def _swapped(x: Value, axis: int) -> Value:
    return rearranged(x, lambda array: np.swapaxes(array, axis, -1))


def adaptive_average(call: AtenCall) -> Value:
    """Averages over as many windows as asked for: sums axis by axis, then one division."""
    x, sizes = call.value("self"), call.integers("output_size")
    counts: list[Array] = []
    for axis, parts in zip(range(-len(sizes), 0), sizes, strict=True):
        windows = _ranges(x.shape[axis], parts)
        matrix = np.zeros((x.shape[axis], parts))
        for i, places in enumerate(windows):
            matrix[places, i] = 1
        sums = matmul(call.builder, _swapped(x, axis), Constant(matrix, "windows"))
        x = _swapped(sums, axis)
        counts.append(np.array([len(places) for places in windows]))
    every = Constant(reduce(np.multiply.outer, counts).astype(float), "counts")
    return divide(call.builder, x, every)


def adaptive_max(call: AtenCall) -> Result:
    """Maxima over as many windows as asked for."""
    x, sizes = call.builder.lift(call.value("self")), call.integers("output_size")
    lengths = x.shape[-len(sizes) :]
    places = np.arange(math.prod(lengths)).reshape(lengths)
    axes = [_ranges(n, parts) for n, parts in zip(lengths, sizes, strict=True)]
    cells = [
        places[np.ix_(*(axes[a][i] for a, i in enumerate(cell)))] for cell in np.ndindex(*sizes)
    ]
    width = max(cell.size for cell in cells)
    taps = np.array([np.pad(c.ravel(), (0, width - c.size), constant_values=-1) for c in cells])
    node = call.builder.whole(x)
    planes = np.arange(x.index.size).reshape(-1, math.prod(lengths))
    candidates = np.where(taps < 0, -1, planes[:, taps]).reshape(-1, width)
    best = call.builder.greatest(node, candidates)
    outer = x.shape[: len(x.shape) - len(sizes)]
    return (Activation(best.node, best.index.reshape(*outer, *sizes)), None)
