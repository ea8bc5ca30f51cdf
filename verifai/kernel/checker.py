"""The checker: walks a certificate's tree and accepts it only if every leaf is refuted.

What a context holds is true at every point of the domain that takes the path's side of each split
and choice and violates the property. Splits and choices cover; leaves are contradictions; so no
point violates the property. SPEC.md states the rules; each `Rejection` names the broken one.

May import: everything of the kernel but replay and statement. Must not know: loaders, the search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Exact, Pause, Rounded, never
from verifai.kernel.binary64 import require_binary64
from verifai.kernel.bound import Root
from verifai.kernel.context import Context, Contexts, FormBuilder, Row, row_of, spread, stack
from verifai.kernel.derive import BATCH_VALUES, Plan
from verifai.kernel.eliminate import lower_bounds
from verifai.kernel.errors import Rejection, Unable
from verifai.kernel.files.certificate import MAX_DEPTH, ROW, Kind, Proof, check_form
from verifai.kernel.formula import is_refuted
from verifai.kernel.integers import integer_values
from verifai.kernel.ledger import Ledger
from verifai.kernel.limits import check_work
from verifai.kernel.number import exact, nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Or, Query

MAX_BATCH = 512
SHARED = 64  # tree nodes that are pending when a second process takes half of them
NEAR = 1e-6  # a rounded bound that misses 0 by less is computed anew in exact arithmetic
YES = b"accepted"  # the only word of a second process that counts
Helper = Callable[[Callable[[], bytes]], AbstractContextManager[Callable[[], bytes]]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The property holds on the whole domain, as the certificate shows.

    Attributes:
        query: what was read and judged; `statement` says it in words.
        nodes, leaves: of the certificate's tree.
        vacuous: whether the certificate shows, too, that the domain is empty.
    """

    query: Query = field(repr=False, compare=False)
    nodes: int
    leaves: int
    vacuous: bool


def judge(
    query: Query,
    proof: Proof,
    *,
    exact: bool = False,
    helper: Helper | None = None,
    pause: Pause = never,
) -> Accepted:
    """Accepts a proof only if no point of the query's domain violates its property.

    Args:
        query: the decision problem.
        proof: of checked form.
        exact: as for `check`.
        helper: as for `check`.
        pause: as for `check`.

    Raises:
        Rejection: as `check`.
        Unable: as `check`.
    """
    checker = Checker(query, exact=exact, pause=pause)
    with np.errstate(all="ignore"):
        run = _Run(checker, proof)
        refuse(run.walk(until=SHARED if helper else None))
        if helper and run.pending:
            run.pending = run._smaller_last(run.pending)
            share, run.pending = run.pending[1::2], run.pending[::2]
            word = b""
            with helper(lambda: run.walk_share(share)) as answer:
                refuse(run.walk())
                word = answer()
            if word != YES:
                raise Unable("the second process ended without an answer (was memory short?)")
    leaves = int(((proof.tree == Kind.CLOSE) | (proof.tree == Kind.POINT)).sum())
    is_vacuous = checker.root.is_empty or checker.is_vacuous(proof)
    return Accepted(query, len(proof.tree), leaves, is_vacuous)


def refuse(leaves: Iterator[OpenLeaf]) -> None:
    """Rejection, with the tree node, unless every leaf holds."""
    for leaf in leaves:
        where = f"tree node {leaf.context.position}"
        raise Rejection(leaf.reason.rule, f"{leaf.reason.reason} ({where})")


class OpenLeaf(NamedTuple):
    """A leaf that does not hold, why, and the rows of its path."""

    context: Context
    reason: Rejection
    rows: tuple[Row, ...]


class Checker:
    """One query in one arithmetic; it can check many proofs."""

    def __init__(self, query: Query, *, exact: bool = False, pause: Pause = never) -> None:
        """Runs the root's forward pass; `pause` as in `check`.

        Raises:
            Rejection: "finite", where the query's magnitudes are beyond float64.
        """
        self.query, self.pause = query, pause
        with np.errstate(all="ignore"):
            self.rounded = Root(query, Rounded(pause))
            self.exact_root = cache(lambda: Root(query, Exact(pause), self.rounded))
            self.root = self.exact_root() if exact else self.rounded
        self.integer = integer_values(query)
        rows, ors = spread(query.unsafe.parts)
        self.ors = tuple(ors)
        self.first = [row_of(atom) for atom in query.domain] + rows

    def is_vacuous(self, proof: Proof) -> bool:
        """Whether the proof needs no unsafe formula: then no point is in the domain at all."""
        rows, count = proof.entry_index[proof.entry_kind == ROW], len(self.query.domain)
        is_own = bool(((rows >= 0) & (rows < count)).all())
        if not count or not is_own or (proof.tree == Kind.CHOOSE).any():
            return False
        alone = copy(self)
        alone.query = replace(self.query, unsafe=And(()))  # which point leaves look at
        alone.first, alone.ors = self.first[:count], ()
        try:
            with np.errstate(all="ignore"):
                refuse(_Run(alone, proof).walk())
        except Rejection:
            return False
        return True

    def open_leaves(self, proof: Proof) -> Iterator[OpenLeaf]:
        """The leaves that do not hold, with their contexts, for whoever wants to go on there.

        Raises:
            Rejection: the tree itself breaks a rule.
        """
        with np.errstate(all="ignore"):
            yield from _Run(self, proof).walk()


