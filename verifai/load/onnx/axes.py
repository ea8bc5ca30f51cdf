"""Operators along axes that opsets say in different ways: reductions, Softmax, group norms.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, values, lower, call. Must not know: protobuf.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from verifai.graph.builder import Builder
from verifai.graph.values import Activation, Masked, Value, axis_of, rearranged
from verifai.load.onnx.call import Call

_INPUTS = {"ReduceSum": 13}  # the opset from which the axes are an input, where that is not 18


def reduction(call: Call) -> list[Value]:
    """Every kind of reduction."""
    from verifai.load.lower import reduce

    kind = reduce.KINDS[call.op_type.removeprefix("Reduce")]
    x, axes = call.finite(0), _axes(call, _INPUTS.get(call.op_type, 18))
    keep = call.flag("keepdims", default=True)
    if axes is None and kind.is_plain:
        return [x]
    if axes is None:
        raise call.refuse("noop_with_empty_axes without axes")
    return [reduce.over(call.builder, x, reduce.Axes(axes, keep), kind)]


def _axes(call: Call, since: int) -> tuple[int, ...] | None:
    """The axes to reduce; None if there is nothing to do."""
    rank = len(call.value(0).shape)
    given, nothing = call.listed("axes", 1, since), False
    if call.opset >= since:
        nothing = call.flag("noop_with_empty_axes")
    if not given:
        return None if nothing else tuple(range(rank))
    axes = tuple(axis_of(axis, rank) for axis in given)
    if len(set(axes)) != len(axes):
        raise call.refuse(f"an axis twice in {given}")
    return axes


def softmax(call: Call) -> list[Value]:
    """Softmax along one axis; before opset 13 along all axes from `axis` on."""
    from verifai.load.lower import softmax as lower

    return [_along(call, lower.softmax)]


def log_softmax(call: Call) -> list[Value]:
    """LogSoftmax, along the axes of Softmax."""
    from verifai.load.lower import softmax as lower

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


def instance_normalization(call: Call) -> list[Value]:
    """InstanceNormalization: every channel of every instance for itself."""
    from verifai.load.lower import normalize

    x, epsilon = call.finite(0), call.number("epsilon", 1e-5)
    if len(x.shape) < 3:
        raise call.refuse(f"a tensor of shape {x.shape}")
    parts = call.finite(1), call.finite(2)
    made = normalize.group_normalization(
        call.builder, x, *parts, num_groups=x.shape[1], epsilon=epsilon
    )
    return [made]


def group_normalization(call: Call) -> list[Value]:
    """GroupNormalization; before opset 21 scale and bias are one number for each group."""
    from verifai.load.lower import normalize

    call.ignore("stash_type")
    x, groups, epsilon = call.finite(0), call.integer("num_groups", 0), call.number("epsilon", 1e-5)
    scale, offset = call.finite(1), call.finite(2)
    if call.opset < 21:
        channels = x.shape[1] if len(x.shape) > 1 else 1
        repeats = channels // groups if groups > 0 else 1
        if (groups,) != scale.shape or (groups,) != offset.shape:
            raise call.refuse(f"a scale or bias that is not one number for each of {groups} groups")
        scale, offset = (rearranged(v, lambda a: np.repeat(a, repeats)) for v in (scale, offset))
    made = normalize.group_normalization(
        call.builder, x, scale, offset, num_groups=groups, epsilon=epsilon
    )
    return [made]


def global_average(call: Call) -> list[Value]:
    """GlobalAveragePool: the mean over all spatial axes."""
    return [_over_places(call, "Mean")]


def global_maximum(call: Call) -> list[Value]:
    """GlobalMaxPool: the maximum over all spatial axes."""
    return [_over_places(call, "Max")]


def _over_places(call: Call, kind: str) -> Activation:
    from verifai.load.lower.reduce import KINDS, Axes, reduced

    x = call.activation(0)
    axes = Axes(tuple(range(2, len(x.shape))), keep=True)
    if not axes.places:
        raise call.refuse(f"a tensor of shape {x.shape}, without places")
    return reduced(call.builder, x, axes, KINDS[kind].reduce)
