"""Two inputs compared: their values, the property's parts, the phases of neurons; exactly.

May import: numpy, kernel, original, evaluator, said, words. Must not know: verdicts, templates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.formula import margins
from verifai.kernel.network import Pwl
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Formula, Query
from verifai.kernel.replay import evaluate
from verifai.original.points import doubles
from verifai.report.evaluator import Evaluator, compares_outputs
from verifai.report.positive import negated
from verifai.report.words import Shown, many, shown

MAX_ATOMS = 80
FEW_INPUTS = 12
ZERO = fmpq(0)


@dataclass(frozen=True, slots=True)
class Change:
    """A value before and after, and what changed; `float32`: as the model itself computes it."""

    name: str
    before: Shown
    after: Shown
    change: Shown
    mark: str = ""
    float32: Shown | None = None


@dataclass(frozen=True, slots=True)
class ShownCondition:
    """A part of the property: how far it is from violation before and after.

    `before` and `after` are None for what joins others; `holds` is about the counterexample.
    """

    level: int
    words: str
    before: Shown | None
    after: Shown | None
    held: bool
    holds: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """How many neurons of a node changed their phase."""

    name: str
    changed: int
    total: int


Values = tuple[Array, Array]


def values_at(evaluator: Evaluator, inputs: Sequence[fmpq], *, is_exact: bool) -> Values:
    """Enclosures of all values at an input; floats where exact ones are too much work."""
    if is_exact:
        return evaluate(evaluator.network, inputs)
    values = evaluator.values(doubles(inputs)[None])[0]
    return values, values


def _rational(end: Any) -> fmpq:
    return end if isinstance(end, fmpq) else exact(float(end))


def _middle(values: Values, place: int) -> fmpq:
    return (_rational(values[0][place]) + _rational(values[1][place])) / 2


def changes(
    query: Query,
    places: Sequence[int],
    values: list[Values],
    ran: Mapping[int, float] | None = None,
) -> list[Change]:
    """The values at both inputs, the largest ones marked where outputs are compared.

    Args:
        query: the decision problem.
        places: the values.
        values: enclosures of all values at both inputs.
        ran: what the model itself computes at the second one; None: that is not known.
    """
    old, new = ([_middle(v, p) for p in places] for v in values)
    tops = max(old, default=ZERO), max(new, default=ZERO)
    compared = len(places) > 1 and compares_outputs(query)
    found = []
    for place, before, after in zip(places, old, new, strict=True):
        is_top = {"largest before": before == tops[0], "largest after": after == tops[1]}
        mark = ", ".join(word for word, holds in is_top.items() if holds and compared)
        name = query.network.describe(place)
        own = None if ran is None or place not in ran else shown(ran[place])
        moved = shown(after - before)
        found.append(Change(name, shown(before), shown(after), moved, mark, own))
    return found


def input_changes(query: Query, before: Sequence[fmpq], after: Sequence[fmpq]) -> list[Change]:
    """The inputs: all in order where they are few, else what changed, the most first."""
    rows = list(zip(query.input_values, before, after, strict=True))
    if len(rows) > FEW_INPUTS:
        rows = sorted((r for r in rows if r[1] != r[2]), key=lambda r: -abs(r[2] - r[1]))
    box = dict(zip(query.input_values, zip(query.lower, query.upper, strict=True), strict=True))
    found = []
    for value, old, new in rows:
        low, high = box[value]
        mark = "fixed" if low == high else {low: "lower end", high: "upper end"}.get(new, "")
        name = query.network.describe(value)
        found.append(Change(name, shown(old), shown(new), shown(new - old), mark))
    return found


def summary(before: Sequence[fmpq], after: Sequence[fmpq]) -> str:
    """In how many values two inputs differ, and by how much."""
    changes = [abs(y - x) for x, y in zip(before, after, strict=True) if x != y]
    if not changes:
        return "It is the reference itself."
    return (
        f"It differs from the reference in {len(changes)} of {many(len(before), 'value')}, "
        f"by at most {shown(max(changes))} each."
    )


def conditions(query: Query, values: list[Values]) -> list[ShownCondition]:
    """The property's parts in order, as what must hold."""
    found: list[ShownCondition] = []
    todo: list[tuple[Formula, int]] = [(query.unsafe, 0)]
    while todo and len(found) < MAX_ATOMS:
        part, level = todo.pop()
        if not isinstance(part, Atom) and len(part.parts) == 1:
            todo.append((part.parts[0], level))
            continue
        held, holds = (not margins(part, *v).possible for v in values)
        if isinstance(part, Atom):
            ends = [shown(-margins(part, *v).least) for v in values]
            words = negated(query.network, part)
            found.append(ShownCondition(level, words, ends[0], ends[1], held, holds))
            continue
        words = "at least one of these:" if isinstance(part, And) else "each of these:"
        found.append(ShownCondition(level, words, None, None, held, holds))
        todo += [(each, level + 1) for each in reversed(part.parts)]
    return found


def phases_changed(query: Query, values: list[Values]) -> tuple[list[Layer], list[Change]]:
    """Piecewise-linear neurons that lie on other pieces at the two inputs."""
    net, layers, found = query.network, [], []
    for node in net.nodes:
        if not isinstance(node, Pwl):
            continue
        start, size = net.offsets[node.source], net.sizes[node.source]
        pair = [[_middle(v, p) for p in range(start, start + size)] for v in values]
        pieces = [_pieces(node, row) for row in pair]
        changed = [k for k in range(size) if pieces[0][k] != pieces[1][k]]
        layers.append(Layer(node.name, len(changed), size))
        for k in changed:
            old, new = pair[0][k], pair[1][k]
            words = _phase_words(node, pieces[0][k], pieces[1][k])
            name = f"{node.name}[{k}]"
            found.append(
                (abs(new - old), Change(name, shown(old), shown(new), shown(new - old), words))
            )
    found.sort(key=lambda pair: -pair[0])
    return layers, [change for _, change in found]


def _pieces(node: Pwl, values: Sequence[fmpq]) -> list[int]:
    knots = [np.broadcast_to(k, (len(values),)).tolist() for k in node.knots]
    return [sum(v > exact(float(k[i])) for k in knots) for i, v in enumerate(values)]


def _phase_words(node: Pwl, before: int, after: int) -> str:
    is_relu = len(node.knots) == 1 and not node.slopes[0].any() and not node.knots.any()
    if is_relu:
        names = ("inactive", "active")
        return f"{names[before]} → {names[after]}"
    return f"piece {before + 1} → {after + 1}"
