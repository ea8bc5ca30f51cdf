"""The smooth functions in floats: values, derivatives, their ranges, and where lines touch them.

Everything is finite: beyond `limit` values are cut off, since the kernel has no bounds there, and
left of its domain a function has its value at the domain's end. Intervals that leave the domain
get the whole range up to the limit.

May import: numpy, maps, kernel. Must not know: networks, boxes, optimisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from verifai.bounds.maps import Array, Mask
from verifai.kernel.arithmetic import LARGEST
from verifai.kernel.functions import FAR, PERIODIC
from verifai.kernel.hints import S_SHAPED, TURNS

Pair = tuple[Array, Array]
WIDEST = 6.0  # beyond, the kernel only knows that a sine lies in [-1, 1]
GRID = 256.0  # points of the table of erf in a unit
ERF_END = 6.0  # beyond, erf is ±1 in double precision
_ERF = np.array([math.erf(k / GRID) for k in range(int(ERF_END * GRID) + 1)])
_GAUSS = 2 / math.sqrt(math.pi)
_FLAT = 100.0  # beyond, the derivative of erf is 0 in any float type


def limit(dtype: npt.DTypeLike) -> float:
    """Where values are cut off in this float type."""
    return 2.0**100 if np.dtype(dtype) == np.float32 else LARGEST


def _cut(array: Array) -> Array:
    most = limit(array.dtype)
    return np.minimum(np.maximum(array, -most), most)


def erf(y: Array) -> Array:
    """The error function, off by at most 1e-15: a Taylor polynomial around the nearest grid point.

    >>> bool(abs(erf(np.array([0.3]))[0] - math.erf(0.3)) < 1e-15)
    True
    """
    size = np.minimum(np.abs(y), ERF_END).astype(np.float64)
    place = np.rint(size * GRID)
    x, value = place / GRID, np.asarray(_ERF, like=y)[place.astype(np.int64)]
    d, square = size - x, x * x
    fifth = (2 * square * square - 6 * square + 1.5) / 15
    series = (4 * square - 2) / 6 + d * ((1.5 - square) * x / 3 + d * fifth)
    step = d * (1 + d * (d * series - x))
    size = value + _GAUSS * np.exp(-square) * step
    return np.copysign(size, y).astype(y.dtype)


def _gauss(y: Array) -> Array:
    near = np.minimum(np.abs(y), _FLAT)
    result: Array = _GAUSS * np.exp(-near * near)
    return result


def _positive(y: Array) -> Array:
    return np.maximum(y, np.finfo(y.dtype).tiny)


def _sigmoid_jet(y: Array) -> Pair:
    t = np.exp(-np.abs(y))
    top = 1 / (1 + t)
    low = t * top
    return np.where(y < 0, low, top), low * top


def _tanh_jet(y: Array) -> Pair:
    t = np.exp(-2 * np.abs(y))
    top = 1 / (1 + t)
    return np.copysign((1 - t) * top, y), 4 * t * top * top


def _exp_jet(y: Array) -> Pair:
    value = _cut(np.exp(y))
    return value, value


def _sqrt_jet(y: Array) -> Pair:
    value = np.sqrt(np.maximum(y, 0))
    return value, _cut(0.5 / value)


def _reciprocal_jet(y: Array) -> Pair:
    value = _cut(1 / y)
    return value, _cut(-value * value)


_VALUE: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda y: 1 / (1 + np.exp(-y)),
    "tanh": np.tanh,
    "exp": lambda y: _cut(np.exp(y)),
    "log": lambda y: np.log(_positive(y)),
    "reciprocal": lambda y: _cut(1 / y),
    "sqrt": lambda y: np.sqrt(np.maximum(y, 0)),
    "erf": erf,
    "sin": np.sin,
    "cos": np.cos,
}
_JET: dict[str, Callable[[Array], Pair]] = {
    "sigmoid": _sigmoid_jet,
    "tanh": _tanh_jet,
    "exp": _exp_jet,
    "log": lambda y: (np.log(_positive(y)), _cut(1 / _positive(y))),
    "reciprocal": _reciprocal_jet,
    "sqrt": _sqrt_jet,
    "erf": lambda y: (erf(y), _gauss(y)),
    "sin": lambda y: (np.sin(y), np.cos(y)),
    "cos": lambda y: (np.cos(y), -np.sin(y)),
}


def value(function: str, y: Array) -> Array:
    """f(y), elementwise and finite."""
    with np.errstate(all="ignore"):
        return _VALUE[function](y)


def jet(function: str, y: Array) -> Pair:
    """f(y) and f'(y), elementwise and finite."""
    with np.errstate(all="ignore"):
        return _JET[function](y)


