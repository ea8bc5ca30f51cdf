"""Images near an image: a rectangle that is free, and other light.

Source: contrast and brightness as one affine map of two numbers follow Mohapatra et al. 2020,
Towards Verifying Robustness of Neural Networks Against A Family of Semantic Perturbations.

May import: entry, kernel, graph, domain, around. Must not know: how a query is decided.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number, pair
from verifai.entry.sentences import shown
from verifai.entry.takes import takes
from verifai.graph.builder import ONE, ZERO, Builder
from verifai.graph.rational import objects
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import exact, nearest
from verifai.kernel.statement import readable
from verifai.properties.around import Neighbourhood, attached
from verifai.properties.domain import Domain, with_points
from verifai.properties.entry import point

Range = tuple[Number, Number]
Cell = tuple[int, int]  # row and column, or how many


@takes(net=rules.network, clip=pair)
def patch(net: Network, x: Any, corner: Cell, size: Cell, *, clip: Any = (0, 1)) -> Neighbourhood:
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


@takes(net=rules.network, brightness=pair, contrast=pair, clip=rules.optional(pair))
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
    made = attached(builder, net, images)
    lower, upper = (tuple(each[side] for each in ends) for side in (0, 1))
    where = tuple(v for i in images for v in made.values(i))
    return Neighbourhood(net, made, Domain(lower, upper), (), tuple(centre), where)


def _cut(builder: Builder, image: Activation, clip: Range) -> Activation:
    ends = [number(end, "clip") for end in clip]
    low, high = (np.array(nearest(end)) for end in ends)
    if [exact(float(low)), exact(float(high))] != ends or low >= high:
        raise InputError(f"clip: two doubles in order are wanted, not {shown(clip)}")
    return builder.piecewise(image, [low, high], [ZERO, ONE, ZERO], low)


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


def _counts(value: Any, what: str) -> Cell:
    rows, columns = pair(value, what, "row, column" if what == "corner" else "rows, columns")
    return rules.index(rows, what), rules.index(columns, what)
