"""One leaf of a certificate written out: the multipliers, and each step of the elimination.

The kernel's own elimination is watched while it bounds the leaf; nothing is computed here.

May import: numpy, kernel, tree, words. Must not know: pages, verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.bound import Forms, Root
from verifai.kernel.checker import Checker, refuse
from verifai.kernel.context import Context, Contexts, FormBuilder, stack
from verifai.kernel.eliminate import _Elimination, _Part
from verifai.kernel.files.certificate import BOUND, SLOPE, Kind, Proof
from verifai.kernel.network import Affine, Input, Smooth
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.kernel.query import Query
from verifai.report.tree import Watch
from verifai.report.words import TINY, Shown, condition, shown

MAX_TERMS = 24  # values of one step that are written out
MAX_MULTIPLIERS = 40
MAX_EXACT = 400  # values of a network for which a leaf is written out in exact arithmetic


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A condition, where it comes from, and the weight that it has in the sum."""

    weight: Shown
    words: str
    source: str


@dataclass(frozen=True, slots=True)
class Term:
    """One value of a step: its coefficient, its interval, and what takes its place."""

    name: str
    coefficient: Shown
    interval: str
    line: str
    constant: Shown


@dataclass(frozen=True, slots=True)
class LeafStep:
    """The elimination of one node.

    Attributes:
        node: its name.
        how: "affine", "input", or the kind of function.
        terms: values with a coefficient that is not 0, the largest ones first.
        hidden: how many more there are.
        constant: what the step adds to the bound.
        total: the bound's constant behind it.
    """

    node: str
    how: str
    terms: tuple[Term, ...]
    hidden: int
    constant: Shown
    total: Shown


@dataclass(frozen=True, slots=True)
class LeafArithmetic:
    """How the kernel bounds one leaf.

    Attributes:
        position: its place in the certificate.
        path: what holds there, from the root on.
        is_exact: whether the numbers are exact rationals, or floats rounded safely.
        multipliers: what is added up; `hidden` more are.
        start: the constant before anything is eliminated.
        steps: one a node, the last node first.
        bound: the result; above 0 (or 0 with a strict condition) nothing is left.
    """

    position: int
    path: tuple[str, ...]
    is_exact: bool
    multipliers: tuple[Multiplier, ...]
    hidden: int
    start: Shown
    steps: tuple[LeafStep, ...]
    bound: Shown


def leaf_arithmetic(query: Query, proof: Proof, position: int) -> LeafArithmetic:
    """The arithmetic of a leaf that is closed by a bound, exact where the network is small.

    Raises:
        Rejection: the leaf does not hold.
    """
    is_exact = query.network.offsets[-1] <= MAX_EXACT
    told = _Told(Checker(query, exact=is_exact), proof, position)
    refuse(told.walk())
    return told.leaf()


class _Told(Watch):
    """The walk down to one leaf, whose elimination is written down."""

    def __init__(self, checker: Checker, proof: Proof, target: int) -> None:
        self.target, self.path = target, list[str]()
        self.elimination: _Steps | None = None
        self.origin: dict[int, str] = {}
        super().__init__(checker, proof)
        count = len(checker.query.domain)
        for row in range(len(checker.first)):
            self.origin[row] = "domain" if row < count else "property"

    def _smaller_last(self, contexts: Any) -> list[Context]:
        """Only the branch that leads to the target."""
        ends = self.proof.ends
        kept = [c for c in contexts if c.position <= self.target < ends[c.position]]
        for context in kept:
            self._go(context.position)
        return kept

    def _go(self, position: int) -> None:
        net, added = self.checker.query.network, self.added.get(position, ())
        is_split = self.above.get(position) is Kind.SPLIT
        for row in added:
            self.origin[row] = "split" if is_split else "way to violate the property"
            self.path.append(condition(net, self.ledger.table[row]))

    def _bounds(self, root: Root, contexts: list[Context]) -> tuple[Array, list[bool]]:
        """As the kernel does it, with an elimination that is written down."""
        (context,) = contexts
        ordinal = self.proof.ordinal[context.position]
        blocks = self.proof.close_block[[ordinal]]
        scene = Contexts(root, self.proof, *stack(contexts), blocks)
        builder = FormBuilder(root, 1)
        strict = [self.ledger.multiply(builder, 0, scene, 0, context.rows)]
        self.elimination = _Steps(root, builder.build(), scene)
        self.multipliers = self._multipliers(int(blocks[0]), context.rows)
        self.elimination.run()
        bounds = root.ar.bounds(self.elimination.total, self.elimination.error)[0]
        self.bounds[context.position] = bounds[0]
        return bounds, strict

    def _multipliers(self, block: int, rows: tuple[int, ...]) -> list[Multiplier]:
        proof, net, found = self.proof, self.checker.query.network, []
        if block < 0:
            return []
        for entry in range(proof.block_start[block], proof.block_start[block + 1]):
            kind, number = proof.entry_kind[entry], int(proof.entry_index[entry])
            if kind >= SLOPE:
                break
            factor = exact(float(proof.entry_number[entry]))
            if kind == BOUND:
                side = "lower" if factor > 0 else "upper"
                words = f"{side} end of {net.describe(number)}"
                found.append(Multiplier(shown(abs(factor)), words, "interval"))
                continue
            source = self.origin.get(rows[number], "derived bound")
            words = condition(net, self.ledger.table[rows[number]])
            found.append(Multiplier(shown(factor), words, source))
        return found

    def leaf(self) -> LeafArithmetic:
        """What was written down."""
        if self.elimination is None:
            raise ValueError("this leaf is not closed by a bound")
        return LeafArithmetic(
            self.target,
            tuple(self.path),
            not self.root.ar.rounds,
            tuple(self.multipliers[:MAX_MULTIPLIERS]),
            max(0, len(self.multipliers) - MAX_MULTIPLIERS),
            shown(_number(self.elimination.start)),
            tuple(self.elimination.steps),
            shown(self.bounds[self.target]),
        )