def slope(function: str, y: Array) -> Array:
    """f'(y), elementwise and finite."""
    if function == "erf":
        return _gauss(y)
    return jet(function, y)[1]


def bend(function: str, y: Array, f: Array, d: Array) -> Array:
    """f''(y) from y, f(y) and f'(y), elementwise and finite."""
    with np.errstate(all="ignore"):
        match function:
            case "sigmoid":
                return d * (1 - 2 * f)
            case "tanh":
                return -2 * f * d
            case "erf":
                return -2 * (y * d)
            case "exp":
                return f
            case "log":
                return _cut(-d * d)
            case "reciprocal":
                return _cut(-2 * (f * d))
            case "sqrt":
                return _cut(-0.5 * d / _positive(y))
            case _:
                return -f


def is_defined(function: str, low: Array, high: Array) -> Mask:
    """Where the whole interval lies in the domain."""
    if function == "log":
        return low > 0
    if function == "sqrt":
        return low >= 0
    if function == "reciprocal":
        return (low > 0) | (high < 0)
    return np.ones_like(low, dtype=bool)


def value_range(function: str, low: Array, high: Array) -> Pair:
    """The least and greatest value of f over [low, high], up to rounding."""
    if function in PERIODIC:
        return _wave(low, high, math.pi / 2 if function == "cos" else 0.0)
    first, last = value(function, low), value(function, high)
    if function == "reciprocal":
        first, last = last, first
    return _defined(function, low, high, (first, last))


def slope_range(function: str, low: Array, high: Array) -> Pair:
    """The least and greatest value of f' over [low, high], up to rounding."""
    if function in PERIODIC:
        return _wave(low, high, math.pi if function == "cos" else math.pi / 2)
    first, last = slope(function, low), slope(function, high)
    most = np.maximum(first, last)
    if function in S_SHAPED:
        most = slope(function, np.clip(np.zeros_like(low), low, high))
    return _defined(function, low, high, (np.minimum(first, last), most))


def _defined(function: str, low: Array, high: Array, ends: Pair) -> Pair:
    inside, most = is_defined(function, low, high), limit(low.dtype)
    return np.where(inside, ends[0], -most), np.where(inside, ends[1], most)


def _wave(low: Array, high: Array, shift: float) -> Pair:
    """The range of sin(y + shift)."""
    ends = np.sin(low + shift), np.sin(high + shift)
    turn = 2 * math.pi
    crest, trough = (
        np.ceil((low + shift - at) / turn) <= np.floor((high + shift - at) / turn)
        for at in (math.pi / 2, -math.pi / 2)
    )
    wide = ~_is_near(low, high)
    least = np.where(trough | wide, -1.0, np.minimum(*ends)).astype(low.dtype)
    return least, np.where(crest | wide, 1.0, np.maximum(*ends)).astype(low.dtype)


def _is_near(low: Array, high: Array) -> Mask:
    """Where the kernel follows the waves of a sine."""
    with np.errstate(over="ignore"):
        return (np.maximum(-low, high) <= FAR) & (high - low <= WIDEST)


def curvature(function: str, low: Array, high: Array) -> tuple[Mask, Mask]:
    """Where f is known to be convex, and to be concave, on [low, high]."""
    if function in PERIODIC:
        shift = math.pi / 2 if function == "cos" else 0.0
        turn = np.floor((low + shift) / math.pi)
        single = turn == np.floor((high + shift) / math.pi)
        return single & (turn % 2 == 1), single & (turn % 2 == 0)
    if function in S_SHAPED:
        return high <= 0, low >= 0
    inside = is_defined(function, low, high)
    convex = inside & ((low > 0) if function == "reciprocal" else function == "exp")
    return convex, inside & ~convex


def default_slopes(function: str, low: Array, high: Array, ends: Pair) -> Pair:
    """The kernel's default slopes (lower, upper), by faster functions: equal up to rounding.

    Args:
        function: f.
        low: lower ends.
        high: upper ends.
        ends: f(low) and f(high).
    """
    with np.errstate(all="ignore"):
        tangent = slope(function, low + (high - low) / 2)
        chord = (ends[1] - ends[0]) / (high - low)
        chord = np.where(np.isfinite(chord), chord, tangent)
        if function in PERIODIC:
            chord = np.where(high - low < math.pi, chord, 0)
        convex, concave = curvature(function, low, high)
        lower, upper = np.where(convex, tangent, chord), np.where(concave, tangent, chord)
        mixed = ~(convex | concave)
        if function in S_SHAPED and mixed.any():
            inner = low[mixed], high[mixed], (ends[0][mixed], ends[1][mixed])
            below, above = steepest(function, *inner)
            at, centre = tangent[mixed], (low + (high - low) / 2)[mixed]
            lower[mixed] = np.where(centre < 0, np.minimum(at, below), below)
            upper[mixed] = np.where(centre > 0, np.minimum(at, above), above)
    return lower, upper


