"""Normalizations by mean and variance.

Variances are sums of squares plus epsilon, so that their roots exist.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, builder, onnx_call, onnx_pointwise, onnx_power, onnx_reduce.
Must not know: protobuf.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from verifai.graph.builder import ONE, Builder
from verifai.graph.values import Activation, Value, axis_of, rearranged
from verifai.load.onnx.call import Call, Lowering
from verifai.load.onnx.pointwise import plus
from verifai.load.onnx.power import times
from verifai.load.onnx.reduce import mean, total_of_magnitudes, total_of_squares


def _inverse_deviation(builder: Builder, x: Activation, epsilon: float) -> Activation:
    """1/√(mean of squares + epsilon) for every row, (rows, 1)."""
    n = x.shape[1]
    squares = builder.product(x, x)
    mean_square = builder.dense(squares, np.ones((1, n)), divisor=n)
    variance = builder.linear([(mean_square, ONE)], np.array(epsilon))  # n·epsilon may be no double
    return builder.smooth(builder.smooth(variance, "sqrt"), "reciprocal")


def _standardized(
    call: Call, x: Activation, rows: int
) -> tuple[Activation, Activation, Activation]:
    """(x - mean)/√(variance + epsilon) in the shape of x, the means, the inverse deviations.

    Args:
        call: has the epsilon.
        x: the values.
        rows: into how many rows x falls.
    """
    epsilon, builder = call.number("epsilon", 1e-5), call.builder
    if epsilon < 0 or not rows or not x.index.size:
        raise call.refuse(f"epsilon = {epsilon} on a tensor of shape {x.shape}")
    lines = Activation(x.node, x.index.reshape(rows, -1))
    means = mean(builder, lines)
    centred = builder.linear([(lines, ONE), (means, -ONE)])
    inverse = _inverse_deviation(builder, centred, epsilon)
    y = builder.product(centred, inverse)
    return Activation(y.node, y.index.reshape(x.shape)), means, inverse


def layer_normalization(call: Call) -> list[Value]:
    """LayerNormalization of the axes from `axis` on; also the means and inverse deviations."""
    call.ignore("stash_type")  # the precision of the means
    x = call.activation(0)
    axis = axis_of(call.integer("axis", -1), len(x.shape))
    y, means, inverse = _standardized(call, x, math.prod(x.shape[:axis]))
    shape = (*x.shape[:axis], *(1,) * (len(x.shape) - axis))
    offset = call.finite(2) if call.has(2) else None
    result = _rescaled(call, y, call.finite(1), offset)
    each = (Activation(v.node, v.index.reshape(shape)) for v in (means, inverse))
    return [result, *each]


def _rescaled(call: Call, y: Activation, scale: Value, offset: Value | None) -> Value:
    """y·scale + offset, of the shape of y."""
    scaled = times(call, y, scale)
    result = scaled if offset is None else plus(call, scaled, offset)
    if result.shape != y.shape:
        raise call.refuse(f"a scale or bias that does not broadcast to {y.shape}")
    return result


def rms_normalization(call: Call) -> list[Value]:
    """RMSNormalization of the axes from `axis` on: x/√(mean of squares + epsilon)·scale."""
    call.ignore("stash_type")
    x, epsilon = call.activation(0), call.number("epsilon", 1e-5)
    axis = axis_of(call.integer("axis", -1), len(x.shape))
    if epsilon < 0 or not x.index.size:
        raise call.refuse(f"epsilon = {epsilon} on a tensor of shape {x.shape}")
    lines = Activation(x.node, x.index.reshape(math.prod(x.shape[:axis]), -1))
    y = call.builder.product(lines, _inverse_deviation(call.builder, lines, epsilon))
    return [_rescaled(call, Activation(y.node, y.index.reshape(x.shape)), call.finite(1), None)]


def instance_normalization(call: Call) -> list[Value]:
    """InstanceNormalization: every channel of every instance for itself."""
    x = call.activation(0)
    if len(x.shape) < 3:
        raise call.refuse(f"a tensor of shape {x.shape}")
    return [_by_channel(call, x, math.prod(x.shape[:2]), 1)]


def group_normalization(call: Call) -> list[Value]:
    """GroupNormalization; before opset 21 scale and bias are one number for each group."""
    call.ignore("stash_type")
    x, groups = call.activation(0), call.integer("num_groups", 0)
    if len(x.shape) < 3 or groups < 1 or x.shape[1] % groups:
        raise call.refuse(f"{groups} groups of a tensor of shape {x.shape}")
    repeats = x.shape[1] // groups if call.opset < 21 else 1
    return [_by_channel(call, x, x.shape[0] * groups, repeats)]


def _by_channel(call: Call, x: Activation, rows: int, repeats: int) -> Value:
    """x standardized in so many rows, then with scale and bias for every channel."""
    column = (x.shape[1], *(1,) * (len(x.shape) - 2))
    y, _, _ = _standardized(call, x, rows)
    parameters = []
    for place in (1, 2):
        value = call.finite(place)
        if value.shape != (x.shape[1] // repeats,):
            raise call.refuse(f"a scale or bias of shape {value.shape} for shape {x.shape}")
        parameters.append(rearranged(value, lambda a: np.repeat(a, repeats).reshape(column)))
    return _rescaled(call, y, *parameters)


def lp_normalization(call: Call) -> list[Value]:
    """LpNormalization: divided by the sum of magnitudes, or the root of the sum of squares."""
    x, builder, p = call.activation(0), call.builder, call.integer("p", 2)
    axis = axis_of(call.integer("axis", -1), len(x.shape))
    if p not in (1, 2) or not x.index.size:
        raise call.refuse(f"p = {p} on a tensor of shape {x.shape}")
    moved = np.moveaxis(x.index, axis, -1)
    lines = Activation(x.node, moved.reshape(-1, moved.shape[-1]))
    norm = (total_of_magnitudes if p == 1 else total_of_squares)(builder, lines)
    if p == 2:
        norm = builder.smooth(norm, "sqrt")
    y = builder.product(lines, builder.smooth(norm, "reciprocal"))
    return [Activation(y.node, np.moveaxis(y.index.reshape(moved.shape), -1, axis))]


LOWERINGS: Mapping[str, Lowering] = {
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "LayerNormalization": layer_normalization,
    "LpNormalization": lp_normalization,
    "RMSNormalization": rms_normalization,
}
