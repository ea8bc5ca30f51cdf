"""LB, the only inference: a lower bound of linear forms over a context, by elimination.

May import: numpy, python-flint, network, query, lines, arithmetic. Must not know: trees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import LARGEST, SLACK, TINY, UNIT, Arithmetic, Rounded, exactly
from verifai.kernel.errors import Rejection
from verifai.kernel.forward import Ends, Machine, depth
from verifai.kernel.lines import Lines, Planes
from verifai.kernel.network import Affine, Input, Product
from verifai.kernel.number import above, below
from verifai.kernel.operator import Array
from verifai.kernel.query import Query


class Context(Protocol):
    """Where LB looks up what is true: one set of intervals and lines for every row of `pick`."""

    pick: Array | None

    def ends(self, node: int) -> Ends:
        """Intervals of a node's values, (sets, n), in the arithmetic's numbers."""
        ...

    def lines(self, node: int) -> Lines | Planes:
        """Lines of a nonlinear node, (sets, n)."""
        ...


@dataclass(slots=True)
class Forms:
    """M linear forms Σ coefficient·value + constant, known up to ± error over the whole domain."""

    coefficients: dict[int, Array]  # node → (M, n)
    constant: Array  # (M,)
    error: Array  # (M,), not negative


@dataclass(frozen=True, slots=True)
class _Affine:
    """Per affine node: weights that turn |coefficients| into error terms, and the probe's sides."""

    error: Array | None  # (n,)
    probe: Ends | None = None  # (n,) each: the terms applied to the probe vector, its error
    points: tuple[Array, ...] = field(default_factory=tuple)  # each term's probe vector


class Root:
    """A query in one arithmetic: root intervals, magnitudes, and error weights.

    Attributes:
        low, high: root ends of all values as float64, rounded outwards; (N,).
        sharp: in exact arithmetic the rational root ends, which replace equal float ends.
        is_empty: whether the box holds no point.
    """

    def __init__(self, query: Query, ar: Arithmetic, floats: Root | None = None) -> None:
        """One forward pass; `floats` is the same query's root in rounded arithmetic.

        Raises:
            Rejection: "finite", where magnitudes are beyond float64.
        """
        self.query, self.ar = query, ar
        self.network = query.network
        self.machine = Machine(query.network, ar)
        lower, upper = list(query.lower), list(query.upper)
        for position, value in enumerate(query.input_values):
            if value in query.integers:
                lower[position] = fmpq(lower[position].ceil())
                upper[position] = fmpq(upper[position].floor())
        self.is_empty = any(l > u for l, u in zip(lower, upper, strict=True))
        if self.is_empty:
            upper = [max(l, u) for l, u in zip(lower, upper, strict=True)]
        ends = self.machine.forward(self._boxes(lower, upper))
        low, high = (np.concatenate([e[side][0] for e in ends]) for side in (0, 1))
        self.sharp: Ends | None = None if floats is None else (low, high)
        self.low: Array = low if floats is None else floats.low
        self.high: Array = high if floats is None else floats.high
        if not ((abs(self.low) <= LARGEST) & (abs(self.high) <= LARGEST)).all():
            raise Rejection("finite", "a value of the network may exceed 2^300 on this domain")
        self.magnitude = np.maximum(abs(self.low), abs(self.high))
        self.affine = {
            i: self._weights(i, n)
            for i, n in enumerate(self.network.nodes)
            if isinstance(n, Affine)
        }

    def _boxes(self, lower: list[fmpq], upper: list[fmpq]) -> list[Ends]:
        boxes, start = [], 0
        for i in self.network.inputs:
            part = slice(start, start + self.network.sizes[i])
            start += self.network.sizes[i]
            if self.ar.rounds:
                l = np.array([below(q) for q in lower[part]])
                u = np.array([above(q) for q in upper[part]])
            else:
                l, u = self.ar.rationals(lower[part])[0], self.ar.rationals(upper[part])[0]
            boxes.append((l[None], u[None]))
        return boxes

    def values(self, node: int) -> slice:
        """Where a node's values stand among all values."""
        return slice(self.network.offsets[node], self.network.offsets[node + 1])

    def _weights(self, i: int, node: Affine) -> _Affine:
        """Rounding of pull, divisor and bias, relative to root magnitudes."""
        ar, magnitudes = self.ar, [self.magnitude[None, self.values(s)] for s in node.sources]
        if not ar.rounds:
            return _Affine(None)
        size = self.machine.size(i, magnitudes)[0]
        steps = depth(node) + 16
        error = size * (steps * UNIT * SLACK) + abs(node.bias) * (len(node.bias) * UNIT * SLACK)
        probe = size * ((2 * steps + len(size) + sum(m.size for m in magnitudes)) * 4 * UNIT)
        signs = [np.where(np.arange(m.size) * 2654435761 % 97 % 2, 1.0, -1.0) for m in magnitudes]
        points = tuple(m[0] * s for m, s in zip(magnitudes, signs, strict=True))
        pushed = [op.push(ar, p[None])[0] for (_, op), p in zip(node.terms, points, strict=True)]
        if not np.isfinite(error).all():
            raise Rejection("finite", f"the magnitudes of node {node.name!r} are not finite")
        return _Affine(error, (sum(pushed, np.zeros(len(size))), probe), points)

    def ends(self, node: int, low: Array, high: Array) -> Ends:
        """Float ends (sets, n) in this arithmetic; untouched root ends are the exact ones."""
        where = self.values(node)
        low, high = low[:, where], high[:, where]
        if self.sharp is None:
            return low, high
        sharp_low, sharp_high = self.sharp[0][where], self.sharp[1][where]
        return (
            np.where(low == self.low[where], sharp_low, exactly(low)),
            np.where(high == self.high[where], sharp_high, exactly(high)),
        )


