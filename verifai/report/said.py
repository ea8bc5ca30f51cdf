"""What a query's property says, positively: in words, and in mathematics (MathML).

May import: kernel, reference, words; markupsafe. Must not know: verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import fmpq
from markupsafe import Markup

from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Query, Relation
from verifai.report.reference import Reference
from verifai.report.words import Shown, atom_words, compared, many, shown

MAX_LINES = 60
MAX_ATOMS = 10
MAX_INPUTS = 12
_NOT = {Relation.AT_MOST: ">", Relation.LESS: "≥", Relation.EQUAL: "≠"}
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


def said_of(query: Query, reference: Reference) -> Said:
    """The property that a query asks about.

    Args:
        query: the decision problem.
        reference: what its domain stands around.
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
    letters = _letters(net)
    return Said(
        size,
        _domain_words(query, reference),
        ends,
        len(box) - len(ends),
        tuple(atom_words(net, atom) for atom in query.domain[:MAX_LINES]),
        _lines(net, stated),
        () if query.stated is None else _lines(net, query.unsafe),
        _mathematics(query, stated, reference),
        "; ".join(f"{letter}: {net.nodes[node].name}" for node, letter in letters.items()),
    )


def _domain_words(query: Query, reference: Reference) -> str:
    count = len(query.lower)
    fixed = sum(l == u for l, u in zip(query.lower, query.upper, strict=True))
    if reference.radius is not None:
        least, most = min(query.lower), max(query.upper)
        words = (
            f"every input that differs from the reference by at most {shown(reference.radius)} "
            f"in each of {count - fixed} of {count} values, "
            f"within [{shown(least).plain}, {shown(most).plain}]"
        )
    else:
        words = f"every input of a box of {many(count, 'interval')}"
        words += f", {fixed} of them single points" if fixed else ""
    if query.integers:
        words += f"; integers: {many(len(query.integers), 'input')}"
    if query.domain:
        words += f"; with {many(len(query.domain), 'further linear condition')}"
    return words


def _negated(net: Network, atom: Atom) -> str:
    """That an atom does not hold."""
    sign, terms = _NOT[atom.relation], list(atom.terms)
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
            lines.append(Line(level, _negated(net, part)))
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
    sign = _NOT[relations.pop()]
    owners = [net.owner(p[1][0]) for p in pairs]
    first = net.describe(mine.pop())
    if len({node for node, _ in owners}) == 1 and len(owners) > 2:
        name = net.nodes[owners[0][0]].name
        places = ", ".join(str(k) for _, k in sorted(owners))
        return f"{first} {sign} {name}[j] for each j of {places}"
    others = ", ".join(net.describe(p[1][0]) for p in pairs)
    return f"{first} {sign} each of {others}"


def _letters(net: Network) -> dict[int, str]:
    """A letter for each input and output node: x and y, numbered where there are several."""
    found: dict[int, str] = {}
    for letter, nodes in (("x", net.inputs), ("y", tuple(dict.fromkeys(net.outputs)))):
        for number, node in enumerate(nodes, 1):
            found.setdefault(node, letter if len(nodes) == 1 else f"{letter}{number}")
    return found


def _mathematics(query: Query, stated: And, reference: Reference) -> tuple[Markup, ...]:
    """∀ x ∈ D: …, a line for each part."""
    net = query.network
    names = Markup("<mo>,</mo>").join(_mi(_letters(net)[i]) for i in net.inputs)
    domain = _domain_math(query, reference)
    lines = [Markup("<mo>∀</mo>{}<mo>:</mo>{}").format(names, domain[0])]
    lines += [Markup("<mspace width='1.6em'/><mo>∧</mo>{}").format(part) for part in domain[1:]]
    found, sign = _parts(net, stated)
    lines.append(Markup("<mo>⇒</mo><mspace width='0.5em'/>{}").format(found[0]))
    lines += [Markup("<mspace width='1.6em'/><mo>{}</mo>{}").format(sign, p) for p in found[1:]]
    return tuple(Markup("<math><mrow>{}</mrow></math>").format(line) for line in lines)


