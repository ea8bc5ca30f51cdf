"""Queries as SMT-LIB 2 scripts that Z3 and cvc5 read: one real constant a value, nothing rounded.

Every value of the network is declared and defined by one named assertion, so that an unsatisfiable
core names nodes. Functions that SMT-LIB's real arithmetic lacks are refused, except in the dialect
of cvc5, which knows the exponential function, sine and cosine.

May import: python-flint, kernel, rows. Must not know: solvers, processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import (
    Affine,
    Input,
    Network,
    Node,
    Product,
    Pwl,
    Sign,
    Smooth,
    Square,
)
from verifai.kernel.query import And, Atom, Formula, Query, Relation
from verifai.solvers.rows import AffineValue, Stretch, affine_rows, pieces

MAX_TERMS = 4_000_000
_RELATIONS = {Relation.AT_MOST: "<=", Relation.LESS: "<", Relation.EQUAL: "="}
_ALGEBRAIC = {
    "reciprocal": "(= (* {y} {x}) 1.0)",
    "sqrt": "(and (>= {y} 0.0) (= (* {y} {y}) {x}))",
}
_TRANSCENDENTAL = {
    "exp": "(= {y} (exp {x}))",
    "log": "(= (exp {y}) {x})",
    "sin": "(= {y} (sin {x}))",
    "cos": "(= {y} (cos {x}))",
    "sigmoid": "(and (< 0.0 {y} 1.0) (= (* {y} (+ 1.0 (exp (- {x})))) 1.0))",
    "tanh": "(and (< (- 1.0) {y} 1.0)"
    " (= (* {y} (+ (exp (* 2.0 {x})) 1.0)) (- (exp (* 2.0 {x})) 1.0)))",
}


@dataclass(frozen=True, slots=True)
class Script:
    """An SMT-LIB 2 script.

    Attributes:
        body: everything but the last command.
        inputs: the symbols of the input values, in their order.
        logic: its SMT-LIB name.
        is_question: whether it ends by asking for satisfiability (a network alone does not).
        symbols: of all values, in their order.
    """

    body: str
    inputs: tuple[str, ...]
    logic: str
    is_question: bool = True
    symbols: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole script."""
        return self.body + ("(check-sat)\n" if self.is_question else "")

    def pinned(self, symbol: str, low: fmpq, high: fmpq) -> Script:
        """The script with the further condition low ≤ symbol ≤ high."""
        more = f"(assert (<= {literal(low)} {symbol}))\n(assert (<= {symbol} {literal(high)}))\n"
        return replace(self, body=self.body + more)


def literal(value: fmpq) -> str:
    """The exact number as a term of sort Real.

    >>> literal(fmpq(3)), literal(fmpq(-1, 3))
    ('3.0', '(- (/ 1.0 3.0))')
    """
    size = abs(value)
    term = f"{size.p}.0" if size.q == 1 else f"(/ {size.p}.0 {size.q}.0)"
    return f"(- {term})" if value < 0 else term


def write_smtlib(subject: Query | Network, *, is_cvc5: bool = False) -> Script:
    """The script that is satisfiable if and only if the query has a counterexample.

    Where a constant is known up to a radius, a model may pick it anew at every input. Inputs at
    which a reciprocal, root or logarithm has no value count as no inputs.

    Args:
        subject: a query, or a network alone, whose script only defines its values.
        is_cvc5: whether to use cvc5's exponential function, sine and cosine.

    Raises:
        InputError: a node has no counterpart in SMT-LIB, or the network is too large.
    """
    query = subject if isinstance(subject, Query) else None
    network = subject.network if isinstance(subject, Query) else subject
    writer = _Writer(network, frozenset() if query is None else query.integers, is_cvc5)
    lines = list(writer.network_lines())
    if query is not None:
        lines += writer.query_lines(query)
    head = [
        "; Is there an input of the domain at which the unsafe formula holds? Exact, over the reals"
        if query is not None
        else "; The values of a network at its inputs, exactly, over the reals",
        "(set-info :smt-lib-version 2.6)",
        *(["(set-option :produce-models true)"] if query is not None else []),
        f"(set-logic {writer.logic})",
    ]
    inputs = tuple(writer.symbols[v] for v in network.input_values)
    body = "\n".join([*head, *lines]) + "\n"
    return Script(body, inputs, writer.logic, query is not None, tuple(writer.symbols))