def steepest(function: str, low: Array, high: Array, ends: Pair) -> Pair:
    """The greatest slopes of lines from the right, and from the left end across 0 to the graph.

    Arguments are those of `default_slopes`, for an S-shaped function and low < 0 < high.
    """
    total = 1.0 if function == "sigmoid" else 0.0
    with np.errstate(all="ignore"):
        from_right = _steepest(function, -high, -low, total - ends[1], total - ends[0])
        return from_right, _steepest(function, low, high, *ends)


def _steepest(function: str, low: Array, high: Array, first: Array, last: Array) -> Array:
    """The greatest slope of a line from (low, f(low)) to a point right of 0; low < 0 < high."""
    place, steep = high, (last - first) / (high - low)
    for _ in range(TURNS):
        place = np.minimum(_steep_place(function, steep), place)
        steep = np.maximum(steep, (value(function, place) - first) / (place - low))
    return steep


def touching(function: str, steep: Array, low: Array, high: Array, *, is_least: bool) -> Array:
    """The point of [low, high] where a line of this slope touches f from below (else above).

    Where no such point lies inside, some point of the interval.
    """
    with np.errstate(all="ignore"):
        place = _touching(function, steep, low, high, is_least)
        place = np.where(np.isnan(place), low, place)
        return np.minimum(np.maximum(place, low), high)


def _touching(function: str, steep: Array, low: Array, high: Array, is_least: bool) -> Array:
    if function in PERIODIC:
        shift, turn = math.pi / 2 if function == "cos" else 0.0, 2 * math.pi
        angle = np.arccos(np.clip(steep, -1, 1))
        first = (-angle if is_least else angle) - shift
        count = np.ceil((low - first) / turn), np.floor((high - first) / turn)
        place: Array = first + turn * np.where((steep > 0) == is_least, count[1], count[0])
        return place
    if function in S_SHAPED:
        far = _steep_place(function, steep)
        return -far if is_least else far
    if function == "reciprocal":
        far = np.where(steep < 0, 1 / np.sqrt(-steep), np.inf)
        return far if is_least else -far
    if is_least != (function == "exp"):
        return low
    if function == "exp":
        return np.log(steep)
    if function == "log":
        return np.where(steep > 0, 1 / steep, np.inf)
    return np.where(steep > 0, 0.25 / (steep * steep), np.inf)


def _steep_place(function: str, steep: Array) -> Array:
    """The y ≥ 0 at which an S-shaped function has this slope; infinite for slopes up to 0."""
    if function == "erf":
        place = np.sqrt(np.maximum(-np.log(steep / _GAUSS), 0))
    else:
        share = np.minimum(4 * steep if function == "sigmoid" else steep, 1)
        place = 2 * np.log1p(np.sqrt(1 - share)) - np.log(share)
        place = place if function == "sigmoid" else place / 2
    return np.where(steep > 0, place, np.inf)


def extreme(
    function: str,
    steep: Array,
    low: Array,
    high: Array,
    *,
    is_least: bool,
    ends: Pair | None = None,
) -> Pair:
    """The least (else greatest) value of f(y) - slope·y over [low, high], and its place.

    Args:
        function: f.
        steep: the slope.
        low: lower ends.
        high: upper ends.
        is_least: which extreme.
        ends: f(low) and f(high), where they are known.
    """
    first, last = ends or (value(function, low), value(function, high))
    pick = np.less if is_least else np.greater
    with np.errstate(all="ignore"):
        found, place = first - steep * low, low
        inner = touching(function, steep, low, high, is_least=is_least)
        for point, f in ((high, last), (inner, value(function, inner))):
            here = f - steep * point
            better = pick(here, found)
            place, found = np.where(better, point, place), np.where(better, here, found)
        side = -1.0 if is_least else 1.0
        if function in PERIODIC:
            wide = ~_is_near(low, high)
            end = (
                np.where(steep * low > steep * high, low, high)
                if is_least
                else (np.where(steep * low < steep * high, low, high))
            )
            place = np.where(wide, end, place)
            found = np.where(wide, side - steep * end, found).astype(low.dtype)
        known = is_defined(function, low, high) & np.isfinite(found)
        return np.where(known, _cut(found), side * limit(low.dtype)), place
