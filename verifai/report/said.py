"""What a query's property says, positively: in words, and in mathematics (MathML).

May import: kernel, reference, words; markupsafe. Must not know: verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Query, Relation
from verifai.kernel.statement import statement
from verifai.report.mathematics import NEGATED, letters, mathematics
from verifai.report.reference import Reference
from verifai.report.words import Shown, atom_words, compared, many, shown

MAX_LINES = 60
MAX_INPUTS = 12
_TURNED = {">": "<", "≥": "≤", "≠": "≠"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a nested list."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Ends:
    """One input's interval."""

    name: str
    lower: Shown
    upper: Shown
    is_integer: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A property in words and mathematics.

    Attributes:
        network: size, in words.
        domain: in words.
        ends: the intervals of the inputs, the first ones where they are many.
        hidden: how many more there are.
        rows: further conditions of the domain.
        holds: what holds at every input of the domain, if the property does.
        decided: the same about the values that it was decided on, where these are others.
        mathematics: all of it as MathML, line by line.
        legend: what its letters stand for.
        kernel: the statement in the kernel's own words.
    """

    network: str
    domain: str
    ends: tuple[Ends, ...]
    hidden: int
    rows: tuple[str, ...]
    holds: tuple[Line, ...]
    decided: tuple[Line, ...]
    mathematics: tuple[Markup, ...]
    legend: str
    kernel: str


def said_of(query: Query, reference: Reference, *, verified: bool = True) -> Said:
    """The property that a query asks about.

    Args:
        query: the decision problem.
        reference: what its domain stands around.
        verified: whether the property holds, or else is violated somewhere.
    """
    net, box = query.network, list(zip(query.input_values, query.lower, query.upper, strict=True))
    ends = tuple(
        Ends(net.describe(v), shown(l), shown(u), v in query.integers)
        for v, l, u in box[:MAX_INPUTS]
    )
    kinds = [type(n).__name__ for n in net.nodes]
    functions = len(net.nodes) - kinds.count("Affine") - kinds.count("Input")
    size = (
        f"{many(len(net.input_values), 'input')}, {many(len(net.output_values), 'output')}, "
        f"{kinds.count('Affine')} affine and {functions} nonlinear nodes, "
        f"{many(net.offsets[-1], 'value')}"
    )
    stated = query.unsafe if query.stated is None else query.stated
    named = {n: letter for n, letter in letters(net).items() if net.nodes[n].name != letter}
    return Said(
        size,
        _domain_words(query, reference),
        ends,
        len(box) - len(ends),
        tuple(atom_words(net, atom) for atom in query.domain[:MAX_LINES]),
        _lines(net, stated),
        () if query.stated is None else _lines(net, query.unsafe),
        mathematics(query, stated, reference),
        "; ".join(f"{letter}: {net.nodes[node].name}" for node, letter in named.items()),
        statement(query, verified=verified),
    )


def _domain_words(query: Query, reference: Reference) -> str:
    count = len(query.lower)
    fixed = sum(l == u for l, u in zip(query.lower, query.upper, strict=True))
    if reference.radius is not None:
        words = (
            f"every input that differs from the reference by at most {shown(reference.radius)} "
            f"in each of {count - fixed} of {count} values"
        )
        if reference.clip is not None:
            low, high = reference.clip
            words += f", within [{shown(low)}, {shown(high)}]"
    else:
        words = f"every input of a box of {many(count, 'interval')}"
        words += f", {fixed} of them single points" if fixed else ""
        widest = max((u - l for l, u in zip(query.lower, query.upper, strict=True)), default=None)
        if count > MAX_INPUTS and widest is not None and widest > 0:
            words += f", none wider than {shown(widest)}"
    if query.integers:
        words += f"; integers: {many(len(query.integers), 'input')}"
    if query.domain:
        words += f"; with {many(len(query.domain), 'further linear condition')}"
    return words


def negated(net: Network, atom: Atom) -> str:
    """That an atom does not hold."""
    sign, terms = NEGATED[atom.relation], list(atom.terms)
    if terms and terms[0][1] < 0:
        flipped = [(v, -c) for v, c in terms]
        return compared(net, flipped, _TURNED[sign], atom.constant)
    return compared(net, terms, sign, -atom.constant)


def _lines(net: Network, unsafe: And) -> tuple[Line, ...]:
    """The negation of a formula as a nested list; its first lines."""
    lines: list[Line] = []
    todo: list[tuple[Formula, int]] = [(unsafe, 0)]
    while todo and len(lines) < MAX_LINES:
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
    first = net.describe(mine.pop())
    if len({node for node, _ in owners}) == 1 and len(owners) > 2:
        name = net.nodes[owners[0][0]].name
        places = ", ".join(str(k) for _, k in sorted(owners))
        return f"{first} {sign} {name}[j] for each j of {places}"
    others = ", ".join(net.describe(p[1][0]) for p in pairs)
    return f"{first} {sign} each of {others}"
