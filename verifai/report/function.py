"""Networks of one or two inputs drawn whole: the function, its pieces, its regions.

Pieces and regions are exact where the network is piecewise linear; curves and the violated part
are floating point on a grid, for the eye.

May import: numpy, kernel, graph, symbolic, the floor's own parts. Must not know: templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import fmpq
from markupsafe import Markup

from verifai.graph.tidy import tidied
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import Atom, Formula, Query
from verifai.report.chart import Chart, ChartAxes, DrawnCurve, Point
from verifai.report.drawings import svg
from verifai.report.evaluator import Evaluator, compares_outputs
from verifai.report.plane import runs
from verifai.report.words import many
from verifai.symbolic.line import pieces
from verifai.symbolic.regions import Region, regions

POINTS = 400
MAX_CURVES = 8
MAX_PIECES = 400
MAX_REGIONS = 2500
MAX_HIDDEN = 60  # neurons beyond which regions are not counted
GRID, EDGE = 100, 9.0
LEVELS = 12


@dataclass(frozen=True, slots=True)
class WholeFunction:
    """A drawing of the whole function, what it shows, and what its colours mean."""

    drawing: Markup
    words: str
    regions: tuple[tuple[int, str], ...] = ()


def function_of(query: Query, found: Sequence[fmpq] | None = None) -> WholeFunction | None:
    """The function of a network with one or two inputs on the query's box; None for others.

    Args:
        query: the decision problem.
        found: an input to mark.
    """
    moving = all(l < u for l, u in zip(query.lower, query.upper, strict=True))
    if len(query.lower) == 1 and moving:
        return _curve(query, found)
    if len(query.lower) == 2 and moving:
        return _map(query, found)
    return None


def _curve(query: Query, found: Sequence[fmpq] | None) -> WholeFunction:
    net, evaluator = query.network, Evaluator(query)
    low, high = nearest(query.lower[0]), nearest(query.upper[0])
    x = np.linspace(low, high, POINTS + 1)
    values = evaluator.values(x[:, None])
    chosen = _spoken_of(query)[:MAX_CURVES]
    series = [
        DrawnCurve(net.describe(v), tuple(zip(x.tolist(), values[:, v].tolist(), strict=True)))
        for v in chosen
    ]
    words = "The values that the property speaks of, over the domain's box."
    breaks = _breaks(query)
    if breaks is not None:
        points = np.array([nearest(b) for b in breaks], dtype=np.float64)
        there = evaluator.values(points[:, None])[:, net.output_values[0]]
        dots = tuple(zip(points.tolist(), there.tolist(), strict=True))
        series.append(DrawnCurve("breakpoints", dots, "dots"))
        words += (
            f" {net.describe(net.output_values[0])} has exactly {many(len(breaks) + 1, 'piece')}."
        )
    if found is not None:
        at = nearest(found[0])
        values = evaluator.values(np.array([[at]]))
        dots = tuple((at, float(values[0, v])) for v in chosen)
        series.append(DrawnCurve("counterexample", dots, "dots"))
    label = f"The function from {low:g} to {high:g}"
    axes = ChartAxes(net.describe(query.input_values[0]), "value", x_ends=(low, high))
    return WholeFunction(Chart(label, axes, series).draw(), words)


def _spoken_of(query: Query) -> list[int]:
    """The values of the property's atoms, then the outputs."""
    found: list[int] = []
    todo: list[Formula] = [query.unsafe]
    while todo:
        part = todo.pop()
        if isinstance(part, Atom):
            found += [v for v, _ in part.terms if v not in query.input_values]
        else:
            todo += reversed(part.parts)
    return list(dict.fromkeys([*query.network.output_values, *found]))


def _breaks(query: Query) -> tuple[fmpq, ...] | None:
    """Where the first output changes its slope; None if it is not piecewise linear, or too long."""
    net = _alone(query.network)
    try:
        found = pieces(net, lower=query.lower[0], upper=query.upper[0]).breakpoints
    except InputError:
        return None
    return found if len(found) <= MAX_PIECES else None


def _alone(net: Network) -> Network:
    """The network of its outputs, without what else the query has attached to it."""
    return tidied(net.nodes, net.outputs, {})


