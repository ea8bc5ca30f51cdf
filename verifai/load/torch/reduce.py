"""ATen operators that reduce axes or windows to one value: sums, means, maxima, norms, pools.

Sources: the operators' pages of torch and torch.nn.functional.
May import: numpy, flint, values, builder, torch_call, torch_pointwise.
Must not know: graphs, nodes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce

import numpy as np
from flint import fmpq

from verifai.graph.rational import narrow, objects
from verifai.graph.values import Activation, Constant, Value, axis_of, rearranged
from verifai.kernel.operator import Array
from verifai.load.torch.call import AtenCall, Result, Rule, constant


def reduced(op_type: str) -> Rule:
    """The rule of a reduction that is an ONNX operator with axes."""
    return Rule(lambda call: _over(call, op_type, call.value("self")), f"`{op_type}`")


def with_places(op_type: str) -> Rule:
    """The rule of a reduction whose second result, where the extreme is, is not supported."""

    def lower(call: AtenCall) -> Result:
        return (_over(call, op_type, call.value("self")), None)

    return Rule(lower, f"`{op_type}`; not the indices")


def _axes(call: AtenCall) -> tuple[int, ...]:
    """The axes to reduce, counted from the front."""
    rank = len(call.value("self").shape)
    given = call.argument("dim") if "dim" in call.arguments else None
    if given is None or given == []:
        return tuple(range(rank))
    return tuple(axis_of(axis, rank) for axis in call.integers("dim"))


def _over(call: AtenCall, op_type: str, x: Value) -> Value:
    """An ONNX reduction of x over the axes of the call."""
    keep = bool(call.argument("keepdim")) if "keepdim" in call.arguments else False
    return call.onnx(op_type, x, constant(_axes(call), "axes"), keepdims=int(keep))


def variance(call: AtenCall) -> Value:
    """The mean of the squared distances from the mean, of n - correction values."""
    x, axes = call.value("self"), _axes(call)
    count = math.prod(x.shape[axis] for axis in axes)
    correction = 1 if call.argument("correction") is None else call.number("correction")
    if correction != int(correction) or not count > correction:
        raise call.refuse(f"a correction of {correction} for {count} values")
    mean = call.onnx("ReduceMean", x, constant(axes, "axes"), keepdims=1)
    distance = call.onnx("Sub", x, mean)
    total = _over(call, "ReduceSum", call.onnx("Mul", distance, distance))
    return call.onnx("Div", total, constant(count - int(correction), "count"))


def vector_norm(call: AtenCall) -> Value:
    """The norm of order 1, 2 or ∞."""
    x, order = call.value("self"), call.argument("ord")
    if order not in (1, 2, math.inf):
        raise call.refuse(f"a norm of order {order}")
    if order == math.inf:
        return _over(call, "ReduceMax", call.onnx("Abs", x))
    return _over(call, f"ReduceL{int(order)}", x)


def cumulative_sum(call: AtenCall) -> Value:
    """Sums of all entries up to each along one axis."""
    return call.onnx("CumSum", call.value("self"), constant((call.integer("dim"),), "axis"))


def _batched(x: Value, axes: int) -> Value:
    """The value with batch and channel axes before the spatial ones."""
    lengths = (1, *x.shape) if len(x.shape) == axes + 1 else x.shape
    return rearranged(x, lambda array: array.reshape(lengths))


def _like(y: Value, x: Value) -> Value:
    """y without the batch axis that x does not have."""
    lengths = y.shape[1:] if len(y.shape) > len(x.shape) else y.shape
    return rearranged(y, lambda array: array.reshape(lengths))


def max_pool(axes: int) -> Rule:
    """The rule of max pooling over so many axes."""

    def lower(call: AtenCall) -> Result:
        x = call.value("self")
        y = call.onnx(
            "MaxPool",
            _batched(x, axes),
            dilations=call.integers("dilation", axes),
            **_window(call, axes),
        )
        return (_like(y, x), None)

    return Rule(lower, "`MaxPool`; not the indices")


def average_pool(axes: int) -> Rule:
    """The rule of average pooling over so many axes."""

    def lower(call: AtenCall) -> Result:
        x, divisor = call.value("self"), call.argument("divisor_override")
        counted = 1 if divisor is not None else int(call.argument("count_include_pad"))
        window = _window(call, axes)
        if divisor is not None and window["ceil_mode"]:
            raise call.refuse("both ceil_mode and a divisor")
        y = call.onnx("AveragePool", _batched(x, axes), count_include_pad=counted, **window)
        if divisor is not None:
            share = narrow(
                objects([fmpq(math.prod(call.integers("kernel_size", axes)), divisor)], ())
            )
            y = call.onnx("Mul", y, Constant(share, "divisor"))
        return _like(y, x)

    return Rule(lower, "`AveragePool`")


def _window(call: AtenCall, axes: int) -> dict[str, int | tuple[int, ...]]:
    """Kernel, strides and padding as ONNX's attributes."""
    kernel, padding = call.integers("kernel_size", axes), call.integers("padding", axes)
    return {
        "kernel_shape": kernel,
        "strides": call.integers("stride", axes) or kernel,
        "pads": padding + padding,
        "ceil_mode": int(call.argument("ceil_mode")),
    }


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
        for i, window in enumerate(windows):
            matrix[window, i] = 1
        sums = call.onnx("MatMul", _swapped(x, axis), Constant(matrix, "windows"))
        x = _swapped(sums, axis)
        counts.append(np.array([len(window) for window in windows]))
    return call.onnx("Div", x, Constant(reduce(np.multiply.outer, counts).astype(float), "counts"))


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


_ADAPTIVE = Rule(adaptive_average, "`MatMul`, `Div`")
_ADAPTIVE_MAX = Rule(adaptive_max, "maxima; not the indices")
RULES: Mapping[str, Rule] = {
    "aten._adaptive_avg_pool2d.default": _ADAPTIVE,
    "aten._adaptive_avg_pool3d.default": _ADAPTIVE,
    "aten.adaptive_max_pool2d.default": _ADAPTIVE_MAX,
    "aten.adaptive_max_pool3d.default": _ADAPTIVE_MAX,
    "aten.amax.default": reduced("ReduceMax"),
    "aten.amin.default": reduced("ReduceMin"),
    "aten.avg_pool2d.default": average_pool(2),
    "aten.avg_pool3d.default": average_pool(3),
    "aten.cumsum.default": Rule(cumulative_sum, "`CumSum`"),
    "aten.linalg_vector_norm.default": Rule(vector_norm, "`ReduceL1`, `ReduceL2`, `ReduceMax`"),
    "aten.logsumexp.default": reduced("ReduceLogSumExp"),
    "aten.max.default": reduced("ReduceMax"),
    "aten.max.dim": with_places("ReduceMax"),
    "aten.max_pool2d_with_indices.default": max_pool(2),
    "aten.max_pool3d_with_indices.default": max_pool(3),
    "aten.mean.default": reduced("ReduceMean"),
    "aten.mean.dim": reduced("ReduceMean"),
    "aten.min.default": reduced("ReduceMin"),
    "aten.min.dim": with_places("ReduceMin"),
    "aten.prod.default": reduced("ReduceProd"),
    "aten.prod.dim_int": reduced("ReduceProd"),
    "aten.sum.default": reduced("ReduceSum"),
    "aten.sum.dim_IntList": reduced("ReduceSum"),
    "aten.var.correction": Rule(variance, "`ReduceMean`, `ReduceSum`"),
}
