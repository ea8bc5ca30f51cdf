"""Normalizations by mean and variance.

Variances are sums of squares plus epsilon, so that their roots exist.

Sources: the operators' pages of the ONNX standard.
May import: numpy, kernel, values, builder, arithmetic, constants, reduce.
Must not know: formats.
"""

from __future__ import annotations

import math

import numpy as np

from verifai.graph.builder import ONE, Builder
from verifai.graph.values import Activation, Value, axis_of, rearranged
from verifai.kernel.errors import InputError
from verifai.load.lower.arithmetic import plus, times
from verifai.load.lower.reduce import mean, total_of_magnitudes, total_of_squares


def _inverse_deviation(builder: Builder, x: Activation, epsilon: float) -> Activation:
    """1/√(mean of squares + epsilon) for every row, (rows, 1)."""
    n = x.shape[1]
    squares = builder.product(x, x)
    mean_square = builder.dense(squares, np.ones((1, n)), divisor=n)
    variance = builder.linear([(mean_square, ONE)], np.array(epsilon))  # n·epsilon may be no double
    return builder.smooth(builder.smooth(variance, "sqrt"), "reciprocal")


def _standardized(
    builder: Builder, x: Activation, rows: int, epsilon: float
) -> tuple[Activation, Activation, Activation]:
    """(x - mean)/√(variance + epsilon) in the shape of x, the means, the inverse deviations.

    Args:
        builder: where nodes go.
        x: the values.
        rows: into how many rows x falls.
        epsilon: a double.
    """
    if epsilon < 0 or not rows or not x.index.size:
        raise InputError(f"epsilon = {epsilon} on a tensor of shape {x.shape}")
    lines = Activation(x.node, x.index.reshape(rows, -1))
    means = mean(builder, lines)
    centred = builder.linear([(lines, ONE), (means, -ONE)])
    inverse = _inverse_deviation(builder, centred, epsilon)
    y = builder.product(centred, inverse)
    return Activation(y.node, y.index.reshape(x.shape)), means, inverse


def layer_normalization(
    builder: Builder,
    x: Value,
    scale: Value,
    offset: Value | None = None,
    *,
    axis: int,
    epsilon: float,
) -> list[Value]:
    """Normalization of the axes from `axis` on; also the means and inverse deviations.

    Args:
        builder: where nodes go.
        x: the values.
        scale: of the axes that are normalized.
        offset: of the same shape, if there is one.
        axis: the first axis, counted from either end.
        epsilon: a double.

    Raises:
        InputError: a negative epsilon, no values, or shapes that do not fit.
    """
    z = builder.lift(x)
    axis = axis_of(axis, len(z.shape))
    y, means, inverse = _standardized(builder, z, math.prod(z.shape[:axis]), epsilon)
    shape = (*z.shape[:axis], *(1,) * (len(z.shape) - axis))
    each = (Activation(v.node, v.index.reshape(shape)) for v in (means, inverse))
    return [_rescaled(builder, y, scale, offset), *each]


def _rescaled(builder: Builder, y: Activation, scale: Value, offset: Value | None) -> Value:
    """y·scale + offset, of the shape of y."""
    scaled = times(builder, y, scale)
    result = scaled if offset is None else plus(builder, scaled, offset)
    if result.shape != y.shape:
        raise InputError(f"a scale or bias that does not broadcast to {y.shape}")
    return result


def rms_normalization(
    builder: Builder, x: Value, scale: Value, *, axis: int, epsilon: float
) -> Value:
    """x/√(mean of squares + epsilon)·scale, of the axes from `axis` on.

    Raises:
        InputError: a negative epsilon, no values, or shapes that do not fit.
    """
    z = builder.lift(x)
    axis = axis_of(axis, len(z.shape))
    if epsilon < 0 or not z.index.size:
        raise InputError(f"epsilon = {epsilon} on a tensor of shape {z.shape}")
    lines = Activation(z.node, z.index.reshape(math.prod(z.shape[:axis]), -1))
    y = builder.product(lines, _inverse_deviation(builder, lines, epsilon))
    return _rescaled(builder, Activation(y.node, y.index.reshape(z.shape)), scale, None)


def group_normalization(
    builder: Builder, x: Value, scale: Value, offset: Value, *, num_groups: int, epsilon: float
) -> Value:
    """Every group of channels of every instance for itself; scale and bias have one a channel.

    With as many groups as channels this is instance normalization.

    Raises:
        InputError: fewer than three axes, groups that do not fit, or what `layer_normalization`
            refuses.
    """
    z = builder.lift(x)
    if len(z.shape) < 3 or num_groups < 1 or z.shape[1] % num_groups:
        raise InputError(f"{num_groups} groups of a tensor of shape {z.shape}")
    lines, _, _ = _standardized(builder, z, z.shape[0] * num_groups, epsilon)
    return _by_channel(builder, lines, scale, offset)


def _by_channel(builder: Builder, x: Activation, scale: Value, offset: Value) -> Value:
    """x·scale + offset, which have one number a channel."""
    column, parts = (x.shape[1], *(1,) * (len(x.shape) - 2)), []
    for value in (scale, offset):
        if value.shape != (x.shape[1],):
            raise InputError(f"a scale or bias of shape {value.shape} for shape {x.shape}")
        parts.append(rearranged(value, lambda a: a.reshape(column)))
    return _rescaled(builder, x, *parts)


def lp_normalization(builder: Builder, x: Value, *, p: int, axis: int) -> Activation:
    """x divided by the sum of magnitudes (p = 1), or by the root of the sum of squares (p = 2).

    Raises:
        InputError: another p, or no values.
    """
    z = builder.lift(x)
    axis = axis_of(axis, len(z.shape))
    if p not in (1, 2) or not z.index.size:
        raise InputError(f"p = {p} on a tensor of shape {z.shape}")
    moved = np.moveaxis(z.index, axis, -1)
    lines = Activation(z.node, moved.reshape(-1, moved.shape[-1]))
    norm = (total_of_magnitudes if p == 1 else total_of_squares)(builder, lines)
    if p == 2:
        norm = builder.smooth(norm, "sqrt")
    y = builder.product(lines, builder.smooth(norm, "reciprocal"))
    return Activation(y.node, np.moveaxis(y.index.reshape(moved.shape), -1, axis))
