"""LB, the only inference: a lower bound of linear forms over a context, by elimination.

May import: numpy, bound, lines, network, operator, arithmetic. Must not know: trees.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from verifai.kernel.arithmetic import Ends
from verifai.kernel.bound import Forms, Root
from verifai.kernel.context import Contexts
from verifai.kernel.errors import Rejection
from verifai.kernel.lines import Lines
from verifai.kernel.network import Affine, Input, Node, Pwl
from verifai.kernel.operator import Array, Dense

COPIED = 32  # forms for which parts of a weight are worth a copy


def lower_bounds(root: Root, forms: Forms, contexts: Contexts) -> Array:
    """For every form a number it is not below at any point of its context.

    Returns:
        (M,): float64 (minus infinity where nothing finite came out), or exact rationals.
    """
    return bounds_and_errors(root, forms, contexts)[0]


def bounds_and_errors(root: Root, forms: Forms, contexts: Contexts) -> Ends:
    """As `lower_bounds`, with what was taken off each for rounding; (M,) both."""
    todo = _Elimination(root, forms, contexts)
    todo.run()
    return root.ar.bounds(todo.total, todo.error)


class _Part(NamedTuple):
    """Coefficients on a node's values.

    Attributes:
        columns: which values they are on (all others have 0); None: all.
        a: (M, columns).
        owed: how much of |a|·magnitude does not yet count as error.
    """

    columns: Array | None
    a: Array
    owed: float = 0.0


class _Elimination:
    """The state of one LB: what is not yet eliminated, the constants so far, and their error."""

    def __init__(self, root: Root, forms: Forms, contexts: Contexts) -> None:
        self.root, self.contexts = root, contexts
        self.total, self.error = forms.constant, forms.error
        self.zero = root.machine.zero
        self.parts: dict[int, _Part] = {}
        self.living: dict[int, Array | None] = {}
        self.sets, self.pick = slice(None), contexts.pick
        if self.pick is not None and len(self.pick):
            first = int(self.pick.min())
            self.sets, self.pick = slice(first, int(self.pick.max()) + 1), self.pick - first
        for i, a in forms.coefficients.items():
            self.parts[i] = _Part(self._alive(i), _columns(a, self._alive(i)))
        if forms.single is not None and len(forms.single[0]):
            self._start(*forms.single)

    def _start(self, values: Array, signs: Array) -> None:
        """Adds ±value to every form; of a dense node its rows of weights, which is exact."""
        net, ar = self.root.network, self.root.ar
        owner, last = (net.owner(int(v))[0] for v in (values.min(), values.max()))
        node, first = net.nodes[owner], net.offsets[owner]
        if owner == last and isinstance(node, Affine) and _has_rows(node):
            self.total = ar.lift(node.bias)[values - first] * ar.lift(signs)
            for source, op in node.terms:
                if not isinstance(op, Dense):
                    continue
                alive = self._alive(source)
                rows = _columns(ar.lift(op.weight), alive).take(values - first, axis=0)
                self._pass_on(source, _Part(alive, rows * ar.lift(signs)[:, None]))
            return
        for i in range(owner, last + 1):
            here = np.flatnonzero((values >= net.offsets[i]) & (values < net.offsets[i + 1]))
            a = ar.zeros(len(values), net.sizes[i])
            a[here, values[here] - net.offsets[i]] = ar.lift(signs[here])
            self._pass_on(i, _Part(None, a))

    def run(self) -> None:
        """Eliminates all nodes, the last first."""
        for i in range(len(self.root.network.nodes) - 1, -1, -1):
            part = self.parts.pop(i, None)
            if part is not None:
                self._eliminate(i, part)

    def _eliminate(self, i: int, part: _Part) -> None:
        """Replaces the values of node i by what bounds them from below."""
        node, ar = self.root.network.nodes[i], self.root.ar
        if isinstance(node, Affine):
            self._affine(i, node, part)
            return
        self._settle(i, part)
        if isinstance(node, Input):
            low, high = self.contexts.ends(i)
            signs = self._signs(self._full(i, part))
            self._add(*ar.dot(signs, (low[self.sets], high[self.sets]), self._at))
        else:
            self._nonlinear(node, part, self.contexts.lines(i))

    def _nonlinear(self, node: Node, part: _Part, lines: Lines) -> None:
        """Replaces values by their lower lines where coefficients are positive, else by upper."""
        signs = self._signs(part.a)

        def picked(array: Array) -> Array:
            return _columns(array[self.sets], part.columns)

        ends = picked(lines.below), picked(lines.above)
        self._add(*self.root.ar.dot(signs, ends, self._at))
        for source, low, high in zip(node.sources, lines.lower, lines.upper, strict=True):
            s, t = self._at(picked(low)), self._at(picked(high))
            self._pass_on(source, _Part(part.columns, *self.root.ar.scale(signs, s, t)))

    def _alive(self, i: int) -> Array | None:
        """The values of node i that are not 0 on all sets, lines included; None: all."""
        if i not in self.living:
            self.living[i] = None
            if self.root.ar.rounds and isinstance(self.root.network.nodes[i], Pwl):
                lines = self.contexts.lines(i)
                if lines.is_zero is not None:
                    alive = np.flatnonzero(~lines.is_zero[self.sets].all(axis=0))
                    self.living[i] = alive if len(alive) < self.root.network.sizes[i] else None
        return self.living[i]

    def _signs(self, a: Array) -> Ends:
        """max(a, 0) and min(a, 0)."""
        positive = np.maximum(a, self.zero)
        return positive, a - positive

    def _at(self, sets: Array) -> Array:
        """The rows of `sets` that belong to the forms."""
        return sets if self.pick is None or len(sets) == 1 else sets.take(self.pick, axis=0)

    def _add(self, part: Array, error: Array) -> None:
        """Adds a constant that is off by at most an error."""
        self.total, off = self.root.ar.add(self.total, part)
        self.error = self.error + (error + off)

    def _settle(self, i: int, part: _Part) -> None:
        """Counts the error that coefficients on node i still owe."""
        if part.owed:
            magnitude = _columns(self.root.magnitude[self.root.values(i)], part.columns)
            self.error = self.error + self.root.ar.owed(part.a, part.owed, magnitude)

    def _pass_on(self, node: int, part: _Part) -> None:
        """Adds coefficients to those of an earlier node."""
        known = self.parts.get(node)
        if known is not None:
            self._settle(node, known)
            self._settle(node, part)
            known, part = (p._replace(a=self._full(node, p)) for p in (known, part))
            part = _Part(None, *self.root.ar.merge(known.a, part.a))
        self.parts[node] = part

    def _full(self, i: int, part: _Part) -> Array:
        """Coefficients on all values of node i."""
        if part.columns is None:
            return part.a
        a = self.root.ar.zeros(len(part.a), self.root.network.sizes[i])
        a[:, part.columns] = part.a
        return a

    def _affine(self, i: int, node: Affine, part: _Part) -> None:
        ar, weights, columns = self.root.ar, self.root.affine[i], part.columns
        if node.divisor is not None:
            self._settle(i, part)
            part = _Part(columns, part.a / _columns(ar.lift(node.divisor), columns))
        a, size = part.a, abs(part.a) if ar.rounds else part.a
        if weights.error is not None:
            owed = self.root.magnitude[self.root.values(i)] * part.owed
            self.error = self.error + size @ _columns(weights.error + owed, columns)
        if node.radius is not None:
            self._add(-self._radius(i, node.radius, part), self.zero)
        bias = _columns(ar.lift(node.bias), columns)
        self._add(ar.inner(a, bias[None]), self.zero)
        seen = applied = self.total * self.zero
        for term, source in enumerate(node.sources):
            alive = self._alive(source)
            pulled, one, other = self._pull(i, term, part, alive)
            seen, applied = seen + one, applied + other
            self._pass_on(source, _Part(alive, pulled))
        if weights.probe is not None:
            gap = abs(seen - applied)
            allowed = size @ _columns(weights.probe, columns) + ar.underflow()
            if not ((gap <= allowed) | ~np.isfinite(gap)).all():
                raise Rejection("arithmetic", f"a matrix product at {node.name!r} is not accurate")

    def _pull(self, i: int, term: int, part: _Part, alive: Array | None) -> tuple[Array, ...]:
        """A term's coefficients on the living values of its source, and the probe's two sides."""
        node, ar, weights = self.root.network.nodes[i], self.root.ar, self.root.affine[i]
        if not isinstance(node, Affine):
            raise TypeError(f"node {node.name!r} is not affine")
        op, is_part = node.terms[term][1], part.columns is not None or alive is not None
        is_whole = isinstance(op, Dense) and len(op.weight) == len(node.bias)
        if isinstance(op, Dense) and is_whole and is_part and len(part.a) >= COPIED:
            rows = op.weight if part.columns is None else op.weight[part.columns]
            weight, points = _columns(rows, alive), _columns(weights.points[term], alive)
            pulled = ar.matmul(part.a, weight)
            return pulled, pulled @ points, part.a @ (weight @ points)
        a = self._full(i, part)
        pulled = op.pull(ar, a)
        if weights.probe is None:
            return pulled, self.zero, self.zero
        sides = pulled @ weights.points[term], a @ weights.pushed[term]
        return _columns(pulled, alive), *sides

    def _radius(self, i: int, radius: Array, part: _Part) -> Array:
        """Σ |coefficient|·radius·(Σ|W||x| + |b|) with the context's intervals."""
        sources = self.root.network.nodes[i].sources
        reach = self.root.machine.size(i, [self._magnitudes(s) for s in sources])
        weights = self.root.ar.radius(self.root.ar.lift(radius), reach)
        weights = weights[self.sets] if sources else weights  # of a constant one row for all
        return np.asarray((abs(part.a) * self._at(_columns(weights, part.columns))).sum(axis=1))

    def _magnitudes(self, i: int) -> Array:
        """At least |values| of node i on every set; (sets, n)."""
        node, machine = self.root.network.nodes[i], self.root.machine
        low, high = self.contexts.ends(i)
        if not isinstance(node, Input | Affine):
            ends = [self.contexts.ends(source) for source in node.sources]
            least, most = machine.image(i, ends, len(low))
            low, high = np.maximum(low, least), np.minimum(high, most)
        return np.asarray(np.maximum(abs(low), abs(high)))


def _has_rows(node: Affine) -> bool:
    """Whether every value is a row of weights times the sources, plus a bias."""
    size = len(node.bias)
    dense = all(isinstance(op, Dense) and len(op.weight) == size for _, op in node.terms)
    return dense and node.divisor is None and node.radius is None


def _columns(array: Array, columns: Array | None) -> Array:
    """These columns of an array."""
    return array if columns is None else array.take(columns, axis=-1)
