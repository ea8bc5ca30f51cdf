"""The statement: what was checked, in words and numbers that a person can compare with intent.

May import: python-flint, number, network, query. Must not know: how a query is decided.
"""

from __future__ import annotations

import math
import re

from flint import fmpq

from verifai.kernel.network import Affine, Network
from verifai.kernel.number import nearest
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation

MAX_INPUTS = 12
MAX_ATOMS = 24
MAX_TERMS = 6
MAX_TEXT = 24
_PLAIN = re.compile(r"[\w.:/#'-]+")
_SIGNS = {Relation.AT_MOST: "≤", Relation.LESS: "<", Relation.EQUAL: "="}


def statement(query: Query, *, verified: bool = True, vacuous: bool = False) -> str:
    """What a decided query says, in a few lines, with what it assumes.

    Args:
        query: the decision problem.
        verified: whether no input of the domain is unsafe, or else some input is.
        vacuous: whether the domain is known to be empty.
    """
    lines = _network(query.network) + _domain(query)
    lines.append(f"{'No' if verified else 'Some'} input in this domain makes")
    if query.stated is not None:
        lines += ["  " + line for line in _formula(query.network, query.stated)]
        lines.append("which was decided on values that are in the same order:")
    lines += ["  " + line for line in _formula(query.network, query.unsafe)]
    if verified and query.is_vacuous:
        lines.append("VACUOUS: the domain's box holds no input, so ANY property holds on it.")
    elif verified and vacuous:
        lines.append(
            "VACUOUS: no input of the box fulfils the domain's conditions, so ANY property"
        )
        lines.append("holds on it.")
    if query.assumptions:
        rounded = "for every float32 program whose rounding lies within the radii, "
        lines.append(f"{rounded if _has_radii(query.network) else ''}assuming:")
        lines += [f"  {text}" for text in query.assumptions]
    return "\n".join(lines)


def readable(value: fmpq) -> str:
    """The number exactly where that is short, else "≈" and its nearest double.

    >>> readable(fmpq(-1, 8)), readable(fmpq(1, 3)), readable(fmpq(7))
    ('-0.125', '1/3', '7')
    """
    exact = str(value)
    digits = 0
    while digits < MAX_TEXT and 10**digits % int(value.q):
        digits += 1
    scaled = abs(value) * fmpq(10) ** digits
    if digits and scaled.q == 1:
        whole = str(scaled.p).rjust(digits + 1, "0")
        exact = f"{'-' if value < 0 else ''}{whole[:-digits]}.{whole[-digits:]}"
    if len(exact) <= MAX_TEXT:
        return exact
    if math.isfinite(near := nearest(value)) and near != 0:
        return f"≈{near:.12g}"
    sign, size = "-" if value < 0 else "", abs(value)
    places = len(str(size.p)) - len(str(size.q))
    leading = size / fmpq(10) ** places if places >= 0 else size * fmpq(10) ** -places
    return f"≈{sign}{int(leading.p) / int(leading.q):.12g}e{places}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _name(net: Network, node: int) -> str:
    """A node's name; in quotes where it might pass for something else than one name."""
    name = net.nodes[node].name
    return name if _PLAIN.fullmatch(name) else repr(name)


def _value(net: Network, value: int) -> str:
    node, index = net.owner(value)
    return f"{_name(net, node)}[{index}]"


def _network(net: Network) -> list[str]:
    """The network's size, its inputs and outputs, and whether it is one function or many."""

    def named(nodes: tuple[int, ...]) -> str:
        shown = [f"{_name(net, i)}{list(net.nodes[i].shape)}" for i in nodes[:MAX_INPUTS]]
        return ", ".join(shown) + (f", … ({len(nodes)})" if len(nodes) > MAX_INPUTS else "")

    size = f"{_count(len(net.nodes), 'node')}, {_count(net.offsets[-1], 'value')}"
    lines = [
        f"Network: {size}, over the real numbers",
        f"  inputs {named(net.inputs)}; outputs {named(net.outputs)}",
    ]
    if _has_radii(net):
        lines.append("  with radii: holds for every network whose constants lie within them")
    return lines


def _has_radii(net: Network) -> bool:
    """Whether some constant is known up to a radius only."""
    return any(isinstance(n, Affine) and n.radius is not None and n.radius.any() for n in net.nodes)


def _domain(query: Query) -> list[str]:
    """The box, printed fully for few inputs and counted for many, and the further conditions."""
    box = list(zip(query.input_values, query.lower, query.upper, strict=True))
    kinds = "an integer" if len(query.integers) == 1 else "integers"
    lines = [f"Domain: {_count(len(box), 'input')}, {len(query.integers)} of them {kinds}"]
    for value, low, high in box if len(box) <= MAX_INPUTS else []:
        kind = " (integer)" if value in query.integers else ""
        name = _value(query.network, value)
        lines.append(f"  {name} in [{readable(low)}, {readable(high)}]{kind}")
    if len(box) > MAX_INPUTS:
        widths = [high - low for _, low, high in box]
        fixed = sum(width == 0 for width in widths)
        lines.append(f"  box: {_count(fixed, 'input')} fixed, {len(box) - fixed} with an interval")
        lines.append(f"  widths from {readable(min(widths))} to {readable(max(widths))}")
        ends = readable(min(query.lower)), readable(max(query.upper))
        lines.append(f"  least lower end {ends[0]}, greatest upper end {ends[1]}")
    for atom in query.domain[:MAX_ATOMS]:
        lines.append(f"  and {_atom(query.network, atom)}")
    if len(query.domain) > MAX_ATOMS:
        lines.append(f"  and {_count(len(query.domain) - MAX_ATOMS, 'more linear condition')}")
    return lines


def _formula(net: Network, unsafe: And) -> list[str]:
    """One line an atom, indented under all of / one of; the first ones of a long formula."""
    lines: list[str] = []
    atoms = disjunctions = 0
    todo: list[tuple[Formula, int]] = [(unsafe, 0)]
    while todo:
        part, depth = todo.pop()
        if isinstance(part, Atom):
            text, atoms = _atom(net, part) if atoms < MAX_ATOMS else "", atoms + 1
        elif len(part.parts) == 1:
            todo.append((part.parts[0], depth))
            continue
        else:
            kind = "all of" if isinstance(part, And) else "at least one of"
            text = f"{kind} these {len(part.parts)}:" if part.parts else "(nothing: always so)"
            disjunctions += isinstance(part, Or)
            todo += [(child, depth + 1) for child in reversed(part.parts)]
        if text and len(lines) < 2 * MAX_ATOMS:
            lines.append("  " * depth + text)
    if atoms > MAX_ATOMS or len(lines) >= 2 * MAX_ATOMS:
        parts = f"{_count(atoms, 'condition')} and {_count(disjunctions, 'disjunction')}"
        lines.append(f"… abridged: {parts} in all")
    return lines


def _atom(net: Network, atom: Atom) -> str:
    """The atom with its constant on the right: 2·y[0] - y[1] ≤ -3."""
    text = ""
    for value, factor in atom.terms[:MAX_TERMS]:
        size = "" if abs(factor) == 1 else readable(abs(factor)) + "·"
        sign = "-" if factor < 0 else "+" if text else ""
        text += (f" {sign} " if text else sign) + size + _value(net, value)
    if len(atom.terms) > MAX_TERMS:
        text += f" + … ({len(atom.terms)} terms)"
    return f"{text or '0'} {_SIGNS[atom.relation]} {readable(-atom.constant)}"
