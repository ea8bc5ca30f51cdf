"""The checker: walks a certificate's tree and accepts it only if every leaf is refuted.

What a context holds is true at every point of the domain that takes the path's side of each split
and choice and violates the property. Splits and choices cover; leaves are contradictions; so no
point violates the property. SPEC.md states the rules; each `Rejection` names the one it found broken.

May import: everything of the kernel but replay and statement. Must not know: loaders, the search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Exact, Rounded, exactly
from verifai.kernel.bound import Ends, Root, lower_bounds
from verifai.kernel.certificate import MAX_DEPTH, Kind, Proof, decode_certificate
from verifai.kernel.context import FormBuilder, Row, Scene, integer_values, multiplied, row_of, settled, spread
from verifai.kernel.errors import Rejection
from verifai.kernel.formula import is_refuted
from verifai.kernel.network import Pwl
from verifai.kernel.number import above, below, exact, nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import Or, Query

MAX_BATCH = 512
BATCH_VALUES = 1 << 19
CHUNK_VALUES = 1 << 15


@dataclass(frozen=True, slots=True)
class Accepted:
    """The property holds on the whole domain, as the certificate shows."""

    nodes: int
    leaves: int
    vacuous: bool


class Place(NamedTuple):
    """A tree node that is still to be visited, with its context."""

    position: int
    low: Array
    high: Array
    cuts: tuple[tuple[int, float, float], ...]  # value, new low, new high
    rows: tuple[int, ...]
    ors: tuple[Or, ...]
    depth: int
    is_empty: bool


def check(
    query: Query, certificate: bytes, *, network_digest: str, query_digest: str, exact: bool = False
) -> Accepted:
    """Accepts a certificate only if no point of the query's domain violates its property.

    Args:
        query: the decision problem that the caller believes in.
        certificate: untrusted bytes.
        network_digest, query_digest: sha256 of the two canonical files.
        exact: use rational arithmetic instead of rounded float64.

    Raises:
        Rejection: the rule that the certificate breaks.
    """
    proof = decode_certificate(certificate, network_digest, query_digest)
    checker = Checker(query, exact=exact)
    for position, reason in checker.failures(proof):
        raise Rejection(reason.rule, f"{reason.reason} (tree node {position})")
    leaves = int(((proof.tree == Kind.CLOSE) | (proof.tree == Kind.POINT)).sum())
    return Accepted(len(proof.tree), leaves, checker.root.is_empty)


class Checker:
    """One query in one arithmetic; it can check many proofs."""

    def __init__(self, query: Query, *, exact: bool = False) -> None:
        """Runs the root's forward pass.

        Raises:
            Rejection: "finite", where the query's magnitudes are beyond float64.
        """
        self.query = query
        with np.errstate(all="ignore"):
            self.rounded = Root(query, Rounded())
            self.root = Root(query, Exact(), self.rounded) if exact else self.rounded
        self.integer = integer_values(query)
        rows, ors = spread(query.unsafe.parts)
        self.ors = tuple(ors)
        self.first = [row_of(atom) for atom in query.domain] + rows

    def failures(self, proof: Proof) -> Iterator[tuple[int, Rejection]]:
        """The leaves that do not hold, with why; whatever else is wrong is raised.

        Raises:
            Rejection: the tree itself breaks a rule.
        """
        with np.errstate(all="ignore"):
            yield from _Run(self, proof).walk()


class _Run:
    """The walk over one proof."""

    def __init__(self, checker: Checker, proof: Proof) -> None:
        self.checker, self.proof, self.root = checker, proof, checker.root
        self.table: list[Row] = list(checker.first)
        self.batch = max(1, min(MAX_BATCH, BATCH_VALUES // max(1, len(self.root.low))))
        total = len(self.root.low)
        for name, values in (("form_value", proof.form_value), ("mu_value", proof.mu_value), ("slope_value", proof.slope_value)):
            if len(values) and not (values.min() >= 0 and values.max() < total):
                raise Rejection("range", f"{name} names a value that the network does not have")
        if len(proof.split_form) and not proof.split_form.max() < total:
            raise Rejection("range", "a split on a value that the network does not have")
        if len(proof.step_target) and not proof.step_target.max() < len(self.root.network.nodes):
            raise Rejection("range", "a derive record on a node that the network does not have")
        sizes = zip(self.root.network.nodes, self.root.network.sizes, strict=True)
        columns = sum(size for node, size in sizes if isinstance(node, Pwl))
        if len(proof.codes) and proof.codes.shape[1] != columns:
            raise Rejection("range", f"codes of {proof.codes.shape[1]} values, not {columns}")

    def walk(self) -> Iterator[tuple[int, Rejection]]:
        """Visits every tree node once, batches of nodes of one kind together."""
        count = len(self.checker.first)
        first = Place(0, self.root.low, self.root.high, (), (), self.checker.ors, 0, self.root.is_empty)
        pending = [self._with_rows(first, tuple(range(count)))]
        if len(self.proof.ends) and self.proof.ends[0] != len(self.proof.tree):
            raise Rejection("tree", "records behind the tree's end")
        while pending:
            taken = pending[-self.batch :]
            del pending[-self.batch :]
            places = [self._enter(place) for place in taken]
            kinds = self.proof.tree[[p.position for p in places]].tolist()
            for kind in Kind:
                group = [p for p, k in zip(places, kinds, strict=True) if k == kind.value]
                if not group:
                    continue
                if kind is Kind.SPLIT:
                    pending += [child for p in group for child in self._split(p)]
                elif kind is Kind.CHOOSE:
                    pending += [child for p in group for child in self._choose(p)]
                elif kind is Kind.DERIVE:
                    pending += self._derive(group)
                elif kind is Kind.CLOSE:
                    yield from self._close([p for p in group if not p.is_empty])
                else:
                    yield from self._point([p for p in group if not p.is_empty])

    def _enter(self, place: Place) -> Place:
        """The place with its cuts made in arrays of its own."""
        if place.depth > MAX_DEPTH:
            raise Rejection("tree", f"deeper than {MAX_DEPTH}")
        low, high, is_empty = place.low, place.high, place.is_empty
        if place.cuts:
            low, high = low.copy(), high.copy()
        for value, new_low, new_high in place.cuts:
            l, u = max(low[value], new_low), min(high[value], new_high)
            if l <= u:
                low[value], high[value] = l, u
            else:
                is_empty = True
        return place._replace(low=low, high=high, cuts=(), is_empty=is_empty)

    def _child(self, place: Place, position: int, **changes: object) -> Place:
        return place._replace(position=position, depth=place.depth + 1, **changes)

    def _with_rows(self, place: Place, rows: tuple[int, ...]) -> Place:
        """The place with more rows; those on one value cut its interval."""
        cuts = [cut for r in rows for cut in self._cuts(self.table[r])]
        return place._replace(rows=place.rows + rows, cuts=place.cuts + tuple(cuts))

    def _cuts(self, row: Row) -> list[tuple[int, float, float]]:
        """What a row on a single value says about its interval."""
        if len(row.values) != 1:
            return []
        value, factor = row.values[0], row.factors[0]
        bound = -row.constant / factor
        whole = bool(self.checker.integer[value])
        down, up = (fmpq(bound.floor()), fmpq(bound.ceil())) if whole else (bound, bound)
        low = below(up) if factor < 0 or row.free else -np.inf
        high = above(down) if factor > 0 or row.free else np.inf
        return [(value, low, high)]

    def _form(self, index: int) -> Row:
        """A split's or step's form: a single value, or an item of the table of forms."""
        if index >= 0:
            return Row([index], [fmpq(1)], fmpq(0))
        start = self.proof.form_start
        part = slice(start[-1 - index], start[-index])
        values = self.proof.form_value[part].tolist()
        if len(set(values)) != len(values) or not values:
            raise Rejection("form", "a form that names no value, or one twice")
        factors = [exact(x) for x in self.proof.form_factor[part].tolist()]
        if not all(factors):
            raise Rejection("form", "a form with a factor zero")
        return Row(values, factors, fmpq(0))

    def _split(self, place: Place) -> list[Place]:
        """Rule split: g ≤ c, or g > c (for an integer-valued g: g ≤ ⌊c⌋, or g ≥ ⌊c⌋ + 1)."""
        record = self.proof.ordinal[place.position]
        form, at = self._form(int(self.proof.split_form[record])), exact(float(self.proof.split_at[record]))
        whole = all(self.checker.integer[v] for v in form.values) and all(c.q == 1 for c in form.factors)
        if whole:
            at = fmpq(at.floor())
        negated = [-c for c in form.factors]
        first = form._replace(constant=-at)
        second = Row(form.values, negated, at + 1 if whole else at, strict=not whole)
        left, right = self.proof.children(place.position)
        return [
            self._with_rows(self._child(place, child), (self._new_row(row),))
            for child, row in ((left, first), (right, second))
        ]

    def _new_row(self, row: Row) -> int:
        self.table.append(row)
        return len(self.table) - 1

    def _choose(self, place: Place) -> list[Place]:
        """Rule choose: one child for every alternative of a disjunction that is still open."""
        record = self.proof.ordinal[place.position]
        which = int(self.proof.choose_or[record])
        if not 0 <= which < len(place.ors):
            raise Rejection("choose", f"the path has no open disjunction {which}")
        parts = place.ors[which].parts
        if len(parts) != self.proof.choose_count[record] or not parts:
            raise Rejection("choose", f"{len(parts)} alternatives, not {self.proof.choose_count[record]}")
        rest = place.ors[:which] + place.ors[which + 1 :]
        children = []
        for part, position in zip(parts, self.proof.children(place.position), strict=True):
            rows, ors = spread((part,))
            child = self._child(place, position, ors=rest + tuple(ors))
            children.append(self._with_rows(child, tuple(self._new_row(row) for row in rows)))
        return children

    def _derive(self, group: list[Place]) -> list[Place]:
        """Rule derive: h ≥ LB(h) for the forms of a plan; those on one value cut its interval."""
        children = []
        plans = [int(self.proof.derive_plan[self.proof.ordinal[p.position]]) for p in group]
        for plan in sorted(set(plans)):
            places = [p for p, which in zip(group, plans, strict=True) if which == plan]
            children += _Plan(self, places).follow(plan)
        return [self._child(p, p.position + 1) for p in children]

    def _close(self, places: list[Place]) -> Iterator[tuple[int, Rejection]]:
        """Rule close: L = LB(0; multipliers) > 0, or L = 0 with weight on a strict row."""
        if not places:
            return
        blocks = np.array([self.proof.close_block[self.proof.ordinal[p.position]] for p in places])
        scene = Scene(self.root, self.proof, *_stack(places), blocks)
        builder = FormBuilder(self.root, len(places))
        strict = [self.multiply(builder, i, scene, i, p) for i, p in enumerate(places)]
        bounds = lower_bounds(self.root, builder.build(), scene)
        for place, bound, is_strict in zip(places, bounds, strict, strict=True):
            if not (bound > 0 or (bound == 0 and is_strict)):
                shown = float(bound) if self.root.ar.rounds else nearest(bound)
                yield place.position, Rejection("close", f"the bound is {shown:.6g}, not above 0")

    def multiply(self, builder: FormBuilder, form: int, scene: Scene, index: int, place: Place) -> bool:
        """Adds a block's Σ λ·row + Σ μ·bound to a form; whether a strict row has weight."""
        proof, block, strict = self.proof, int(scene.blocks[index]), False
        if block < 0:
            return False
        for entry in range(proof.block_lambda[block], proof.block_lambda[block + 1]):
            number = int(proof.lambda_row[entry])
            if not -len(place.rows) <= number < len(place.rows):
                raise Rejection("multiplier", f"the path has no row {number}")
            row = self.table[place.rows[number]]
            factor = multiplied(float(proof.lambda_factor[entry]), row)
            builder.row(form, factor, row)
            strict |= row.strict and factor > 0
        for entry in range(proof.block_mu[block], proof.block_mu[block + 1]):
            value, factor = int(proof.mu_value[entry]), exact(float(proof.mu_factor[entry]))
            builder.term(form, value, -factor)
            builder.plus(form, factor * self._end(scene, index, value, factor > 0))
        return strict

    def _end(self, scene: Scene, index: int, value: int, is_lower: bool) -> fmpq:
        """An end of a value's interval; in exact arithmetic the sharp one."""
        floats, root = (scene.low if is_lower else scene.high)[index, value], self.root
        if root.sharp is not None and floats == (root.low if is_lower else root.high)[value]:
            return root.sharp[0 if is_lower else 1][value]
        return exact(float(floats))

    def _point(self, places: list[Place]) -> Iterator[tuple[int, Rejection]]:
        """Rule point: evaluated on the context's inputs, the formula is false in every alternative."""
        if not places:
            return
        low, high = _stack(places)
        boxes = [self.root.ends(i, low, high) for i in self.root.network.inputs]
        ends = self.root.machine.forward(boxes)
        every = [np.concatenate([e[side] for e in ends], axis=1) for side in (0, 1)]
        for i, place in enumerate(places):
            if not is_refuted(self.checker.query, every[0][i], every[1][i]):
                yield place.position, Rejection("point", "the formula may hold there")