def _map(query: Query, found: Sequence[fmpq] | None) -> WholeFunction:
    net, evaluator = query.network, Evaluator(query)
    ends = [(nearest(l), nearest(u)) for l, u in zip(query.lower, query.upper, strict=True)]
    steps = [l + (np.arange(GRID) + 0.5) / GRID * (u - l) for l, u in ends]
    across, up = np.meshgrid(steps[0], steps[1][::-1])
    points = np.stack([across.reshape(-1), up.reshape(-1)], axis=1)
    outputs, margins = evaluator.batches(points, net.output_values)
    is_classes = len(net.output_values) > 1 and compares_outputs(query)
    levels = outputs.argmax(axis=1) if is_classes else _levels(outputs[:, 0])
    exact = _regions(query)
    parts, words = _filled(query, levels, exact, is_classes=is_classes)
    unsafe = (margins >= 0).reshape(GRID, GRID)
    parts.append(Markup('<path class="unsafe" d="{}"/>').format(runs(unsafe)))
    if found is not None:
        x, y = (100 * (nearest(v) - l) / (u - l) for v, (l, u) in zip(found, ends, strict=True))
        cross = '<path class="to" d="M{:.2f} {:.2f}l2.4 2.4m0-2.4l-2.4 2.4"/>'
        parts.append(Markup(cross).format(x - 1.2, 100 - y - 1.2))
    parts += _frame(query, ends)
    names: tuple[tuple[int, str], ...] = ()
    if is_classes:
        seen = sorted(set(levels.tolist()))
        names = tuple((k % 10, f"largest: {net.describe(net.output_values[k])}") for k in seen)
    label = f"The network on its whole domain. {words}"
    box = f"{-EDGE:g} -2 {100 + EDGE + 2:g} {100 + EDGE + 2:g}"
    return WholeFunction(svg(box, label, parts, "plane map"), words, names)


def _levels(values: Array) -> Array:
    low, high = float(values.min()), float(values.max())
    share = (values - low) / ((high - low) or 1.0)
    return np.asarray(np.minimum((share * LEVELS).astype(int), LEVELS - 1))


def _regions(query: Query) -> list[Region] | None:
    """The exact activation regions; None where there are none, or too many."""
    net = _alone(query.network)
    if net.offsets[-1] > 8 * MAX_HIDDEN:
        return None
    try:
        return list(regions(net, query.lower, query.upper, most=MAX_REGIONS))
    except InputError:
        return None


def _filled(
    query: Query, levels: Array, exact: list[Region] | None, *, is_classes: bool
) -> tuple[list[Markup], str]:
    """The colours of the map and the borders of its regions, and both in words."""
    grid, parts = levels.reshape(GRID, GRID), []
    for number in np.unique(levels).tolist():
        if is_classes:
            shape = Markup('<path class="c{}" d="{}"/>').format(number % 10, runs(grid == number))
        else:
            shade = '<path class="shade" style="--v:{:.2f}" d="{}"/>'
            shape = Markup(shade).format((number + 1) / LEVELS, runs(grid == number))
        parts.append(shape)
    first = query.network.describe(query.network.output_values[0])
    words = "Colours: the largest output." if is_classes else f"Darker: {first} is larger."
    if exact is not None:
        low, high = query.lower, query.upper
        for region in exact:
            corners = [_placed(v.point, low, high) for v in region.polytope.vertices]
            path = " ".join(f"{x:.2f},{y:.2f}" for x, y in _around(corners))
            parts.append(Markup('<polygon class="region" points="{}"/>').format(path))
        words += f" Lines: the borders of its {many(len(exact), 'activation region')}, exactly."
    return parts, words


def _placed(point: Sequence[fmpq], low: Sequence[fmpq], high: Sequence[fmpq]) -> Point:
    x, y = (nearest(100 * (p - l) / (u - l)) for p, l, u in zip(point, low, high, strict=True))
    return x, 100 - y


def _around(corners: list[Point]) -> list[Point]:
    """The corners of a convex polygon in order."""
    x, y = (sum(c[k] for c in corners) / len(corners) for k in (0, 1))
    return sorted(corners, key=lambda c: float(np.arctan2(c[1] - y, c[0] - x)))


def _short(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _frame(query: Query, ends: list[Point]) -> list[Markup]:
    names = [query.network.describe(v) for v in query.input_values]
    text = '<text x="{:g}" y="{:g}" text-anchor="{}">{}</text>'
    (left, right), (low, high) = ends
    found = [
        (0, 104, "start", _short(left)),
        (50, 104, "middle", names[0]),
        (100, 104, "end", _short(right)),
        (-1, 100, "end", _short(low)),
        (-1, 3, "end", _short(high)),
    ]
    turned = '<text transform="rotate(-90 -3 50)" x="-3" y="50" text-anchor="middle">{}</text>'
    drawn = [Markup(text).format(*each) for each in found]
    return [*drawn, Markup(turned).format(names[1])]
