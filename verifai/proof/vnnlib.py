"""A query as VNN-LIB 1.0 or 2.0, exactly; what the language cannot say is refused by name.

Numbers are written as exact decimals. A condition whose numbers are none is multiplied by the
least integer that makes them decimals, so that nothing is rounded.

May import: kernel. Must not know: files, readers, what models are.

Source: the VNN-LIB standard 2.0, chapter "Query Language".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.number import MAX_DIGITS
from verifai.kernel.query import And, Atom, Formula, Query, Relation

Version = str
VERSIONS = ("1.0", "2.0")


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A model that the query's network holds.

    Attributes:
        inputs, outputs: the nodes that are its inputs and outputs, in order.
        same: which earlier part is the same model, by its place; None: none.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    same: int | None = None


def vnnlib_text(query: Query, parts: Sequence[ModelPart], version: Version) -> str:
    """The text whose satisfying assignments are the query's counterexamples.

    Args:
        query: the decision problem.
        parts: the models in its network, one at least.
        version: "1.0" or "2.0".

    Raises:
        InputError: something that this version cannot say; it is named.
    """
    _require_sayable(query, parts, version)
    say = _First(query, parts) if version == "1.0" else _Second(query, parts)
    net = query.network
    lines = [*say.declarations()]
    for value, low, high in zip(query.input_values, query.lower, query.upper, strict=True):
        lines += [
            f"(assert {say.bound(value, sign, end)})" for sign, end in ((">=", low), ("<=", high))
        ]
    formula = query.unsafe if query.stated is None else query.stated
    for part in (*query.domain, *formula.parts):
        if part == And(()) or (isinstance(part, Atom) and _truth(part)):
            continue
        lines.append(f"(assert {say.formula(part)})")
    head = f"; {net!r}"
    return "\n".join([head, *lines]) + "\n"


def _require_sayable(query: Query, parts: Sequence[ModelPart], version: Version) -> None:
    net, said = query.network, f"VNN-LIB {version} cannot say this"
    if query.assumptions:
        raise InputError(f"{said}: the query is about float32 programs")
    if query.integers:
        raise InputError(f"{said}: {net.describe(min(query.integers))} is an integer")
    if version == "1.0" and len(parts) != 1:
        raise InputError(f"{said}: the query is about {len(parts)} networks (2.0 can)")
    read = {node for part in parts for node in part.inputs}
    for node in net.inputs:
        if node not in read:
            raise InputError(f"{said}: the input {net.nodes[node].name} is none of a model")
    for node in sorted(read - {*net.inputs}):
        raise InputError(f"{said}: {net.nodes[node].name} is what a model reads, and no input")


class _Words:
    """How values and conditions are written; versions differ in names and in equality."""

    equal = "="
    version: Version

    def __init__(self, query: Query, parts: Sequence[ModelPart]) -> None:
        self.query, self.parts = query, parts
        self.names: dict[int, str] = {}

    def declarations(self) -> Iterator[str]:
        """The lines before the first condition; afterwards all names are known."""
        raise NotImplementedError

    def name(self, value: int) -> str:
        if value not in self.names:
            shown = self.query.network.describe(value)
            said = f"VNN-LIB {self.version} cannot say this: {shown} is a hidden value"
            raise InputError(said)
        return self.names[value]

    def bound(self, value: int, sign: str, end: fmpq) -> str:
        return f"({sign} {self._product(_scale([end]), value)} {_decimal(end * _scale([end]))})"

    def formula(self, part: Formula) -> str:
        """The text of a condition, whose depth Query has capped."""
        if isinstance(part, Atom):
            return self._atom(part)
        if not part.parts:
            return "(<= 0.0 0.0)"
        if len(part.parts) == 1:
            return self.formula(part.parts[0])
        word = "and" if isinstance(part, And) else "or"
        return f"({word} {' '.join(self.formula(child) for child in part.parts)})"

    def _atom(self, atom: Atom) -> str:
        sign = self.equal if atom.relation is Relation.EQUAL else atom.relation.value
        if not atom.terms:
            return "(<= 0.0 0.0)" if _truth(atom) else "(<= 1.0 0.0)"
        if atom.constant == 0 and sorted(c for _, c in atom.terms) == [-1, 1]:
            (_, left), (_, right) = sorted((-c, self.name(v)) for v, c in atom.terms)
            return f"({sign} {left} {right})"
        factor = _scale([atom.constant, *(c for _, c in atom.terms)])
        terms = [self._product(c * factor, value) for value, c in atom.terms]
        total = terms[0] if len(terms) == 1 else f"(+ {' '.join(terms)})"
        return f"({sign} {total} {_decimal(-atom.constant * factor)})"

    def _product(self, factor: fmpq, value: int) -> str:
        name = self.name(value)
        return name if factor == 1 else f"(* {_decimal(factor)} {name})"


class _First(_Words):
    version = "1.0"

    def declarations(self) -> Iterator[str]:
        net, (part,) = self.query.network, self.parts
        for letter, nodes in (("X", part.inputs), ("Y", part.outputs)):
            for i, value in enumerate(net.values(*nodes)):
                self.names.setdefault(value, f"{letter}_{i}")
                yield f"(declare-const {letter}_{i} Real)"


class _Second(_Words):
    version, equal = "2.0", "=="

    def declarations(self) -> Iterator[str]:
        net, shared = self.query.network, list[str]()
        yield "(vnnlib-version <2.0>)"
        for place, part in enumerate(self.parts):
            mark = f"{place + 1}" if len(self.parts) > 1 else ""
            yield f"(declare-network N{mark}"
            if part.same is not None:
                yield f"  (equal-to N{part.same + 1})"
            for letter, word, nodes in (
                ("X", "declare-input", part.inputs),
                ("Y", "declare-output", part.outputs),
            ):
                for i, node in enumerate(nodes):
                    name = f"{letter}{mark}" if len(nodes) == 1 else f"{letter}{mark}_{i}"
                    shape = net.nodes[node].shape
                    yield f"  ({word} {name} real [{','.join(map(str, shape))}])"
                    shared += self._entries(name, node, letter == "X")
            yield ")"
        yield from shared

    def _entries(self, tensor: str, node: int, is_input: bool) -> Iterator[str]:
        """Names the entries of a tensor; of an input that has names already, says they are it."""
        net = self.query.network
        shape = net.nodes[node].shape
        for offset, value in enumerate(net.values(node)):
            name = tensor + (f"[{_indices(offset, shape)}]" if shape else "")
            known = self.names.setdefault(value, name)
            if is_input and known != name:
                yield f"(assert (== {known} {name}))"


def _indices(offset: int, shape: Sequence[int]) -> str:
    """The indices of an entry in row-major order."""
    found = []
    for length in reversed(shape):
        offset, index = divmod(offset, length)
        found.append(str(index))
    return ",".join(reversed(found))


def _truth(atom: Atom) -> bool:
    """Whether an atom holds wherever it is asked."""
    value = atom.constant
    if atom.terms:
        return False
    return (
        value == 0
        if atom.relation is Relation.EQUAL
        else value < 0 or (value == 0 and atom.relation is Relation.AT_MOST)
    )


def _scale(numbers: Sequence[fmpq]) -> fmpq:
    """The least integer whose products with the numbers are decimals."""
    factor = 1
    for each in numbers:
        rest = int(each.q)
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        factor = math.lcm(factor, rest)
    return fmpq(factor)


def _decimal(value: fmpq) -> str:
    """The exact decimal of a number that has one.

    >>> _decimal(fmpq(-1, 8)), _decimal(fmpq(3)), _decimal(fmpq(7, 5))
    ('-0.125', '3.0', '1.4')

    Raises:
        InputError: it is too long to be read again.
    """
    below = int(value.q)
    twos = (below & -below).bit_length() - 1
    fives, rest = 0, below >> twos
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    places = max(twos, fives, 1)
    digits = str(abs(int(value.p)) * 10**places // below).rjust(places + 1, "0")
    text = f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    if len(text) > MAX_DIGITS:
        raise InputError(f"a number of {len(text)} digits does not fit into a VNN-LIB file")
    return text