class _Run:
    """The walk over one proof."""

    def __init__(self, checker: Checker, proof: Proof) -> None:
        self.checker, self.proof, self.root = checker, proof, checker.root
        self.ledger = Ledger(
            checker.root,
            checker.rounded,
            checker.integer,
            proof,
            list(checker.first),
            checker.exact_root,
            checker.pause,
        )
        self.batch = max(1, min(MAX_BATCH, BATCH_VALUES // max(1, len(self.root.low))))
        root = self.root
        check_form(proof, root.network)
        check_work(proof, root.network, checker.query.longest)
        if self.proof.ends[0] != len(self.proof.tree):
            raise Rejection("tree", "records behind the tree's end")
        above = Context(-1, root.low, root.high, (), (), checker.ors, -1, root.is_empty)
        self.pending = [self._child(above, 0, tuple(range(len(checker.first))))]

    def walk(self, until: int | None = None) -> Iterator[OpenLeaf]:
        """Visits every pending tree node and those below, batches of one kind together.

        Args:
            until: stop once so many nodes are pending, which then still are.
        """
        pending = self.pending
        while pending and (until is None or len(pending) < until):
            self.checker.pause()
            taken = pending[-self.batch :]
            del pending[-self.batch :]
            contexts = [self._enter(context) for context in taken]
            kinds = self.proof.tree[[p.position for p in contexts]].tolist()
            for kind in Kind:
                value = kind.value
                group = [p for p, k in zip(contexts, kinds, strict=True) if k == value]
                if kind in (Kind.CLOSE, Kind.POINT):  # an empty context holds no point at all
                    group = [p for p in group if not p.is_empty]
                if not group:
                    continue
                if kind is Kind.SPLIT:
                    pending += self._smaller_last(c for p in group for c in self._split(p))
                elif kind is Kind.CHOOSE:
                    pending += self._smaller_last(c for p in group for c in self._choose(p))
                elif kind is Kind.DERIVE:
                    pending += self._derive(group)
                elif kind is Kind.CLOSE:
                    yield from self._close(group)
                else:
                    yield from self._point(group)

    def _smaller_last(self, contexts: Iterable[Context]) -> list[Context]:
        """By the size of subtrees; the last is visited first, so that few contexts ever wait."""
        ends = self.proof.ends
        return sorted(contexts, key=lambda p: int(p.position - ends[p.position]))

    def walk_share(self, share: list[Context]) -> bytes:
        """Visits these nodes and those below; YES, or Rejection unless every leaf holds."""
        require_binary64()
        apart = copy(self)  # whoever helps, and when: what is pending here stays pending
        apart.pending = share
        apart.ledger = replace(self.ledger, table=list(self.ledger.table))  # each adds rows apart
        refuse(apart.walk())
        return YES

    def _enter(self, context: Context) -> Context:
        """The context with its cuts made in arrays of its own."""
        if context.depth > MAX_DEPTH:
            raise Rejection("tree", f"deeper than {MAX_DEPTH}")
        if not context.cuts:
            return context
        low, high, is_empty = context.low.copy(), context.high.copy(), context.is_empty
        for value, new_low, new_high in context.cuts:
            l, u = max(low[value], new_low), min(high[value], new_high)
            if l > u:
                is_empty = True
            else:
                low[value], high[value] = l, u
        return context._replace(low=low, high=high, cuts=(), is_empty=is_empty)

    def _child(
        self,
        parent: Context,
        position: int,
        rows: tuple[int, ...] = (),
        ors: tuple[Or, ...] | None = None,
    ) -> Context:
        """A child's context, with more rows; those on one value cut its interval."""
        cuts = [cut for r in rows for cut in self.ledger.cuts(self.ledger.table[r])]
        return parent._replace(
            position=position,
            cuts=tuple(cuts),
            rows=parent.rows + rows,
            ors=parent.ors if ors is None else ors,
            depth=parent.depth + 1,
        )

    def _split(self, context: Context) -> list[Context]:
        """Rule split: g ≤ c, or g > c (for an integer-valued g: g ≤ ⌊c⌋, or g ≥ ⌊c⌋ + 1)."""
        record = self.proof.ordinal[context.position]
        form = self.ledger.form(int(self.proof.split_form[record]))
        at = exact(float(self.proof.split_at[record]))
        whole = all(self.ledger.integer[v] for v in form.values) and all(
            c.q == 1 for c in form.factors
        )
        if whole:
            at = fmpq(at.floor())
        negated = [-c for c in form.factors]
        first = form._replace(constant=-at)
        second = Row(form.values, negated, at + 1 if whole else at, strict=not whole)
        left, right = self.proof.children(context.position)
        return [
            self._child(context, child, (self.ledger.new_row(row),))
            for child, row in ((left, first), (right, second))
        ]

    def _choose(self, context: Context) -> list[Context]:
        """Rule choose: one child for every alternative of a disjunction that is still open."""
        record = self.proof.ordinal[context.position]
        which = int(self.proof.choose_or[record])
        if not 0 <= which < len(context.ors):
            raise Rejection("choose", f"the path has no open disjunction {which}")
        parts = context.ors[which].parts
        if len(parts) != self.proof.choose_count[record] or not parts:
            raise Rejection(
                "choose", f"{len(parts)} alternatives, not {self.proof.choose_count[record]}"
            )
        rest = context.ors[:which] + context.ors[which + 1 :]
        children = []
        for part, position in zip(parts, self.proof.children(context.position), strict=True):
            rows, ors = spread((part,))
            added = tuple(self.ledger.new_row(row) for row in rows)
            children.append(self._child(context, position, added, rest + tuple(ors)))
        return children

    def _derive(self, group: list[Context]) -> list[Context]:
        """Rule derive: h ≥ LB(h) for the forms of a plan; those on one value cut its interval."""
        children = []
        plans = [int(self.proof.derive_plan[self.proof.ordinal[p.position]]) for p in group]
        for plan in sorted(set(plans)):
            contexts = [p for p, which in zip(group, plans, strict=True) if which == plan]
            children += Plan(self.ledger, contexts).follow(plan)
        return [self._child(p, p.position + 1) for p in children]

    def _close(self, contexts: list[Context]) -> Iterator[OpenLeaf]:
        """Rule close: L = LB(0; multipliers) > 0, or L = 0 with weight on a strict row."""
        bounds, strict = self._bounds(self.root, contexts)
        if self.root.ar.rounds:
            near = np.flatnonzero((bounds > -NEAR) & (bounds <= 0))
            bounds = bounds.astype(object)
            if len(near):
                anew = [contexts[i] for i in near]
                bounds[near] = self._bounds(self.checker.exact_root(), anew)[0]
        for context, bound, is_strict in zip(contexts, bounds, strict, strict=True):
            if not (bound > 0 or (bound == 0 and is_strict)):
                shown = nearest(bound) if isinstance(bound, fmpq) else float(bound)
                yield self._open(
                    context, Rejection("close", f"the bound is {shown:.6g}, not above 0")
                )

    def _bounds(self, root: Root, contexts: list[Context]) -> tuple[Array, list[bool]]:
        """LB(0; a leaf's multipliers) of every leaf, and whether a strict row has weight in it."""
        ordinals = [self.proof.ordinal[p.position] for p in contexts]
        scene = Contexts(root, self.proof, *stack(contexts), self.proof.close_block[ordinals])
        builder = FormBuilder(root, len(contexts))
        each = enumerate(contexts)
        strict = [self.ledger.multiply(builder, i, scene, i, c.rows) for i, c in each]
        return lower_bounds(root, builder.build(), scene), strict

    def _open(self, context: Context, reason: Rejection) -> OpenLeaf:
        return OpenLeaf(context, reason, tuple(self.ledger.table[r] for r in context.rows))

    def _point(self, contexts: list[Context]) -> Iterator[OpenLeaf]:
        """Rule point: evaluated on the context's inputs, every alternative is false."""
        low, high = stack(contexts)
        boxes = [self.root.ends(i, low, high) for i in self.root.network.inputs]
        ends = self.root.machine.forward(boxes)
        every = [np.concatenate([e[side] for e in ends], axis=1) for side in (0, 1)]
        for i, context in enumerate(contexts):
            if not is_refuted(self.checker.query, every[0][i], every[1][i]):
                yield self._open(context, Rejection("point", "the formula may hold there"))
