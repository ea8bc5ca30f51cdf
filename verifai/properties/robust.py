"""Local robustness: near an input the network's answer does not change.

May import: kernel, load.order, entry. Must not know: how a query is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.operator import Array
from verifai.kernel.query import Formula, Or, Query, atom, conjunction
from verifai.kernel.replay import evaluate
from verifai.load.order import by_order
from verifai.properties.entry import Number, number, output_value, output_values, point


def robust(
    net: Network,
    x: Any,
    *,
    eps: Number | Sequence[Number] | Array,
    label: int | None = None,
    target: int | None = None,
    clip: tuple[Any, Any] | None = None,
) -> Query:
    """The output `label` is strictly the largest on the whole L∞ ball of radius eps around x.

    A tie counts as a violation. Of a final softmax or the like the logits are compared: they are in
    the same order. With `target` only that output must stay below.

    Args:
        net: the network.
        x: one number an input; text is read exactly, a float is the dyadic that it is.
        eps: the radius, in input units, or one for each input; "0.1" is a tenth, 0.1 is the
            double nearest to it.
        label: the index of the output; None: the exact largest output at x.
        target: the only other output that counts; None: all others.
        clip: least and greatest value an input can have, for instance (0, 1); each a number, or
            one for each input.

    Raises:
        InputError: sizes do not fit, eps is negative, or no output is strictly the largest at x.
    """
    centre = point(net, x)
    radius = _each(net, eps)
    if min(radius) < 0:
        raise InputError(f"a negative radius: {min(radius)}")
    right = largest(net, centre) if label is None else label
    mine = output_value(net, right)
    if target is not None:
        others = [output_value(net, target)]
    else:
        others = [value for value in output_values(net) if value != mine]
    if not others or mine in others:
        raise InputError(f"output {right} has no other output to stay above")
    ball = list(zip(centre, radius, strict=True))
    lower, upper = [c - r for c, r in ball], [c + r for c, r in ball]
    if clip is not None:
        least, most = _each(net, clip[0]), _each(net, clip[1])
        lower = [max(pair) for pair in zip(lower, least, strict=True)]
        upper = [min(pair) for pair in zip(upper, most, strict=True)]
    beaten: tuple[Formula, ...] = tuple(
        atom({mine: fmpq(1), other: fmpq(-1)}, fmpq(0)) for other in others
    )
    return by_order(Query(net, tuple(lower), tuple(upper), conjunction([Or(beaten)])))


def _each(net: Network, value: Any) -> list[fmpq]:
    """One exact number for each input: a single one stands for all."""
    if np.ndim(value) == 0:
        return [number(value)] * sum(net.sizes[i] for i in net.inputs)
    return point(net, value)


def largest(net: Network, inputs: list[fmpq]) -> int:
    """The index of the output that is strictly the largest at this exact input.

    Raises:
        InputError: two outputs tie there, or the evaluation cannot tell them apart.
    """
    low, high = evaluate(net, inputs)
    values = output_values(net)
    lower, upper = [low[v] for v in values], [high[v] for v in values]
    best = max(range(len(lower)), key=lambda i: lower[i])
    if any(upper[i] >= lower[best] for i in range(len(upper)) if i != best):
        raise InputError("no output is strictly the largest at x: give a label")
    return best
