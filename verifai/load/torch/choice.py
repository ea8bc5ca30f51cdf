"""ATen comparisons and choices; a truth value that depends on the input is the number 0 or 1.

May import: numpy, values, builder, lower, call. Must not know: graphs.
"""

from __future__ import annotations

import numpy as np

from verifai.graph.builder import ONE
from verifai.graph.values import Constant, Value
from verifai.load.lower import pieces
from verifai.load.lower.arithmetic import add, maximum, minimum, subtract, times
from verifai.load.lower.join import where
from verifai.load.torch.call import AtenCall


def comparison(call: AtenCall, name: str) -> Value:
    """A comparison: greater is max(sign(x - y), 0), the others likewise."""
    x, y, builder = call.value("self"), call.value("other"), call.builder
    side = pieces.sign(builder, subtract(builder, *((y, x) if name in ("lt", "ge") else (x, y))))
    truth = (pieces.absolute if name in ("eq", "ne") else pieces.relu)(builder, side)
    return _opposite(call, truth) if name in ("le", "ge", "eq") else truth


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


def negation(call: AtenCall) -> Value:
    """1 - self."""
    return _opposite(call, _truth(call, "self"))


def conjunction(call: AtenCall) -> Value:
    """The smaller of two truth values."""
    return minimum(call.builder, _truth(call, "self"), _truth(call, "other"))


def disjunction(call: AtenCall) -> Value:
    """The larger of two truth values."""
    return maximum(call.builder, _truth(call, "self"), _truth(call, "other"))


def choice(call: AtenCall) -> Value:
    """Entries of self or other; other + condition·(self - other) if that depends on the input."""
    condition = call.argument("condition")
    x, y = call.value("self"), call.value("other")
    if isinstance(condition, Constant):
        if condition.array.dtype.kind != "b":
            raise call.refuse("a condition that is not of type bool")
        return where(call.builder, condition.array, x, y)
    chosen = times(call.builder, condition, subtract(call.builder, x, y))
    return add(call.builder, y, chosen)
