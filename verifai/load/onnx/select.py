"""Selections of single entries by constant indices, and sums along an axis.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, lower, call.
Must not know: protobuf.
"""

from __future__ import annotations

import numpy as np

from verifai.graph.values import Activation, Constant, Value, axis_of, check_size, rearranged
from verifai.kernel.operator import Array
from verifai.load.lower import join
from verifai.load.onnx.call import Call


def _indices(call: Call) -> Array:
    """The second input, of integers."""
    constant = call.constant(1)
    if not constant.is_integer:
        raise call.refuse("indices that are no integers")
    return constant.array.astype(np.int64)


def gather_elements(call: Call) -> list[Value]:
    """GatherElements: y[i][j] = x[index[i][j]][j], along one axis."""
    x, index = call.value(0), _indices(call)
    axis = axis_of(call.integer("axis", 0), len(x.shape))
    lengths = [n for a, n in enumerate(x.shape) if a != axis]
    wanted = [n for a, n in enumerate(index.shape) if a != axis]
    bound = x.shape[axis]
    call.builder.afford(index.shape)
    if index.ndim != len(x.shape) or any(n > m for n, m in zip(wanted, lengths, strict=True)):
        raise call.refuse(f"indices of shape {index.shape} into shape {x.shape}")
    if not ((index >= -bound) & (index < bound)).all():
        raise call.refuse(f"an index outside an axis of length {bound}")
    places: list[Array] = list(np.indices(index.shape))
    places[axis] = index % bound
    return [rearranged(x, lambda a: a[tuple(places)])]


def gather_nd(call: Call) -> list[Value]:
    """GatherND: the last axis of the indices points into the axes after the batch_dims."""
    x, index, batch = call.value(0), _indices(call), call.integer("batch_dims", 0)
    depth = index.shape[-1] if index.ndim else 0
    if not 0 <= batch < index.ndim or not 1 <= depth <= len(x.shape) - batch:
        raise call.refuse(f"indices of shape {index.shape} into shape {x.shape}")
    if index.shape[:batch] != x.shape[:batch]:
        raise call.refuse(f"batches of shapes {index.shape} and {x.shape}")
    bounds = np.array(x.shape[batch : batch + depth])
    if not ((index >= -bounds) & (index < bounds)).all():
        raise call.refuse(f"an index outside lengths {tuple(bounds.tolist())}")
    inner = np.moveaxis(index % bounds, -1, 0)
    call.builder.afford((*index.shape[:-1], *x.shape[batch + depth :]))
    before = np.indices(index.shape[:-1])[:batch]
    return [rearranged(x, lambda a: a[(*before, *inner)])]


def trilu(call: Call) -> list[Value]:
    """Trilu: zeros above, or below, a diagonal of the last two axes."""
    x, upper = call.finite(0), call.flag("upper", default=True)
    shifts = call.integers(1) if call.has(1) else (0,)
    if len(x.shape) < 2 or len(shifts) != 1:
        raise call.refuse(f"a tensor of shape {x.shape}, shifted by {shifts}")
    most = sum(check_size(x.shape[-2:])) + 1  # beyond all diagonals
    shift = min(max(shifts[0], -most), most)
    kept = np.tri(x.shape[-2], x.shape[-1], shift - 1 if upper else shift, np.bool_) ^ upper
    if isinstance(x, Activation):
        return [Activation(x.node, np.where(kept, x.index, -1))]
    return [Constant(np.where(kept, x.array, np.zeros((), x.array.dtype)), x.name)]


def cumulative_sum(call: Call) -> list[Value]:
    """CumSum: sums of the entries up to each, or from each on (reverse)."""
    x, axes = call.finite(0), call.integers(1)
    exclusive, reverse = call.flag("exclusive"), call.flag("reverse")
    if len(axes) != 1:
        raise call.refuse(f"the axes {axes}, not one axis")
    axis = axis_of(axes[0], len(x.shape))
    return [join.cumulative_sum(call.builder, x, axis, exclusive=exclusive, reverse=reverse)]