def _domain_math(query: Query, reference: Reference) -> list[Markup]:
    box = list(zip(query.input_values, query.lower, query.upper, strict=True))
    rows = [_atom(query.network, a, "") for a in query.domain[:MAX_ATOMS]]
    if reference.radius is not None:
        text = (
            "<msub><mrow><mo>‖</mo>{0}<mo>−</mo><mover>{0}<mo>^</mo></mover><mo>‖</mo></mrow>"
            "<mi>∞</mi></msub><mo>≤</mo>{1}"
        )
        return [Markup(text).format(_mi("x"), _mn(reference.radius)), *rows]
    if len(box) > MAX_ATOMS:
        text = "<mi>x</mi><mo>∈</mo><mi>D</mi><mo>⊂</mo><msup><mi>ℝ</mi><mn>{}</mn></msup>"
        return [Markup(text).format(len(box)), *rows]
    text = "{}<mo>∈</mo><mo>[</mo>{}<mo>,</mo>{}<mo>]</mo>"
    ends = [Markup(text).format(_value(query.network, v), _mn(l), _mn(u)) for v, l, u in box]
    return ends + rows


def _parts(net: Network, part: Formula) -> tuple[list[Markup], str]:
    """The negation of a formula as its outermost parts, and the sign between them."""
    while not isinstance(part, Atom) and len(part.parts) == 1:
        part = part.parts[0]
    if isinstance(part, Atom):
        return [_atom(net, part, _NOT[part.relation])], ""
    if not part.parts:
        return [Markup("<mo>⊥</mo>")], ""
    found = [_formula(net, p) for p in part.parts[:MAX_ATOMS]]
    if len(part.parts) > MAX_ATOMS:
        found.append(Markup("<mo>…</mo>"))
    return found, "∨" if isinstance(part, And) else "∧"


def _formula(net: Network, part: Formula) -> Markup:
    found, sign = _parts(net, part)
    if len(found) == 1:
        return found[0]
    inner = Markup("<mo>{}</mo>").format(sign).join(found)
    return Markup("<mrow><mo>(</mo>{}<mo>)</mo></mrow>").format(inner)


def _atom(net: Network, atom: Atom, sign: str) -> Markup:
    """An atom, or with a sign in the place of its own; its first value positive."""
    sign = sign or {Relation.AT_MOST: "≤", Relation.LESS: "<", Relation.EQUAL: "="}[atom.relation]
    turned = {">": "<", "≥": "≤", "<": ">", "≤": "≥"}
    flip = bool(atom.terms) and atom.terms[0][1] < 0
    text = Markup("")
    for value, factor in atom.terms[:MAX_ATOMS]:
        is_minus = (factor < 0) != flip
        mark = "−" if is_minus else "+" if text else ""
        size = "" if abs(factor) == 1 else _mn(abs(factor)) + Markup("<mo>·</mo>")
        text += Markup("<mo>{}</mo>").format(mark) if mark else ""
        text += size + _value(net, value)
    if len(atom.terms) > MAX_ATOMS:
        text += Markup("<mo>+</mo><mo>…</mo>")
    shown_sign = turned.get(sign, sign) if flip else sign
    right = atom.constant if flip else -atom.constant
    return (text or _mn(fmpq(0))) + Markup("<mo>{}</mo>").format(shown_sign) + _mn(right)


def _value(net: Network, value: int) -> Markup:
    node, index = net.owner(value)
    name = _letters(net).get(node, net.nodes[node].name)
    if net.sizes[node] == 1:
        return _mi(name)
    return Markup("<msub>{}<mn>{}</mn></msub>").format(_mi(name), index)


def _mi(name: str) -> Markup:
    return Markup("<mi>{}</mi>").format(name)


def _mn(value: fmpq) -> Markup:
    return Markup("<mn>{}</mn>").format(str(shown(value)))


def unsafe_atoms(query: Query) -> Sequence[tuple[int, Formula]]:
    """The parts of the unsafe formula in order, each with its level; a long one is cut."""
    found: list[tuple[int, Formula]] = []
    todo: list[tuple[Formula, int]] = [(query.unsafe, 0)]
    while todo and len(found) < 4 * MAX_LINES:
        part, level = todo.pop()
        if not isinstance(part, Atom) and len(part.parts) == 1:
            todo.append((part.parts[0], level))
            continue
        found.append((level, part))
        if not isinstance(part, Atom):
            todo += [(each, level + 1) for each in reversed(part.parts)]
    return found
