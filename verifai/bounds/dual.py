"""The dual problem: a bound as a function of slopes, multipliers and weights, with its gradient.

The bound is concave in the multipliers and piecewise smooth in the slopes. Its gradient needs no
automatic differentiation: take the minimising input of the plane, run it forward through the lines
that the elimination used, and read the derivatives off the values met on the way.

May import: numpy, compiled, interval, kinds, relax, crown. Must not know: how the dual is climbed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Plane, Relaxed, Sweep
from verifai.bounds.interval import slack
from verifai.bounds.kinds.pieces import Span, intercepts
from verifai.bounds.kinds.protocol import Envelope, Family
from verifai.bounds.maps import Array, Mask
from verifai.bounds.relax import Side, chosen_lines, rates
from verifai.kernel.network import Affine, Input


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """K rows that hold together where the property is violated, each ≤ 0, on nodes' values.

    Attributes:
        forms: coefficients by node: (K, n) alike for all boxes, or (M, K, n).
        constant: (K,) or (M, K).
        premises: so many of the last rows are premises: their weights need not add up to one with
            the others', and start at zero.
    """

    forms: Mapping[int, Array]
    constant: Array
    premises: int = 0

    @property
    def count(self) -> int:
        """K."""
        return int(self.constant.shape[-1])

    def take(self, part: slice) -> Rows:
        """The rows of some boxes."""
        forms = {i: a if a.ndim == 2 else a[part] for i, a in self.forms.items()}
        constant = self.constant if self.constant.ndim == 1 else self.constant[part]
        return Rows(forms, constant, self.premises)

    def mix(self, weights: Array) -> tuple[dict[int, Array], Array]:
        """Forms (M, n) and constants (M,) of Σ weights·rows, weights (M, K)."""
        forms = {
            i: weights @ a if a.ndim == 2 else np.einsum("mk,mkn->mn", weights, a)
            for i, a in self.forms.items()
        }
        return forms, (weights * self.constant).sum(axis=1)

    def at(self, values: list[Array]) -> Array:
        """The values (M, K) of the rows where the nodes have these values."""
        total = np.broadcast_to(self.constant, (len(values[0]), self.count)).copy()
        for i, a in self.forms.items():
            total += values[i] @ a.T if a.ndim == 2 else np.einsum("mn,mkn->mk", values[i], a)
        return total


@dataclass(slots=True, eq=False)
class DualPoint:
    """A choice of everything that is free, for M boxes.

    Attributes:
        slopes: lower slopes of piecewise-linear nodes by node, (M, n).
        multipliers: by pre-activation node, (M, n): positive ones add c·(y - upper), negative ones
            -c·(lower - y).
        weights: of the rows, (M, K).
        shares: which lines the other nonlinear nodes take, by side, (M, n).
    """

    slopes: dict[int, Array]
    multipliers: dict[int, Array]
    weights: Array
    shares: dict[Side, Array] = field(default_factory=dict)

    def arrays(self) -> list[Array]:
        """All arrays in one order."""
        tables = (*self.slopes.values(), *self.shares.values(), *self.multipliers.values())
        return [*tables, self.weights]

    def copy(self) -> DualPoint:
        """An independent copy."""
        multipliers = {i: a.copy() for i, a in self.multipliers.items()}
        shares = {i: a.copy() for i, a in self.shares.items()}
        slopes = {i: a.copy() for i, a in self.slopes.items()}
        return DualPoint(slopes, multipliers, self.weights.copy(), shares)

    def adopt(self, other: DualPoint, where: Mask) -> None:
        """Takes over another's choice for some boxes."""
        for mine, theirs in zip(self.arrays(), other.arrays(), strict=True):
            mine[where] = theirs[where]


@dataclass(frozen=True, slots=True, eq=False)
class DualProblem:
    """M boxes (or one for all), their rows, and which slopes, multipliers and lines are free."""

    compiled: Compiled
    base: Relaxed
    rows: Rows
    count: int
    spans: Mapping[int, Span]
    splits: Mapping[int, Mask]
    families: Mapping[Side, Family] = field(default_factory=dict)

    def relaxation(self, point: DualPoint) -> Relaxed:
        """The lines with the point's slopes."""
        bounds, changed = self.base.bounds, dict(self.base.lines)
        for node, slopes in point.slopes.items():
            pieces, old = self.compiled.pieces[node], changed[node]
            below = None
            if not pieces.is_relu:
                source = pieces.source
                below = intercepts(pieces, bounds.lower[source], bounds.upper[source], slopes)[0]
            changed[node] = Envelope((slopes,), below, old.upper, old.above)
        for side, share in point.shares.items():
            choice = share, changed[side[0]]
            family = self.families[side]
            changed[side[0]] = chosen_lines(self.compiled, bounds, side, family, choice)
        return Relaxed(bounds, changed)

    def plane(
        self, point: DualPoint, seen: dict[int, Array] | None = None
    ) -> tuple[Plane, Relaxed]:
        """The plane below the weighted rows at the point."""
        relaxation = self.relaxation(point)
        sweep = Sweep(self.compiled, relaxation, None, seen)
        forms, constant = self.rows.mix(point.weights)
        for node, a in forms.items():
            sweep.add(node, a)
        bounds = self.base.bounds
        for node, c in point.multipliers.items():
            sweep.add(node, c)
            ends = np.where(c > 0, bounds.upper[node], bounds.lower[node])
            constant = constant - (c * ends).sum(axis=1)
        sweep.constant = constant
        sweep.run(max(sweep.pending, default=0))
        return sweep.plane(self.count), relaxation


