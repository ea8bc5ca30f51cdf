"""ATen operators that act entry by entry.

Sources: the operators' pages of torch.nn.functional.
May import: numpy, flint, values, builder, torch_call. Must not know: graphs, nodes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verifai.graph.values import Constant, Value, rearranged
from verifai.load.torch.call import AtenCall, Result, Rule, constant

_THRESHOLD = (
    20  # of softplus, torch's default: above it log(1 + exp(t)) exceeds t by less than 3e-9
)


def same(op_type: str, *names: str) -> Rule:
    """The rule of an operator that is an ONNX operator on these arguments."""
    chosen = names or ("self",)
    return Rule(
        lambda call: call.onnx(op_type, *(call.value(name) for name in chosen)), f"`{op_type}`"
    )


def scaled(call: AtenCall, x: Value, factor: float) -> Value:
    """factor·x."""
    return x if factor == 1 else call.onnx("Mul", x, constant(factor, "factor"))


def shifted(call: AtenCall, x: Value, shift: float) -> Value:
    """x + shift."""
    return call.onnx("Add", x, constant(shift, "shift"))


def add(call: AtenCall) -> Result:
    """self + alpha·other."""
    if call.is_truth:
        raise call.refuse("a sum of truth values, which torch takes for their disjunction")
    return call.onnx("Add", call.value("self"), _times_alpha(call))


def subtract(call: AtenCall) -> Result:
    """self - alpha·other."""
    return call.onnx("Sub", call.value("self"), _times_alpha(call))


def _times_alpha(call: AtenCall) -> Value:
    return scaled(call, call.value("other"), call.number("alpha"))


def clamp(call: AtenCall) -> Result:
    """Clip to numbers."""
    return clipped(call, call.value("self"), call.optional("min"), call.optional("max"))


def clipped(call: AtenCall, x: Value, low: Value | None, high: Value | None) -> Value:
    """min(max(x, low), high); a bound that is None or infinite is left out."""
    bounds = [None if _is_infinite(bound) else bound for bound in (low, high)]
    return call.onnx("Clip", x, *bounds)


def _is_infinite(bound: Value | None) -> bool:
    return isinstance(bound, Constant) and bool(np.isinf(bound.array.astype(float)).all())


def clamp_tensor(call: AtenCall) -> Result:
    """Clip to tensors."""
    x, low, high = call.value("self"), call.optional("min"), call.optional("max")
    x = x if low is None else call.onnx("Max", x, low)
    return x if high is None else call.onnx("Min", x, high)


def hardtanh(call: AtenCall) -> Result:
    """Clip to min_val and max_val."""
    return clipped(call, call.value("self"), call.value("min_val"), call.value("max_val"))


def leaky_relu(call: AtenCall) -> Result:
    """LeakyRelu, whose slope is a double here."""
    return call.onnx("LeakyRelu", call.value("self"), alpha=call.number("negative_slope"))


def elu(call: AtenCall) -> Result:
    """scale·Elu(self) with the given alpha."""
    if call.number("input_scale") != 1:
        raise call.refuse("an input scale other than 1")
    y = call.onnx("Elu", call.value("self"), alpha=call.number("alpha"))
    return scaled(call, y, call.number("scale"))


def celu(call: AtenCall) -> Result:
    """Celu."""
    return call.onnx("Celu", call.value("self"), alpha=call.number("alpha"))


def gelu(call: AtenCall) -> Result:
    """Gelu, by erf or its approximation by tanh."""
    return call.onnx("Gelu", call.value("self"), approximate=call.argument("approximate"))


def softplus(call: AtenCall) -> Result:
    """log(1 + exp(beta·self))/beta; a threshold of 20 or more only guards against overflow."""
    beta, threshold = call.number("beta"), call.number("threshold")
    if not (beta > 0 and threshold >= _THRESHOLD):
        raise call.refuse(f"beta = {beta} with a threshold of {threshold}")
    y = call.onnx("Softplus", scaled(call, call.value("self"), beta))
    return y if beta == 1 else call.onnx("Div", y, constant(beta, "beta"))


def log_sigmoid(call: AtenCall) -> Result:
    """-log(1 + exp(-self))."""
    return call.onnx("Neg", call.onnx("Softplus", call.onnx("Neg", call.value("self"))))


def hard_sigmoid(call: AtenCall) -> Result:
    """clip(self + 3, 0, 6)/6."""
    y = shifted(call, call.value("self"), 3.0)
    y = clipped(call, y, constant(0.0, "min"), constant(6.0, "max"))
    return call.onnx("Div", y, constant(6.0, "six"))


def threshold(call: AtenCall) -> Result:
    """self above a threshold, 0 elsewhere."""
    if call.number("value") != 0:
        raise call.refuse("a value other than 0 below the threshold")
    return call.onnx("ThresholdedRelu", call.value("self"), alpha=call.number("threshold"))


def p_relu(call: AtenCall) -> Result:
    """PRelu: one slope, or one a channel (axis 1)."""
    x, slopes = call.value("self"), call.value("weight")
    if len(slopes.shape) == 1 and len(x.shape) > 1:
        column = (-1, *(1,) * (len(x.shape) - 2))
        slopes = rearranged(slopes, lambda array: array.reshape(column))
    return call.onnx("PRelu", x, slopes)


def inverse_root(call: AtenCall) -> Result:
    """1/√self."""
    return call.onnx("Reciprocal", call.onnx("Sqrt", call.value("self")))


_ADD, _SUBTRACT = Rule(add, "`Add`"), Rule(subtract, "`Sub`")
RULES: Mapping[str, Rule] = {
    "aten._prelu_kernel.default": Rule(p_relu, "`PRelu`"),
    "aten.abs.default": same("Abs"),
    "aten.add.Scalar": _ADD,
    "aten.add.Tensor": _ADD,
    "aten.celu.default": Rule(celu, "`Celu`"),
    "aten.clamp.Tensor": Rule(clamp_tensor, "`Max`, `Min`"),
    "aten.clamp.default": Rule(clamp, "`Clip`"),
    "aten.cos.default": same("Cos"),
    "aten.cosh.default": same("Cosh"),
    "aten.div.Scalar": same("Div", "self", "other"),
    "aten.div.Tensor": same("Div", "self", "other"),
    "aten.elu.default": Rule(elu, "`Elu`"),
    "aten.erf.default": same("Erf"),
    "aten.exp.default": same("Exp"),
    "aten.expm1.default": Rule(
        lambda call: shifted(call, call.onnx("Exp", call.value("self")), -1.0), "`Exp` less 1"
    ),
    "aten.gelu.default": Rule(gelu, "`Gelu`"),
    "aten.hardsigmoid.default": Rule(hard_sigmoid, "`Clip`, `Div`"),
    "aten.hardswish.default": same("HardSwish"),
    "aten.hardtanh.default": Rule(hardtanh, "`Clip`"),
    "aten.leaky_relu.default": Rule(leaky_relu, "`LeakyRelu`"),
    "aten.log.default": same("Log"),
    "aten.log1p.default": Rule(
        lambda call: call.onnx("Log", shifted(call, call.value("self"), 1.0)), "`Log` of 1 more"
    ),
    "aten.log_sigmoid.default": Rule(log_sigmoid, "`Softplus`"),
    "aten.maximum.default": same("Max", "self", "other"),
    "aten.minimum.default": same("Min", "self", "other"),
    "aten.mish.default": same("Mish"),
    "aten.mul.Scalar": same("Mul", "self", "other"),
    "aten.mul.Tensor": same("Mul", "self", "other"),
    "aten.neg.default": same("Neg"),
    "aten.pow.Tensor_Tensor": same("Pow", "self", "exponent"),
    "aten.pow.Tensor_Scalar": same("Pow", "self", "exponent"),
    "aten.prelu.default": Rule(p_relu, "`PRelu`"),
    "aten.reciprocal.default": same("Reciprocal"),
    "aten.relu.default": same("Relu"),
    "aten.rsqrt.default": Rule(inverse_root, "`Sqrt`, `Reciprocal`"),
    "aten.sigmoid.default": same("Sigmoid"),
    "aten.sign.default": same("Sign"),
    "aten.silu.default": same("Swish"),
    "aten.sin.default": same("Sin"),
    "aten.sinh.default": same("Sinh"),
    "aten.softplus.default": Rule(softplus, "`Softplus`"),
    "aten.sqrt.default": same("Sqrt"),
    "aten.sub.Scalar": _SUBTRACT,
    "aten.sub.Tensor": _SUBTRACT,
    "aten.tan.default": same("Tan"),
    "aten.tanh.default": same("Tanh"),
    "aten.threshold.default": Rule(threshold, "`ThresholdedRelu`"),
}
