"""Exact decisions of small piecewise-linear queries, in two ways that share no code.

`decide` enumerates phases: under fixed phases every value is a linear form over the inputs, and a
simplex over rationals with infinitesimals says whether the conditions hold together. `decide_z3`
hands the graph to Z3 as it is. Neither uses the kernel's evaluation, bounds or formulas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

import z3
from flint import fmpq

from tests.kernel.meaning import entries, values_at
from verifai.kernel.network import Affine, Input, Network, Product, Pwl, Sign, Square
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation

Linear = tuple[tuple[fmpq, ...], fmpq]  # coefficients on the inputs, constant
Condition = tuple[Linear, Relation]
Pair = tuple[fmpq, fmpq]  # r + d·ε for an infinitesimal ε > 0
ZERO, ONE = fmpq(0), fmpq(1)


# The simplex of Dutertre and de Moura (2006), Bland's rule.


@dataclass
class _Tableau:
    """Basic variables as rows over the others; every variable has a value and perhaps bounds."""

    rows: dict[int, dict[int, fmpq]]
    value: list[Pair]
    lower: list[Pair | None]
    upper: list[Pair | None]

    def solve(self) -> bool:
        """Whether all bounds can hold together; then `value` says how."""
        while True:
            broken = min((b for b in self.rows if self._side(b)), default=None)
            if broken is None:
                return True
            side = self._side(broken)
            entering = min(
                (j for j, a in self.rows[broken].items() if self._may_move(j, a * side)),
                default=None,
            )
            if entering is None:
                return False
            goal = self.lower[broken] if side > 0 else self.upper[broken]
            if goal is None:
                raise ValueError("a variable beyond a bound that it does not have")
            self._pivot(broken, entering, goal)

    def _side(self, b: int) -> int:
        """1 if the variable must grow, -1 if it must shrink, 0 if its bounds hold."""
        low, high, value = self.lower[b], self.upper[b], self.value[b]
        return (
            1 if low is not None and value < low else -1 if high is not None and value > high else 0
        )

    def _may_move(self, j: int, direction: fmpq) -> bool:
        end = self.upper[j] if direction > 0 else self.lower[j]
        return end is None or self.value[j] != end

    def _pivot(self, leaving: int, entering: int, goal: Pair) -> None:
        row = self.rows.pop(leaving)
        factor = row.pop(entering)
        step = tuple((g - v) / factor for g, v in zip(goal, self.value[leaving], strict=True))
        self.value[leaving] = goal
        self.value[entering] = _plus(self.value[entering], step, ONE)
        for b, other in self.rows.items():
            if entering in other:
                self.value[b] = _plus(self.value[b], step, other[entering])
        solved = {j: -a / factor for j, a in row.items()} | {leaving: ONE / factor}
        for other in self.rows.values():
            if (a := other.pop(entering, None)) is not None:
                for j, c in solved.items():
                    other[j] = other.get(j, ZERO) + a * c
                    if other[j] == 0:
                        del other[j]
        self.rows[entering] = solved


def _plus(x: Pair, step: Any, factor: fmpq) -> Pair:
    return x[0] + factor * step[0], x[1] + factor * step[1]


def holds(condition: Condition, point: list[fmpq]) -> bool:
    """Whether a condition holds at an exact point."""
    (factors, constant), relation = condition
    value = sum((a * x for a, x in zip(factors, point, strict=True)), constant)
    if relation is Relation.LESS:
        return bool(value < 0)
    return bool(value == 0 if relation is Relation.EQUAL else value <= 0)


def feasible(conditions: list[Condition], inputs: int) -> list[fmpq] | None:
    """An exact point at which all conditions hold, or None if there is none."""
    origin = [ZERO] * inputs
    real = [c for c in conditions if any(c[0][0])]
    if not all(holds(c, origin) for c in conditions if not any(c[0][0])):
        return None
    total = inputs + len(real)
    table = _Tableau({}, [(ZERO, ZERO)] * total, [None] * total, [None] * total)
    for k, ((factors, constant), relation) in enumerate(real, start=inputs):
        table.rows[k] = {j: a for j, a in enumerate(factors) if a != 0}
        table.upper[k] = (-constant, -ONE if relation is Relation.LESS else ZERO)
        table.lower[k] = table.upper[k] if relation is Relation.EQUAL else None
    if not table.solve():
        return None
    small = ONE
    while True:
        point = [r + d * small for r, d in table.value[:inputs]]
        if all(holds(c, point) for c in conditions):
            return point
        small /= 2


# Phases.


@dataclass(frozen=True)
class _Path:
    """Forms of the values so far, and the conditions under which they are right."""

    forms: tuple[Linear, ...]
    conditions: tuple[Condition, ...]


def rationals(array: Any) -> list[fmpq]:
    """The exact values of doubles."""
    return [fmpq(*float(v).as_integer_ratio()) for v in array]


def _combine(terms: list[tuple[fmpq, Linear]], constant: fmpq, inputs: int) -> Linear:
    total = [ZERO] * inputs
    for factor, (coefficients, shift) in terms:
        constant += factor * shift
        for j, c in enumerate(coefficients):
            total[j] += factor * c
    return tuple(total), constant


def decide(query: Query) -> list[fmpq] | None:
    """An exact input that lies in the domain and is unsafe, or None if there is none."""
    if query.is_vacuous:
        return None
    inputs = len(query.lower)
    unit = [(tuple(ONE if i == j else ZERO for j in range(inputs)), ZERO) for i in range(inputs)]
    box: list[Condition] = []
    for (factors, _), low, high in zip(unit, query.lower, query.upper, strict=True):
        box += [((factors, -high), Relation.AT_MOST)]
        box += [((tuple(-a for a in factors), low), Relation.AT_MOST)]
    whole = [i for i, v in enumerate(query.input_values) if v in query.integers]
    ranges = [range(int(query.lower[i].ceil()), int(query.upper[i].floor()) + 1) for i in whole]
    for choice in product(*ranges):
        fixed = [
            ((unit[i][0], fmpq(-n)), Relation.EQUAL) for i, n in zip(whole, choice, strict=True)
        ]
        point = _descend(query, _Path((), (*box, *fixed)), iter(unit), 0)
        if point is not None:
            return point
    return None


def _descend(query: Query, path: _Path, free: Iterator[Linear], start: int) -> list[fmpq] | None:
    """Goes through the nodes from `start` on, trying every feasible piece of every neuron."""
    net, inputs = query.network, len(query.lower)
    for i in range(start, len(net.nodes)):
        node, size = net.nodes[i], net.sizes[i]
        if isinstance(node, Input):
            path = replace(path, forms=(*path.forms, *(next(free) for _ in range(size))))
        elif isinstance(node, Affine):
            path = replace(path, forms=path.forms + _affine(net, node, i, path.forms, inputs))
        elif isinstance(node, Pwl):
            for choice in _pieces(net, node, i, path, inputs):
                point = _descend(query, choice, iter(()), i + 1)
                if point is not None:
                    return point
            return None
        else:
            raise TypeError(f"the oracle knows no {type(node).__name__}")
    return _unsafe(query, path, [query.unsafe, *query.domain], list(path.conditions))


def _affine(
    net: Network, node: Affine, i: int, forms: tuple[Linear, ...], inputs: int
) -> tuple[Linear, ...]:
    if node.radius is not None and node.radius.any():
        raise TypeError("the oracle knows no radius")
    terms: list[list[tuple[fmpq, Linear]]] = [[] for _ in range(net.sizes[i])]
    for source, operator in node.terms:
        first = net.offsets[source]
        for k, row in enumerate(entries(operator, net.sizes[source])):
            terms[k] += [
                (fmpq(w.numerator, w.denominator), forms[first + j]) for j, w in row.items()
            ]
    divisor = [ONE] * net.sizes[i] if node.divisor is None else rationals(node.divisor)
    biases = zip(terms, rationals(node.bias), divisor, strict=True)
    return tuple(
        _combine([(w / d, form) for w, form in part], b / d, inputs) for part, b, d in biases
    )


def _pieces(net: Network, node: Pwl, i: int, path: _Path, inputs: int) -> Iterator[_Path]:
    """The path continued by every feasible combination of pieces of the node's values."""
    first, open_paths = net.offsets[node.source], [path]
    for k in range(net.sizes[i]):
        column = k if node.knots.shape[1] > 1 else 0
        knots, slopes = rationals(node.knots[:, column]), rationals(node.slopes[:, column])
        values = [fmpq(*float(node.anchor[column]).as_integer_ratio())]
        for j in range(1, len(knots)):
            values.append(values[-1] + slopes[j] * (knots[j] - knots[j - 1]))
        form, found = path.forms[first + k], []
        for open_path, j in product(open_paths, range(len(slopes))):
            at, value = (knots[j], values[j]) if j < len(knots) else (knots[-1], values[-1])
            more = list[Condition]()
            if j > 0:
                more.append((_combine([(-ONE, form)], knots[j - 1], inputs), Relation.AT_MOST))
            if j < len(knots):
                more.append((_combine([(ONE, form)], -knots[j], inputs), Relation.AT_MOST))
            conditions = (*open_path.conditions, *more)
            if feasible(list(conditions), inputs) is not None:
                line = _combine([(slopes[j], form)], value - slopes[j] * at, inputs)
                found.append(_Path((*open_path.forms, line), conditions))
        open_paths = found
    yield from open_paths


