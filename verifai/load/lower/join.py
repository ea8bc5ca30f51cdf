"""Several tensors in one: their entries joined, chosen, summed up to each.

Sources: the operators' pages of the ONNX standard.
May import: numpy, python-flint, kernel, values, builder, rational, constants.
Must not know: formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
from flint import fmpq

from verifai.graph.builder import ONE, Builder
from verifai.graph.rational import check_bits, narrow, objects, rationals
from verifai.graph.values import Activation, Constant, Masked, Value, broadcast_shape, finite
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array
from verifai.load.lower.constants import Mask, reals, unmasked

Join = Callable[[list[Array]], Array]


def joined(builder: Builder, values: Sequence[Value], join: Join) -> Value:
    """The entries of several values in one: a view if all are of one node (or 0), else a new node.

    Args:
        builder: where nodes go.
        values: constants or views.
        join: puts arrays of the values' shapes together.
    """
    constants = [value for value in values if isinstance(value, Constant)]
    nodes = list(dict.fromkeys(value.node for value in values if isinstance(value, Activation)))
    if not nodes:
        arrays = [value.array for value in constants]
        if any(array.dtype == object for array in arrays):
            arrays = [rationals(array) for array in arrays]
        return Constant(join(arrays), constants[0].name)

    def index_of(node: int) -> Array:
        own = (isinstance(value, Activation) and value.node == node for value in values)
        absent = (np.full(value.shape, -1) for value in values)
        pairs = zip(values, own, absent, strict=True)
        return join([v.index if o and isinstance(v, Activation) else a for v, o, a in pairs])

    views = [Activation(node, index_of(node)) for node in nodes]
    if len(views) == 1 and not any(reals(constant).any() for constant in constants):
        return views[0]
    added = [reals(v) if isinstance(v, Constant) else np.zeros(v.shape) for v in values]
    return builder.linear([(view, ONE) for view in views], narrow(join(added)))


def where(builder: Builder, condition: Mask, x: Value, y: Value) -> Value:
    """Entries of x where the condition holds, of y elsewhere; minus infinity is a mask.

    Raises:
        InputError: shapes that do not broadcast, NaN or plus infinity.
    """
    values = [x, y]
    masks = [np.zeros(value.shape, dtype=bool) for value in values]
    if not all(isinstance(value, Constant) for value in values):
        (x, no_x), (y, no_y) = unmasked(x), unmasked(y)
        values, masks = [x, y], [no_x, no_y]
    broadcast_shape(condition.shape, *(value.shape for value in values))
    result = joined(builder, values, lambda arrays: np.where(condition, *arrays))
    hidden = np.broadcast_to(np.where(condition, *masks), result.shape)
    if isinstance(result, Activation) and hidden.any():
        return Masked(result.node, result.index, hidden)
    return result


def cumulative_sum(
    builder: Builder, x: Value, axis: int, *, exclusive: bool = False, reverse: bool = False
) -> Value:
    """Sums of the entries up to each along an axis.

    Args:
        builder: where nodes go.
        x: the values.
        axis: the axis, counted from the front.
        exclusive: whether the entry itself is left out.
        reverse: whether they run from each entry on instead.

    Raises:
        InputError: constants that are integers.
    """
    x, n = finite(x), x.shape[axis]
    if isinstance(x, Constant):
        if x.is_integer:
            raise InputError("only sums of reals are supported")
        builder.spend(x.array.size)
        rows = _running(np.moveaxis(rationals(reals(x)), axis, -1), exclusive, reverse)
        return Constant(narrow(np.moveaxis(rows, -1, axis)), x.name)
    builder.afford((n, n))
    weight = np.tri(n, k=-1 if exclusive else 0)
    weight = weight.T if reverse else weight
    y = builder.dense(Activation(x.node, np.moveaxis(x.index, axis, -1)), weight)
    return Activation(y.node, np.moveaxis(y.index, -1, axis))


def _running(array: Array, exclusive: bool, reverse: bool) -> Array:
    """The sums along the last axis of rationals."""
    turned = array[..., ::-1] if reverse else array
    sums: list[fmpq] = []
    for row in turned.reshape(-1, array.shape[-1]) if array.size else ():
        each = list(accumulate(row, lambda a, b: check_bits(a + b)))
        sums += [fmpq(0), *each[:-1]] if exclusive else each
    result = objects(sums, array.shape)
    return result[..., ::-1] if reverse else result