class _Steps(_Elimination):
    """The kernel's elimination of one form, each step written down."""

    def __init__(self, root: Root, forms: Forms, contexts: Contexts) -> None:
        super().__init__(root, forms, contexts)
        self.start, self.steps = self.total[0], list[LeafStep]()

    def _eliminate(self, i: int, part: _Part) -> None:
        before, a = _number(self.total[0]), self._full(i, part)[0]
        super()._eliminate(i, part)
        after, node = _number(self.total[0]), self.root.network.nodes[i]
        used = [int(k) for k in np.flatnonzero(a != 0)]
        used.sort(key=lambda k: -abs(a[k]))
        how = type(node).__name__.lower() if not isinstance(node, Smooth) else node.function
        terms = tuple(self._term(i, k, _number(a[k])) for k in used[:MAX_TERMS])
        hidden = len(used) - len(terms)
        step = LeafStep(node.name, how, terms, hidden, shown(after - before), shown(after))
        self.steps.append(step)

    def _term(self, i: int, k: int, factor: Any) -> Term:
        node, net = self.root.network.nodes[i], self.root.network
        name = net.describe(net.offsets[i] + k)
        if isinstance(node, Affine):
            bias = _number(self.root.ar.lift(node.bias)[k])
            if node.divisor is not None:
                bias = bias / _number(self.root.ar.lift(node.divisor)[k])
            return Term(name, shown(factor), "", "", shown(factor * bias))
        if isinstance(node, Input):
            low, high = (_number(end[0, k]) for end in self.contexts.ends(i))
            end = low if factor > 0 else high
            line = f"{'≥' if factor > 0 else '≤'} {shown(end)}"
            return Term(name, shown(factor), _interval(low, high), line, shown(factor * end))
        lines = self.contexts.lines(i)
        slopes, constant = (lines.lower, lines.below) if factor > 0 else (lines.upper, lines.above)
        add = _number(np.broadcast_to(constant, (1, net.sizes[i]))[0, k])
        sources = [net.describe(net.offsets[s] + k) for s in node.sources]
        pairs = [(_at(s, k, net.sizes[i]), z) for s, z in zip(slopes, sources, strict=True)]
        parts = [z if s == 1 else f"{shown(s)}·{z}" for s, z in pairs if s != 0]
        is_left_by_rounding = not isinstance(add, fmpq) and abs(add) < TINY
        if not parts or (add != 0 and not is_left_by_rounding):
            parts.append(str(shown(add)))
        ends = [[_number(end[0, k]) for end in self.contexts.ends(s)] for s in node.sources]
        where = ", ".join(_interval(low, high) for low, high in ends)
        line = f"{'≥' if factor > 0 else '≤'} {' + '.join(parts)}"
        return Term(name, shown(factor), where, line, shown(factor * add))


def _at(slopes: Array, k: int, size: int) -> Any:
    return _number(np.broadcast_to(slopes, (1, size))[0, k])


def _number(value: Any) -> Any:
    return value if isinstance(value, fmpq) else float(value)


def _interval(low: Any, high: Any) -> str:
    return f"[{shown(low)}, {shown(high)}]"