def _unsafe(
    query: Query, path: _Path, todo: list[Formula], conditions: list[Condition]
) -> list[fmpq] | None:
    """A point of the path's region at which everything in `todo` holds."""
    inputs = len(query.lower)
    ors = list[Or]()
    todo = list(todo)
    while todo:
        part = todo.pop()
        if isinstance(part, And):
            todo += part.parts
        elif isinstance(part, Or):
            ors.append(part)
        else:
            terms = [(c, path.forms[v]) for v, c in part.terms]
            conditions.append((_combine(terms, part.constant, inputs), part.relation))
    point = feasible(conditions, inputs)
    if point is None or not ors:
        return point
    for alternative in ors[0].parts:
        point = _unsafe(query, path, [alternative, *ors[1:]], list(conditions))
        if point is not None:
            return point
    return None


def supremum(query: Query, value: int) -> fmpq | None:
    """A bound that one value never exceeds where the query is unsafe, nor stays below by 1e-6.

    Found by bisection; None if the query has no counterexample.
    """

    def above(limit: fmpq) -> fmpq | None:
        better = Atom(((value, -ONE),), limit, Relation.LESS)
        point = decide(replace(query, unsafe=And((better, query.unsafe))))
        return None if point is None else _value(query, value, point)

    point = decide(query)
    if point is None:
        return None
    low, step = _value(query, value, point), ONE
    while (reached := above(low + step)) is not None:
        low, step = reached, 2 * step
    high = low + step
    while high - low > fmpq(1, 10**6):
        middle = (low + high) / 2
        reached = above(middle)
        low, high = (low, middle) if reached is None else (reached, high)
    return high


