"""Powers, quotients, and products: what multiplies values with each other.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, python-flint, kernel, values, builder, rational, onnx_call, onnx_fold,
onnx_smooth. Must not know: protobuf.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from flint import fmpq

from verifai.graph.builder import ONE
from verifai.graph.rational import narrow, objects, rationals
from verifai.graph.values import Activation, Constant, Value, broadcast_shape
from verifai.kernel.operator import Array
from verifai.load.onnx.call import Call, Lowering, reals
from verifai.load.onnx.fold import as_type, folded
from verifai.load.onnx.smooth import smooth

MAX_EXPONENT = 64


def times(call: Call, x: Value, y: Value) -> Value:
    """x·y: of constants folded, by a constant a scaling, of two views a product (or a square)."""
    if isinstance(x, Constant) and isinstance(y, Constant):
        return folded(call, lambda a, b: a * b, x, y)
    if isinstance(x, Activation) and isinstance(y, Activation):
        return call.builder.product(x, y)
    view, factor = (x, y) if isinstance(x, Activation) else (y, x)
    if isinstance(view, Activation) and isinstance(factor, Constant):
        return call.builder.linear([(view, reals(factor))])
    raise call.refuse("factors of unknown kind")


def multiply(call: Call) -> list[Value]:
    """Mul."""
    return [times(call, call.finite(0), call.finite(1))]


def divide(call: Call) -> list[Value]:
    """Div: by a constant, or by a view with its reciprocal; integers (of shapes) are truncated."""
    x, y = call.finite(0), call.finite(1)
    if isinstance(y, Activation):
        return [times(call, x, call.builder.smooth(y, "reciprocal"))]
    if not reals(y).all():
        raise call.refuse(f"the divisor {y.name!r} holds zero")
    if isinstance(x, Constant):
        return [folded(call, _truncated if y.is_integer else lambda a, b: a / b, x, y)]
    call.builder.spend(math.prod(y.shape))
    inverses = objects((1 / value for value in rationals(reals(y)).ravel()), y.shape)
    return [call.builder.linear([(x, narrow(inverses))])]


def _truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def power(call: Call) -> list[Value]:
    """Pow: constant exponents that are integers (by squaring), 1/2 or -1/2."""
    x, exponents = call.finite(0), rationals(call.real(1))
    shape = broadcast_shape(x.shape, exponents.shape)
    call.builder.spend(exponents.size)
    chosen = list(dict.fromkeys(exponents.ravel()))
    if isinstance(x, Constant):
        exact = _constant_power(call, x, exponents)
        if exact is not None:
            return [exact]
        if x.is_integer:
            raise call.refuse(f"a power of the integers {x.name!r} that truncates")
    view = call.builder.lift(x)
    if len(chosen) == 1:
        base = Activation(view.node, np.broadcast_to(view.index, shape))
        return [call.builder.lift(_power(call, base, chosen[0]))]
    call.builder.spend(math.prod(shape))
    wanted = np.broadcast_to(exponents, shape).ravel()
    flat, parts = np.broadcast_to(view.index, shape).ravel(), []
    for exponent in chosen:
        places = np.nonzero(wanted == exponent)[0]
        part = call.builder.lift(_power(call, Activation(view.node, flat[places]), exponent))
        index = np.full(len(flat), -1)
        index[places] = part.index
        parts.append((Activation(part.node, index.reshape(shape)), ONE))
    return [call.builder.linear(parts)]


def _power(call: Call, x: Activation, exponent: fmpq) -> Value:
    """x to one exponent."""
    if exponent.q == 2 and abs(exponent.p) == 1:
        x, exponent = call.builder.smooth(x, "sqrt"), 2 * exponent
    if exponent.q != 1 or abs(exponent) > MAX_EXPONENT:
        raise call.refuse(
            f"the exponent {float(exponent.p) / float(exponent.q):.9g}; supported are integers "
            f"from -{MAX_EXPONENT} to {MAX_EXPONENT}, 0.5 and -0.5"
        )
    count = abs(int(exponent.p))
    result: Activation | None = None
    while count:
        if count & 1:
            result = x if result is None else call.builder.product(result, x)
        count >>= 1
        if count:
            x = call.builder.product(x, x)
    if result is None:
        return Constant(np.ones(x.shape), call.name)
    return smooth(call, result, "reciprocal") if exponent < 0 else result


def _constant_power(call: Call, x: Constant, exponents: Array) -> Constant | None:
    """The power of a constant if all exponents are small integers, else None."""
    if any(e.q != 1 or abs(e) > MAX_EXPONENT for e in exponents.ravel()):
        return None
    bases, powers = np.broadcast_arrays(rationals(x.array), exponents)
    call.builder.spend(bases.size)
    if any(b == 0 and e < 0 for b, e in zip(bases.ravel(), powers.ravel(), strict=True)):
        raise call.refuse(f"a negative power of 0, an entry of {x.name!r}")
    pairs = zip(bases.ravel(), powers.ravel(), strict=True)
    values = objects((b ** int(e.p) for b, e in pairs), bases.shape)
    if not x.is_integer:
        return Constant(narrow(values), x.name)
    if any(value.q != 1 for value in values.ravel()):
        raise call.refuse("a negative power of an integer")
    whole = objects((int(value.p) for value in values.ravel()), values.shape)
    return Constant(as_type(call, whole, x.array.dtype), x.name)


LOWERINGS: Mapping[str, Lowering] = {"Div": divide, "Mul": multiply, "Pow": power}
