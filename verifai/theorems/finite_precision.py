"""Inputs known to n digits do not determine the solution of a linear program, whatever n is.

May import: the gallery's parts, solvers; sympy. Must not know: how a query is decided, files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.number import exact, nearest
from verifai.solvers.linear_program import LinearProgram
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter

STATEMENT = """\
For every integer n ≥ 1 the two linear programs
    minimise x + y   subject to   x + (1 ± 10^-n) y = 1,   x ≥ 0, y ≥ 0
have one minimiser each: with + it is (0, 1/(1 + 10^-n)), with - it is (1, 0). In the maximum norm
these are exactly 1 apart, although the data differ by 2·10^-n. Both programs lie within 10^-n of
the one with coefficient 1. So whatever an algorithm answers that is told the coefficient with an
error of up to 10^-n, for one of the two it is off by at least 1/2, for its first coordinate p has
|p| + |p - 1| ≥ 1; no n is large enough.

Proof. A point is a minimiser if it is feasible and a multiplier d of the row exists whose reduced
costs c - d·row are not negative and vanish where the point does not (weak duality: the cost of
every feasible point exceeds d by reduced costs times coordinates). If the reduced cost is positive
where the point is zero, every minimiser is zero there, and the row fixes the other coordinate. With
d = 1/(1 + 10^-n) and d = 1 the reduced costs are 10^-n/(1 + 10^-n), 0 and 0, 10^-n. The rest is the
triangle inequality.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    digits: int = parameter(40, "greatest n that is checked in rationals as well", 1, 2000)
    solver: int = parameter(20, "greatest n given to a solver in double precision", 1, 300)