def _value(query: Query, value: int, point: list[fmpq]) -> fmpq:
    exact = values_at(query.network, [_fraction(x) for x in point])[value]
    return fmpq(exact.numerator, exact.denominator)


# The meaning of a query at one point, in fractions.


def is_counterexample(query: Query, inputs: list[fmpq]) -> bool:
    """Whether an exact input lies in the domain and is unsafe, by loops over fractions."""
    point = [Fraction(int(x.p), int(x.q)) for x in inputs]
    ends = [(_fraction(l), _fraction(u)) for l, u in zip(query.lower, query.upper, strict=True)]
    if not all(l <= x <= u for x, (l, u) in zip(point, ends, strict=True)):
        return False
    whole = zip(query.input_values, point, strict=True)
    if not all(x.denominator == 1 for v, x in whole if v in query.integers):
        return False
    values = values_at(query.network, point)
    return _is_true(And((*query.domain, query.unsafe)), values)


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _is_true(formula: Formula, values: list[Fraction]) -> bool:
    if isinstance(formula, And):
        return all(_is_true(part, values) for part in formula.parts)
    if isinstance(formula, Or):
        return any(_is_true(part, values) for part in formula.parts)
    total = sum((_fraction(c) * values[v] for v, c in formula.terms), _fraction(formula.constant))
    if formula.relation is Relation.LESS:
        return total < 0
    return total == 0 if formula.relation is Relation.EQUAL else total <= 0


