"""What a query's property says, positively: what holds at every input of the domain.

These words are for reading: the kernel prints the statement that was checked, and they stand
beside it, never in its place.

May import: kernel, entry, words. Must not know: verdicts, pages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verifai.entry import rules
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Query, Relation
from verifai.report.words import compared, many

MAX_LINES = 60
MAX_SHORT = 12  # lines of a summary
NEGATED = {Relation.AT_MOST: ">", Relation.LESS: "≥", Relation.EQUAL: "≠"}
_TURNED = {">": "<", "≥": "≤", "≠": "≠"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a nested list."""

    level: int
    text: str


def _names(value: Any, what: str) -> list[str]:
    return [rules.text(name, f"{what}[{i}]") for i, name in enumerate(rules.listed(value, what))]


@takes(query=rules.query, classes=rules.optional(_names))
def in_words(query: Query, classes: Sequence[str] | None = None) -> str:
    """What the query's property says, positively: "for every x in the box: y[1] > y[0]".

    For reading; what a verdict is about is its `statement`.

    >>> from verifai.graph.formulas import atom
    >>> from verifai.kernel.network import Input
    >>> from flint import fmpq
    >>> net = Network((Input("x", (2,)),), (0,))
    >>> above = atom({0: fmpq(1), 1: fmpq(-1)}, fmpq(0))
    >>> in_words(Query(net, (fmpq(0),) * 2, (fmpq(1),) * 2, And((above,))), ["low", "high"])
    'for every x in the box: x[0] (low) > x[1] (high)'

    Args:
        query: the decision problem.
        classes: the names of the outputs, in order, which are shown beside them.

    Raises:
        InputError: not as many names as outputs.
    """
    net = query.network
    stated = query.unsafe if query.stated is None else query.stated
    lines = [(line.level, line.text) for line in positive_lines(net, stated, MAX_SHORT)]
    if classes is not None:
        lines = [(level, _named(net, text, classes)) for level, text in lines]
    head = "for every x in the box"
    if query.integers:
        head += f", {many(len(query.integers), 'entry', 'entries')} of it whole,"
    if query.domain:
        head += f" that fulfils {many(len(query.domain), 'linear condition')}"
    if query.assumptions:
        head += ", in every float32 program as assumed"
    if len(lines) == 1:
        return f"{head}: {lines[0][1]}"
    return "\n".join([f"{head}:", *("  " * (level + 1) + text for level, text in lines)])


def _named(net: Network, text: str, classes: Sequence[str]) -> str:
    """The text with the class beside every output; InputError if there are not as many."""
    if len(classes) != len(net.output_values):
        raise InputError(f"{len(classes)} classes for {many(len(net.output_values), 'output')}")
    kept = zip(net.output_values, classes, strict=True)
    named = {net.describe(value): name for value, name in kept}
    every = "|".join(re.escape(each) for each in sorted(named, key=len, reverse=True))
    return re.sub(rf"(?<![\w.\]])(?:{every})", lambda m: f"{m[0]} ({named[m[0]]})", text)


def negated(net: Network, atom: Atom) -> str:
    """That an atom does not hold."""
    sign, terms = NEGATED[atom.relation], list(atom.terms)
    if terms and terms[0][1] < 0:
        flipped = [(v, -c) for v, c in terms]
        return compared(net, flipped, _TURNED[sign], atom.constant)
    return compared(net, terms, sign, -atom.constant)


def positive_lines(net: Network, unsafe: And, most: int = MAX_LINES) -> tuple[Line, ...]:
    """The negation of a formula as a nested list; its first lines.

    Args:
        net: it names the values.
        unsafe: the formula.
        most: how many lines.
    """
    lines: list[Line] = []
    todo: list[tuple[Formula, int]] = [(unsafe, 0)]
    while todo and len(lines) < most:
        part, level = todo.pop()
        if isinstance(part, Atom):
            lines.append(Line(level, negated(net, part)))
        elif len(part.parts) == 1:
            todo.append((part.parts[0], level))
        elif not part.parts:
            lines.append(Line(level, "nothing: no input may lie in the domain"))
        elif (short := _above_all(net, part)) is not None:
            lines.append(Line(level, short))
        else:
            one = isinstance(part, And)
            words = "at least one of these holds:" if one else "each of these holds:"
            lines.append(Line(level, words))
            todo += [(each, level + 1) for each in reversed(part.parts)]
    if todo:
        lines.append(Line(0, "… (abridged)"))
    return tuple(lines)


def _above_all(net: Network, part: Formula) -> str | None:
    """One value above several others, which is what robustness says, in one line."""
    if isinstance(part, And | Atom) or not all(isinstance(p, Atom) for p in part.parts):
        return None
    atoms = [p for p in part.parts if isinstance(p, Atom)]
    pairs = [sorted(a.terms, key=lambda t: -t[1]) for a in atoms]
    plain = all(
        len(p) == 2 and p[0][1] == 1 and p[1][1] == -1 and a.constant == 0
        for p, a in zip(pairs, atoms, strict=True)
    )
    relations = {a.relation for a in atoms}
    mine = {p[0][0] for p in pairs} if plain else set()
    if len(mine) != 1 or len(relations) != 1 or relations == {Relation.EQUAL}:
        return None
    sign = NEGATED[relations.pop()]
    owners = [net.owner(p[1][0]) for p in pairs]
    above = mine.pop()
    first, (home, own) = net.describe(above), net.owner(above)
    if len({node for node, _ in owners}) == 1 and len(owners) > 2:
        name = net.nodes[owners[0][0]].name
        if {k for _, k in owners} | {own} == set(range(net.sizes[home])) and home == owners[0][0]:
            return f"{first} {sign} {name}[j] for all j other than {own}"
        places = ", ".join(str(k) for _, k in sorted(owners))
        return f"{first} {sign} {name}[j] for each j of {places}"
    others = ", ".join(net.describe(p[1][0]) for p in pairs)
    return f"{first} {sign} each of {others}"