@dataclass(frozen=True, slots=True)
class Program:
    """Minimise cost·z over z ≥ 0 with row·z = 1; two variables, entries of SymPy."""

    cost: tuple[Any, Any]
    row: tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed: a point, and a multiplier of the row."""

    point: tuple[Any, Any]
    multiplier: Any


def pair(delta: Any, second_cost: int = 1) -> tuple[Program, Program]:
    """The programs with coefficient 1 + delta and 1 - delta."""
    import sympy

    cost = (sympy.Integer(1), sympy.Integer(second_cost))
    return Program(cost, (1, 1 + delta)), Program(cost, (1, 1 - delta))


def proposals(delta: Any) -> tuple[Proposal, Proposal]:
    """The minimisers with their multipliers."""
    import sympy

    zero, one = sympy.Integer(0), sympy.Integer(1)
    return Proposal((zero, 1 / (1 + delta)), 1 / (1 + delta)), Proposal((one, zero), one)


def flaw(program: Program, found: Proposal) -> str:
    """Why the point is not shown to be the only minimiser; "" if it is."""
    import sympy

    pairs = zip(program.cost, program.row, strict=True)
    reduced = [sympy.cancel(c - a * found.multiplier) for c, a in pairs]
    activity = sum(a * z for a, z in zip(program.row, found.point, strict=True))
    if sympy.cancel(activity - 1) != 0:
        return f"{found.point} does not satisfy the row"
    for z, cost in zip(found.point, reduced, strict=True):
        if not (z.is_nonnegative and cost.is_nonnegative):
            return f"coordinate {z} or reduced cost {cost} may be negative"
        if z != 0 and cost != 0:
            return f"coordinate {z} with reduced cost {cost}"
        if z == 0 and not cost.is_positive:
            return f"reduced cost {cost} where the point is zero: there may be other minimisers"
    if sum(z != 0 for z in found.point) != 1:
        return f"{found.point} is no vertex with one positive coordinate"
    return ""


def distance_is_one(one: Proposal, two: Proposal) -> bool:
    """Whether the points are exactly 1 apart in the maximum norm."""
    import sympy

    gaps = [sympy.cancel(a - b) for a, b in zip(one.point, two.point, strict=True)]
    rests = [sympy.cancel(1 + sign * gap) for gap in gaps for sign in (1, -1)]
    return all(rest.is_nonnegative for rest in rests) and any(gap in (1, -1) for gap in gaps)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "jump",
        "For every integer n ≥ 1: the two minimisers are the only ones, and 1 apart.",
        jump_for_every_n,
    )
    yield Claim(
        "instances",
        f"The same in rational numbers for n = 1, …, {sizes.digits}.",
        partial(jump_for, sizes.digits),
    )
    yield Claim(
        "no-answer",
        "For every integer n ≥ 1 and all reals p, q: max(|p - 1|, |p - 0|) ≥ 1/2, so the "
        "answer (p, q) is at least 1/2 away from one of the two minimisers.",
        no_answer,
    )
    yield Claim(
        "better-answer",
        "Every answer is at least 501/1000 away from one of the two minimisers.",
        partial(answer_is_away, fmpq(501, 1000)),
        role=Role.CONTROL,
    )
    yield Claim(
        "conditioned",
        "The minimisers of x + 2y under the same two rows are 1 apart as well, for every n ≥ 1.",
        conditioned,
        role=Role.CONTROL,
    )
    yield Claim(
        "solver",
        "What HiGHS answers in double precision; exact minimisers in the headings.",
        partial(in_doubles, sizes.solver),
        role=Role.MEASUREMENT,
    )


def jump_for_every_n() -> Finding:
    """Both optima for symbolic n."""
    import sympy

    n = sympy.Symbol("n", integer=True, positive=True)
    return _jump(sympy.Integer(10) ** (-n), "symbolic n")


def jump_for(digits: int) -> Finding:
    """Both optima for every n up to a number, in rationals."""
    import sympy

    found = [_jump(sympy.Rational(1, 10**n), "") for n in range(1, digits + 1)]
    return evidence.together(*found, evidence.exact(True, f"{digits} pairs"))


def _jump(delta: Any, detail: str) -> Finding:
    found = proposals(delta)
    flaws = [flaw(p, o) for p, o in zip(pair(delta), found, strict=True)]
    if not distance_is_one(*found):
        flaws.append("the minimisers are not 1 apart")
    said = "; ".join(f for f in flaws if f)
    return evidence.exact(not said, detail, counterexample=said)


def no_answer() -> Finding:
    """|p| + |p - 1| ≥ 1, for every p; so one of the two is at least 1/2.

    The sum has its knots at 0 and 1. Below, between and above it is affine, and each half-line and
    the interval between are reached from nonnegative s.
    """
    import sympy

    s = sympy.Symbol("s", nonnegative=True)
    rests = []
    for p in (-s, 1 / (1 + s), 1 + s):  # all p ≤ 0; 0 < p ≤ 1; p ≥ 1
        rest = sympy.cancel(abs(sympy.factor(p)) + abs(sympy.factor(p - 1)) - 1)
        if not rest.is_nonnegative:
            return evidence.exact(False, counterexample=f"p = {p}: |p| + |p - 1| - 1 = {rest}")
        rests.append(str(rest))
    return evidence.exact(True, f"|p| + |p - 1| - 1 is {', '.join(rests)}, not negative")


def answer_is_away(least: fmpq) -> Finding:
    """Whether p = 1/2 is that far from 0 or from 1."""
    p = fmpq(1, 2)
    away = max(abs(p), abs(p - 1))
    return evidence.exact(away >= least, counterexample=f"p = {p} is {away} away from both")


def conditioned() -> Finding:
    """With cost (1, 2) both programs have the same minimiser (1, 0)."""
    import sympy

    n = sympy.Symbol("n", integer=True, positive=True)
    delta = sympy.Integer(10) ** (-n)
    same = Proposal((sympy.Integer(1), sympy.Integer(0)), sympy.Integer(1))
    flaws = [flaw(program, same) for program in pair(delta, 2)]
    if any(flaws):
        return Finding(Outcome.OPEN, Trust.EXACT, "; ".join(flaws))
    return evidence.exact(
        False,
        counterexample="(1, 0) is the only minimiser of both, 0 apart; reduced costs 1 ∓ 10^-n",
    )


def in_doubles(most: int) -> Finding:
    """Answers of a solver in double precision, taken as the exact numbers that they are.

    The vertex proposed is the one whose zero the answer is nearest to; whether it is the minimiser
    of the program, with the coefficient 1 ± 10^-n itself, is decided exactly.
    """
    rows = []
    for n in sorted({1, 4, 8, 12, 16, most}):
        for sign in (1, -1) if n <= most else ():
            program = LinearProgram(np.ones(2), np.zeros(2), np.full(2, np.inf))
            program.add_row(np.arange(2), np.array([1.0, 1 + sign * 10.0**-n]), 1.0, 1.0)
            found = program.solve(10.0)
            cells = ("none",) * 4 if found is None else _judged(n, sign, found.point)
            rows.append((f"1 {'+' if sign > 0 else '-'} 10^-{n}", *cells))
    headings = ("coefficient", "answer", "misses the row by", "off the minimiser by", "its vertex")
    return evidence.measured("HiGHS, its answers read exactly", table=Table(headings, tuple(rows)))


def _judged(n: int, sign: int, answer: Any) -> tuple[str, ...]:
    """What an answer in doubles is worth."""
    coefficient = 1 + sign * fmpq(1, 10**n)
    x, y = (exact(float(each)) for each in answer)
    minimiser = (fmpq(0), 1 / coefficient) if sign > 0 else (fmpq(1), fmpq(0))
    away = max(abs(a - b) for a, b in zip((x, y), minimiser, strict=True))
    vertex = (fmpq(0), 1 / coefficient) if abs(x) < abs(y) else (fmpq(1), fmpq(0))
    numbers = (abs(x + coefficient * y - 1), away)
    judged = "is the minimiser" if vertex == minimiser else "is not the minimiser"
    return (
        f"({x}, {y})" if x.q * y.q == 1 else f"({nearest(x):g}, {nearest(y):g})",
        *(f"{nearest(each):.3g}" for each in numbers),
        judged,
    )


THEOREM = Theorem(
    name="finite_precision",
    title="inputs known to n digits do not determine a linear program's solution, for any n",
    statement=STATEMENT,
    proposal="both minimisers with multipliers of the row, for symbolic n",
    source="Bastounis, Hansen, Vlačić, The extended Smale's 9th problem (2021), arXiv:2110.15734",
    defaults=Parameters(),
    claims=claims,
    example="""\
n = 1: with x + 1.1 y = 1 the best is y = 1/1.1, cost 0.909; with x + 0.9 y = 1 it is x = 1, cost
1. Told "1.0, to one digit", one cannot know whether to answer (0, 0.909) or (1, 0).""",
)
