"""The smooth functions, one row each: all that is believed of their shapes.

Between neighbouring inflection points a function is convex or concave (SPEC.md, "Smooth lines", has
the second derivatives). A row of the table says where these points are, where the function is
defined, what its derivative is, and how its values are enclosed in either arithmetic.

May import: numpy, elementary, fixed_point, operator, arithmetic. Must not know: lines, nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from verifai.kernel import elementary, fixed_point
from verifai.kernel.arithmetic import Arithmetic, Series
from verifai.kernel.operator import Array

DEFECT = 2.0**-40  # sin and cos: |f''| at a point off an inflection point by rounding, |y| ≤ FAR
FAR = 1 << 10  # of |y|: beyond, sin and cos are only known to lie in [-1, 1]
WIDE = 6  # as FAR, of u - l; less than a period

Enclosure = tuple[Array, Array]  # numbers, and bounds on how far they are off


def _everywhere(l: Array, _u: Array) -> Array:
    known: Array = l == l
    return known


def _nowhere(_l: Array, _ar: Arithmetic) -> list[Array]:
    return []


class Function(NamedTuple):
    """A row of the table.

    Attributes:
        values: how f is enclosed.
        slope: f'(z) and how far off it is but for rounding, from z and the enclosure of f(z).
        is_convex: whether f is convex left of its first inflection point, and so on by turns.
        inflections: the inflection points that [l, u] may hold, in order.
        is_defined: where f is defined on all of [l, u].
        trend: 1 where f rises, -1 where it falls wherever it is defined; 0: neither.
        size: of what f' is computed as a difference of.
        waves: at least |f| of a function of which three inflection points cover one period only,
            as doubles near them; 0: its inflection points are exact, and all.
        is_steep: whether f' is infinite at 0; f is then concave wherever it is defined.
    """

    values: Series
    slope: Callable[[Array, Enclosure, Arithmetic], Enclosure]
    is_convex: bool
    inflections: Callable[[Array, Arithmetic], list[Array]] = _nowhere
    is_defined: Callable[[Array, Array], Array] = _everywhere
    trend: int = 1
    size: int = 0
    waves: int = 0
    is_steep: bool = False

    def derivative(self, z: Array, value: Enclosure, ar: Arithmetic) -> Enclosure:
        """f'(z), where f(z) is enclosed by `value`."""
        d, off = self.slope(z, value, ar)
        return d, off + ar.derivative(abs(d) + self.size)


def _at_zero(l: Array, _ar: Arithmetic) -> list[Array]:
    return [l * 0]


def _turns(shift: float) -> Callable[[Array, Arithmetic], list[Array]]:
    """Three inflection points of sin(y + shift), the first after l from concave to convex."""

    def inflections(l: Array, ar: Arithmetic) -> list[Array]:
        turn = 2 * np.floor((ar.floats(l) + shift) / (2 * math.pi))
        points = [np.nan_to_num((turn + i) * math.pi - shift) for i in (1, 2, 3)]
        return [ar.lift(p) for p in points]

    return inflections


def _of_sigmoid(_z: Array, value: Enclosure, _ar: Arithmetic) -> Enclosure:
    y, error = value
    return y * (1 - y), error


def _of_tanh(_z: Array, value: Enclosure, _ar: Arithmetic) -> Enclosure:
    y, error = value
    return 1 - y * y, 2 * error + error * error


def _of_log(z: Array, _value: Enclosure, _ar: Arithmetic) -> Enclosure:
    return 1 / z, z * 0


def _of_reciprocal(_z: Array, value: Enclosure, _ar: Arithmetic) -> Enclosure:
    y, error = value
    return -y * y, 2 * abs(y) * error + error * error


def _of_sqrt(_z: Array, value: Enclosure, _ar: Arithmetic) -> Enclosure:
    y, error = value
    return 1 / (2 * y), error / (2 * y * np.where(y > error, y - error, y))


def _named(name: str) -> Series:
    """The function of this name, as both arithmetics compute it."""
    return Series(getattr(elementary, name), getattr(fixed_point, name))


GAUSS, SIN, COS = map(_named, ("gauss", "sin", "cos"))


def _of_cos(z: Array, _value: Enclosure, ar: Arithmetic) -> Enclosure:
    d, off = ar.smooth(SIN, z)
    return -d, off


SMOOTH = {
    "sigmoid": Function(_named("sigmoid"), _of_sigmoid, True, _at_zero, size=1),
    "tanh": Function(_named("tanh"), _of_tanh, True, _at_zero, size=1),
    "exp": Function(_named("exp"), lambda _z, y, _ar: y, True),
    "log": Function(_named("log"), _of_log, False, is_defined=lambda l, _u: l > 0),
    "reciprocal": Function(
        _named("reciprocal"), _of_reciprocal, False, _at_zero, lambda l, u: (l > 0) | (u < 0), -1
    ),
    "sqrt": Function(
        _named("sqrt"), _of_sqrt, False, is_defined=lambda l, _u: l >= 0, is_steep=True
    ),
    "erf": Function(_named("erf"), lambda z, _y, ar: ar.smooth(GAUSS, z), True, _at_zero),
    "sin": Function(SIN, lambda z, _y, ar: ar.smooth(COS, z), False, _turns(0.0), trend=0, waves=1),
    "cos": Function(COS, _of_cos, False, _turns(math.pi / 2), trend=0, waves=1),
}
PERIODIC = tuple(name for name, row in SMOOTH.items() if row.waves)


class Piece(NamedTuple):
    """A part [low, high] of an interval on which a function is convex, or else concave."""

    low: Array
    high: Array
    is_convex: bool


def pieces(function: Function, l: Array, u: Array, ar: Arithmetic) -> list[Piece]:
    """Parts that cover [l, u], in order; for sin and cos those that begin in the first period."""
    cuts = [np.minimum(np.maximum(c, l), u) for c in function.inflections(l, ar)]
    parts = enumerate(zip([l, *cuts], [*cuts, u], strict=True))
    return [Piece(low, high, function.is_convex ^ bool(i % 2)) for i, (low, high) in parts]
