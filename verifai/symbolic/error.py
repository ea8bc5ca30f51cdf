"""How far a piecewise-linear network of one input is from a polynomial at most, exactly.

On every piece the error is a polynomial; its extremes are at the piece's ends and at the roots of
its derivative, which are algebraic numbers.

May import: sympy, python-flint, kernel, line, algebraic. Must not know: queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

import sympy
from flint import fmpq, fmpq_poly

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.symbolic.algebraic import Real, compare, ends, range_of, real_roots, value_at
from verifai.symbolic.line import pieces

WIDTH = fmpq(1, 1 << 80)  # to which extremes are isolated before they are compared exactly


@dataclass(frozen=True, slots=True)
class SupError:
    """max |N(x) - f(x)| over an interval.

    Attributes:
        value: exact: a rational or an algebraic number.
        attained: every point where it is attained, increasing; where the error is constant on a
            whole piece, the ends of that piece.
    """

    value: Real
    attained: tuple[Real, ...]


@dataclass(frozen=True, slots=True)
class _Extreme:
    """A point and the signed error near it, with an upper and a lower bound of its size."""

    point: Real
    error: fmpq_poly
    low: fmpq
    high: fmpq


def polynomial_of(expression: Any) -> fmpq_poly:
    """The polynomial in one symbol that a SymPy expression is.

    Raises:
        InputError: it is none, or a coefficient is not rational.
    """
    if not isinstance(expression, sympy.Expr | int):
        raise InputError(f"a SymPy expression is wanted, not {expression!r}")
    expression = sympy.sympify(expression)
    symbols = sorted(expression.free_symbols, key=str)
    if len(symbols) > 1:
        raise InputError(f"a polynomial in one variable is wanted, not in {symbols}")
    variable = symbols[0] if symbols else sympy.Symbol("x")
    if not expression.is_polynomial(variable):
        raise InputError(f"no polynomial: {expression}")
    found = sympy.Poly(expression, variable).all_coeffs()[::-1]
    for coefficient in found:
        if not coefficient.is_Rational:
            raise InputError(f"a coefficient that is not rational: {coefficient}")
    return fmpq_poly([fmpq(int(c.p), int(c.q)) for c in found])


def sup_error(
    net: Network, expression: Any, lower: fmpq, upper: fmpq, *, output: int = 0
) -> SupError:
    """The exact largest distance between a network and a polynomial on an interval.

    Args:
        net: a piecewise-linear network with one input.
        expression: a SymPy polynomial in one symbol with rational coefficients.
        lower: where the interval starts.
        upper: where it ends.
        output: the index of the output.

    Raises:
        InputError: no such network, polynomial or interval; what is at fault is named.
    """
    target = polynomial_of(expression)
    line = pieces(net, output=output, lower=lower, upper=upper)
    places = (lower, *line.breakpoints, upper)
    extremes: list[_Extreme] = []
    for k, (slope, constant) in enumerate(zip(line.slopes, line.constants, strict=True)):
        error = fmpq_poly([constant, slope]) - target
        start, end = places[k], places[k + 1]
        points: list[Real] = [start, end]
        if not error.derivative().is_zero():
            roots = real_roots(error.derivative())
            points += [r for r in roots if compare(start, r) < 0 < compare(end, r)]
        extremes += [_extreme(point, error) for point in points]
    best = max(extreme.low for extreme in extremes)
    return _largest([extreme for extreme in extremes if extreme.high >= best])


def _extreme(point: Real, error: fmpq_poly) -> _Extreme:
    low, high = range_of(error, *ends(point, WIDTH))
    least = max(low, -high, fmpq(0))
    return _Extreme(point, error, least, max(abs(low), abs(high)))


def _largest(extremes: list[_Extreme]) -> SupError:
    """The exact maximum among extremes whose bounds do not tell them apart."""
    value: Real = fmpq(-1)
    attained: list[Real] = []
    for extreme in extremes:
        size = value_at(extreme.error, extreme.point)
        if compare(size, fmpq(0)) < 0:
            size = value_at(-extreme.error, extreme.point)
        order = compare(size, value)
        if order > 0:
            value, attained = size, []
        if order >= 0 and extreme.point not in attained:
            attained.append(extreme.point)
    return SupError(value, tuple(sorted(attained, key=cmp_to_key(compare))))