def lower_bounds(root: Root, forms: Forms, context: Context) -> Array:
    """For every form a number it is not below at any point of its context.

    Returns:
        (M,): float64 (minus infinity where nothing finite came out), or exact rationals.
    """
    return bounds_and_errors(root, forms, context)[0]


def bounds_and_errors(root: Root, forms: Forms, context: Context) -> Ends:
    """As `lower_bounds`, with what was taken off each for rounding; (M,) both."""
    todo = _Elimination(root, forms, context)
    for i in range(len(root.network.nodes) - 1, -1, -1):
        a = forms.coefficients.pop(i, None)
        if a is not None:
            todo.eliminate(i, a)
    if not root.ar.rounds:
        return np.asarray(todo.total - todo.error), todo.error
    with np.errstate(all="ignore"):
        result = np.nextafter(todo.total - (todo.error * SLACK + TINY), -np.inf)
    return np.where(np.isfinite(result), result, -np.inf), todo.error


class _Elimination:
    """The state of one LB: what is not yet eliminated, the constants so far, and their error."""

    def __init__(self, root: Root, forms: Forms, context: Context) -> None:
        self.root, self.forms, self.context = root, forms, context
        self.total, self.error = forms.constant, forms.error
        self.zero = root.machine.zero

    def eliminate(self, i: int, a: Array) -> None:
        """Replaces the values of node i by what bounds them from below, given coefficients a."""
        node = self.root.network.nodes[i]
        if isinstance(node, Input):
            self._add(*self._against(self._parts(a), *self.context.ends(i)))
        elif isinstance(node, Affine):
            self._affine(i, node, a)
        elif isinstance(node, Product):
            self._product(node, a)
        else:
            lines = self.context.lines(i)
            if not isinstance(lines, Lines):
                raise TypeError("a unary node with planes")
            positive, negative = parts = self._parts(a)
            slopes = positive * self._at(lines.lower_slope) + negative * self._at(lines.upper_slope)
            self._add(*self._against(parts, lines.lower_intercept, lines.upper_intercept))
            self._pass_on(node.source, slopes)

    def _parts(self, a: Array) -> Ends:
        return np.maximum(a, self.zero), np.minimum(a, self.zero)

    def _at(self, sets: Array) -> Array:
        """The rows of `sets` that belong to the forms."""
        pick = self.context.pick
        return sets if pick is None or len(sets) == 1 else sets[pick]

    def _against(self, parts: Ends, lower: Array, upper: Array) -> Ends:
        """Σ max(a, 0)·lower + min(a, 0)·upper, and the sum's absolute size."""
        positive, negative = parts
        products = positive * self._at(lower) + negative * self._at(upper)
        size = abs(products).sum(axis=1) if self.root.ar.rounds else self.zero
        return products.sum(axis=1), size * (products.shape[1] + 4)

    def _add(self, part: Array, size: Array) -> None:
        """Adds a constant whose rounding error is at most UNIT·size."""
        self.total = self.total + part
        if self.root.ar.rounds:
            self.error = self.error + (size + abs(self.total)) * UNIT

    def _pass_on(self, node: int, a: Array) -> None:
        """Adds coefficients, each off by at most 2·UNIT·|a|, to those of an earlier node."""
        known = self.forms.coefficients.get(node)
        total = a if known is None else known + a
        if self.root.ar.rounds:
            size = abs(a) if known is None else abs(a) + abs(total)
            magnitude = self.root.magnitude[self.root.values(node)]
            self.error = self.error + (size @ magnitude) * (4 * UNIT)
        self.forms.coefficients[node] = total

    def _affine(self, i: int, node: Affine, a: Array) -> None:
        ar, weights = self.root.ar, self.root.affine[i]
        if node.divisor is not None:
            a = a / ar.lift(node.divisor)
        size = abs(a) if weights.error is not None else a
        if weights.error is not None:
            self.error = self.error + size @ weights.error
        if node.radius is not None:
            self.total = self.total - self._radius(i, node.radius, abs(a))
        bias = ar.lift(node.bias)
        self._add(a @ bias, self.zero * 0)
        seen = self.total * self.zero
        for term, (source, op) in enumerate(node.terms):
            pulled = op.pull(ar, a)
            if ar.rounds:
                seen = seen + pulled @ weights.points[term]
            known = self.forms.coefficients.get(source)
            if known is not None:
                pulled = known + pulled
                if ar.rounds:
                    magnitude = self.root.magnitude[self.root.values(source)]
                    self.error = self.error + (abs(pulled) @ magnitude) * (2 * UNIT)
            self.forms.coefficients[source] = pulled
        if weights.probe is not None:
            applied, error = weights.probe
            gap, allowed = abs(seen - a @ applied), size @ error + TINY
            if not ((gap <= allowed) | ~np.isfinite(gap)).all():
                raise Rejection("arithmetic", f"a matrix product at {node.name!r} is not accurate")

    def _radius(self, i: int, radius: Array, size: Array) -> Array:
        """Σ size·radius·(Σ|W||x| + |b|) with the context's intervals, for |coefficients| size."""
        sources = self.root.network.nodes[i].sources
        reach = self.root.machine.size(i, [self._magnitudes(s) for s in sources])
        total = (size * self._at(reach * self.root.ar.lift(radius))).sum(axis=1)
        return np.asarray(total * SLACK if self.root.ar.rounds else total)

    def _magnitudes(self, i: int) -> Array:
        """At least |values| of node i on every set; (sets, n)."""
        node, machine = self.root.network.nodes[i], self.root.machine
        low, high = self.context.ends(i)
        if not isinstance(node, Input | Affine):
            ends = [self.context.ends(source) for source in node.sources]
            least, most = machine.image(i, ends, len(low))
            low, high = np.maximum(low, least), np.minimum(high, most)
        return np.asarray(np.maximum(abs(low), abs(high)))

    def _product(self, node: Product, a: Array) -> None:
        planes = self.context.lines(self.root.network.positions[node.name])
        if not isinstance(planes, Planes):
            raise TypeError("a product with lines")
        positive, negative = parts = self._parts(a)
        self._add(*self._against(parts, planes.lower_intercept, planes.upper_intercept))
        for source, low, high in zip(
            node.sources, planes.lower_slopes, planes.upper_slopes, strict=True
        ):
            self._pass_on(source, positive * self._at(low) + negative * self._at(high))


def rounded_root(query: Query) -> Root:
    """The query's root in rounded arithmetic."""
    return Root(query, Rounded())
