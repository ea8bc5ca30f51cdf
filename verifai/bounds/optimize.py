"""Optimised bounds (α, β): slopes, multipliers of intervals and weights of rows.

Source: Xu et al. 2021, Fast and Complete (α); Wang et al. 2021, β-CROWN.
May import: numpy, compiled, interval, kinds, relax, crown, dual. Must not know: queries.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Plane, Relaxed, join
from verifai.bounds.dual import DualPoint, DualProblem, Rows, gradient
from verifai.bounds.kinds.codes import DEFAULT_CODE, Codes, codes_of, slopes_of
from verifai.bounds.kinds.pieces import Span, span
from verifai.bounds.kinds.protocol import Family
from verifai.bounds.maps import Array, Mask
from verifai.bounds.relax import Side, families

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=np.generic)
NOISE = 1e-9  # of a row's largest gradient: what is far smaller is rounding


@dataclass(frozen=True, slots=True)
class Ascent:
    """How to climb.

    Attributes:
        steps: gradient steps.
        rate: of the first step, in units of a slope's range; multipliers and weights use as much,
            in units of the coefficients they meet.
        decay: of the rate from step to step.
        target: rows whose bound exceeds it are good enough; when all are, climbing ends.
        curved: whether lines of nodes that are not piecewise linear are chosen too; a certificate
            must then hold `Optimized.explicit`.
    """

    steps: int = 20
    rate: float = 0.25
    decay: float = 0.93
    target: float = np.inf
    curved: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Optimized:
    """What optimising found for M boxes.

    Attributes:
        value: lower bounds of Σ weights·rows, (M,), with the slopes that the codes mean.
        point: slopes, multipliers and weights.
        codes: of the slopes by node, (M, n).
        plane: the plane at that point.
        explicit: slopes other than default of nodes that are not piecewise linear, by node:
            (M, places, n) with the kernel's places, NaN where default or of no use.
    """

    value: Array
    point: DualPoint
    codes: Mapping[int, Codes]
    plane: Plane
    explicit: Mapping[int, Array] = field(default_factory=dict)


def optimize(
    compiled: Compiled,
    relaxation: Relaxed,
    rows: Rows,
    *,
    splits: Mapping[int, Mask] | None = None,
    start: DualPoint | None = None,
    ascent: Ascent | None = None,
) -> Optimized:
    """The best lower bound found for each box, never below that of the default slopes.

    Args:
        compiled: the network.
        relaxation: M boxes, bounds and default lines; or one box that all M rows share.
        rows: what is refuted where the bound of some weighted sum is positive.
        splits: by pre-activation node, (M, n): whose intervals may have multipliers.
        start: where to start, else (and where it is NaN) at the default slopes, no multipliers
            and the best single row.
        ascent: how to climb.
    """
    ascent = ascent or Ascent()
    lengths = [len(relaxation.bounds), *(len(a) for a in rows.forms.values() if a.ndim == 3)]
    count, width = max(lengths), max(compiled.sizes)
    step = max(8, 4 * compiled.chunk // width)
    done = []
    for first in range(0, count, step):
        part = slice(first, min(first + step, count))
        shared = len(relaxation.bounds) == 1
        base = relaxation if shared else relaxation.take(part)
        masks = {i: m[part] for i, m in (splits or {}).items() if m[part].any()}
        spans = _spans(compiled, base)
        size = part.stop - part.start
        free = _families(compiled, base) if ascent.curved else {}
        problem = DualProblem(compiled, base, rows.take(part), size, spans, masks, free)
        begin = _start(problem, None) if start is None else _part(problem, start, part)
        with np.errstate(over="ignore", invalid="ignore"):  # a point that overflows is not kept
            done.append(_climb(problem, begin, ascent))
    return done[0] if len(done) == 1 else _join(done)


def _spans(compiled: Compiled, relaxation: Relaxed) -> dict[int, Span]:
    """The spans of the relaxed piecewise-linear nodes that have an unstable value."""
    bounds, found = relaxation.bounds, {}
    for node, pieces in compiled.pieces.items():
        if node not in relaxation.lines:
            continue
        touched = span(pieces, bounds.lower[pieces.source], bounds.upper[pieces.source])
        if touched.is_split.any():
            found[node] = touched
    return found


def _families(compiled: Compiled, relaxation: Relaxed) -> dict[Side, Family]:
    """The lines to choose from of the relaxed nodes that are not piecewise linear."""
    found: dict[Side, Family] = {}
    for node, lines in relaxation.lines.items():
        found |= families(compiled, relaxation.bounds, node, lines)
    return found


def _start(problem: DualProblem, known: Array | None) -> DualPoint:
    """Default slopes, no multipliers, and the weights known, or the row with the best bound."""
    m, k, zeros = problem.count, problem.rows.count, problem.compiled.zeros
    slopes = {}
    for node in problem.spans:
        shape = (m, problem.compiled.sizes[node])
        slopes[node] = np.broadcast_to(problem.base.lines[node].lower[0], shape).copy()
    shares = {
        side: np.broadcast_to(family.start, (m, family.start.shape[1])).copy()
        for side, family in problem.families.items()
    }
    multipliers = {i: zeros(*mask.shape) for i, mask in problem.splits.items()}
    goals = k - problem.rows.premises
    weights = zeros(m, k)
    weights[:, 0] = 1
    if known is not None and not np.isnan(known).any():
        return DualPoint(slopes, multipliers, known.copy(), shares)
    if goals < 2:
        return DualPoint(slopes, multipliers, weights, shares)
    singles = []
    for row in range(goals):
        alone = zeros(m, k)
        alone[:, row] = 1
        singles.append(problem.plane(DualPoint(slopes, multipliers, alone, shares))[0].value)
    best = np.argmax(np.stack(singles), axis=0)
    weights[:, 0] = 0
    weights[np.arange(m, like=best), best] = 1
    if known is not None:
        np.copyto(weights, known, where=~np.isnan(known))
    return DualPoint(slopes, multipliers, weights, shares)


def _part(problem: DualProblem, start: DualPoint, part: slice) -> DualPoint:
    """Another search's point, on this problem's boxes and with what is free here."""
    fresh = _start(problem, start.weights[part])
    for node, touched in problem.spans.items():
        given = start.slopes.get(node)
        if given is not None:
            usable = touched.is_split & ~np.isnan(given[part])
            low = np.minimum(touched.left, touched.right)
            clipped = np.clip(given[part], low, np.maximum(touched.left, touched.right))
            fresh.slopes[node] = np.where(usable, clipped, fresh.slopes[node])
    for side, share in fresh.shares.items():
        if side in start.shares:
            known = start.shares[side][part]
            np.copyto(share, known, where=problem.families[side].is_free & ~np.isnan(known))
    for node, mask in problem.splits.items():
        given = start.multipliers.get(node)
        if given is not None:
            fresh.multipliers[node] = np.where(mask, given[part], 0)
    return fresh


@dataclass(slots=True, eq=False)
class _Moments:
    """Running averages of gradients and of their squares, for one array (Adam's)."""

    first: Array
    second: Array = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.second = np.zeros_like(self.first)

    def direction(self, slope: Array) -> Array:
        """The step for this gradient, of size about one; where it is only rounding, about zero."""
        self.count += 1
        self.first *= 0.9
        self.first += 0.1 * slope
        self.second *= 0.999
        self.second += 0.001 * np.square(slope)
        size = np.sqrt(self.second / (1 - 0.999**self.count))
        small = np.finfo(size.dtype).tiny ** 0.5 + NOISE * size.max(axis=1, keepdims=True)
        step: Array = self.first / (1 - 0.9**self.count) / (size + small)
        return step


def _climb(problem: DualProblem, point: DualPoint, ascent: Ascent) -> Optimized:
    """Ascends from the point; keeps each box's best after its slopes are rounded to codes."""
    start = point.copy()
    best, value = point.copy(), problem.compiled.zeros(problem.count) - np.inf
    moments = [_Moments(np.zeros_like(a)) for a in point.arrays()]
    rate, scales = ascent.rate, dict[int, Array]()
    for step in range(ascent.steps + 1):
        seen: dict[int, Array] = {}
        plane, relaxation = problem.plane(point, seen)
        better = plane.value > value
        best.adopt(point, better)
        value = np.where(better, plane.value, value)
        if step == ascent.steps or bool((value > ascent.target).all()):
            break
        slope, size = gradient(problem, point, plane, relaxation, seen)
        scales = scales or size
        steps = [m.direction(g) for m, g in zip(moments, slope, strict=True)]
        _move(problem, point, steps, rate=rate, scales=scales)
        rate *= ascent.decay
    return _settle(problem, best, start)


def _settle(problem: DualProblem, best: DualPoint, start: DualPoint) -> Optimized:
    """The better of two points for each box, with slopes rounded to codes."""
    for node, slopes in best.slopes.items():
        exact = slopes_of(problem.spans[node], _codes(problem, node, slopes))
        np.copyto(slopes, exact, where=~np.isnan(exact))
    first, second = problem.plane(best)[0], problem.plane(start)[0]
    best.adopt(start, second.value > first.value)
    seen: dict[int, Array] = {}
    plane, relaxation = problem.plane(best, seen)
    codes = {node: _codes(problem, node, slopes) for node, slopes in best.slopes.items()}
    return Optimized(plane.value, best, codes, plane, _explicit(problem, best, relaxation, seen))


def _explicit(
    problem: DualProblem, point: DualPoint, relaxation: Relaxed, seen: Mapping[int, Array]
) -> dict[int, Array]:
    """The slopes that differ from the default ones and that the bound uses."""
    found: dict[int, Array] = {}
    for side, share in point.shares.items():
        (node, above), family = side, problem.families[side]
        if node not in seen:
            continue
        moved = family.is_free & (share != family.start)
        moved = moved & (seen[node] < 0 if above else seen[node] > 0)
        lines = relaxation.lines[node]
        slopes = lines.upper if above else lines.lower
        count = len(slopes)
        if node not in found:
            shape = (len(share), 2 * count, share.shape[1])
            found[node] = np.full_like(share, np.nan, shape=shape)
        for k, slope in enumerate(slopes):
            found[node][:, above * count + k] = np.where(moved, slope, np.nan)
    return found


def _codes(problem: DualProblem, node: int, slopes: Array) -> Codes:
    """The nearest codes, that for default where a slope is the default one."""
    codes = codes_of(problem.spans[node], slopes)
    default = problem.base.lines[node].lower[0]
    return np.where(slopes == default, DEFAULT_CODE, codes).astype(np.uint8)


def _move(
    problem: DualProblem,
    point: DualPoint,
    steps: list[Array],
    *,
    rate: float,
    scales: Mapping[int, Array],
) -> None:
    """One step of the point, kept inside what is allowed."""
    todo = iter(steps)
    for node, slopes in point.slopes.items():
        touched = problem.spans[node]
        width = touched.right - touched.left
        slopes += np.where(touched.is_split, rate * width * next(todo), 0)
        low, high = np.minimum(touched.left, touched.right), np.maximum(touched.left, touched.right)
        np.copyto(slopes, np.clip(slopes, low, high), where=touched.is_split)
    for side, share in point.shares.items():
        share += np.where(problem.families[side].is_free, rate * next(todo), 0)
        np.clip(share, 0, 1, out=share)
    for node, c in point.multipliers.items():
        moved = c + np.where(problem.splits[node], rate * scales.get(node, 1.0) * next(todo), 0)
        c[:] = np.where(moved * c < 0, 0, moved)  # zero is a kink: stop there first
    weights = point.weights + rate * next(todo)
    goals = problem.rows.count - problem.rows.premises
    point.weights[:, goals:] = np.maximum(weights[:, goals:], 0)
    point.weights[:, :goals] = _simplex(weights[:, :goals])


def _simplex(points: Array) -> Array:
    """The nearest points with entries at least 0 and sum 1.

    >>> _simplex(np.array([[0.5, 2.0], [0.4, 0.4]])).tolist()
    [[0.0, 1.0], [0.5, 0.5]]
    """
    ordered = -np.sort(-points, axis=1)
    ranks = np.arange(1, points.shape[1] + 1, dtype=points.dtype, like=points)
    excess = (np.cumsum(ordered, axis=1) - 1) / ranks
    last = (ordered > excess).sum(axis=1) - 1
    every = np.arange(len(points), like=last)
    nearest: Array = np.maximum(points - excess[every, last][:, None], 0)
    return nearest


def _join(parts: list[Optimized]) -> Optimized:
    """The results for all boxes; slopes that a part has none of are NaN, multipliers zero."""
    counts = [len(p.value) for p in parts]
    point = DualPoint(
        _stack([p.point.slopes for p in parts], counts, np.nan),
        _stack([p.point.multipliers for p in parts], counts, 0),
        np.concatenate([p.point.weights for p in parts]),
        _stack([p.point.shares for p in parts], counts, np.nan),
    )
    explicit = _stack([p.explicit for p in parts], counts, np.nan)
    codes = _stack([p.codes for p in parts], counts, DEFAULT_CODE)
    plane = join([p.plane for p in parts])
    return Optimized(plane.value, point, codes, plane, explicit)


def _stack(
    tables: Sequence[Mapping[K, npt.NDArray[T]]], counts: list[int], fill: float
) -> dict[K, npt.NDArray[T]]:
    """Tables by node or side one below the other; `fill` where a table lacks a node."""
    known = {node: a for table in tables for node, a in table.items()}
    result = {}
    for node, a in known.items():
        empty = [np.full_like(a, fill, shape=(m, *a.shape[1:])) for m in counts]
        result[node] = np.concatenate([t.get(node, e) for t, e in zip(tables, empty, strict=True)])
    return result
