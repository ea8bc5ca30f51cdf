"""Smooth functions of one value, and the activation functions made of them.

Each lowering is an identity over the reals, written so that no interval explodes: exp is only taken
of what is at most 0 wherever the function allows it. A constant whose image is rational is folded;
any other becomes a node, so that the kernel encloses its image like every other value.

Sources: the operators' pages of the ONNX standard and of torch.nn.functional.
May import: numpy, python-flint, kernel, values, builder, rational, constants.
Must not know: formats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import mul

import numpy as np
from flint import fmpq

from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.rational import PI, combine, enclosed, inverse_root, narrow, objects, rationals
from verifai.graph.rational import root as square_root
from verifai.graph.values import Activation, Constant, Value, finite
from verifai.kernel.errors import InputError
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.load.lower.constants import reals

Unary = Callable[[Builder, Value], Value]
_HALF = np.array(0.5)
_KNOWN: Mapping[str, tuple[int, fmpq]] = {
    "cos": (0, fmpq(1)),
    "erf": (0, fmpq(0)),
    "exp": (0, fmpq(1)),
    "log": (1, fmpq(0)),
    "sigmoid": (0, fmpq(1, 2)),
    "sin": (0, fmpq(0)),
    "tanh": (0, fmpq(0)),
}  # the one rational number at which each function is rational, and its value there


def smooth(builder: Builder, x: Value, function: str) -> Value:
    """A function of the kernel's FUNCTIONS, elementwise.

    Raises:
        InputError: x is a constant at which the function is not defined.
    """
    if isinstance(x, Activation):
        return builder.smooth(x, function)
    finite(x)
    images = [_image(x, function, value) for value in rationals(reals(x)).ravel()]
    known = [image for image in images if image is not None]
    if len(known) == len(images):
        return Constant(narrow(objects(known, x.shape)), x.name)
    return builder.smooth(builder.lift(x), function)


def _image(x: Constant, function: str, value: fmpq) -> fmpq | None:
    """The function's value if that is rational, else None."""
    if (
        (function == "reciprocal" and value == 0)
        or (function == "sqrt" and value < 0)
        or (function == "log" and value <= 0)
    ):
        raise InputError(f"the {function} of {value}, an entry of {x.name!r}")
    if function == "reciprocal":
        return 1 / value
    if function == "sqrt":
        low, high = square_root(value)
        return low if low == high else None
    place, image = _KNOWN[function]
    return image if value == place else None


def _unary(function: str) -> Unary:
    return lambda builder, x: smooth(builder, x, function)


cosine, error_function, exponential = _unary("cos"), _unary("erf"), _unary("exp")
logarithm, reciprocal, sigmoid = _unary("log"), _unary("reciprocal"), _unary("sigmoid")
sine, square_root_of, hyperbolic_tangent = _unary("sin"), _unary("sqrt"), _unary("tanh")


def elu(builder: Builder, x: Value, alpha: float) -> Activation:
    """max(x, 0) + alpha·(exp(min(x, 0)) - 1)."""
    return _exponential_unit(builder, x, ONE, np.array(alpha))


def selu(builder: Builder, x: Value, alpha: float, gamma: float) -> Activation:
    """gamma·(max(x, 0) + alpha·(exp(min(x, 0)) - 1))."""
    above = np.array(gamma)
    return _exponential_unit(builder, x, above, combine(mul, above, np.array(alpha)))


def celu(builder: Builder, x: Value, alpha: float) -> Activation:
    """max(x, 0) + alpha·(exp(min(x, 0)/alpha) - 1).

    Raises:
        InputError: alpha is 0.
    """
    if alpha == 0:
        raise InputError("alpha = 0")
    inverse = narrow(objects([1 / exact(alpha)], ()))
    return _exponential_unit(builder, x, ONE, np.array(alpha), inverse)


def _exponential_unit(
    builder: Builder, x: Value, above: Array, below: Array, rate: Array = ONE
) -> Activation:
    """above·max(x, 0) + below·(exp(rate·min(x, 0)) - 1)."""
    y = builder.lift(x)
    low = builder.piecewise(y, [ZERO], [ONE, ZERO], ZERO)
    if rate != 1:
        low = builder.linear([(low, rate)])
    power = builder.smooth(low, "exp")
    return builder.linear([(builder.relu(y), above), (power, below)], -below)