class _Plan:
    """A derive plan followed on several contexts at once."""

    def __init__(self, run: _Run, places: list[Place]) -> None:
        self.run, self.root, self.proof = run, run.root, run.proof
        self.places = places
        self.low, self.high = _stack(places)
        self.scene = Scene(self.root, self.proof, self.low, self.high, np.full(len(places), -1))

    def follow(self, plan: int) -> list[Place]:
        """The places with what the plan's steps derived."""
        steps = list(range(self.proof.plan_start[plan], self.proof.plan_start[plan + 1]))
        while steps:
            target = int(self.proof.step_target[steps[0]])
            if target >= 0:
                self._node(target, int(self.proof.step_block[steps.pop(0)]))
                continue
            run = list(takewhile(lambda s: self.proof.step_target[s] < 0, steps))
            del steps[: len(run)]
            self._forms(run)
        return [
            p._replace(low=self.low[i], high=self.high[i], is_empty=p.is_empty or self.empty(i))
            for i, p in enumerate(self.places)
        ]

    def empty(self, i: int) -> bool:
        """Whether an interval of context i holds nothing."""
        return bool((self.low[i] > self.high[i]).any())

    def _node(self, node: int, block: int) -> None:
        """Bounds of all values of a node that are not settled."""
        contexts, values = np.nonzero(~settled(self.root, node, self.low, self.high))
        alive = np.array([not p.is_empty for p in self.places])[contexts]
        contexts, values = contexts[alive], values[alive] + self.root.network.offsets[node]
        scene = self.scene
        if block >= 0:
            scene = replace(scene, blocks=np.full(len(self.places), block), known=None)
        size = max(1, CHUNK_VALUES // max(self.root.network.sizes))
        parts = [slice(start, start + size) for start in range(0, len(contexts), size)]
        ends = [self._pairs(scene, contexts[part], values[part]) for part in parts]
        for part, (low, high) in zip(parts, ends, strict=True):
            where = contexts[part], values[part]
            self.low[where] = np.maximum(self.low[where], low)
            self.high[where] = np.minimum(self.high[where], high)
        self.scene.forget(node)

    def _pairs(self, scene: Scene, contexts: Array, values: Array) -> Ends:
        """Derived ends of single values, each in its context."""
        count = len(contexts)
        pick, rows = np.concatenate([contexts, contexts]), np.arange(2 * count)
        signs = np.repeat([1.0, -1.0], count)

        def bounds(root: Root) -> Array:
            builder = FormBuilder(root, 2 * count)
            builder.units(rows, np.concatenate([values, values]), signs)
            there = replace(scene, root=root, pick=pick, known=scene.known if root is scene.root else None)
            if scene.blocks[0] >= 0:
                for form, context in enumerate(pick.tolist()):
                    self.run.multiply(builder, form, there, context, self.places[context])
            result = lower_bounds(root, builder.build(), there)
            scene.known = there.known if root is scene.root else scene.known
            return result

        ends = self._ends(bounds)
        return ends[:count], -ends[count:]

    def _ends(self, bounds: Callable[[Root], Array]) -> Array:
        """Derived ends as doubles; exact arithmetic takes the rounded ones where it reaches them."""
        guide = bounds(self.run.checker.rounded)
        if self.root.ar.rounds:
            return guide
        sharp = bounds(self.root)
        reached = sharp >= exactly(np.where(np.isfinite(guide), guide, 0.0))
        return np.array([g if np.isfinite(g) and r else below(s) for g, r, s in zip(guide, reached, sharp, strict=True)])

    def _forms(self, steps: list[int]) -> None:
        """Rows h ≥ LB(h) for consecutive form steps, all in the context before the first."""
        forms = [self.run._form(int(self.proof.step_target[s])) for s in steps]
        blocks = self.proof.step_block[steps]
        contexts = np.array([i for i, p in enumerate(self.places) if not p.is_empty], dtype=np.int64)
        where, which = np.repeat(contexts, len(steps)), np.tile(np.arange(len(steps)), len(contexts))
        size = max(1, BATCH_VALUES // len(self.root.low))
        ends = np.zeros(len(where))
        for start in range(0, len(where), size):
            part = slice(start, start + size)
            ends[part] = self._form_ends(forms, blocks, where[part], which[part])
        for context in range(len(self.places)):
            found = [(forms[s], e) for c, s, e in zip(where, which, ends, strict=True) if c == context]
            self._learn(context, found, len(steps))

    def _form_ends(self, forms: list[Row], blocks: Array, where: Array, which: Array) -> Array:
        """Lower bounds of forms[which] in contexts where."""

        def bounds(root: Root) -> Array:
            scene = Scene(root, self.proof, self.low[where], self.high[where], blocks[which])
            builder = FormBuilder(root, len(where))
            for i, (context, step) in enumerate(zip(where.tolist(), which.tolist(), strict=True)):
                builder.row(i, fmpq(1), forms[step])
                self.run.multiply(builder, i, scene, i, self.places[context])
            return lower_bounds(root, builder.build(), scene)

        return self._ends(bounds)

    def _learn(self, context: int, found: list[tuple[Row, float]], count: int) -> None:
        """Adds one row a step to a context (a trivial one where nothing was derived)."""
        rows = []
        for i in range(count):
            row = Row([], [], fmpq(0))
            if i < len(found) and np.isfinite(found[i][1]):
                form, end = found[i]
                row = Row(form.values, [-c for c in form.factors], exact(float(end)))
                for value, low, high in self.run._cuts(row):
                    self.low[context, value] = max(self.low[context, value], low)
                    self.high[context, value] = min(self.high[context, value], high)
            rows.append(self.run._new_row(row))
        self.places[context] = self.places[context]._replace(rows=self.places[context].rows + tuple(rows))
        self.scene.known = None


def _stack(places: list[Place]) -> tuple[Array, Array]:
    return np.stack([p.low for p in places]), np.stack([p.high for p in places])
