"""Operators that put several tensors into one: Concat, Where, Pad.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, values, lower/join, call. Must not know: protobuf.
"""

from __future__ import annotations

import numpy as np

from verifai.graph.values import Activation, Constant, Value, axis_of, rearranged
from verifai.load.lower.join import joined
from verifai.load.lower.join import where as chosen
from verifai.load.onnx.call import Call


def concat(call: Call) -> list[Value]:
    """Concat: one after the other along one axis."""
    values = [call.finite(i) for i in range(len(call.inputs))]
    axis = axis_of(call.integer("axis", 0), len(values[0].shape))
    rests = {(len(v.shape), *v.shape[:axis], *v.shape[axis + 1 :]) for v in values}
    if len(rests) > 1:
        shapes = ", ".join(str(value.shape) for value in values)
        raise call.refuse(f"shapes {shapes} along axis {axis}")
    total = sum(value.shape[axis] for value in values)
    if any(isinstance(value, Activation) for value in values):
        call.builder.afford((*values[0].shape[:axis], total, *values[0].shape[axis + 1 :]))
    return [joined(call.builder, values, lambda arrays: np.concatenate(arrays, axis=axis))]


def where(call: Call) -> list[Value]:
    """Where, with a constant condition; minus infinity is a mask."""
    condition = call.constant(0).array
    if condition.dtype.kind != "b":
        raise call.refuse("a condition that is not of type bool")
    return [chosen(call.builder, condition, call.value(1), call.value(2))]


def pad(call: Call) -> list[Value]:
    """Pad: with a constant, or with entries of the tensor itself; negative lengths cut off."""
    x, mode, lengths = call.finite(0), call.text("mode", "constant"), _pad_lengths(call)
    fill = _pad_value(call)
    call.builder.afford(tuple(b + n + a for (b, a), n in zip(lengths, x.shape, strict=True)))
    _check_cuts(call, x.shape, lengths)
    grown = [(max(b, 0), max(a, 0)) for b, a in lengths]
    if mode != "constant":
        if mode not in ("reflect", "edge", "wrap") or min(map(min, lengths), default=0) < 0:
            raise call.refuse(f"mode {mode!r} with pads {lengths}")
        room = [n - 1 if mode == "reflect" else n for n in x.shape]
        if mode != "edge" and any(max(p) > n for p, n in zip(lengths, room, strict=True)):
            raise call.refuse(f"mode {mode!r} with pads {lengths} on shape {x.shape}")
        return [rearranged(x, lambda a: np.pad(a, grown, mode=mode))]  # type: ignore[call-overload]
    cut = tuple(
        slice(max(-b, 0), n - max(-a, 0)) for (b, a), n in zip(lengths, x.shape, strict=True)
    )
    ring = Constant(np.pad(np.ones(x.shape, dtype=bool)[cut], grown), "padding")
    inner: Value
    if isinstance(x, Constant):
        inner = Constant(np.pad(x.array[cut], grown), x.name)
    else:
        inner = Activation(x.node, np.pad(x.index[cut], grown, constant_values=-1))
        if not fill.array.any():
            return [inner]
    return [joined(call.builder, [inner, fill], lambda arrays: np.where(ring.array, *arrays))]


def _check_cuts(call: Call, shape: tuple[int, ...], lengths: list[tuple[int, int]]) -> None:
    """LoadError if an axis is to be cut by more than it is long: what is cut would be padding."""
    for (before, after), n in zip(lengths, shape, strict=True):
        if max(-before, 0) + max(-after, 0) > n:
            raise call.refuse(f"pads {(before, after)} cut more than {n} off an axis of {n}")


def _pad_lengths(call: Call) -> list[tuple[int, int]]:
    """(before, after) of every axis."""
    given, rank = call.listed("pads", 1, 11), len(call.value(0).shape)
    axes = call.integers(3) if call.opset >= 18 and call.has(3) else range(rank)
    chosen = [axis_of(axis, rank) for axis in axes]
    if given is None or len(given) != 2 * len(chosen) or len(set(chosen)) != len(chosen):
        raise call.refuse(f"pads {given} for {len(chosen)} axes")
    lengths = [(0, 0)] * rank
    for axis, before, after in zip(chosen, given, given[len(chosen) :], strict=False):
        lengths[axis] = (before, after)
    return lengths


def _pad_value(call: Call) -> Constant:
    """The number to pad with; 0 if left out."""
    if call.opset < 11:
        return Constant(np.array(call.number("value", 0.0)), "value")
    if not call.has(2):
        x = call.value(0)
        is_integer = isinstance(x, Constant) and x.is_integer
        return Constant(np.array(0, dtype=np.int64 if is_integer else np.float64), "value")
    fill = call.constant(2)
    if fill.array.size != 1:
        raise call.refuse(f"{fill.array.size} values to pad with")
    return Constant(fill.array.reshape(()), fill.name)
