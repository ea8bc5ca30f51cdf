"""What a query's property says, positively, in the signs of mathematics (MathML).

May import: kernel, positive, reference, words; markupsafe. Must not know: verdicts, templates.
"""

from __future__ import annotations

from flint import fmpq
from markupsafe import Markup

from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Formula, Query, Relation
from verifai.report.positive import NEGATED
from verifai.report.reference import Reference
from verifai.report.words import many, shown

MAX_ATOMS = 10


def letters(net: Network) -> dict[int, str]:
    """A letter for each input and output node: x and y, numbered where there are several."""
    found: dict[int, str] = {}
    for letter, nodes in (("x", net.inputs), ("y", tuple(dict.fromkeys(net.outputs)))):
        for number, node in enumerate(nodes, 1):
            found.setdefault(node, letter if len(nodes) == 1 else f"{letter}{number}")
    return found


def mathematics(query: Query, stated: And, reference: Reference) -> tuple[Markup, ...]:
    """∀ x ∈ D: …, a line for each part."""
    net = query.network
    names = Markup("<mo>,</mo>").join(_mi(letters(net)[i]) for i in net.inputs)
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
        return [*_ball(query, reference, reference.radius), *rows]
    if len(box) > MAX_ATOMS:
        text = "<mi>x</mi><mo>∈</mo><mi>D</mi><mo>⊂</mo><msup><mi>ℝ</mi><mn>{}</mn></msup>"
        return [Markup(text).format(len(box)), *rows]
    text = "{}<mo>∈</mo><mo>[</mo>{}<mo>,</mo>{}<mo>]</mo>"
    ends = [Markup(text).format(_value(query.network, v), _mn(l), _mn(u)) for v, l, u in box]
    whole = Markup("<mo>∩</mo><mi>ℤ</mi>")
    places = zip(ends, box, strict=True)
    return [end + whole if v in query.integers else end for end, (v, _, _) in places] + rows


def _ball(query: Query, reference: Reference, radius: fmpq) -> list[Markup]:
    """‖x − x̂‖∞ ≤ radius, what it is cut to, and the inputs that may not change."""
    text = (
        "<msub><mrow><mo>‖</mo>{0}<mo>−</mo><mover>{0}<mo>^</mo></mover><mo>‖</mo></mrow>"
        "<mi>∞</mi></msub><mo>≤</mo>{1}"
    )
    found = [Markup(text).format(_mi("x"), _mn(radius))]
    fixed = sum(l == u for l, u in zip(query.lower, query.upper, strict=True))
    one = Markup("<msub>{}<mi>i</mi></msub>").format(_mi("x"))
    if reference.clip is not None:
        cut = (
            "{}<mo>∈</mo><mo>[</mo>{}<mo>,</mo>{}<mo>]</mo><mspace width='0.5em'/><mtext>{}</mtext>"
        )
        low, high = reference.clip
        which = "for each that may change" if fixed else "for each i"
        found.append(Markup(cut).format(one, _mn(low), _mn(high), which))
    if fixed:
        same = "{0}<mo>=</mo><msub><mover>{1}<mo>^</mo></mover><mi>i</mi></msub>"
        same += "<mspace width='0.5em'/><mtext>{2}</mtext>"
        found.append(Markup(same).format(one, _mi("x"), f"for {many(fixed, 'fixed input')}"))
    return found


def _parts(net: Network, part: Formula) -> tuple[list[Markup], str]:
    """The negation of a formula as its outermost parts, and the sign between them."""
    while not isinstance(part, Atom) and len(part.parts) == 1:
        part = part.parts[0]
    if isinstance(part, Atom):
        return [_atom(net, part, NEGATED[part.relation])], ""
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
    if len(atom.terms) == 2 and atom.constant == 0 and atom.terms[0][1] == -atom.terms[1][1]:
        pair = [_value(net, value) for value, _ in atom.terms]
        sign = turned.get(sign, sign) if flip else sign
        if sign in ("<", "≤"):
            pair, sign = pair[::-1], turned[sign]
        return Markup("{}<mo>{}</mo>{}").format(pair[0], sign, pair[1])
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
    name = letters(net).get(node, net.nodes[node].name)
    if net.sizes[node] == 1:
        return _mi(name)
    return Markup("<msub>{}<mn>{}</mn></msub>").format(_mi(name), index)


def _mi(name: str) -> Markup:
    return Markup("<mi>{}</mi>").format(name)


def _mn(value: fmpq) -> Markup:
    return Markup("<mn>{}</mn>").format(str(shown(value)))
