"""Powers with constant exponents.

Sources: the operators' pages of the ONNX standard and of torch.
May import: numpy, python-flint, kernel, values, builder, rational, constants.
Must not know: formats.
"""

from __future__ import annotations

import math

import numpy as np
from flint import fmpq

from verifai.graph.builder import ONE, Builder
from verifai.graph.rational import narrow, objects, rationals
from verifai.graph.values import Activation, Constant, Value, broadcast_shape, finite
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array
from verifai.load.lower.constants import as_type, known

MAX_EXPONENT = 64


def power(builder: Builder, x: Value, y: Value) -> Value:
    """x to the y, for constant exponents that are integers (by squaring), 1/2 or -1/2.

    Raises:
        InputError: another exponent, a negative power of 0, or a power of integers that truncates.
    """
    x, exponents = finite(x), rationals(known(y, "the exponent"))
    shape = broadcast_shape(x.shape, exponents.shape)
    builder.spend(exponents.size)
    chosen = list(dict.fromkeys(exponents.ravel()))
    if isinstance(x, Constant):
        exact = _constant_power(builder, x, exponents)
        if exact is not None:
            return exact
        if x.is_integer:
            raise InputError(f"a power of the integers {x.name!r} that truncates")
    view = builder.lift(x)
    if len(chosen) == 1:
        base = Activation(view.node, np.broadcast_to(view.index, shape))
        return builder.lift(_power(builder, base, chosen[0]))
    builder.spend(math.prod(shape))
    wanted = np.broadcast_to(exponents, shape).ravel()
    flat, parts = np.broadcast_to(view.index, shape).ravel(), []
    for exponent in chosen:
        places = np.nonzero(wanted == exponent)[0]
        part = builder.lift(_power(builder, Activation(view.node, flat[places]), exponent))
        index = np.full(len(flat), -1)
        index[places] = part.index
        parts.append((Activation(part.node, index.reshape(shape)), ONE))
    return builder.linear(parts)


def _power(builder: Builder, x: Activation, exponent: fmpq) -> Value:
    """x to one exponent."""
    if exponent.q == 2 and abs(exponent.p) == 1:
        x, exponent = builder.smooth(x, "sqrt"), 2 * exponent
    if exponent.q != 1 or abs(exponent) > MAX_EXPONENT:
        raise InputError(
            f"the exponent {float(exponent.p) / float(exponent.q):.9g}; supported are integers "
            f"from -{MAX_EXPONENT} to {MAX_EXPONENT}, 0.5 and -0.5"
        )
    count = abs(int(exponent.p))
    result: Activation | None = None
    while count:
        if count & 1:
            result = x if result is None else builder.product(result, x)
        count >>= 1
        if count:
            x = builder.product(x, x)
    if result is None:
        return Constant(np.ones(x.shape), builder.prefix)
    return builder.smooth(result, "reciprocal") if exponent < 0 else result


def _constant_power(builder: Builder, x: Constant, exponents: Array) -> Constant | None:
    """The power of a constant if all exponents are small integers, else None."""
    if any(e.q != 1 or abs(e) > MAX_EXPONENT for e in exponents.ravel()):
        return None
    bases, powers = np.broadcast_arrays(rationals(x.array), exponents)
    builder.spend(bases.size)
    if any(b == 0 and e < 0 for b, e in zip(bases.ravel(), powers.ravel(), strict=True)):
        raise InputError(f"a negative power of 0, an entry of {x.name!r}")
    pairs = zip(bases.ravel(), powers.ravel(), strict=True)
    values = objects((b ** int(e.p) for b, e in pairs), bases.shape)
    if not x.is_integer:
        return Constant(narrow(values), x.name)
    if any(value.q != 1 for value in values.ravel()):
        raise InputError("a negative power of an integer")
    whole = objects((int(value.p) for value in values.ravel()), values.shape)
    return Constant(as_type(whole, x.array.dtype), x.name)