# Z3.


def encode_z3(query: Query) -> tuple[list[Any], list[Any]]:
    """All conditions of the query, and an expression for every value of its network."""
    net, values, conditions = query.network, list[Any](), list[Any]()
    for i, node in enumerate(net.nodes):
        for k in range(net.sizes[i]):
            if isinstance(node, Input):
                values.append(z3.Real(f"x{len(values)}"))
                continue
            here = z3.Real(f"v{net.offsets[i] + k}")
            if isinstance(node, Affine):
                conditions.append(here == _affine_z3(net, node, k, values))
            elif isinstance(node, Pwl):
                conditions.append(here == _pwl_z3(node, k, values[net.offsets[node.source] + k]))
            elif isinstance(node, Square | Product | Sign):
                reads = [values[net.offsets[s] + k] for s in node.sources]
                conditions.append(here == _elementwise_z3(node, reads))
            else:
                raise TypeError(f"the oracle knows no {type(node).__name__}")
            values.append(here)
    for v, low, high in zip(query.input_values, query.lower, query.upper, strict=True):
        conditions += [values[v] >= _number(low), values[v] <= _number(high)]
        if v in query.integers:
            conditions.append(z3.IsInt(values[v]))
    conditions += [_formula_z3(part, values) for part in (*query.domain, query.unsafe)]
    return conditions, values


def decide_z3(query: Query) -> bool:
    """Whether some input of the domain is unsafe, as Z3 says.

    Raises:
        RuntimeError: Z3 does not know.
    """
    solver = z3.Solver()
    solver.add(*encode_z3(query)[0])
    answer = solver.check()
    if answer == z3.unknown:
        raise RuntimeError(f"z3: {solver.reason_unknown()}")
    return bool(answer == z3.sat)


def _number(value: fmpq | Fraction) -> Any:
    return z3.Q(int(getattr(value, "p", 0)), int(getattr(value, "q", 1)))


def _double(value: float) -> Any:
    return z3.Q(*float(value).as_integer_ratio())


def _affine_z3(net: Network, node: Affine, k: int, values: list[Any]) -> Any:
    total = _double(node.bias[k])
    for source, operator in node.terms:
        row = entries(operator, net.sizes[source])[k]
        for j, w in row.items():
            total += z3.Q(w.numerator, w.denominator) * values[net.offsets[source] + j]
    return total if node.divisor is None else total / _double(node.divisor[k])


def _pwl_z3(node: Pwl, k: int, x: Any) -> Any:
    column = k if node.knots.shape[1] > 1 else 0
    knots, slopes = node.knots[:, column], node.slopes[:, column]
    at = _double(node.anchor[column])
    result = at + _double(slopes[0]) * (x - _double(knots[0]))
    for j, knot in enumerate(knots):
        if j:
            at = at + _double(slopes[j]) * (_double(knot) - _double(knots[j - 1]))
        result = z3.If(
            x <= _double(knot), result, at + _double(slopes[j + 1]) * (x - _double(knot))
        )
    return result


def _elementwise_z3(node: Square | Product | Sign, reads: list[Any]) -> Any:
    if isinstance(node, Sign):
        return z3.If(reads[0] > 0, z3.RealVal(1), z3.If(reads[0] < 0, z3.RealVal(-1), 0))
    return reads[0] * reads[-1]


def _formula_z3(formula: Formula, values: list[Any]) -> Any:
    if not isinstance(formula, Atom):
        parts = [_formula_z3(part, values) for part in formula.parts]
        return z3.And(*parts) if isinstance(formula, And) else z3.Or(*parts)
    total = z3.Sum(*[_number(c) * values[v] for v, c in formula.terms], _number(formula.constant))
    if formula.relation is Relation.LESS:
        return total < 0
    return total == 0 if formula.relation is Relation.EQUAL else total <= 0
