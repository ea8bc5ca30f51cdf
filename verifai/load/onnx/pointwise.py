"""Operators that act entry by entry: arithmetic, relu and its kin, maximum and minimum.

Two constants are combined exactly; a constant and a view give one affine or piecewise-linear node.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, builder, rational, onnx_call, onnx_fold. Must not know: protobuf.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping

import numpy as np
from flint import fmpq

from verifai.graph.builder import ONE, ZERO
from verifai.graph.rational import accumulated, narrow, objects
from verifai.graph.values import Activation, Constant, Masked, Value, broadcast_shape
from verifai.kernel.operator import Array
from verifai.load.onnx.call import Call, Lowering, reals
from verifai.load.onnx.fold import folded

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_FAR = 2.0**40  # doubles near so large a bound are too coarse for what is near zero


def add(call: Call) -> list[Value]:
    """Add: constants become a bias, two views one affine node; minus infinity is a mask."""
    (x, no_x), (y, no_y) = call.unmasked(0), call.unmasked(1)
    result = plus(call, x, y)
    hidden = np.broadcast_to(no_x, result.shape) | np.broadcast_to(no_y, result.shape)
    if not hidden.any():
        return [result]
    if isinstance(result, Constant):
        if result.array.dtype == object:
            raise call.refuse("minus infinity beside constants that are no doubles")
        return [Constant(np.where(hidden, -np.inf, result.array), result.name)]
    return [Masked(result.node, result.index, hidden)]


def subtract(call: Call) -> list[Value]:
    """Sub: as Add, with the second term negated."""
    return _sum(call, -1)


def _sum(call: Call, sign: int) -> list[Value]:
    return [plus(call, call.finite(0), call.finite(1), sign)]


def plus(call: Call, x: Value, y: Value, sign: int = 1) -> Value:
    """x + y, or x - y for the sign -1."""
    if isinstance(x, Constant) and isinstance(y, Constant):
        return folded(call, lambda a, b: a + sign * b, x, y)
    terms = [(x, 1), (y, sign)]
    views = [(value, s * ONE) for value, s in terms if isinstance(value, Activation)]
    constant = [
        reals(value) if s > 0 else -reals(value)
        for value, s in terms
        if isinstance(value, Constant)
    ]
    return call.builder.linear(views, *constant)


def sum_(call: Call) -> list[Value]:
    """Sum: of any number of tensors."""
    return [_weighted(call, fmpq(1))]


def mean(call: Call) -> list[Value]:
    """Mean: of any number of tensors."""
    return [_weighted(call, fmpq(1, len(call.inputs)))]


def _weighted(call: Call, factor: fmpq) -> Value:
    """The sum of all inputs, times a factor."""
    values = [call.finite(i) for i in range(len(call.inputs))]
    constants = [value for value in values if isinstance(value, Constant)]
    if len(constants) == len(values) and not any(value.is_integer for value in constants):
        return folded(
            call, lambda *entries: factor * accumulated(operator.add, entries), *constants
        )
    weight = narrow(objects([factor], ()))
    return call.builder.linear([(call.builder.lift(value), weight) for value in values])


def negate(call: Call) -> list[Value]:
    """Neg."""
    x = call.finite(0)
    if isinstance(x, Constant):
        return [folded(call, lambda a: -a, x)]
    return [call.builder.linear([(x, -ONE)])]


def relu(call: Call) -> list[Value]:
    """Relu."""
    return [call.builder.relu(call.activation(0))]


def leaky_relu(call: Call) -> list[Value]:
    """LeakyRelu: slope alpha below 0 (a float32)."""
    alpha = np.array(call.number("alpha", 0.01))
    return [call.builder.piecewise(call.activation(0), [ZERO], [alpha, ONE], ZERO)]


def p_relu(call: Call) -> list[Value]:
    """PRelu: slopes below 0, broadcast to the input; max(x, 0) + slope·min(x, 0) if they vary."""
    slope = call.finite(1)
    if isinstance(slope, Activation):
        x, builder = call.activation(0), call.builder
        low = builder.piecewise(x, [ZERO], [ONE, ZERO], ZERO)
        return [builder.linear([(builder.relu(x), ONE), (builder.product(low, slope), ONE)])]
    shape = call.value(0).shape
    if broadcast_shape(shape, slope.shape) != shape:
        raise call.refuse(f"a slope of shape {slope.shape} for a tensor of shape {shape}")
    slopes = np.broadcast_to(reals(slope), shape)
    return [call.builder.piecewise(call.activation(0), [ZERO], [slopes, ONE], ZERO)]


def absolute(call: Call) -> list[Value]:
    """Abs."""
    x = call.finite(0)
    if isinstance(x, Constant):
        return [folded(call, abs, x)]
    return [call.builder.piecewise(x, [ZERO], [-ONE, ONE], ZERO)]


def sign(call: Call) -> list[Value]:
    """Sign, 0 at 0."""
    x = call.finite(0)
    if isinstance(x, Constant):
        return [folded(call, lambda a: type(a)((a > 0) - (a < 0)), x)]
    return [call.builder.sign(x)]


def clip(call: Call) -> list[Value]:
    """Clip: to constant bounds; the upper one everywhere where the lower one is above it."""
    x = call.activation(0)
    low, high = (_bound(call, name, i) for i, name in ((1, "min"), (2, "max")))
    if (low == math.inf and high in (None, math.inf)) or high == -math.inf:
        raise call.refuse("a bound that makes everything infinite")
    low, high = (None if low == -math.inf else low), (None if high == math.inf else high)
    if low is not None and high is not None and low >= high:
        if low > high and call.opset < 11:
            raise call.refuse(f"the lower bound {low} is above the upper bound {high}")
        return [call.builder.piecewise(x, [np.array(high)], [ZERO, ZERO], np.array(high))]
    if low is not None and -low >= _FAR:
        x, low = _lifted(call, x, low), None
    if low is None and high is not None and high >= _FAR:
        return [_lowered(call, x, high)]
    ends = [(np.array(end), rise) for end, rise in ((low, ONE), (high, ZERO)) if end is not None]
    if not ends:
        return [x]
    slopes = [ZERO if low is not None else ONE, *(rise for _, rise in ends)]
    return [call.builder.piecewise(x, [end for end, _ in ends], slopes, ends[0][0])]


def _lifted(call: Call, x: Activation, low: float) -> Activation:
    """max(x, low) = x + relu(low - x): nothing is rounded near zero, however far the bound is."""
    below = call.builder.piecewise(x, [np.array(low)], [-ONE, ZERO], ZERO)
    return call.builder.linear([(x, ONE), (below, ONE)])


def _lowered(call: Call, x: Activation, high: float) -> Activation:
    """min(x, high) = x - relu(x - high), likewise."""
    above = call.builder.piecewise(x, [np.array(high)], [ZERO, ONE], ZERO)
    return call.builder.linear([(x, ONE), (above, -ONE)])


def _bound(call: Call, name: str, place: int) -> float | None:
    """A bound of Clip, None where it is left out; before opset 11 that means float32's largest."""
    bound: object = -_LARGEST_FLOAT32 if name == "min" else _LARGEST_FLOAT32
    if call.opset < 11:
        call.ignore(name)
        bound = call.attributes.get(name, bound)
    else:
        value = call.value(place) if call.has(place) else None
        if value is not None and (not isinstance(value, Constant) or value.array.size != 1):
            raise call.refuse(f"the bound {name!r} is not one constant")
        bound = value.array.item() if isinstance(value, Constant) else None
        if isinstance(bound, int) and abs(bound) > 1 << 53:
            raise call.refuse(f"the bound {name!r} is {bound}")
    if bound is None:
        return None
    if not isinstance(bound, int | float) or bound != bound:
        raise call.refuse(f"the bound {name!r} is {bound}, not a number")
    return float(bound)


