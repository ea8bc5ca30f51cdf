"""Smooth functions of one value, and the activation functions made of them.

Each lowering is an identity over the reals, written so that no interval explodes: exp is only taken
of what is at most 0 wherever the function allows it. A constant whose image is rational is folded;
any other becomes a node, so that the kernel encloses its image like every other value.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, python-flint, kernel, values, builder, rational, onnx_call.
Must not know: protobuf.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import mul

import numpy as np
from flint import fmpq

from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.rational import PI, combine, enclosed, inverse_root, narrow, objects, rationals
from verifai.graph.rational import root as square_root
from verifai.graph.values import Activation, Constant, Value
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.load.onnx.call import Call, Lowering, reals

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


def smooth(call: Call, x: Value, function: str) -> Value:
    """A function of the kernel's FUNCTIONS, elementwise.

    Raises:
        LoadError: x is a constant at which the function is not defined.
    """
    if isinstance(x, Activation):
        return call.builder.smooth(x, function)
    images = [_image(call, x, function, value) for value in rationals(reals(x)).ravel()]
    known = [image for image in images if image is not None]
    if len(known) == len(images):
        return Constant(narrow(objects(known, x.shape)), x.name)
    return call.builder.smooth(call.builder.lift(x), function)


def _image(call: Call, x: Constant, function: str, value: fmpq) -> fmpq | None:
    """The function's value if that is rational, else None."""
    if (
        (function == "reciprocal" and value == 0)
        or (function == "sqrt" and value < 0)
        or (function == "log" and value <= 0)
    ):
        raise call.refuse(f"the {function} of {value}, an entry of {x.name!r}")
    if function == "reciprocal":
        return 1 / value
    if function == "sqrt":
        low, high = square_root(value)
        return low if low == high else None
    place, image = _KNOWN[function]
    return image if value == place else None


def _unary(function: str) -> Lowering:
    return lambda call: [smooth(call, call.finite(0), function)]


def negative_part(builder: Builder, x: Activation) -> Activation:
    """min(x, 0), elementwise."""
    return builder.piecewise(x, [ZERO], [ONE, ZERO], ZERO)


def elu(call: Call) -> list[Value]:
    """Elu: max(x, 0) + alpha·(exp(min(x, 0)) - 1)."""
    return [_exponential_unit(call, ONE, np.array(call.number("alpha", 1.0)))]


def selu(call: Call) -> list[Value]:
    """Selu: gamma·(max(x, 0) + alpha·(exp(min(x, 0)) - 1))."""
    alpha = np.array(call.number("alpha", 1.67326319217681884765625))
    gamma = np.array(call.number("gamma", 1.05070102214813232421875))
    return [_exponential_unit(call, gamma, combine(mul, gamma, alpha))]


def celu(call: Call) -> list[Value]:
    """Celu: max(x, 0) + alpha·(exp(min(x, 0)/alpha) - 1)."""
    alpha = call.number("alpha", 1.0)
    if alpha == 0:
        raise call.refuse("alpha = 0")
    inverse = narrow(objects([1 / exact(alpha)], ()))
    return [_exponential_unit(call, ONE, np.array(alpha), inverse)]


def _exponential_unit(call: Call, above: Array, below: Array, rate: Array = ONE) -> Activation:
    """above·max(x, 0) + below·(exp(rate·min(x, 0)) - 1)."""
    x, builder = call.activation(0), call.builder
    low = negative_part(builder, x)
    if rate != 1:
        low = builder.linear([(low, rate)])
    power = builder.smooth(low, "exp")
    return builder.linear([(builder.relu(x), above), (power, below)], -below)


def softplus(call: Call) -> list[Value]:
    """Softplus: max(x, 0) + log(1 + exp(-|x|))."""
    return [_softplus(call.builder, call.activation(0))]


def _softplus(builder: Builder, x: Activation) -> Activation:
    power = builder.smooth(builder.piecewise(x, [ZERO], [ONE, -ONE], ZERO), "exp")
    rest = builder.smooth(builder.linear([(power, ONE)], ONE), "log")
    return builder.linear([(builder.relu(x), ONE), (rest, ONE)])


def mish(call: Call) -> list[Value]:
    """Mish: x·tanh(softplus(x))."""
    x = call.activation(0)
    return [call.builder.product(x, call.builder.smooth(_softplus(call.builder, x), "tanh"))]


def softsign(call: Call) -> list[Value]:
    """Softsign: x/(1 + |x|) = 1/(1 + max(-x, 0)) - 1/(1 + max(x, 0)), which needs no product."""
    x, builder = call.activation(0), call.builder
    below = builder.piecewise(x, [ZERO], [-ONE, ZERO], ONE)
    above = builder.piecewise(x, [ZERO], [ZERO, ONE], ONE)
    parts = [
        (builder.smooth(below, "reciprocal"), ONE),
        (builder.smooth(above, "reciprocal"), -ONE),
    ]
    return [builder.linear(parts)]


def swish(call: Call) -> list[Value]:
    """Swish: x·sigmoid(alpha·x)."""
    x, alpha = call.activation(0), np.array(call.number("alpha", 1.0))
    inner = x if alpha == 1 else call.builder.linear([(x, alpha)])
    return [call.builder.product(x, call.builder.smooth(inner, "sigmoid"))]


