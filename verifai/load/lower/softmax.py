"""Softmax and its like, with as many exponentials as entries, twice for Softmax itself.

With m the largest entry of a row and d_i = x_i - m ≤ 0, the sum s = Σ exp(d_j) is at least 1, and
Softmax is exp(d_i - log s). That d_i ≤ 0 and s ≥ 1 is lost on intervals, so both are cut off there,
which changes no value: whatever the entries, every function is taken where it is defined and
moderate. exp(d_i)·(1/s) would need fewer exponentials, but a product's planes lose several times as
much as one more line.

Sources: the operators' pages of the ONNX standard.
May import: numpy, kernel, values, builder, constants.
Must not know: formats.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.values import Activation, Masked, Value, axis_of
from verifai.kernel.errors import InputError
from verifai.load.lower.constants import Mask

Rows = Callable[[Builder, Activation, Mask], Activation]


def softmax(builder: Builder, x: Value, axis: int) -> Value:
    """Softmax along one axis.

    Args:
        builder: where nodes go.
        x: the values; minus infinity (`Masked`) is left out.
        axis: the axis, counted from either end.

    Raises:
        InputError: there is no such axis, or a row of nothing but minus infinity.
    """
    return _along_axis(builder, x, axis, _softmax)


def log_softmax(builder: Builder, x: Value, axis: int) -> Value:
    """The logarithm of Softmax.

    Args:
        builder: where nodes go.
        x: the values, none of them minus infinity.
        axis: the axis, counted from either end.

    Raises:
        InputError: as `softmax`, or minus infinity among the values.
    """
    return _along_axis(builder, x, axis, _log_softmax)


def _along_axis(builder: Builder, x: Value, axis: int, function: Rows) -> Value:
    """A function of rows of at least two entries; on a row of one, 1 or its logarithm.

    That, too, reads its entry: where that is undefined, so is the result.
    """
    (y, hidden), rank = _masked(builder, x), len(x.shape)
    axis = axis_of(axis, rank)
    order = [*(a for a in range(rank) if a != axis), axis]
    width, moved = x.shape[axis], y.index.transpose(order)
    if not moved.size:
        raise InputError(f"a tensor of shape {x.shape}")
    mask = hidden.transpose(order).reshape(-1, width)
    if mask.all(axis=1).any():
        raise InputError("a row of nothing but minus infinity")
    if width == 1:
        return builder.linear([(y, ZERO)], np.full(x.shape, float(function is _softmax)))
    made = function(builder, Activation(y.node, moved.reshape(-1, width)), mask)
    return Activation(made.node, made.index.reshape(moved.shape).transpose(np.argsort(order)))


def _masked(builder: Builder, x: Value) -> tuple[Activation, Mask]:
    """The value as a view of a node, and where it is minus infinity instead."""
    if isinstance(x, Masked):
        return Activation(x.node, x.index), x.hidden
    return builder.lift(x), np.zeros(x.shape, dtype=bool)


def _softmax(builder: Builder, x: Activation, hidden: Mask) -> Activation:
    if x.shape[1] == 2 and not hidden.any():
        other = Activation(x.node, x.index[:, ::-1])
        return builder.smooth(builder.linear([(x, ONE), (other, -ONE)]), "sigmoid")
    alone = ~hidden & ((~hidden).sum(axis=1, keepdims=True) == 1)
    several = ~hidden & ~alone
    if not several.any():
        return builder.linear([(x, ZERO)], alone.astype(float))
    rows, index = several.any(axis=1), np.full(x.shape, -1)
    inner = Activation(x.node, x.index[rows])
    shares = builder.smooth(_log_shares(builder, inner, several[rows]), "exp")
    index[several] = shares.index
    y = Activation(shares.node, index)
    return builder.linear([(y, ONE), (x, ZERO)], alone.astype(float)) if alone.any() else y


def _log_softmax(builder: Builder, x: Activation, hidden: Mask) -> Activation:
    if hidden.any():
        raise InputError("the logarithm of zero, where the input is minus infinity")
    y = _log_shares(builder, x, ~hidden)
    return Activation(y.node, y.index.reshape(x.shape))


def _log_shares(builder: Builder, x: Activation, seen: Mask) -> Activation:
    """The logarithms of Softmax over what is seen of every row (two entries at least), in order."""
    _, falls, total = _powers(builder, x, seen)
    logarithm = builder.smooth(total, "log")
    each = Activation(logarithm.node, logarithm.index[np.nonzero(seen)[0], 0])
    return builder.linear([(falls, ONE), (each, -ONE)])


def log_total_of_powers(builder: Builder, x: Activation) -> Activation:
    """log Σ exp of every row, (rows, 1)."""
    if x.shape[1] == 1:
        return x
    top, _, total = _powers(builder, x, np.ones(x.shape, dtype=bool))
    return builder.linear([(top, ONE), (builder.smooth(total, "log"), ONE)])


def _powers(
    builder: Builder, x: Activation, seen: Mask
) -> tuple[Activation, Activation, Activation]:
    """The greatest of every row (rows, 1), all entries less that, the sums of powers (rows, 1).

    Only what is seen counts; the entries come one after the other.
    """
    places = np.where(seen, np.arange(x.index.size).reshape(x.shape), -1)
    greatest = builder.greatest(builder.whole(x), places)
    top = Activation(greatest.node, greatest.index[:, None])
    each = Activation(top.node, greatest.index[np.nonzero(seen)[0]])
    falls = builder.linear([(Activation(x.node, x.index[seen]), ONE), (each, -ONE)])
    falls = builder.piecewise(falls, [ZERO], [ONE, ZERO], ZERO)
    powers = builder.smooth(falls, "exp")
    places[seen] = powers.index
    total = builder.dense(Activation(powers.node, places), np.ones((1, x.shape[1])))
    return top, falls, builder.piecewise(total, [ONE], [ZERO, ONE], ONE)
