"""Neighbourhoods of an input that are no box: other norms, a patch, other light.

Each is a domain of a network that may have further nodes: inputs by which a change is measured, or
from which the image is made. Properties are asked of the neighbourhood itself.

Sources: rows over lifted inputs are the usual linear form of an L1 ball; contrast and brightness as
one affine map of two numbers follow Mohapatra et al. 2020, Towards Verifying Robustness of Neural
Networks Against A Family of Semantic Perturbations.

May import: entry, kernel, graph, domain, formula. Must not know: how a query is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from verifai.entry import Number, index, network, number, optional, pair, shown, takes
from verifai.graph.attach import attach
from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.order import by_order
from verifai.graph.rational import objects
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import exact, nearest
from verifai.kernel.query import Atom, Formula, Or, Query, Relation, atom, conjunction
from verifai.kernel.replay import evaluate
from verifai.kernel.statement import readable
from verifai.properties.domain import Domain, LinearRow, query_on, with_points
from verifai.properties.entry import output_value, point
from verifai.properties.formula import formula
from verifai.properties.robust import box_around, largest

Range = tuple[Number, Number]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """Inputs near a given one, and the network on them.

    Attributes:
        original: the network whose inputs are meant.
        net: that network on this neighbourhood; layers keep their names, outputs their order.
        domain: its inputs.
        given: what is also true of every point that is meant.
        centre: the exact input in the middle.
        image: where the values that the network reads stand in `net`.
    """

    original: Network
    net: Network
    domain: Domain
    given: tuple[Atom, ...]
    centre: tuple[fmpq, ...]
    image: tuple[int, ...]

    def never(self, unsafe: Formula) -> Query:
        """The formula holds nowhere in the neighbourhood.

        Args:
            unsafe: what must not happen, of values as `layer` numbers them in `net`.

        Raises:
            InputError: it is no formula, or names a value that is none.
        """
        parts = [*self.given, formula(unsafe, "unsafe")]
        return query_on(self.net, self.domain, conjunction(parts))

    def robust(self, label: int | None = None, *, target: int | None = None) -> Query:
        """The output `label` is strictly the largest on the whole neighbourhood.

        Args:
            label: the index of the output; None: the exact largest output in the middle.
            target: the only other output that counts; None: all others.

        Raises:
            InputError: there is no such output, or no output is strictly the largest.
        """
        right = largest(self.original, list(self.centre)) if label is None else label
        mine = output_value(self.net, right, "label")
        rivals = [v for v in self.net.output_values if v != mine]
        if target is not None:
            rivals = [output_value(self.net, target, "target")]
        if not rivals or mine in rivals:
            raise InputError(f"output {right} has no other output to stay above")
        beaten = tuple(atom({mine: fmpq(1), v: fmpq(-1)}, fmpq(0)) for v in rivals)
        return by_order(self.never(Or(beaten)))

    def inputs_at(self, inputs: Sequence[fmpq]) -> tuple[fmpq, ...]:
        """What the network reads at a counterexample: exact, one number for each of its inputs.

        Args:
            inputs: the counterexample's, for all inputs of `net`.

        Raises:
            InputError: they are not as many.
        """
        low, _ = evaluate(self.net, inputs)
        return tuple(low[value] for value in self.image)


@takes(net=network, clip=optional(pair))
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
    made = _attached(builder, net, list(range(len(net.inputs))))
    return Neighbourhood(net, made, region, (), tuple(centre), made.input_values[:count])


@takes(net=network, clip=optional(pair))
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
    made = _attached(builder, net, list(range(len(net.inputs))))
    within = atom({made.offsets[total.node]: fmpq(1)}, -radius * radius)
    return Neighbourhood(net, made, box, (within,), tuple(centre), made.input_values)


@takes(net=network, clip=pair)
def patch(
    net: Network, x: Any, corner: tuple[int, int], size: tuple[int, int], *, clip: Any = (0, 1)
) -> Neighbourhood:
    """All images that differ from x in one rectangle, in all channels, and in whatever way there.

    Args:
        net: the network; the last two axes of its only input are rows and columns.
        x: the image, as `robust` takes it.
        corner: row and column of the rectangle's first pixel, from 0.
        size: rows and columns of the rectangle.
        clip: least and greatest value an input can have.

    Raises:
        InputError: the input is no image, sizes do not fit, the rectangle leaves the image, or a
            pixel of x lies outside of `clip`.
    """
    centre = point(net, x)
    shape = net.nodes[net.inputs[0]].shape
    if len(net.inputs) != 1 or len(shape) < 2:
        raise InputError(f"an input of shape {shape} is no image of rows and columns")
    (row, column), (rows, columns) = _counts(corner, "corner"), _counts(size, "size")
    if not (rows and columns and row + rows <= shape[-2] and column + columns <= shape[-1]):
        raise InputError(f"a patch of {rows} × {columns} at {row}, {column} in {shape[-2:]}")
    inside = np.zeros(shape, dtype=bool)
    inside[..., row : row + rows, column : column + columns] = True
    least, most = _pixels(centre, clip)
    free = zip(centre, inside.ravel().tolist(), strict=True)
    ends = [(least, most) if is_free else (c, c) for c, is_free in free]
    region = with_points(Domain(tuple(low for low, _ in ends), tuple(high for _, high in ends)))
    return Neighbourhood(net, net, region, (), tuple(centre), net.input_values)


@takes(net=network, brightness=pair, contrast=pair, clip=optional(pair))
def lighting(
    net: Network,
    x: Any,
    *,
    brightness: Range = (0, 0),
    contrast: Range = (1, 1),
    clip: Range | None = (0, 1),
) -> Neighbourhood:
    """All images contrast·x + brightness, cut to what pixels can be: two numbers change everything.

    Args:
        net: the network.
        x: the image, as `robust` takes it.
        brightness: least and greatest number that is added to every pixel.
        contrast: least and greatest number that every pixel is multiplied by before.
        clip: least and greatest value of a pixel, both doubles; None: images are not cut.

    Raises:
        InputError: sizes do not fit, x is cut itself, a range holds nothing, or ends of `clip` are
            no doubles.
    """
    centre = point(net, x)
    ends = [
        [number(end, name) for end in each]
        for name, each in (("brightness", brightness), ("contrast", contrast))
    ]
    for name, (low, high) in zip(("brightness", "contrast"), ends, strict=True):
        if low > high:
            raise InputError(f"{name}: {readable(low)} to {readable(high)} holds nothing")
    if clip is not None:
        _pixels(centre, clip)
    builder = Builder()
    light = builder.input("light", (2,))
    builder.prefix = "image"
    images, start = [], 0
    for i in net.inputs:
        shape, count = net.nodes[i].shape, net.sizes[i]
        pixels = objects(centre[start : start + count], shape)
        added, factor = (Activation(light.node, np.full(shape, place)) for place in (0, 1))
        image = builder.linear([(added, ONE), (factor, pixels)])
        images.append(builder.whole(image if clip is None else _cut(builder, image, clip)))
        start += count
    made = _attached(builder, net, images)
    lower, upper = (tuple(each[side] for each in ends) for side in (0, 1))
    where = tuple(v for i in images for v in made.values(i))
    return Neighbourhood(net, made, Domain(lower, upper), (), tuple(centre), where)


def _cut(builder: Builder, image: Activation, clip: Range) -> Activation:
    ends = [number(end, "clip") for end in clip]
    low, high = (np.array(nearest(end)) for end in ends)
    if [exact(float(low)), exact(float(high))] != ends or low >= high:
        raise InputError(f"clip: two doubles in order are wanted, not {shown(clip)}")
    return builder.piecewise(image, [low, high], [ZERO, ONE, ZERO], low)


def _attached(builder: Builder, net: Network, inputs: list[int]) -> Network:
    """The builder's nodes and the network on them, whose outputs are the network's."""
    places = attach(builder, net, inputs, "")
    return builder.network([places[o] for o in net.outputs])


def _pixels(centre: list[fmpq], clip: Any) -> tuple[fmpq, fmpq]:
    """What pixels can be.

    Raises:
        InputError: a pixel of the image is something else.
    """
    low, high = (number(end, "clip") for end in clip)
    for i, value in enumerate(centre):
        if not low <= value <= high:
            raise InputError(
                f"x[{i}] is {readable(value)}, outside of {readable(low)} to {readable(high)}: "
                "does clip fit the data?"
            )
    return low, high


def _radius(eps: Any) -> fmpq:
    radius = number(eps, "eps")
    if radius < 0:
        raise InputError(f"a negative radius: {readable(radius)}")
    return radius


def _box(net: Network, centre: list[fmpq], radius: fmpq, clip: Any) -> Domain:
    """The box around the ball, cut to what inputs can be."""
    return box_around(net, centre, [radius] * len(centre), clip)


def _counts(value: Any, what: str) -> tuple[int, int]:
    rows, columns = pair(value, what)
    return index(rows, what), index(columns, what)
