"""A claim's negation for Z3: proved by its word, refuted only by what is evaluated exactly.

Undefined values are excluded by conditions in the formula, so that Z3's total division has no say.
exp, log, sin and cos are functions of which Z3 knows next to nothing.

May import: z3 on demand, python-flint, term, points. Must not know: how else claims are decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from verifai.claim.evaluate import Point
from verifai.claim.surd import Surd
from verifai.claim.term import (
    Applied,
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


@dataclass(frozen=True, slots=True)
class SolverReply:
    """What Z3 said: "unsat", "sat" or "unknown", the point of its model, and why not."""

    said: str
    point: Point | None = None
    reason: str = ""


def asked(formula: Formula, variables: Sequence[Named], seconds: float) -> SolverReply:
    """Whether Z3 finds values at which the formula, all of whose parts have values, holds.

    Raises:
        ImportError: z3 is not installed.
    """
    import z3

    writer = _Writer()
    solver = z3.Solver()
    solver.set("timeout", max(1, int(seconds * 1000)))
    said = writer.formula(formula)
    solver.add(said, *writer.facts)
    answer = solver.check()
    if answer == z3.unsat:
        return SolverReply("unsat")
    if answer != z3.sat:
        return SolverReply("unknown", reason=f"z3 says unknown: {solver.reason_unknown()}")
    return SolverReply("sat", _point(solver.model(), writer, variables))


def _point(model: Any, writer: _Writer, variables: Sequence[Named]) -> Point | None:
    found: dict[Named, fmpq | Surd | bool] = {}
    for each in variables:
        value = model.eval(writer.variable(each), model_completion=True)
        exact = _exact(value, each)
        if exact is None:
            return None
        found[each] = exact
    surds = [value for value in found.values() if isinstance(value, Surd)]
    return found if all(each.root == surds[0].root for each in surds) else None


def _exact(value: Any, variable: Named) -> fmpq | Surd | bool | None:
    import z3

    if variable.sort is Sort.BOOLEAN:
        return bool(z3.is_true(value))
    if z3.is_int_value(value):
        return fmpq(value.as_long())
    if z3.is_rational_value(value):
        return fmpq(value.numerator_as_long(), value.denominator_as_long())
    return _surd(value) if z3.is_algebraic_value(value) else None


def _surd(value: Any) -> Surd | None:
    """The root that Z3 means: of its polynomial, the one in its interval."""
    from flint import fmpq_poly

    from verifai.symbolic.algebraic import Algebraic, real_roots

    poly = fmpq_poly([fmpq(int(str(c))) for c in value.poly()])
    near = value.approx(20)
    middle = fmpq(near.numerator_as_long(), near.denominator_as_long())
    width = fmpq(1, 10**18)
    for root in real_roots(poly):
        if isinstance(root, Algebraic):
            low, high = root.enclosure(width)
            if low - width <= middle <= high + width:
                return Surd.of(root)
    return None


class _Writer:
    """Parts as Z3's terms, and what must be known of them."""

    def __init__(self) -> None:
        self.made: dict[Expression | Formula, Any] = {}
        self.facts: list[Any] = []

    def variable(self, variable: Named) -> Any:
        """Z3's constant."""
        import z3

        makers = {Sort.REAL: z3.Real, Sort.INTEGER: z3.Int, Sort.BOOLEAN: z3.Bool}
        return makers[variable.sort](variable.name)

    def formula(self, formula: Formula) -> Any:
        """The whole formula."""
        for part in under(formula):
            self.made[part] = self._made(part)
        return self.made[formula]

    def _made(self, part: Expression | Formula) -> Any:
        import z3

        if isinstance(part, Truth):
            return z3.BoolVal(part.value)
        if isinstance(part, Named):
            return self.variable(part)
        if isinstance(part, Rational):
            value = part.value
            return z3.IntVal(int(value.p)) if value.q == 1 else z3.Q(int(value.p), int(value.q))
        if isinstance(part, Joined):
            joins = {"and": z3.And, "or": z3.Or, "not": z3.Not, "implies": z3.Implies}
            parts = [self.made[each] for each in part.parts]
            return parts[0] == parts[1] if part.word == "iff" else joins[part.word](*parts)
        if isinstance(part, Compared):
            left, right = self.made[part.left], self.made[part.right]
            if part.relation == "=":
                return left == right
            return left < right if part.relation == "<" else left <= right
        return self._applied(part)

    def _applied(self, part: Applied) -> Any:
        import z3

        parts = [self.made[each] for each in part.parts]
        a, b = parts[0], parts[-1]
        if part.function == "+":
            return a + b
        if part.function == "*":
            return a * b
        if part.function == "neg":
            return -a
        if part.function == "/":
            return z3.ToReal(a) / b if z3.is_int(a) else a / b
        if part.function == "^":
            return _power(a, part.parts[1])
        if part.function == "mod":
            return a % b
        if part.function == "abs":
            return z3.If(a >= 0, a, -a)
        if part.function in ("max", "min"):
            return z3.If((a >= b) if part.function == "max" else (a <= b), a, b)
        if part.function == "sign":
            return z3.If(a > 0, z3.IntVal(1), z3.If(a < 0, z3.IntVal(-1), z3.IntVal(0)))
        if part.function == "floor":
            return a if z3.is_int(a) else z3.ToInt(a)
        return self._smooth(part.function, z3.ToReal(a) if z3.is_int(a) else a)

    def _smooth(self, function: str, a: Any) -> Any:
        import z3

        if function == "sqrt":
            root = z3.Function("sqrt", z3.RealSort(), z3.RealSort())(a)
            self.facts.append(z3.Implies(a >= 0, z3.And(root >= 0, root * root == a)))
            return root
        value = z3.Function(function, z3.RealSort(), z3.RealSort())(a)
        if function == "exp":
            self.facts += [value > 0, value >= a + 1]
        if function in ("sin", "cos"):
            self.facts += [value <= 1, value >= -1]
        if function == "log":
            self.facts.append(z3.Implies(a > 0, value <= a - 1))
        return value


def _power(base: Any, exponent: Expression) -> Any:
    import z3

    count = int(exponent.value.p) if isinstance(exponent, Rational) else 0
    found: Any = base
    for _ in range(count - 1):
        found = found * base
    return found if count else z3.IntVal(1)