def gelu(call: Call) -> list[Value]:
    """Gelu: x·(1 + erf(x/√2))/2, or with tanh(√(2/π)·(x + 0.044715·x³)) in place of erf."""
    x, builder, mode = call.activation(0), call.builder, call.text("approximate", "none")
    if mode not in ("none", "tanh"):
        raise call.refuse(f"approximate {mode!r}")
    if mode == "none":
        factor, radius = inverse_root(fmpq(1), fmpq(2))
        inner = x
    else:
        factor, radius = enclosed(square_root(2 / PI[1])[0], square_root(2 / PI[0])[1])
        cube = builder.product(builder.product(x, x), x)
        inner = builder.linear([(x, ONE), (cube, objects([fmpq(44715, 1000000)], ()))])
    scaled = builder.linear([(inner, np.array(factor))], radius=np.array(radius))
    bent = builder.smooth(scaled, "erf" if mode == "none" else "tanh")
    return [builder.product(x, builder.linear([(bent, _HALF)], _HALF))]


def hard_sigmoid(call: Call) -> list[Value]:
    """HardSigmoid: alpha·x + beta, cut off at 0 and 1."""
    alpha, beta = np.array(call.number("alpha", 0.2)), np.array(call.number("beta", 0.5))
    line = call.builder.linear([(call.activation(0), alpha)], beta)
    return [call.builder.piecewise(line, [ZERO, ONE], [ZERO, ONE, ZERO], ZERO)]


def hard_swish(call: Call) -> list[Value]:
    """HardSwish: x·clip(x/6 + 1/2, 0, 1) = max(x - 3, 0) + (clip(x, -3, 3) + 3/2)²/6 - 3/8."""
    x, builder, three = call.activation(0), call.builder, np.array(3.0)
    shifted = builder.piecewise(x, [-three, three], [ZERO, ONE, ZERO], np.array(-1.5))
    above = builder.piecewise(x, [three], [ZERO, ONE], ZERO)
    square = builder.product(shifted, shifted)
    sixth = objects([fmpq(1, 6)], ())
    return [builder.linear([(above, ONE), (square, sixth)], np.array(-0.375))]


def thresholded_relu(call: Call) -> list[Value]:
    """ThresholdedRelu: x where x > alpha, else 0; with r = max(x - alpha, 0): r + alpha·sign(r)."""
    alpha = np.array(call.number("alpha", 1.0))
    return [_beyond(call.builder, call.activation(0), alpha, alpha)]


def _beyond(builder: Builder, x: Activation, threshold: Array, jump: Array) -> Activation:
    """x - threshold + jump where x > threshold, else 0."""
    above = builder.piecewise(x, [threshold], [ZERO, ONE], ZERO)
    return builder.linear([(above, ONE), (builder.sign(above), jump)])


def shrink(call: Call) -> list[Value]:
    """Shrink: x - bias above lambd, x + bias below -lambd, else 0."""
    x, builder = call.activation(0), call.builder
    threshold, bias = call.number("lambd", 0.5), call.number("bias", 0.0)
    if threshold < 0:
        raise call.refuse(f"lambd = {threshold}, which is negative")
    jump = narrow(objects([exact(threshold) - exact(bias)], ()))
    above = _beyond(builder, x, np.array(threshold), jump)
    below = _beyond(builder, builder.linear([(x, -ONE)]), np.array(threshold), jump)
    return [builder.linear([(above, ONE), (below, -ONE)])]


def hyperbolic_sine(call: Call) -> list[Value]:
    """Sinh: (exp(x) - exp(-x))/2."""
    return [_hyperbolic(call, -_HALF)]


def hyperbolic_cosine(call: Call) -> list[Value]:
    """Cosh: (exp(x) + exp(-x))/2."""
    return [_hyperbolic(call, _HALF)]


def _hyperbolic(call: Call, weight: Array) -> Activation:
    x, builder = call.activation(0), call.builder
    falling = builder.smooth(builder.linear([(x, -ONE)]), "exp")
    return builder.linear([(builder.smooth(x, "exp"), _HALF), (falling, weight)])


def tangent(call: Call) -> list[Value]:
    """Tan: sin(x)/cos(x)."""
    x, builder = call.activation(0), call.builder
    inverse = builder.smooth(builder.smooth(x, "cos"), "reciprocal")
    return [builder.product(builder.smooth(x, "sin"), inverse)]


LOWERINGS: Mapping[str, Lowering] = {
    "Celu": celu,
    "Cos": _unary("cos"),
    "Cosh": hyperbolic_cosine,
    "Elu": elu,
    "Erf": _unary("erf"),
    "Exp": _unary("exp"),
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "Log": _unary("log"),
    "Mish": mish,
    "Reciprocal": _unary("reciprocal"),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": _unary("sigmoid"),
    "Sin": _unary("sin"),
    "Sinh": hyperbolic_sine,
    "Softplus": softplus,
    "Softsign": softsign,
    "Sqrt": _unary("sqrt"),
    "Swish": swish,
    "Tan": tangent,
    "Tanh": _unary("tanh"),
    "ThresholdedRelu": thresholded_relu,
}
