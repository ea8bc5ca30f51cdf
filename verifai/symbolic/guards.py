"""Continuous `Piecewise` expressions on linear guards, branch by branch.

May import: sympy, kernel errors. Must not know: networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy

from verifai.kernel.errors import InputError


@dataclass(frozen=True, slots=True)
class Joint:
    """What a branch adds to the next one where its guard g is at most 0.

    Attributes:
        guard: g, linear in the symbols.
        factor: the difference of the branches, divided by g if `is_hinge`.
        is_hinge: whether the difference is factor·g, so that factor·min(g, 0) is added.
    """

    guard: Any
    factor: Any
    is_hinge: bool


def joints(expression: Any) -> tuple[Any, list[Joint]]:
    """The last branch, and the joints of all others.

    Raises:
        InputError: a guard is not linear or does not imply the next one, the last branch has one,
            or the expression jumps.
    """
    branches = [(each.args[0], each.args[1]) for each in expression.args]
    last, condition = branches[-1]
    if condition != sympy.true:
        raise InputError(f"a Piecewise that is not defined everywhere: {expression}")
    guards = [_guard(condition, expression) for _, condition in branches[:-1]]
    for guard, following in pairwise(guards):
        gap = sympy.expand(following - guard)
        if not (gap.is_Rational and gap < 0):
            raise InputError(
                f"a Piecewise whose conditions do not hold one inside the other: {expression}"
            )
    found = []
    for k, guard in enumerate(guards):
        found.append(_joint(branches[k][0] - branches[k + 1][0], guard, expression))
    return last, found


def _guard(condition: Any, expression: Any) -> Any:
    """g of a condition g ≤ 0 or g < 0, its first coefficient 1 or -1.

    Raises:
        InputError: it is no linear inequality.
    """
    if isinstance(condition, sympy.Le | sympy.Lt):
        guard = sympy.expand(condition.lhs - condition.rhs)
    elif isinstance(condition, sympy.Ge | sympy.Gt):
        guard = sympy.expand(condition.rhs - condition.lhs)
    else:
        raise InputError(f"a condition that is no inequality: {condition} in {expression}")
    symbols = sorted(guard.free_symbols, key=str)
    is_linear = bool(symbols) and guard.is_polynomial(*symbols)
    if not is_linear or sympy.Poly(guard, *symbols).total_degree() != 1:
        raise InputError(f"a condition that is not linear: {condition} in {expression}")
    if not all(c.is_Rational for c in sympy.Poly(guard, *symbols).coeffs()):
        raise InputError(f"a condition with a number that is not rational: {condition}")
    return sympy.expand(guard / abs(guard.coeff(symbols[0])))


def _joint(difference: Any, guard: Any, expression: Any) -> Joint:
    """How one branch differs from the next, which must agree where the guard is zero.

    Raises:
        InputError: they do not agree there.
    """
    symbol = min(guard.free_symbols, key=str)
    on_border = symbol - guard / guard.coeff(symbol)
    if sympy.simplify(difference.subs(symbol, on_border)) != 0:
        raise InputError(f"a Piecewise that jumps where {guard} = 0: {expression}")
    symbols = sorted(difference.free_symbols | guard.free_symbols, key=str)
    if difference.is_polynomial(*symbols):
        return Joint(guard, sympy.cancel(difference / guard), True)
    return Joint(guard, difference, False)
