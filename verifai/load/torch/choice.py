"""ATen comparisons and choices; a truth value that depends on the input is the number 0 or 1.

May import: numpy, values, builder, torch_call. Must not know: graphs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verifai.graph.builder import ONE
from verifai.graph.values import Constant, Value
from verifai.load.torch.call import AtenCall, Result, Rule


def comparison(name: str) -> Rule:
    """The rule of a comparison: greater is max(sign(x - y), 0), the others likewise."""
    is_swapped, is_negated = name in ("lt", "ge"), name in ("le", "ge", "eq")

    def lower(call: AtenCall) -> Result:
        x, y = call.value("self"), call.value("other")
        side = call.onnx("Sign", call.onnx("Sub", *((y, x) if is_swapped else (x, y))))
        truth = call.onnx("Abs" if name in ("eq", "ne") else "Relu", side)
        return _opposite(call, truth) if is_negated else truth

    return Rule(lower, "`Sign` of the difference")


def _opposite(call: AtenCall, truth: Value) -> Value:
    return call.builder.linear([(call.builder.lift(truth), -ONE)], ONE)


def _truth(call: AtenCall, name: str) -> Value:
    """A tensor of truth values as 0 and 1.

    Raises:
        LoadError: it is a tensor of numbers, of which torch asks whether they are 0.
    """
    value = call.value(name)
    if name not in call.truths:
        raise call.refuse(f"the argument {name!r} holds numbers that depend on the input")
    if isinstance(value, Constant):
        return Constant(value.array.astype(np.float64), value.name)
    return value


def negation(call: AtenCall) -> Result:
    """1 - self."""
    return _opposite(call, _truth(call, "self"))


def conjunction(call: AtenCall) -> Result:
    """The smaller of two truth values."""
    return call.onnx("Min", _truth(call, "self"), _truth(call, "other"))


def disjunction(call: AtenCall) -> Result:
    """The larger of two truth values."""
    return call.onnx("Max", _truth(call, "self"), _truth(call, "other"))


def choice(call: AtenCall) -> Result:
    """Entries of self or other; other + condition·(self - other) if that depends on the input."""
    condition = call.argument("condition")
    x, y = call.value("self"), call.value("other")
    if isinstance(condition, Constant):
        return call.onnx("Where", condition, x, y)
    chosen = call.onnx("Mul", condition, call.onnx("Sub", x, y))
    return call.onnx("Add", y, chosen)


_NOT, _AND, _OR = Rule(negation, "1 - x"), Rule(conjunction, "`Min`"), Rule(disjunction, "`Max`")
RULES: Mapping[str, Rule] = {
    **{
        f"aten.{name}.{kind}": comparison(name)
        for name in ("eq", "ge", "gt", "le", "lt", "ne")
        for kind in ("Scalar", "Tensor")
    },
    "aten.bitwise_and.Tensor": _AND,
    "aten.bitwise_not.default": _NOT,
    "aten.bitwise_or.Tensor": _OR,
    "aten.logical_and.default": _AND,
    "aten.logical_not.default": _NOT,
    "aten.logical_or.default": _OR,
    "aten.where.self": Rule(choice, "`Where`, or `Mul` by 0 and 1"),
}
