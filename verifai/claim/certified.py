"""A claim on a box as a query: decided by the search, certified by the kernel.

May import: the parts of a claim, graph, properties, symbolic, verify; sympy on demand.
Must not know: how else claims are decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from verifai.claim.evaluate import Point
from verifai.claim.finite import bounds
from verifai.claim.term import (
    Applied,
    ClaimStatement,
    Compared,
    Expression,
    Formula,
    Joined,
    Named,
    Rational,
    Sort,
    Truth,
    under,
)
from verifai.graph.builder import Builder
from verifai.graph.formulas import atom
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError, Unable
from verifai.kernel.query import And, Atom, Or, Query, Relation
from verifai.kernel.query import Formula as Unsafe
from verifai.properties.domain import Domain, query_on

NODES = 4000
UNKNOWN_TO_NETWORKS = ("floor", "mod")


@dataclass(frozen=True, slots=True)
class SearchReply:
    """A certificate, a point to be tried, or neither."""

    certificate: bytes | None = None
    query: Query | None = None
    leaves: int = 0
    point: Point | None = None


def searched(statement: ClaimStatement, denied: Formula, seconds: float) -> SearchReply:
    """What the search finds on the box that the premise gives; nothing where it gives none.

    Raises:
        ImportError: sympy is not installed.
    """
    from verifai.verdict import Falsified, Verified
    from verifai.verify import Options, verify

    try:
        query = query_of(statement, denied)
        if query is None:
            return SearchReply()
        verdict = verify(query, Options(timeout=seconds, nodes=NODES, workers=1))
    except (InputError, Unable):
        return SearchReply()
    if isinstance(verdict, Verified) and not verdict.vacuous:
        return SearchReply(verdict.certificate, query, verdict.effort.leaves)
    if isinstance(verdict, Falsified):
        values = verdict.counterexample.inputs
        return SearchReply(point=dict(zip(statement.variables, values, strict=True)))
    return SearchReply()


def query_of(statement: ClaimStatement, denied: Formula) -> Query | None:
    """Whether the claim fails on its box; None where variables are unbounded or no numbers.

    Raises:
        InputError: a part that no network computes.
        ImportError: sympy is not installed.
    """
    variables = statement.variables
    functions = (p.function for p in under(denied) if isinstance(p, Applied))
    if not variables or any(each in UNKNOWN_TO_NETWORKS for each in functions):
        return None
    lower, upper = [], []
    for each in variables:
        low, high = bounds(each, statement.premise)
        if each.sort is Sort.BOOLEAN or low is None or high is None or low > high:
            return None
        lower.append(low)
        upper.append(high)
    writer = _Writer(variables)
    unsafe = writer.unsafe(denied, True)
    nodes = [gap.node for gap in writer.gaps]
    net = writer.builder.network(tuple(dict.fromkeys(nodes)))
    placed = _placed(unsafe, [net.offsets[gap.node] + int(gap.index) for gap in writer.gaps])
    whole = {i for i, each in enumerate(variables) if each.sort is Sort.INTEGER}
    region = Domain(tuple(lower), tuple(upper), frozenset(whole))
    return query_on(net, region, placed if isinstance(placed, And) else And((placed,)))


def _placed(part: Unsafe, places: list[int]) -> Unsafe:
    """The formula over values, from one over the numbers of gaps."""
    if isinstance(part, Atom):
        return Atom(
            tuple((places[value], factor) for value, factor in part.terms),
            part.constant,
            part.relation,
        )
    return type(part)(tuple(_placed(each, places) for each in part.parts))


class _Writer:
    """Comparisons as atoms over the differences of their sides, numbered as they come."""

    def __init__(self, variables: tuple[Named, ...]) -> None:
        self.builder = Builder()
        x = self.builder.input("x", (len(variables),))
        views = [Activation(x.node, np.array(i)) for i in range(len(variables))]
        self.symbols = {each: _symbol(i) for i, each in enumerate(variables)}
        self.inputs = dict(zip(self.symbols.values(), views, strict=True))
        self.gaps: list[Activation] = []

    def unsafe(self, part: Formula, wanted: bool) -> Unsafe:
        """The formula, or its opposite."""
        if isinstance(part, Truth):
            return And(()) if part.value == wanted else self._never()
        if isinstance(part, Joined) and part.word == "not":
            return self.unsafe(part.parts[0], not wanted)
        if isinstance(part, Joined) and part.word in ("and", "or"):
            parts = tuple(self.unsafe(each, wanted) for each in part.parts)
            return And(parts) if (part.word == "and") == wanted else Or(parts)
        if isinstance(part, Joined):
            a, b = part.parts
            forward = Joined("or", (Joined("not", (a,)), b))
            back = Joined("or", (Joined("not", (b,)), a))
            both = forward if part.word == "implies" else Joined("and", (forward, back))
            return self.unsafe(both, wanted)
        if isinstance(part, Compared):
            return self._atom(part, wanted)
        raise InputError(f"{part.name} is no number")

    def _never(self) -> Unsafe:
        gap = self._gap(Compared("<", Rational(fmpq(0)), Rational(fmpq(1))))
        return atom({gap: fmpq(0)}, fmpq(1))

    def _gap(self, part: Compared) -> int:
        """The number of the value left - right."""
        from verifai.symbolic.compile import compile_expression

        difference = _sympy(part.left, self.symbols) - _sympy(part.right, self.symbols)
        self.gaps.append(compile_expression(self.builder, difference, self.inputs))
        return len(self.gaps) - 1

    def _atom(self, part: Compared, wanted: bool) -> Unsafe:
        gap = self._gap(part)
        one, zero = fmpq(1), fmpq(0)
        if part.relation == "=":
            if wanted:
                return atom({gap: one}, zero, Relation.EQUAL)
            less, more = ({gap: one}, {gap: -one})
            return Or((atom(less, zero, Relation.LESS), atom(more, zero, Relation.LESS)))
        strict = (part.relation == "<") == wanted
        relation = Relation.LESS if strict else Relation.AT_MOST
        return atom({gap: one if wanted else -one}, zero, relation)


def _symbol(number: int) -> Any:
    import sympy

    return sympy.Symbol(f"x{number}", real=True)


def _sympy(part: Expression, symbols: dict[Named, Any]) -> Any:
    import sympy

    functions = {
        "abs": sympy.Abs,
        "max": sympy.Max,
        "min": sympy.Min,
        "sign": sympy.sign,
        "sqrt": sympy.sqrt,
        "exp": sympy.exp,
        "log": sympy.log,
        "sin": sympy.sin,
        "cos": sympy.cos,
    }
    made: dict[Any, Any] = {}
    for each in under(part):
        if isinstance(each, Rational):
            made[each] = sympy.Rational(int(each.value.p), int(each.value.q))
        elif isinstance(each, Named):
            made[each] = symbols[each]
        elif isinstance(each, Applied):
            parts = [made[one] for one in each.parts]
            made[each] = _applied(each.function, parts, functions)
    return made[part]


def _applied(function: str, parts: list[Any], functions: dict[str, Any]) -> Any:
    if function == "+":
        return parts[0] + parts[1]
    if function == "*":
        return parts[0] * parts[1]
    if function == "/":
        return parts[0] / parts[1]
    if function == "^":
        return parts[0] ** parts[1]
    return -parts[0] if function == "neg" else functions[function](*parts)