def gradient(
    problem: DualProblem,
    point: DualPoint,
    plane: Plane,
    relaxation: Relaxed,
    seen: Mapping[int, Array],
) -> tuple[list[Array], dict[int, Array]]:
    """Supergradients of the bound for the point's arrays; the coefficients' mean sizes by node."""
    values = _descend(problem, plane, relaxation, seen)
    bounds, result = problem.base.bounds, list[Array]()
    sizes: dict[int, Array] = {}
    for node, slopes in point.slopes.items():
        pieces, touched, a = problem.compiled.pieces[node], problem.spans[node], seen.get(node)
        if a is None:  # the rows do not depend on this node
            result.append(np.zeros_like(slopes))
            continue
        y = values[pieces.source]
        if not pieces.is_relu:
            low, high = bounds.lower[pieces.source], bounds.upper[pieces.source]
            y = y - intercepts(pieces, low, high, slopes)[2]
        gain = np.maximum(a, 0) * y
        result.append(np.where(touched.is_split, gain * (touched.right - touched.left), 0))
        sizes[pieces.source] = np.abs(a).mean(axis=1, keepdims=True)
    for side, share in point.shares.items():
        a = seen.get(side[0])
        result.append(_of_share(problem, relaxation, values, side, share, a))
        if a is not None:
            for source in problem.compiled.network.nodes[side[0]].sources:
                sizes[source] = np.abs(a).mean(axis=1, keepdims=True)
    for node, c in point.multipliers.items():
        over, under = values[node] - bounds.upper[node], values[node] - bounds.lower[node]
        still = np.maximum(over, 0) + np.minimum(under, 0)
        slope = np.where(c > 0, over, np.where(c < 0, under, still))
        result.append(np.where(problem.splits[node], slope, 0))
    return [*result, problem.rows.at(values)], sizes


def _of_share(
    problem: DualProblem,
    relaxation: Relaxed,
    values: list[Array],
    side: Side,
    share: Array,
    a: Array | None,
) -> Array:
    """The supergradient for a share: how fast the line in use rises where the plane is least."""
    if a is None:  # the rows do not depend on this node
        return np.zeros_like(share)
    family, choice = problem.families[side], (share, relaxation.lines[side[0]])
    speeds, places = rates(problem.compiled, relaxation.bounds, side, family, choice)
    used = np.minimum(a, 0) if side[1] else np.maximum(a, 0)
    total = np.zeros_like(share)
    sources = problem.compiled.network.nodes[side[0]].sources
    for source, place, rate in zip(sources, places, speeds, strict=True):
        total += (values[source] - place) * rate
    return np.where(family.is_free, used * total, 0)


def _descend(
    problem: DualProblem, plane: Plane, relaxation: Relaxed, seen: Mapping[int, Array]
) -> list[Array]:
    """The nodes' values where the plane is least, nonlinear ones on the lines in use.

    The list ends with the last node that the rows or multipliers read.
    """
    compiled, bounds, values = problem.compiled, relaxation.bounds, list[Array]()
    columns = compiled.split(plane.coefficients)
    last = max((*problem.rows.forms, *problem.splits, *seen))
    for position, node in enumerate(compiled.network.nodes[: last + 1]):
        compiled.pause()
        if isinstance(node, Input):
            low, high = bounds.lower[position], bounds.upper[position]
            values.append(np.where(columns[position] > 0, low, high))
        elif isinstance(node, Affine):
            total, a = compiled.affine(position, values, problem.count), seen.get(position)
            if a is not None:
                total = total - np.sign(a) * slack(compiled, position, bounds.lower, bounds.upper)
            values.append(total)
        else:
            lines, a = relaxation.lines[position], seen.get(position)
            up = np.zeros_like(compiled.like, dtype=bool, shape=(1, 1)) if a is None else a < 0
            total = np.where(up, lines.above, 0 if lines.below is None else lines.below)
            for source, lower, upper in zip(node.sources, lines.lower, lines.upper, strict=True):
                total = total + np.where(up, upper, lower) * values[source]
            values.append(total)
    return values
