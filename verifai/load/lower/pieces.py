"""Piecewise-linear functions of one value: relu and its kin. One function each, one node or few.

Sources: the operators' pages of the ONNX standard and of torch.nn.functional.
May import: numpy, python-flint, kernel, values, builder, rational, constants.
Must not know: formats.
"""

from __future__ import annotations

import math

import numpy as np

from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.rational import narrow, objects
from verifai.graph.values import Activation, Constant, Value, finite
from verifai.kernel.errors import InputError
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.load.lower.constants import folded

_FAR = 2.0**40  # doubles near so large a bound are too coarse for what is near zero


def relu(builder: Builder, x: Value) -> Activation:
    """max(x, 0)."""
    return builder.relu(builder.lift(x))


def leaky_relu(builder: Builder, x: Value, alpha: float) -> Activation:
    """x above 0, alpha·x below."""
    return builder.piecewise(builder.lift(x), [ZERO], [np.array(alpha), ONE], ZERO)


def absolute(builder: Builder, x: Value) -> Value:
    """|x|."""
    if isinstance(x, Constant):
        return folded(builder, abs, finite(x))
    return builder.piecewise(x, [ZERO], [-ONE, ONE], ZERO)


def sign(builder: Builder, x: Value) -> Value:
    """-1, 0 or 1."""
    if isinstance(x, Constant):
        return folded(builder, lambda a: type(a)((a > 0) - (a < 0)), finite(x))
    return builder.sign(x)


def clip(
    builder: Builder, x: Value, low: float | None = None, high: float | None = None
) -> Activation:
    """min(max(x, low), high); a bound that is None or infinite is none.

    Raises:
        InputError: a bound that makes everything infinite.
    """
    y = builder.lift(x)
    if (low == math.inf and high in (None, math.inf)) or high == -math.inf:
        raise InputError("a bound that makes everything infinite")
    low, high = (None if low == -math.inf else low), (None if high == math.inf else high)
    if low is not None and high is not None and low >= high:
        return builder.piecewise(y, [np.array(high)], [ZERO, ZERO], np.array(high))
    if low is not None and -low >= _FAR:
        y, low = _lifted(builder, y, low), None
    if low is None and high is not None and high >= _FAR:
        return _lowered(builder, y, high)
    ends = [(np.array(end), rise) for end, rise in ((low, ONE), (high, ZERO)) if end is not None]
    if not ends:
        return y
    slopes = [ZERO if low is not None else ONE, *(rise for _, rise in ends)]
    return builder.piecewise(y, [end for end, _ in ends], slopes, ends[0][0])


def _lifted(builder: Builder, x: Activation, low: float) -> Activation:
    """max(x, low) = x + relu(low - x): nothing is rounded near zero, however far the bound is."""
    below = builder.piecewise(x, [np.array(low)], [-ONE, ZERO], ZERO)
    return builder.linear([(x, ONE), (below, ONE)])


def _lowered(builder: Builder, x: Activation, high: float) -> Activation:
    """min(x, high) = x - relu(x - high), likewise."""
    above = builder.piecewise(x, [np.array(high)], [ZERO, ONE], ZERO)
    return builder.linear([(x, ONE), (above, -ONE)])


def hard_sigmoid(builder: Builder, x: Value, alpha: float, beta: float) -> Activation:
    """alpha·x + beta, cut off at 0 and 1."""
    line = builder.linear([(builder.lift(x), np.array(alpha))], np.array(beta))
    return builder.piecewise(line, [ZERO, ONE], [ZERO, ONE, ZERO], ZERO)


def thresholded_relu(builder: Builder, x: Value, alpha: float) -> Activation:
    """x where x > alpha, else 0; with r = max(x - alpha, 0) that is r + alpha·sign(r)."""
    return _beyond(builder, builder.lift(x), np.array(alpha), np.array(alpha))


def _beyond(builder: Builder, x: Activation, threshold: Array, jump: Array) -> Activation:
    """x - threshold + jump where x > threshold, else 0."""
    above = builder.piecewise(x, [threshold], [ZERO, ONE], ZERO)
    return builder.linear([(above, ONE), (builder.sign(above), jump)])


def shrink(builder: Builder, x: Value, lambd: float, bias: float) -> Activation:
    """x - bias above lambd, x + bias below -lambd, else 0.

    Raises:
        InputError: lambd is negative.
    """
    y = builder.lift(x)
    if lambd < 0:
        raise InputError(f"lambd = {lambd}, which is negative")
    jump = narrow(objects([exact(lambd) - exact(bias)], ()))
    above = _beyond(builder, y, np.array(lambd), jump)
    below = _beyond(builder, builder.linear([(y, -ONE)]), np.array(lambd), jump)
    return builder.linear([(above, ONE), (below, -ONE)])