class _Writer:
    """The lines of one script."""

    def __init__(self, network: Network, integers: frozenset[int], is_cvc5: bool) -> None:
        self.network, self.integers, self.is_cvc5 = network, integers, is_cvc5
        self.symbols = [_symbol(network.describe(v), v) for v in range(network.offsets[-1])]
        self.terms = [f"(to_real {s})" if v in integers else s for v, s in enumerate(self.symbols)]
        self.written = 0
        for node in network.nodes:
            self._require_supported(node)

    def _require_supported(self, node: Node) -> None:
        if not isinstance(node, Smooth) or node.function in _ALGEBRAIC:
            return
        if not (self.is_cvc5 and node.function in _TRANSCENDENTAL):
            hint = (
                " (cvc5's dialect has it)"
                if node.function in _TRANSCENDENTAL and not self.is_cvc5
                else ""
            )
            raise InputError(f"node {node.name!r}: SMT-LIB has no function {node.function}{hint}")

    @property
    def logic(self) -> str:
        """Linear or nonlinear, real or mixed arithmetic, without quantifiers."""
        nodes = self.network.nodes
        is_nonlinear = any(isinstance(n, Square | Product | Smooth) for n in nodes)
        smooth = [n.function for n in nodes if isinstance(n, Smooth)]
        sorts = "IRA" if self.integers else "RA"
        is_transcendental = any(f not in _ALGEBRAIC for f in smooth)
        return f"QF_{'N' if is_nonlinear else 'L'}{sorts}{'T' if is_transcendental else ''}"

    def network_lines(self) -> Iterator[str]:
        """Declarations, and the definitions of all values but inputs."""
        net = self.network
        for i, node in enumerate(net.nodes):
            yield f"; {type(node).__name__.lower()} {_printable(node.name)}"
            for value in range(net.offsets[i], net.offsets[i + 1]):
                sort = "Int" if value in self.integers else "Real"
                yield f"(declare-const {self.symbols[value]} {sort})"
            yield from self._definitions(i, node)

    def _definitions(self, i: int, node: Node) -> Iterator[str]:
        net, first = self.network, self.network.offsets[i]
        sources = [net.offsets[s] for s in node.sources]
        if isinstance(node, Input):
            return
        if isinstance(node, Affine):
            for k, row in enumerate(affine_rows(net, i)):
                yield from self._affine(first + k, row)
            return
        table = pieces(node) if isinstance(node, Pwl) else []
        for k in range(net.sizes[i]):
            y, x = self.terms[first + k], [self.terms[s + k] for s in sources]
            self._count(1)
            if isinstance(node, Pwl):
                column = table[k if len(table) > 1 else 0]
                self._count(len(column))
                condition = f"(= {y} {self._choice(x[0], column)})"
            elif isinstance(node, Sign):
                side = f"(ite (< {x[0]} 0.0) (- 1.0) (ite (> {x[0]} 0.0) 1.0 0.0))"
                condition = f"(= {y} {side})"
            elif isinstance(node, Smooth):
                text = {**_ALGEBRAIC, **_TRANSCENDENTAL}[node.function]
                condition = text.format(y=y, x=x[0])
            elif isinstance(node, Square | Product):
                condition = f"(= {y} (* {x[0]} {x[-1]}))"
            else:
                raise InputError(f"node {node.name!r}: no SMT-LIB of a {type(node).__name__}")
            yield self._named(condition, first + k, "is defined")

    def _affine(self, value: int, row: AffineValue) -> Iterator[str]:
        self._count(len(row.terms) + len(row.spread) + 1)
        total = self._sum(row.terms, row.constant)
        if not row.is_exact:
            error = _symbol(f"{self.network.describe(value)} error", value)
            sizes = [
                (f"(ite (< {x} 0.0) (- {x}) {x})", w)
                for x, w in ((self.terms[v], w) for v, w in row.spread)
            ]
            most = _linear(sizes, row.offset)
            yield f"(declare-const {error} Real)"
            yield self._named(f"(<= {error} {most})", value, "error upper")
            yield self._named(f"(<= (- {error}) {most})", value, "error lower")
            total = f"(+ {total} {error})"
        yield self._named(f"(= {self.terms[value]} {total})", value, "is defined")

    def query_lines(self, query: Query) -> Iterator[str]:
        """The box, the domain's rows and the unsafe formula's conjuncts."""
        yield "; domain"
        ends = zip(query.input_values, query.lower, query.upper, strict=True)
        for value, low, high in ends:
            x = self.terms[value]
            yield self._named(f"(<= {literal(low)} {x})", value, "lower end")
            yield self._named(f"(<= {x} {literal(high)})", value, "upper end")
        for k, row in enumerate(query.domain):
            yield f"(assert (! {self._formula(row)} :named |domain {k}|))"
        yield "; unsafe"
        for k, part in enumerate(query.unsafe.parts):
            yield f"(assert (! {self._formula(part)} :named |unsafe {k}|))"

    def _named(self, condition: str, value: int, what: str) -> str:
        label = _symbol(f"{self.network.describe(value)} {what}", value)
        return f"(assert (! {condition} :named {label}))"

    def _formula(self, formula: Formula) -> str:
        if isinstance(formula, Atom):
            self._count(len(formula.terms) + 1)
            total = self._sum(formula.terms, formula.constant)
            return f"({_RELATIONS[formula.relation]} {total} 0.0)"
        if not formula.parts:
            return "true"
        parts = " ".join(map(self._formula, formula.parts))
        return f"({'and' if isinstance(formula, And) else 'or'} {parts})"

    def _sum(self, terms: Iterable[tuple[int, fmpq]], constant: fmpq) -> str:
        return _linear([(self.terms[value], factor) for value, factor in terms], constant)

    def _choice(self, x: str, parts: list[Stretch]) -> str:
        """A balanced tree of conditions, so that many knots do not nest deeply."""
        if len(parts) == 1:
            return _linear([(x, parts[0].slope)], parts[0].constant)
        half = len(parts) // 2
        end = parts[half - 1].end
        if end is None:
            raise ValueError("a piece without end before others")
        left, right = self._choice(x, parts[:half]), self._choice(x, parts[half:])
        return f"(ite (<= {x} {literal(end)}) {left} {right})"

    def _count(self, terms: int) -> None:
        self.written += terms
        if self.written > MAX_TERMS:
            raise InputError(f"more than {MAX_TERMS} terms: too large a network for SMT-LIB")


def _linear(terms: list[tuple[str, fmpq]], constant: fmpq) -> str:
    parts = [x if c == 1 else f"(* {literal(c)} {x})" for x, c in terms if c != 0]
    if constant != 0 or not parts:
        parts.append(literal(constant))
    return parts[0] if len(parts) == 1 else f"(+ {' '.join(parts)})"


def _printable(name: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c not in "|\\" else "_" for c in name)


def _symbol(name: str, value: int) -> str:
    """A quoted symbol; names that cannot be quoted as they are get the value's number."""
    plain = _printable(name)
    is_plain = plain == name and not name.startswith(("@", "."))
    return f"|{plain}|" if is_plain else f"|_{plain}#{value}|"
