"""Balls of other norms than L∞ around an input.

Source: rows over lifted inputs are the usual linear form of an L1 ball (Boyd and Vandenberghe 2004,
Convex Optimization, section 6.1).

May import: entry, kernel, graph, domain, around. Must not know: how a query is decided.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number, pair
from verifai.entry.takes import takes
from verifai.graph.builder import ONE, Builder
from verifai.graph.formulas import atom
from verifai.graph.rational import objects
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Relation
from verifai.kernel.statement import readable
from verifai.properties.around import Neighbourhood, attached
from verifai.properties.domain import Domain, LinearRow
from verifai.properties.entry import point
from verifai.properties.robust import box_around


@takes(net=rules.network, clip=rules.optional(pair))
def l1_ball(net: Network, x: Any, eps: Number, *, clip: Any = None) -> Neighbourhood:
    """All inputs whose changes add up to eps at most.

    Exact, and linear: the network gets a further input for the size of each change.

    Args:
        net: the network.
        x: the middle, as `robust` takes it.
        eps: the radius, in input units.
        clip: least and greatest value an input can have; each a number, or one for each input.

    Raises:
        InputError: sizes do not fit, eps is negative, or `clip` leaves no point.
    """
    centre, radius = point(net, x), _radius(eps)
    box = _box(net, centre, radius, clip)
    count, builder = len(centre), Builder([net.nodes[i] for i in net.inputs])
    builder.input(builder.name("change"), (count,))
    rows = [LinearRow(tuple((count + i, fmpq(1)) for i in range(count)), -radius, Relation.AT_MOST)]
    for i, middle in enumerate(centre):
        for sign in (fmpq(1), fmpq(-1)):
            terms = ((i, sign), (count + i, fmpq(-1)))
            rows.append(LinearRow(terms, -sign * middle, Relation.AT_MOST))
    region = Domain(box.lower + (fmpq(0),) * count, box.upper + (radius,) * count, rows=tuple(rows))
    made = attached(builder, net, list(range(len(net.inputs))))
    return Neighbourhood(net, made, region, (), tuple(centre), made.input_values[:count])


@takes(net=rules.network, clip=rules.optional(pair))
def l2_ball(net: Network, x: Any, eps: Number, *, clip: Any = None) -> Neighbourhood:
    """All inputs at most so far away in the Euclidean norm: squares of changes add up to eps².

    Args:
        net: the network.
        x: the middle, as `robust` takes it.
        eps: the radius, in input units.
        clip: least and greatest value an input can have; each a number, or one for each input.

    Raises:
        InputError: sizes do not fit, eps is negative, or `clip` leaves no point.
    """
    centre, radius = point(net, x), _radius(eps)
    box = _box(net, centre, radius, clip)
    builder = Builder([net.nodes[i] for i in net.inputs])
    builder.prefix = "distance"
    parts, start = [], 0
    for i in range(len(net.inputs)):
        size = builder.size(i)
        middle = objects(centre[start : start + size], (size,))
        change = builder.linear([(Activation(i, np.arange(size)), ONE)], -middle)
        square = builder.product(change, change)
        parts.append((builder.dense(square, np.ones((1, size))), ONE))
        start += size
    total = builder.linear(parts)
    made = attached(builder, net, list(range(len(net.inputs))))
    within = atom({made.offsets[total.node]: fmpq(1)}, -radius * radius)
    return Neighbourhood(net, made, box, (within,), tuple(centre), made.input_values)


def _radius(eps: Any) -> fmpq:
    radius = number(eps, "eps")
    if radius < 0:
        raise InputError(f"a negative radius: {readable(radius)}")
    return radius


def _box(net: Network, centre: list[fmpq], radius: fmpq, clip: Any) -> Domain:
    """The box around the ball, cut to what inputs can be."""
    return box_around(net, centre, [radius] * len(centre), clip)