def maximum(call: Call) -> list[Value]:
    """Max: of any number of tensors."""
    return [_extreme(call, 1)]


def minimum(call: Call) -> list[Value]:
    """Min: of any number of tensors."""
    return [_extreme(call, -1)]


def _extreme(call: Call, sign: int) -> Value:
    values = [call.finite(i) for i in range(len(call.inputs))]
    constants = [value for value in values if isinstance(value, Constant)]
    views = [value for value in values if isinstance(value, Activation)]
    choose: Callable[[Array, Array], Array] = max if sign > 0 else min
    while len(constants) > 1:
        constants[:2] = [folded(call, choose, *constants[:2])]
    while len(views) > 1:
        views = [*views[2:], _larger(call, views[0], views[1], sign)]
    if not views or not constants:
        return (views or constants)[0]
    end, rise = reals(constants[0]), (ZERO if sign > 0 else ONE)
    shape = broadcast_shape(views[0].shape, end.shape)
    x = Activation(views[0].node, np.broadcast_to(views[0].index, shape))
    return call.builder.piecewise(x, [end], [rise, ONE - rise], end)


def _larger(call: Call, x: Activation, y: Activation, sign: int) -> Activation:
    """max(x, y) = y + relu(x - y), or min(x, y) = y - relu(y - x)."""
    rise = call.builder.relu(call.builder.linear([(x, sign * ONE), (y, -sign * ONE)]))
    return call.builder.linear([(y, ONE), (rise, sign * ONE)])


LOWERINGS: Mapping[str, Lowering] = {
    "Abs": absolute,
    "Add": add,
    "Clip": clip,
    "LeakyRelu": leaky_relu,
    "Max": maximum,
    "Mean": mean,
    "Min": minimum,
    "Neg": negate,
    "PRelu": p_relu,
    "Relu": relu,
    "Sign": sign,
    "Sub": subtract,
    "Sum": sum_,
}
