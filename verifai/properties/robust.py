"""Local robustness: near an input the network's answer does not change.

May import: entry, kernel, load.order, domain. Must not know: how a query is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number, pair
from verifai.entry.takes import takes
from verifai.graph.formulas import atom, conjunction
from verifai.graph.order import by_order
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.operator import Array
from verifai.kernel.query import Formula, Or
from verifai.kernel.replay import evaluate
from verifai.kernel.statement import readable
from verifai.properties.domain import Domain, query_on, with_points
from verifai.properties.entry import output_value, point
from verifai.query import Query

LARGEST_OF_UNIT = 2  # images that are scaled to about [0, 1] or [-1, 1] do not exceed it


@takes(
    net=rules.network,
    label=rules.optional(rules.whole),
    target=rules.optional(rules.whole),
    clip=rules.optional(pair),
    allow_empty=rules.flag,
)
def robust(
    net: Network,
    x: Any,
    *,
    eps: Number | Sequence[Number] | Array,
    label: int | None = None,
    target: int | None = None,
    clip: tuple[Any, Any] | None = None,
    allow_empty: bool = False,
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
        allow_empty: whether a ball that `clip` leaves without a point is taken, on which any
            property holds.

    Raises:
        InputError: sizes do not fit, eps is negative, no output is strictly the largest at x, or
            no point of the ball lies within `clip`.
    """
    centre = point(net, x)
    radius = _each(net, eps, "eps")
    if any(r < 0 for r in radius):
        raise InputError(f"a negative radius: {readable(min(radius))}")
    right = largest(net, centre) if label is None else label
    mine = output_value(net, right, "label")
    if target is not None:
        others = [output_value(net, target, "target")]
    else:
        others = [value for value in net.output_values if value != mine]
    if not others or mine in others:
        raise InputError(f"output {right} has no other output to stay above")
    region = box_around(net, centre, radius, clip, allow_empty=allow_empty)
    beaten: tuple[Formula, ...] = tuple(
        atom({mine: fmpq(1), other: fmpq(-1)}, fmpq(0)) for other in others
    )
    return by_order(query_on(net, region, conjunction([Or(beaten)])))


def box_around(
    net: Network,
    centre: list[fmpq],
    radius: list[fmpq],
    clip: tuple[Any, Any] | None,
    *,
    allow_empty: bool = False,
) -> Domain:
    """The box around the centre, cut to what inputs can be.

    Raises:
        InputError: ends of `clip` do not fit the network, or leave no point of the box.
    """
    sides = list(zip(centre, radius, strict=True))
    lower, upper = [c - r for c, r in sides], [c + r for c, r in sides]
    is_turned = False
    if clip is not None:
        least, most = (_each(net, end, "clip") for end in clip)
        lower = [max(ends) for ends in zip(lower, least, strict=True)]
        upper = [min(ends) for ends in zip(upper, most, strict=True)]
        is_turned = any(low > high for low, high in zip(least, most, strict=True))
    region = Domain(tuple(lower), tuple(upper))
    if allow_empty:
        return region
    turned = "are the ends of clip the wrong way round?"
    return with_points(region, turned if is_turned else _guess(centre, region))


def _guess(centre: list[fmpq], region: Domain) -> str:
    """Why the ball may lie outside of what inputs can be."""
    if max(centre) > LARGEST_OF_UNIT and max(region.upper) <= LARGEST_OF_UNIT:
        return "is the image in 0…255?"
    place = region.empty_at() or 0
    return f"x is {readable(centre[place])} there: does clip fit the data?"


def _each(net: Network, value: Any, what: str) -> list[fmpq]:
    """One exact number for each input: a single one stands for all."""
    if isinstance(value, str) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        return [number(value, what)] * len(net.input_values)
    return point(net, value, what)


def largest(net: Network, inputs: list[fmpq]) -> int:
    """The index of the output that is strictly the largest at this exact input.

    Raises:
        InputError: two outputs tie there, or the evaluation cannot tell them apart.
    """
    low, high = evaluate(net, inputs)
    values = net.output_values
    lower, upper = [low[v] for v in values], [high[v] for v in values]
    best = max(range(len(lower)), key=lambda i: lower[i])
    if any(upper[i] >= lower[best] for i in range(len(upper)) if i != best):
        raise InputError("no output is strictly the largest at x: give a label")
    return best
