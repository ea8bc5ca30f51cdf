"""ATen operators that act entry by entry, where torch says more or less than their meaning takes.

Sources: the operators' pages of torch.nn.functional.
May import: numpy, values, lower, call. Must not know: graphs, nodes.
"""

from __future__ import annotations

import math

from verifai.graph.values import Value, rearranged
from verifai.load.lower import arithmetic, pieces, smooth
from verifai.load.torch.call import AtenCall, constant

_THRESHOLD = (
    20  # of softplus, torch's default: above it log(1 + exp(t)) exceeds t by less than 3e-9
)
_LARGEST_INTEGER = 1 << 53  # that a double is sure to hold


def scaled(call: AtenCall, x: Value, factor: float) -> Value:
    """factor·x."""
    return x if factor == 1 else arithmetic.times(call.builder, x, constant(factor, "factor"))


def shifted(call: AtenCall, x: Value, shift: float) -> Value:
    """x + shift."""
    return arithmetic.add(call.builder, x, constant(shift, "shift"))


def add(call: AtenCall) -> Value:
    """self + alpha·other."""
    if call.is_truth:
        raise call.refuse("a sum of truth values, which torch takes for their disjunction")
    return arithmetic.add(call.builder, call.value("self"), _times_alpha(call))


def subtract(call: AtenCall) -> Value:
    """self - alpha·other."""
    return arithmetic.subtract(call.builder, call.value("self"), _times_alpha(call))


def _times_alpha(call: AtenCall) -> Value:
    return scaled(call, call.value("other"), call.number("alpha"))


def clamp(call: AtenCall, low: str, high: str) -> Value:
    """Cut off at two numbers, the arguments of these names."""
    ends = _bound(call, low), _bound(call, high)
    return pieces.clip(call.builder, call.value("self"), *ends)


def _bound(call: AtenCall, name: str) -> float | None:
    """A number to cut off at, or infinity; None where there is none."""
    value = call.argument(name)
    if value is None or (isinstance(value, float) and math.isinf(value)):
        return value
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise call.refuse(f"the bound {name!r} is {value}")
    return call.number(name)


def clamp_tensor(call: AtenCall) -> Value:
    """Cut off at tensors."""
    x, low, high = call.value("self"), call.optional("min"), call.optional("max")
    x = x if low is None else arithmetic.maximum(call.builder, x, low)
    return x if high is None else arithmetic.minimum(call.builder, x, high)


def elu(call: AtenCall) -> Value:
    """scale·Elu(self) with the given alpha."""
    if call.number("input_scale") != 1:
        raise call.refuse("an input scale other than 1")
    y = smooth.elu(call.builder, call.value("self"), call.number("alpha"))
    return scaled(call, y, call.number("scale"))


def gelu(call: AtenCall) -> Value:
    """Gelu, by erf or its approximation by tanh."""
    return smooth.gelu(call.builder, call.value("self"), call.argument("approximate"))


def softplus(call: AtenCall) -> Value:
    """log(1 + exp(beta·self))/beta; a threshold of 20 or more only guards against overflow."""
    beta, threshold = call.number("beta"), call.number("threshold")
    if not (beta > 0 and threshold >= _THRESHOLD):
        raise call.refuse(f"beta = {beta} with a threshold of {threshold}")
    y = smooth.softplus(call.builder, scaled(call, call.value("self"), beta))
    return y if beta == 1 else arithmetic.divide(call.builder, y, constant(beta, "beta"))


def log_sigmoid(call: AtenCall) -> Value:
    """-log(1 + exp(-self))."""
    negative = arithmetic.negate(call.builder, call.value("self"))
    return arithmetic.negate(call.builder, smooth.softplus(call.builder, negative))


def hard_sigmoid(call: AtenCall) -> Value:
    """clip(self + 3, 0, 6)/6."""
    y = pieces.clip(call.builder, shifted(call, call.value("self"), 3.0), 0.0, 6.0)
    return arithmetic.divide(call.builder, y, constant(6.0, "six"))


def threshold(call: AtenCall) -> Value:
    """self above a threshold, 0 elsewhere."""
    if call.number("value") != 0:
        raise call.refuse("a value other than 0 below the threshold")
    return pieces.thresholded_relu(call.builder, call.value("self"), call.number("threshold"))


def p_relu(call: AtenCall) -> Value:
    """One slope below 0, or one a channel (axis 1)."""
    x, slopes = call.value("self"), call.value("weight")
    if len(slopes.shape) == 1 and len(x.shape) > 1:
        column = (-1, *(1,) * (len(x.shape) - 2))
        slopes = rearranged(slopes, lambda array: array.reshape(column))
    return arithmetic.p_relu(call.builder, x, slopes)


def inverse_root(call: AtenCall) -> Value:
    """1/√self."""
    return smooth.reciprocal(call.builder, smooth.square_root_of(call.builder, call.value("self")))


def exponential_less_one(call: AtenCall) -> Value:
    """exp(self) - 1."""
    return shifted(call, smooth.exponential(call.builder, call.value("self")), -1.0)


def logarithm_of_one_more(call: AtenCall) -> Value:
    """log(1 + self)."""
    return smooth.logarithm(call.builder, shifted(call, call.value("self"), 1.0))