def softplus(builder: Builder, x: Value) -> Activation:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    y = builder.lift(x)
    power = builder.smooth(builder.piecewise(y, [ZERO], [ONE, -ONE], ZERO), "exp")
    rest = builder.smooth(builder.linear([(power, ONE)], ONE), "log")
    return builder.linear([(builder.relu(y), ONE), (rest, ONE)])


def mish(builder: Builder, x: Value) -> Activation:
    """x·tanh(softplus(x))."""
    y = builder.lift(x)
    return builder.product(y, builder.smooth(softplus(builder, y), "tanh"))


def softsign(builder: Builder, x: Value) -> Activation:
    """x/(1 + |x|) = 1/(1 + max(-x, 0)) - 1/(1 + max(x, 0)), which needs no product."""
    y = builder.lift(x)
    below = builder.piecewise(y, [ZERO], [-ONE, ZERO], ONE)
    above = builder.piecewise(y, [ZERO], [ZERO, ONE], ONE)
    parts = [
        (builder.smooth(below, "reciprocal"), ONE),
        (builder.smooth(above, "reciprocal"), -ONE),
    ]
    return builder.linear(parts)


def swish(builder: Builder, x: Value, alpha: float = 1.0) -> Activation:
    """x·sigmoid(alpha·x)."""
    y = builder.lift(x)
    inner = y if alpha == 1 else builder.linear([(y, np.array(alpha))])
    return builder.product(y, builder.smooth(inner, "sigmoid"))


def gelu(builder: Builder, x: Value, approximate: str) -> Activation:
    """x·(1 + erf(x/√2))/2, or with tanh(√(2/π)·(x + 0.044715·x³)) in place of erf.

    Raises:
        InputError: approximate is neither "none" nor "tanh".
    """
    y = builder.lift(x)
    if approximate not in ("none", "tanh"):
        raise InputError(f"approximate {approximate!r}")
    if approximate == "none":
        factor, radius = inverse_root(fmpq(1), fmpq(2))
        inner = y
    else:
        factor, radius = enclosed(square_root(2 / PI[1])[0], square_root(2 / PI[0])[1])
        cube = builder.product(builder.product(y, y), y)
        inner = builder.linear([(y, ONE), (cube, objects([fmpq(44715, 1000000)], ()))])
    scaled = builder.linear([(inner, np.array(factor))], radius=np.array(radius))
    bent = builder.smooth(scaled, "erf" if approximate == "none" else "tanh")
    return builder.product(y, builder.linear([(bent, _HALF)], _HALF))


def hard_swish(builder: Builder, x: Value) -> Activation:
    """x·clip(x/6 + 1/2, 0, 1) = max(x - 3, 0) + (clip(x, -3, 3) + 3/2)²/6 - 3/8."""
    y, three = builder.lift(x), np.array(3.0)
    shifted = builder.piecewise(y, [-three, three], [ZERO, ONE, ZERO], np.array(-1.5))
    above = builder.piecewise(y, [three], [ZERO, ONE], ZERO)
    square = builder.product(shifted, shifted)
    sixth = objects([fmpq(1, 6)], ())
    return builder.linear([(above, ONE), (square, sixth)], np.array(-0.375))


def hyperbolic_sine(builder: Builder, x: Value) -> Activation:
    """(exp(x) - exp(-x))/2."""
    return _hyperbolic(builder, x, -_HALF)


def hyperbolic_cosine(builder: Builder, x: Value) -> Activation:
    """(exp(x) + exp(-x))/2."""
    return _hyperbolic(builder, x, _HALF)


def _hyperbolic(builder: Builder, x: Value, weight: Array) -> Activation:
    y = builder.lift(x)
    falling = builder.smooth(builder.linear([(y, -ONE)]), "exp")
    return builder.linear([(builder.smooth(y, "exp"), _HALF), (falling, weight)])


def tangent(builder: Builder, x: Value) -> Activation:
    """sin(x)/cos(x)."""
    y = builder.lift(x)
    inverse = builder.smooth(builder.smooth(y, "cos"), "reciprocal")
    return builder.product(builder.smooth(y, "sin"), inverse)
