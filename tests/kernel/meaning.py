"""What a network means, written a second time: plain loops over fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random

import numpy as np

from verifai.kernel.network import Affine, Input, Network, Node, Product, Pwl, Sign, Square
from verifai.kernel.operator import Conv, Dense, Gather, Operator

Numbers = list[Fraction]


def entries(operator: Operator, inputs: int) -> list[dict[int, Fraction]]:
    """The operator as rows of a sparse matrix."""
    if isinstance(operator, Dense):
        m, k = operator.weight.shape
        return [
            {r * k + j: Fraction(operator.weight[o, j]) for j in range(k)}
            for r, o in product(range(inputs // k), range(m))
        ]
    if isinstance(operator, Gather):
        pairs = zip(operator.index.tolist(), operator.scale.tolist(), strict=True)
        return [{i: Fraction(s)} if i >= 0 else {} for i, s in pairs]
    return [_tap_row(operator, o, p) for o, p in _places(operator)]


def _places(conv: Conv) -> product[tuple[int, tuple[int, ...]]]:
    return product(range(conv.weight.shape[0]), list(product(*map(range, conv.output))))  # type: ignore[return-value]


def _tap_row(conv: Conv, o: int, place: tuple[int, ...]) -> dict[int, Fraction]:
    out, per_in = conv.weight.shape[:2]
    first = o // (out // conv.groups) * per_in
    row: dict[int, Fraction] = {}
    for c, tap in product(range(per_in), product(*map(range, conv.weight.shape[2:]))):
        axes = zip(place, conv.stride, tap, conv.dilation, conv.before, strict=True)
        where = [p * s + t * d - b for p, s, t, d, b in axes]
        if all(0 <= w < n for w, n in zip(where, conv.spatial, strict=True)):
            flat = int(np.ravel_multi_index([first + c, *where], (conv.channels, *conv.spatial)))
            row[flat] = row.get(flat, Fraction(0)) + Fraction(conv.weight[(o, c, *tap)])
    return row


def values_at(network: Network, inputs: Numbers, random: Random | None = None) -> Numbers:
    """All values at an input; each radius is used up by a random part, fully in one of three."""
    values: list[Numbers] = []
    given = iter(inputs)
    for node, size in zip(network.nodes, network.sizes, strict=True):
        if isinstance(node, Input):
            values.append([next(given) for _ in range(size)])
        elif isinstance(node, Affine):
            values.append(_affine(node, size, [values[s] for s in node.sources], random))
        else:
            values.append(
                [_apply(node, i, [values[s][i] for s in node.sources]) for i in range(size)]
            )
    return [v for part in values for v in part]


def _affine(node: Affine, size: int, sources: list[Numbers], random: Random | None) -> Numbers:
    total = [Fraction(b) for b in node.bias.tolist()]
    extent = [abs(b) for b in total]
    for (_, operator), x in zip(node.terms, sources, strict=True):
        for i, row in enumerate(entries(operator, len(x))):
            total[i] += sum((w * x[j] for j, w in row.items()), Fraction(0))
            extent[i] += sum((abs(w * x[j]) for j, w in row.items()), Fraction(0))
    result = []
    for i in range(size):
        d = Fraction(1) if node.divisor is None else Fraction(node.divisor[i])
        r = Fraction(0) if node.radius is None else Fraction(node.radius[i])
        part = Fraction(random.choice([-2, 2, random.randrange(-2, 3)]), 2) if random else 0
        result.append((total[i] + part * r * extent[i]) / d)
    return result


def _apply(node: Node, i: int, x: Numbers) -> Fraction:
    if isinstance(node, Product):
        return x[0] * x[1]
    if isinstance(node, Square):
        return x[0] ** 2
    if isinstance(node, Sign):
        return Fraction((x[0] > 0) - (x[0] < 0))
    if not isinstance(node, Pwl):
        raise TypeError(node.name)
    column = i if node.knots.shape[1] > 1 else 0
    knots = [Fraction(k) for k in node.knots[:, column].tolist()]
    slopes = [Fraction(s) for s in node.slopes[:, column].tolist()]
    at, value = knots[0], Fraction(node.anchor[column])
    if x[0] <= at:
        return value + slopes[0] * (x[0] - at)
    for knot, slope in zip([*knots[1:], x[0]], slopes[1:], strict=True):
        end = min(knot, x[0])
        if end > at:
            value += slope * (end - at)
            at = end
    return value
