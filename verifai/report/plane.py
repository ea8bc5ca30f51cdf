"""A plane through a reference and a counterexample: decision regions on a grid, in floating point.

May import: numpy, kernel, drawings, evaluator. Must not know: templates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.report.drawings import svg
from verifai.report.evaluator import MAX_VALUES, Evaluator, compares_outputs

SIDE = 90  # cells of the plane on each side
AWAY, BESIDE = (-0.35, 1.35), (-0.85, 0.85)  # of the plane, in units of the way


@dataclass(frozen=True, slots=True)
class Slice:
    """A plane through reference and counterexample: regions, and what they are called.

    Attributes:
        drawing: the plane.
        regions: names of the regions, each with the number of its colour.
        words: what spans the plane.
    """

    drawing: Markup
    regions: tuple[tuple[int, str], ...]
    words: str


def plane(evaluator: Evaluator, before: Array, after: Array) -> Slice | None:
    """The decision regions around the way; None where there is no plane, or it is too much work.

    It is spanned by the way and by how the violation grows most beside it.
    """
    net = evaluator.network
    if len(before) < 2 or SIDE * SIDE * net.offsets[-1] > 64 * MAX_VALUES:
        return None
    along = after - before
    low, high = (
        np.array([nearest(x) for x in e]) for e in (evaluator.query.lower, evaluator.query.upper)
    )
    free = (before > low) & (before < high)  # what can move both ways within the domain
    beside = _beside(along, evaluator.slope(after), free)
    if beside is None:
        return None
    a = AWAY[0] + (np.arange(SIDE) + 0.5) / SIDE * (AWAY[1] - AWAY[0])
    b = BESIDE[1] - (np.arange(SIDE) + 0.5) / SIDE * (BESIDE[1] - BESIDE[0])
    grid_a, grid_b = (g.reshape(-1, 1) for g in np.meshgrid(a, b))
    points = before + grid_a * along + grid_b * beside
    outputs, margins = evaluator.batches(points, net.output_values)
    room = 1e-9 * (high - low)
    inside = ((points >= low - room) & (points <= high + room)).all(axis=1).reshape(SIDE, SIDE)
    unsafe = (margins >= 0).reshape(SIDE, SIDE)
    classes, names = _classes(evaluator, outputs)
    return Slice(
        _drawn(classes.reshape(SIDE, SIDE), unsafe, inside),
        tuple(names),
        (
            "Across: the way from the reference to the counterexample. "
            "Upwards: beside it, as the violation grows fastest."
        ),
    )


def _beside(along: Array, slope: Array, free: Array) -> Array | None:
    """A direction of free inputs, orthogonal to the way, as long as it in the maximum norm."""
    mine = np.where(free, along, 0.0)
    size = float(mine @ mine)
    if not along.any() or not np.isfinite(slope).all():
        return None
    for guess in (slope, np.random.default_rng(0).standard_normal(len(along))):
        moved = np.where(free, guess, 0.0)
        rest = moved - ((moved @ mine) / size * mine if size else 0.0)
        most = float(abs(rest).max(initial=0.0))
        if most > 1e-9 * float(abs(moved).max(initial=0.0)):
            return np.asarray(rest / most * abs(along).max())
    return None


def _classes(evaluator: Evaluator, outputs: Array) -> tuple[Array, list[tuple[int, str]]]:
    """The largest output at each point where outputs are compared, else one region for all."""
    net = evaluator.network
    if len(net.output_values) < 2 or not compares_outputs(evaluator.query):
        return np.zeros(len(outputs), dtype=int), []
    largest = outputs.argmax(axis=1)
    order = [int(k) for k in np.argsort(-np.bincount(largest)) if (largest == k).any()]
    names = [(k % 10, f"largest: {net.describe(net.output_values[k])}") for k in order[:10]]
    return largest, names


def _drawn(classes: Array, unsafe: Array, inside: Array) -> Markup:
    parts = []
    for number in np.unique(classes).tolist():
        path = '<path class="c{}" d="{}"/>'
        parts.append(Markup(path).format(number % 10, runs(classes == number)))
    parts.append(Markup('<path class="unsafe" d="{}"/>').format(runs(unsafe & inside)))
    parts.append(Markup('<path class="outside" d="{}"/>').format(runs(~inside)))
    start, stop = (_x(0.0), _x(1.0))
    middle = SIDE / 2
    marks = (
        '<line class="way" x1="{0:.2f}" x2="{1:.2f}" y1="{2:g}" y2="{2:g}"/>'
        '<circle class="from" cx="{0:.2f}" cy="{2:g}" r="1.3"/>'
        '<path class="to" d="M{3:.2f} {4:g}l2.4 2.4m0-2.4l-2.4 2.4"/>'
        '<circle class="at" cx="{0:.2f}" cy="{2:g}" r="1.7" data-from="{0:.2f}" data-to="{1:.2f}"/>'
    )
    parts.append(Markup(marks).format(start, stop, middle, stop - 1.2, middle - 1.2))
    label = "Decision regions in a plane through the reference and the counterexample"
    return svg(f"0 0 {SIDE} {SIDE}", label, parts, "plane")


def _x(a: float) -> float:
    return (a - AWAY[0]) / (AWAY[1] - AWAY[0]) * SIDE


def runs(mask: Array) -> str:
    """The true cells of a grid as the path of rectangles, one a run in a row."""
    path = []
    for y, line in enumerate(mask.tolist()):
        x = 0
        while x < len(line):
            if not line[x]:
                x += 1
                continue
            start = x
            while x < len(line) and line[x]:
                x += 1
            path.append(f"M{start} {y}h{x - start}v1h{start - x}z")
    return "".join(path)
