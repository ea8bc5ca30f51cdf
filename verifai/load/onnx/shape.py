"""Operators that only move entries: their lowering rearranges indices and adds no node.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, call. Must not know: protobuf.
"""

from __future__ import annotations

import math

import numpy as np

from verifai.graph.values import (
    Activation,
    Constant,
    Value,
    axis_of,
    broadcast_shape,
    check_axes,
    check_size,
    rearranged,
)
from verifai.load.onnx.call import Call

_TO_THE_END = ((1 << 31) - 1, (1 << 63) - 1)  # what exporters write; backwards it has two readings


def identity(call: Call) -> list[Value]:
    """Identity, and Dropout's like: the input."""
    return [call.value(0)]


def dropout(call: Call) -> list[Value]:
    """Dropout in inference: the input, and a mask of ones."""
    call.ignore("ratio", "seed")
    if call.has(1):
        call.value(1)
    if call.has(2):
        training = call.value(2)
        if not isinstance(training, Constant) or training.array.any():
            raise call.refuse("training mode")
    x = call.value(0)
    return [x, Constant(np.ones(x.shape, dtype=bool), "mask")]


def reshape(call: Call) -> list[Value]:
    """Reshape: 0 copies a length (unless allowzero), -1 is what remains."""
    x, wanted = call.value(0), list(call.integers(1))
    if call.opset < 14 or not call.flag("allowzero"):
        if any(n == 0 and i >= len(x.shape) for i, n in enumerate(wanted)):
            raise call.refuse("a length 0 that has no axis to copy")
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    elif 0 in wanted and -1 in wanted:
        raise call.refuse("both 0 and -1 in a shape with allowzero")
    size, rest = math.prod(x.shape), math.prod(n for n in wanted if n != -1)
    if wanted.count(-1) == 1 and rest:
        wanted = [size // rest if n == -1 else n for n in wanted]
    if any(n < 0 for n in wanted) or math.prod(wanted) != size:
        raise call.refuse(f"a tensor of shape {x.shape} reshaped to {tuple(wanted)}")
    check_axes(tuple(wanted))
    return [rearranged(x, lambda a: a.reshape(wanted))]


def flatten(call: Call) -> list[Value]:
    """Flatten: a matrix of the axes before and from `axis`."""
    x, axis = call.value(0), call.integer("axis", 1)
    rank = len(x.shape)
    if not -rank <= axis <= rank or (axis < 0 and call.opset < 11):
        raise call.refuse(f"axis {axis} of a tensor with {rank} axes (opset {call.opset})")
    before = x.shape[: axis + rank if axis < 0 else axis]
    rows = math.prod(before)
    columns = math.prod(x.shape[len(before) :])
    return [rearranged(x, lambda a: a.reshape(rows, columns))]


def transpose(call: Call) -> list[Value]:
    """Transpose: axes in the order of `perm`, or reversed."""
    x, order = call.value(0), call.sequence("perm")
    if order is not None and sorted(order) != list(range(len(x.shape))):
        raise call.refuse(f"perm {order} of a tensor with {len(x.shape)} axes")
    return [rearranged(x, lambda a: a.transpose(order))]


def squeeze(call: Call) -> list[Value]:
    """Squeeze: without the given axes of length 1, or without all of them."""
    x, axes = call.value(0), call.listed("axes", 1, 13)
    rank = len(x.shape)
    call.check_agreed(axes != (), "an empty list of axes")
    if axes is None:
        axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
    chosen = {axis_of(axis, rank) for axis in axes}
    if len(chosen) != len(axes):
        raise call.refuse(f"an axis twice in {axes}")
    if any(x.shape[axis] != 1 for axis in chosen):
        raise call.refuse(f"axes {sorted(chosen)} of shape {x.shape} are not all of length 1")
    shape = tuple(n for i, n in enumerate(x.shape) if i not in chosen)
    return [rearranged(x, lambda a: a.reshape(shape))]


def unsqueeze(call: Call) -> list[Value]:
    """Unsqueeze: with new axes of length 1, counted in the result."""
    x, axes = call.value(0), call.listed("axes", 1, 13)
    if axes is None:
        raise call.refuse("axes are missing")
    rank = len(x.shape) + len(axes)
    chosen = {axis_of(axis, rank) for axis in axes}
    if len(chosen) != len(axes):
        raise call.refuse(f"an axis twice in {axes}")
    check_axes(axes)
    lengths = iter(x.shape)
    shape = tuple(1 if i in chosen else next(lengths) for i in range(rank))
    return [rearranged(x, lambda a: a.reshape(shape))]


def expand(call: Call) -> list[Value]:
    """Expand: broadcast to (and by) a shape."""
    x, wanted = call.value(0), check_size(call.integers(1))
    shape = broadcast_shape(x.shape, wanted)
    return [rearranged(x, lambda a: np.broadcast_to(a, shape))]


def tile(call: Call) -> list[Value]:
    """Tile: repeated along every axis."""
    x, repeats = call.value(0), check_size(call.integers(1))
    if len(repeats) != len(x.shape):
        raise call.refuse(f"{len(repeats)} repeats for {len(x.shape)} axes")
    call.builder.afford(tuple(n * r for n, r in zip(x.shape, repeats, strict=True)))
    return [rearranged(x, lambda a: np.tile(a, repeats))]


def slice_(call: Call) -> list[Value]:
    """Slice: ranges along axes, with the clamping of Python's slices."""
    x = call.value(0)
    starts, ends = call.listed("starts", 1, 10), call.listed("ends", 2, 10)
    axes = call.listed("axes", 3, 10)
    steps = call.integers(4) if call.opset >= 10 and call.has(4) else None
    if starts is None or ends is None:
        raise call.refuse("starts or ends are missing")
    places = range(len(starts)) if axes is None else axes
    chosen = [axis_of(axis, len(x.shape)) for axis in places]
    strides = (1,) * len(starts) if steps is None else steps
    if (
        not len(chosen) == len(set(chosen)) == len(starts) == len(ends) == len(strides)
        or 0 in strides
    ):
        raise call.refuse("starts, ends, axes and steps do not fit")
    for axis, start, end, step in zip(chosen, starts, ends, strides, strict=True):
        is_odd = step < 0 and (start < -x.shape[axis] or end in _TO_THE_END)
        call.check_agreed(not is_odd, f"a slice from {start} to {end} in steps of {step}")
        x = _cut(x, slice(start, end, step), axis)
    return [x]


def _cut(value: Value, part: slice, axis: int) -> Value:
    """A range along an axis, as a view of the same memory."""
    length = value.shape[axis]
    start, end, step = part.indices(length)
    exact = slice(start, None if end < 0 else end, step)
    return rearranged(value, lambda a: a[(slice(None),) * axis + (exact,)])


def gather(call: Call) -> list[Value]:
    """Gather: entries along one axis, chosen by a constant tensor of indices."""
    x, constant = call.value(0), call.constant(1)
    axis = axis_of(call.integer("axis", 0), len(x.shape))
    if not constant.is_integer:
        raise call.refuse("indices that are no integers")
    index, length = constant.array.astype(np.int64), x.shape[axis]
    if not ((index >= -length) & (index < length)).all():
        raise call.refuse(f"an index outside an axis of length {length}")
    wanted = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    if isinstance(x, Activation):
        call.builder.afford(wanted)
    check_size(wanted)
    return [rearranged(x, lambda a: a.take(index % max(length, 1), axis=axis))]


def split(call: Call) -> list[Value]:
    """Split: consecutive parts along one axis, equal ones unless their lengths are given."""
    x, lengths = call.value(0), call.listed("split", 1, 13)
    axis = axis_of(call.integer("axis", 0), len(x.shape))
    parts = call.integer("num_outputs", call.outputs) if call.opset >= 18 else call.outputs
    total = x.shape[axis]
    if lengths is None:
        if parts != call.outputs or (total % parts and call.opset < 18):
            raise call.refuse(f"an axis of length {total} in {parts} parts")
        each = -(-total // parts)
        lengths = (*(each,) * (parts - 1), total - each * (parts - 1))
    if len(lengths) != call.outputs or min(lengths, default=0) < 0 or sum(lengths) != total:
        raise call.refuse(f"an axis of length {total} split into {lengths}")
    ends = np.cumsum(lengths)
    ranges = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
    return [_cut(x, slice(start, end), axis) for start, end in ranges]


def depth_to_space(call: Call) -> list[Value]:
    """DepthToSpace: blocks of channels become squares of places."""
    x, size, mode = call.value(0), call.integer("blocksize", 0), call.text("mode", "DCR")
    if size < 1 or len(x.shape) != 4 or x.shape[1] % size**2 or mode not in ("DCR", "CRD"):
        raise call.refuse(f"blocks of {size} in mode {mode} from a tensor of shape {x.shape}")
    n, c, h, w = x.shape
    c //= size**2
    split_shape = (n, size, size, c, h, w) if mode == "DCR" else (n, c, size, size, h, w)
    order = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
    shape = (n, c, h * size, w * size)
    return [rearranged(x, lambda a: a.reshape(split_shape).transpose(order).reshape(shape))]


def space_to_depth(call: Call) -> list[Value]:
    """SpaceToDepth: squares of places become blocks of channels."""
    x, size, mode = call.value(0), call.integer("blocksize", 0), call.text("mode", "DCR")
    bad = size < 1 or len(x.shape) != 4 or x.shape[2] % size or x.shape[3] % size
    if bad or mode not in ("DCR", "CRD"):
        raise call.refuse(f"blocks of {size} in mode {mode} from a tensor of shape {x.shape}")
    n, c, h, w = x.shape
    parts, shape = (n, c, h // size, size, w // size, size), (n, c * size**2, h // size, w // size)
    order = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    return [rearranged(x, lambda a: a.reshape(parts).transpose(order).reshape(shape))]
