"""Softmax and its logarithm, whose axes opsets mean in different ways.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: values, builder, lower/softmax, call. Must not know: protobuf.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from verifai.graph.builder import Builder
from verifai.graph.values import Masked, Value, axis_of, rearranged
from verifai.load.lower import softmax as lower
from verifai.load.onnx.call import Call


def softmax(call: Call) -> list[Value]:
    """Softmax along one axis; before opset 13 along all axes from `axis` on."""
    return [_along(call, lower.softmax)]


def log_softmax(call: Call) -> list[Value]:
    """LogSoftmax, along the axes of Softmax."""
    return [_along(call, lower.log_softmax)]


def _along(call: Call, function: Callable[[Builder, Value, int], Value]) -> Value:
    x = call.maskable(0)
    if call.opset >= 13:
        return function(call.builder, x, call.integer("axis", -1))
    axis = axis_of(call.integer("axis", 1), len(x.shape))
    flat = (math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
    return _reshaped(function(call.builder, _reshaped(x, flat), -1), x.shape)


def _reshaped(x: Value, shape: tuple[int, ...]) -> Value:
    if isinstance(x, Masked):
        return Masked(x.node, x.index.reshape(shape), x.hidden.reshape(shape))
    return rearranged(x, lambda a: a.reshape(shape))
