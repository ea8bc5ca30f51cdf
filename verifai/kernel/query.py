"""The query: is there an input of the domain at which the unsafe formula holds?

May import: number, network, errors. Must not know: how a query is decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network

MAX_ALTERNATION = 64


class Relation(Enum):
    """How an atom's linear form stands to zero."""

    AT_MOST = "<="
    LESS = "<"
    EQUAL = "="


@dataclass(frozen=True, slots=True)
class Atom:
    """Σ coefficient·value + constant ≤ 0 (or < 0, or = 0) over any values of the network."""

    terms: tuple[tuple[int, fmpq], ...]
    constant: fmpq
    relation: Relation = Relation.AT_MOST


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; of no parts: always."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One part holds at least; of no parts: refused when the query is built."""

    parts: tuple[Formula, ...]


Formula = Atom | And | Or


@dataclass(frozen=True, slots=True)
class Query:
    """Network, domain, unsafe set: one decision problem.

    Attributes:
        lower, upper: ends of the box, one for each value of the inputs, in the order of values.
        integers: values of inputs (by value number) that are integers.
        domain: further linear conditions on inputs.
        unsafe: what must not happen anywhere in the domain; its top is an `And`.
        stated: the formula that `unsafe` stands for, if that was put into other words: it holds at
            the same inputs. It is said, never checked.
        assumptions: about the float32 programs that the network, with its radii, stands for; none
            where the query speaks about real numbers. They are said, never checked.
    """

    network: Network
    lower: tuple[fmpq, ...]
    upper: tuple[fmpq, ...]
    unsafe: And
    domain: tuple[Atom, ...] = ()
    integers: frozenset[int] = field(default_factory=frozenset)
    stated: And | None = None
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        inputs = set(self.input_values)
        if not len(self.lower) == len(self.upper) == len(inputs):
            raise InputError(
                f"{len(self.lower)} lower and {len(self.upper)} upper ends for {len(inputs)} inputs"
            )
        if not self.integers <= inputs:
            raise InputError("an integer value that is no input")
        for atom in self.domain:
            self._check_atom(atom)
            if not all(value in inputs for value, _ in atom.terms):
                raise InputError("a condition of the domain on a value that is no input")
        self._check_formula(self.unsafe)
        if self.stated is not None:
            self._check_formula(self.stated)

    def _check_atom(self, atom: Atom) -> None:
        total = self.network.offsets[-1]
        if not all(0 <= value < total for value, _ in atom.terms):
            raise InputError("an atom on a value that the network does not have")
        if len({value for value, _ in atom.terms}) != len(atom.terms):
            raise InputError("an atom that names a value twice")

    def _check_formula(self, formula: And) -> None:
        open_parts: list[tuple[Formula, int]] = [(formula, 0)]
        while open_parts:
            part, depth = open_parts.pop()
            if isinstance(part, Atom):
                self._check_atom(part)
                continue
            if isinstance(part, Or) and not part.parts:
                raise InputError("a disjunction of nothing")
            if depth > MAX_ALTERNATION:
                raise InputError(f"and/or nested deeper than {MAX_ALTERNATION}")
            open_parts += [(child, depth + 1) for child in part.parts]

    @property
    def semantics(self) -> str:
        """What the values are: "real" numbers, or what "float32" programs compute."""
        return "float32" if self.assumptions else "real"

    @property
    def input_values(self) -> tuple[int, ...]:
        """The numbers of all input values, in order."""
        return self.network.input_values

    @property
    def longest(self) -> int:
        """The number of terms of the longest atom, in the domain or anywhere in the formula."""
        most = 0
        open_parts: list[Formula] = [*self.domain, self.unsafe]
        while open_parts:
            part = open_parts.pop()
            if isinstance(part, Atom):
                most = max(most, len(part.terms))
            else:
                open_parts += part.parts
        return most

    @property
    def is_vacuous(self) -> bool:
        """Whether the box holds no input, integers counted, so that anything holds on it."""
        box = zip(self.input_values, self.lower, self.upper, strict=True)
        return any(l.ceil() > u.floor() if v in self.integers else l > u for v, l, u in box)
