"""Sums, products, quotients and extremes of tensors, entry by entry.

Two constants are combined exactly; a constant and a view give one affine or piecewise-linear node.

Sources: the operators' pages of the ONNX standard and of torch.
May import: numpy, python-flint, kernel, values, builder, rational, constants.
Must not know: formats.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
from flint import fmpq

from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.rational import accumulated, narrow, objects, rationals, truncated
from verifai.graph.values import Activation, Constant, Masked, Value, broadcast_shape, finite
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array
from verifai.load.lower.constants import folded, reals, unmasked


def add(builder: Builder, x: Value, y: Value) -> Value:
    """x + y: constants become a bias, two views one affine node; minus infinity is a mask.

    Raises:
        InputError: minus infinity beside constants that are no doubles.
    """
    (left, no_x), (right, no_y) = unmasked(x), unmasked(y)
    result = plus(builder, left, right)
    hidden = np.broadcast_to(no_x, result.shape) | np.broadcast_to(no_y, result.shape)
    if not hidden.any():
        return result
    if isinstance(result, Constant):
        if result.array.dtype == object:
            raise InputError("minus infinity beside constants that are no doubles")
        return Constant(np.where(hidden, -np.inf, result.array), result.name)
    return Masked(result.node, result.index, hidden)


def subtract(builder: Builder, x: Value, y: Value) -> Value:
    """x - y."""
    return plus(builder, x, y, -1)


def plus(builder: Builder, x: Value, y: Value, sign: int = 1) -> Value:
    """x + y, or x - y for the sign -1."""
    terms = [(finite(x), 1), (finite(y), sign)]
    if isinstance(x, Constant) and isinstance(y, Constant):
        return folded(builder, lambda a, b: a + sign * b, x, y)
    views = [(value, s * ONE) for value, s in terms if isinstance(value, Activation)]
    constant = [
        reals(value) if s > 0 else -reals(value)
        for value, s in terms
        if isinstance(value, Constant)
    ]
    return builder.linear(views, *constant)


def total(builder: Builder, *values: Value) -> Value:
    """The sum of any number of tensors."""
    return _weighted(builder, values, fmpq(1))


def mean(builder: Builder, *values: Value) -> Value:
    """The mean of any number of tensors."""
    return _weighted(builder, values, fmpq(1, len(values)))


def _weighted(builder: Builder, values: tuple[Value, ...], factor: fmpq) -> Value:
    """The sum of all values, times a factor."""
    constants = [value for value in map(finite, values) if isinstance(value, Constant)]
    if len(constants) == len(values) and not any(value.is_integer for value in constants):
        return folded(
            builder, lambda *entries: factor * accumulated(operator.add, entries), *constants
        )
    weight = narrow(objects([factor], ()))
    return builder.linear([(builder.lift(value), weight) for value in values])


def negate(builder: Builder, x: Value) -> Value:
    """-x."""
    x = finite(x)
    if isinstance(x, Constant):
        return folded(builder, lambda a: -a, x)
    return builder.linear([(x, -ONE)])


def times(builder: Builder, x: Value, y: Value) -> Value:
    """x·y: of constants folded, by a constant a scaling, of two views a product (or a square)."""
    x, y = finite(x), finite(y)
    if isinstance(x, Activation):
        if isinstance(y, Activation):
            return builder.product(x, y)
        return builder.linear([(x, reals(y))])
    if isinstance(y, Activation):
        return builder.linear([(y, reals(x))])
    return folded(builder, lambda a, b: a * b, x, y)


def divide(builder: Builder, x: Value, y: Value) -> Value:
    """x/y: by a constant, or by a view with its reciprocal; integers (of shapes) are truncated.

    Raises:
        InputError: a constant divisor holds zero.
    """
    x, y = finite(x), finite(y)
    if isinstance(y, Activation):
        return times(builder, x, builder.smooth(y, "reciprocal"))
    if not reals(y).all():
        raise InputError(f"the divisor {y.name!r} holds zero")
    if isinstance(x, Constant):
        return folded(
            builder,
            (lambda a, b: truncated(fmpq(a, b))) if y.is_integer else operator.truediv,
            x,
            y,
        )
    builder.spend(math.prod(y.shape))
    inverses = objects((1 / value for value in rationals(reals(y)).ravel()), y.shape)
    return builder.linear([(x, narrow(inverses))])


def maximum(builder: Builder, *values: Value) -> Value:
    """The largest of any number of tensors."""
    return _extreme(builder, values, 1)


def minimum(builder: Builder, *values: Value) -> Value:
    """The smallest of any number of tensors."""
    return _extreme(builder, values, -1)


def _extreme(builder: Builder, values: tuple[Value, ...], sign: int) -> Value:
    constants = [value for value in map(finite, values) if isinstance(value, Constant)]
    views = [value for value in values if isinstance(value, Activation)]
    choose: Callable[[Array, Array], Array] = max if sign > 0 else min
    while len(constants) > 1:
        constants[:2] = [folded(builder, choose, *constants[:2])]
    while len(views) > 1:
        views = [*views[2:], _larger(builder, views[0], views[1], sign)]
    if not views or not constants:
        return (views or constants)[0]
    end, rise = reals(constants[0]), (ZERO if sign > 0 else ONE)
    shape = broadcast_shape(views[0].shape, end.shape)
    x = Activation(views[0].node, np.broadcast_to(views[0].index, shape))
    return builder.piecewise(x, [end], [rise, ONE - rise], end)


def _larger(builder: Builder, x: Activation, y: Activation, sign: int) -> Activation:
    """max(x, y) = y + relu(x - y), or min(x, y) = y - relu(y - x)."""
    rise = builder.relu(builder.linear([(x, sign * ONE), (y, -sign * ONE)]))
    return builder.linear([(y, ONE), (rise, sign * ONE)])


def p_relu(builder: Builder, x: Value, slope: Value) -> Activation:
    """Slopes below 0, broadcast to the input; max(x, 0) + slope·min(x, 0) if they vary.

    Raises:
        InputError: slopes that do not broadcast to the input.
    """
    slope = finite(slope)
    if isinstance(slope, Activation):
        y = builder.lift(x)
        low = builder.piecewise(y, [ZERO], [ONE, ZERO], ZERO)
        return builder.linear([(builder.relu(y), ONE), (builder.product(low, slope), ONE)])
    if broadcast_shape(x.shape, slope.shape) != x.shape:
        raise InputError(f"a slope of shape {slope.shape} for a tensor of shape {x.shape}")
    slopes = np.broadcast_to(reals(slope), x.shape)
    return builder.piecewise(builder.lift(x), [ZERO], [slopes, ONE], ZERO)
