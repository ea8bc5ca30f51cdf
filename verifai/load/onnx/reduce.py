"""Reductions, whose axes opsets say in different ways, and pools over all places.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: values, lower/reduce, call. Must not know: protobuf.
"""

from __future__ import annotations

from verifai.graph.values import Activation, Value, axis_of
from verifai.load.lower.reduce import KINDS, Axes, over, reduced
from verifai.load.onnx.call import Call

_INPUTS = {"ReduceSum": 13}  # the opset from which the axes are an input, where that is not 18


def reduction(call: Call) -> list[Value]:
    """Every kind of reduction."""
    kind = KINDS[call.op_type.removeprefix("Reduce")]
    x, axes = call.finite(0), _axes(call, _INPUTS.get(call.op_type, 18))
    keep = call.flag("keepdims", default=True)
    if axes is None and kind.is_plain:
        return [x]
    if axes is None:
        raise call.refuse("noop_with_empty_axes without axes")
    return [over(call.builder, x, Axes(axes, keep), kind)]


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


def global_average(call: Call) -> list[Value]:
    """GlobalAveragePool: the mean over all spatial axes."""
    return [_over_places(call, "Mean")]


def global_maximum(call: Call) -> list[Value]:
    """GlobalMaxPool: the maximum over all spatial axes."""
    return [_over_places(call, "Max")]


def _over_places(call: Call, kind: str) -> Activation:
    x = call.activation(0)
    axes = Axes(tuple(range(2, len(x.shape))), keep=True)
    if not axes.places:
        raise call.refuse(f"a tensor of shape {x.shape}, without places")
    return reduced(call.builder, x, axes, KINDS[kind].reduce)
