"""Operators that act entry by entry: arithmetic, relu and its kin, maximum and minimum.

Two constants are combined exactly; a constant and a view give one affine or piecewise-linear node.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, builder, rational, onnx_call, onnx_fold. Must not know: protobuf.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from flint import fmpq

from verifai.kernel.operator import Array
from verifai.load.builder import ONE, ZERO
from verifai.load.onnx_call import Call, Lowering, reals
from verifai.load.onnx_fold import folded
from verifai.load.rational import narrow, objects, rationals
from verifai.load.values import Activation, Constant, Value, broadcast_shape

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)  # as a bound of Clip it means: no bound


def add(call: Call) -> list[Value]:
    """Add: constants become a bias, two views one affine node."""
    return _sum(call, 1)


def subtract(call: Call) -> list[Value]:
    """Sub: as Add, with the second term negated."""
    return _sum(call, -1)


def _sum(call: Call, sign: int) -> list[Value]:
    x, y = call.finite(0), call.finite(1)
    if isinstance(x, Constant) and isinstance(y, Constant):
        return [folded(call, lambda a, b: a + sign * b, x, y)]
    terms = [(x, ONE), (y, sign * ONE)]
    views = [(value, s) for value, s in terms if isinstance(value, Activation)]
    constant = [s * reals(value) for value, s in terms if isinstance(value, Constant)]
    return [call.builder.linear(views, *constant)]


def sum_(call: Call) -> list[Value]:
    """Sum: of any number of tensors."""
    return [call.builder.linear(_all_terms(call, ONE))]


def mean(call: Call) -> list[Value]:
    """Mean: of any number of tensors."""
    share = objects([fmpq(1, len(call.inputs))], ())
    return [call.builder.linear(_all_terms(call, share))]


def _all_terms(call: Call, factor: Array) -> list[tuple[Activation, Array]]:
    return [(call.activation(i), factor) for i in range(len(call.inputs))]


def multiply(call: Call) -> list[Value]:
    """Mul: by a constant a scaling, of two views a product (or a square)."""
    x, y = call.finite(0), call.finite(1)
    if isinstance(x, Constant) and isinstance(y, Constant):
        return [folded(call, lambda a, b: a * b, x, y)]
    if isinstance(x, Activation) and isinstance(y, Activation):
        return [call.builder.product(x, y)]
    view, factor = (x, y) if isinstance(x, Activation) else (y, x)
    if isinstance(view, Activation) and isinstance(factor, Constant):
        return [call.builder.linear([(view, reals(factor))])]
    raise call.refuse("factors of unknown kind")


def divide(call: Call) -> list[Value]:
    """Div: by a constant; integers (of shapes) are truncated."""
    x, y = call.finite(0), call.constant(1)
    if not reals(y).all():
        raise call.refuse(f"the divisor {y.name!r} holds zero")
    if isinstance(x, Constant):
        return [folded(call, _truncated if y.is_integer else lambda a, b: a / b, x, y)]
    inverses = objects((1 / value for value in rationals(reals(y)).ravel()), y.shape)
    return [call.builder.linear([(x, narrow(inverses))])]


def _truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def negate(call: Call) -> list[Value]:
    """Neg."""
    x = call.finite(0)
    if isinstance(x, Constant):
        return [folded(call, lambda a: -a, x)]
    return [call.builder.linear([(x, -ONE)])]


def power(call: Call) -> list[Value]:
    """Pow, with the constant exponent 1, 2 or 3."""
    exponents = {int(n) if n == int(n) else n for n in call.real(1).ravel().tolist()}
    exponent = exponents.pop() if len(exponents) == 1 else None
    if exponent not in (1, 2, 3):
        raise call.refuse("an exponent other than 1, 2 or 3")
    if len(call.constant(1).shape) > len(call.finite(0).shape):
        raise call.refuse("an exponent with more axes than the base")
    x = call.activation(0)
    result = x if exponent == 1 else call.builder.product(x, x)
    return [call.builder.product(result, x) if exponent == 3 else result]


def relu(call: Call) -> list[Value]:
    """Relu."""
    return [call.builder.relu(call.activation(0))]


def leaky_relu(call: Call) -> list[Value]:
    """LeakyRelu: slope alpha below 0 (a float32)."""
    alpha = np.array(call.number("alpha", 0.01))
    return [call.builder.piecewise(call.activation(0), [ZERO], [alpha, ONE], ZERO)]


def p_relu(call: Call) -> list[Value]:
    """PRelu: constant slopes below 0, broadcast to the input."""
    slopes = np.broadcast_to(call.real(1), call.value(0).shape)
    return [call.builder.piecewise(call.activation(0), [ZERO], [slopes, ONE], ZERO)]


def absolute(call: Call) -> list[Value]:
    """Abs."""
    x = call.finite(0)
    if isinstance(x, Constant):
        return [folded(call, abs, x)]
    return [call.builder.piecewise(x, [ZERO], [-ONE, ONE], ZERO)]


def sign(call: Call) -> list[Value]:
    """Sign, 0 at 0."""
    return [call.builder.sign(call.activation(0))]


def clip(call: Call) -> list[Value]:
    """Clip: to constant bounds; the upper one everywhere where the lower one is above it."""
    x = call.activation(0)
    low, high = (_bound(call, name, i) for i, name in ((1, "min"), (2, "max")))
    if low is not None and low <= -LARGEST_FLOAT32:
        low = None
    if high is not None and high >= LARGEST_FLOAT32:
        high = None
    if low is not None and high is not None and low >= high:
        return [call.builder.piecewise(x, [np.array(high)], [ZERO, ZERO], np.array(high))]
    ends = [(np.array(end), rise) for end, rise in ((low, ONE), (high, ZERO)) if end is not None]
    if not ends:
        return [x]
    slopes = [ZERO if low is not None else ONE, *(rise for _, rise in ends)]
    return [call.builder.piecewise(x, [end for end, _ in ends], slopes, ends[0][0])]


def _bound(call: Call, name: str, place: int) -> float | None:
    """A bound of Clip, None where it is left out."""
    if call.opset < 11:
        call.ignore(name)
        bound = call.attributes.get(name)
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
    "Div": divide,
    "LeakyRelu": leaky_relu,
    "Max": maximum,
    "Mean": mean,
    "Min": minimum,
    "Mul": multiply,
    "Neg": negate,
    "PRelu": p_relu,
    "Pow": power,
    "Relu": relu,
    "Sign": sign,
    "Sub": subtract,
    "Sum": sum_,
}
