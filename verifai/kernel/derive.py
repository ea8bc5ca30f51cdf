"""Rule derive: what a plan's steps add to contexts.

May import: numpy, python-flint, bound, eliminate, context, ledger. Must not know: the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile

import numpy as np
from flint import fmpq

from verifai.kernel import hints
from verifai.kernel.arithmetic import Ends, plain, reached
from verifai.kernel.bound import Root
from verifai.kernel.context import Context, Contexts, FormBuilder, Row, stack
from verifai.kernel.eliminate import bounds_and_errors
from verifai.kernel.files.certificate import IMAGE, PLAIN
from verifai.kernel.ledger import Ledger
from verifai.kernel.number import below, exact
from verifai.kernel.operator import Array

BATCH_VALUES = 1 << 19
CHUNK_VALUES = 1 << 15


class Plan:
    """A derive plan followed on several contexts at once."""

    def __init__(self, ledger: Ledger, contexts: list[Context]) -> None:
        """Nothing is derived yet."""
        self.ledger, self.root, self.proof = ledger, ledger.root, ledger.proof
        self.contexts = contexts
        self.low, self.high = stack(contexts)
        self.scene = Contexts(
            self.root, self.proof, self.low, self.high, np.full(len(contexts), -1)
        )

    def follow(self, plan: int) -> list[Context]:
        """The contexts with what the plan's steps derived."""
        steps = list(range(self.proof.plan_start[plan], self.proof.plan_start[plan + 1]))
        while steps:
            self.ledger.pause()
            target = int(self.proof.step_target[steps[0]])
            if target >= 0:
                block = int(self.proof.step_block[steps.pop(0)])
                if block == IMAGE:
                    self._image(target)
                else:
                    self._node(target, block)
            else:
                run = list(takewhile(lambda s: self.proof.step_target[s] < 0, steps))
                del steps[: len(run)]
                self._forms(run)
            self._close_empty()
        return [p._replace(low=self.low[i], high=self.high[i]) for i, p in enumerate(self.contexts)]

    def _close_empty(self) -> None:
        """Marks contexts with an interval that holds nothing; intervals in order stay in place."""
        for i in np.flatnonzero((self.low > self.high).any(axis=1)).tolist():
            self.contexts[i] = before = self.contexts[i]._replace(is_empty=True)
            self.low[i], self.high[i] = before.low, before.high
            self.scene.known = None

    def _image(self, node: int) -> None:
        """Meets the intervals of a node's values with their image of those of its sources."""
        alive = np.flatnonzero([not p.is_empty for p in self.contexts])
        if not len(alive):
            return
        where = self.root.values(node)

        def ends(root: Root) -> Ends:
            low, high = self.low[alive], self.high[alive]
            sources = [root.ends(s, low, high) for s in root.network.nodes[node].sources]
            return root.machine.image(node, sources, len(alive))

        low, high = guide = ends(self.ledger.rounded)
        if not self.root.ar.rounds:
            sharp = ends(self.root)
            low, high = (
                sign * reached(sign * g, sign * s)
                for sign, g, s in zip((1, -1), guide, sharp, strict=True)
            )
        self.low[alive, where] = np.fmax(self.low[alive, where], low)
        self.high[alive, where] = np.fmin(self.high[alive, where], high)
        self.scene.forget(node)

    def _node(self, node: int, block: int) -> None:
        """Bounds of all values of a node that are not settled."""
        where = self.root.values(node)
        l, u = self.low[:, where], self.high[:, where]
        settled = plain(hints.settled(self.root.network, node, l, u), l.shape, bool)
        contexts, values = np.nonzero(~settled)
        alive = np.array([not p.is_empty for p in self.contexts])[contexts]
        contexts, values = contexts[alive], values[alive] + self.root.network.offsets[node]
        scene, is_sharp = self.scene, block != PLAIN
        if block >= 0:
            scene = replace(scene, blocks=np.full(len(self.contexts), block), known=None)
        size = max(1, CHUNK_VALUES // max(self.root.network.sizes))
        parts = [slice(start, start + size) for start in range(0, len(contexts), size)]
        ends = [self._pairs(scene, contexts[p], values[p], is_sharp=is_sharp) for p in parts]
        for part, (low, high) in zip(parts, ends, strict=True):
            here = contexts[part], values[part]
            self.low[here] = np.maximum(self.low[here], low)
            self.high[here] = np.minimum(self.high[here], high)
        self.scene.forget(node)

    def _pairs(self, scene: Contexts, contexts: Array, values: Array, *, is_sharp: bool) -> Ends:
        """Derived ends of single values, each in its context; sharp ones do not miss knots."""
        count = len(contexts)
        pick, both = np.concatenate([contexts, contexts]), np.concatenate([values, values])
        signs = np.repeat([1.0, -1.0], count)

        def bounds(root: Root, forms: Array) -> Ends:
            builder = FormBuilder(root, len(forms))
            builder.units(np.arange(len(forms)), both[forms], signs[forms])
            known = scene.known if root is scene.root else None
            there = replace(scene, root=root, pick=pick[forms], known=known)
            if scene.blocks[0] >= 0:
                for form, context in enumerate(pick[forms].tolist()):
                    self.ledger.multiply(builder, form, there, context, self.contexts[context].rows)
            result = bounds_and_errors(root, builder.build(), there)
            scene.known = there.known if root is scene.root else scene.known
            return result

        def misses(ends: Array, errors: Array) -> Array:
            found = hints.misses(self.root.network, both, signs * ends, errors)
            return np.flatnonzero(plain(found, both.shape, bool))

        ends = self._ends(bounds, 2 * count, misses if is_sharp else None)
        return ends[:count], -ends[count:]

    def _ends(
        self,
        bounds: Callable[[Root, Array], Ends],
        count: int,
        misses: Callable[[Array, Array], Array] | None = None,
    ) -> Array:
        """Derived ends as doubles; exact arithmetic takes rounded ones where it reaches them."""
        every = np.arange(count)
        guide, errors = bounds(self.ledger.rounded, every)
        missed = every[:0] if misses is None else misses(guide, errors)
        if len(missed):
            anew = bounds(self.ledger.exact_root(), missed)[0]
            guide[missed] = np.maximum(guide[missed], [below(end) for end in anew])
        if self.root.ar.rounds:
            return guide
        return reached(guide, bounds(self.root, every)[0])

    def _forms(self, steps: list[int]) -> None:
        """Rows h ≥ LB(h) for consecutive form steps, all in the context before the first."""
        forms = [self.ledger.form(int(self.proof.step_target[s])) for s in steps]
        blocks = self.proof.step_block[steps]
        alive = [i for i, p in enumerate(self.contexts) if not p.is_empty]
        where = np.repeat(np.array(alive, dtype=np.int64), len(steps))
        which = np.tile(np.arange(len(steps)), len(alive))
        size = max(1, BATCH_VALUES // len(self.root.low))
        ends = np.zeros(len(where))
        for start in range(0, len(where), size):
            part = slice(start, start + size)
            ends[part] = self._form_ends(forms, blocks, where[part], which[part])
        for context in range(len(self.contexts)):
            here = where == context
            found = [(forms[s], e) for s, e in zip(which[here], ends[here].tolist(), strict=True)]
            self._learn(context, found, len(steps))

    def _form_ends(self, forms: list[Row], blocks: Array, where: Array, which: Array) -> Array:
        """Lower bounds of forms[which] in contexts where."""

        def bounds(root: Root, every: Array) -> Ends:
            scene = Contexts(root, self.proof, self.low[where], self.high[where], blocks[which])
            builder = FormBuilder(root, len(every))
            for i, (context, step) in enumerate(zip(where.tolist(), which.tolist(), strict=True)):
                builder.row(i, fmpq(1), forms[step])
                self.ledger.multiply(builder, i, scene, i, self.contexts[context].rows)
            return bounds_and_errors(root, builder.build(), scene)

        return self._ends(bounds, len(where))

    def _learn(self, context: int, found: list[tuple[Row, float]], count: int) -> None:
        """Adds one row a step to a context (a trivial one where nothing was derived).

        Args:
            context: which.
            found: every step's form and lower bound, in their order; nothing of an empty context.
            count: how many steps there are.
        """
        rows = []
        for i in range(count):
            row = Row([], [], fmpq(0))
            if i < len(found) and np.isfinite(found[i][1]):
                form, end = found[i]
                row = Row(form.values, [-c for c in form.factors], exact(end))
                for value, low, high in self.ledger.cuts(row):
                    self.low[context, value] = max(self.low[context, value], low)
                    self.high[context, value] = min(self.high[context, value], high)
            rows.append(self.ledger.new_row(row))
        before = self.contexts[context]
        self.contexts[context] = before._replace(rows=before.rows + tuple(rows))
        self.scene.known = None
