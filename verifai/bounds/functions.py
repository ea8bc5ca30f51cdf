"""The smooth functions in floats: values, derivatives, their ranges, and where lines touch them.

Everything is finite: beyond `limit` values are cut off, since the kernel has no bounds there, and
left of its domain a function has its value at the domain's end. Intervals that leave the domain
get the whole range up to the limit. Shapes (domains, inflection points, trends) are those of the
kernel's tables, so that a new function needs nothing here; a row of `FAST` makes it faster.

May import: numpy, arrays, maps, kernel. Must not know: networks, boxes, optimisation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from verifai.bounds.arrays import host, placed
from verifai.bounds.maps import Array, Mask
from verifai.kernel.arithmetic import LARGEST, Rounded
from verifai.kernel.functions import FAR, SMOOTH
from verifai.kernel.hints import HINTS, S_SHAPED, TURNS

Pair = tuple[Array, Array]
WIDEST = 6.0  # beyond, the kernel only knows that a sine lies in [-1, 1]
GRID = 256.0  # points of the table of erf in a unit
ERF_END = 6.0  # beyond, erf is ±1 in double precision
_ERF = np.array([math.erf(k / GRID) for k in range(int(ERF_END * GRID) + 1)])
_GAUSS = 2 / math.sqrt(math.pi)
_PLAIN = Rounded()
BEND_STEP = 1e-5  # relative, of the difference that stands for a second derivative
NEAR_ZERO = 1e-3  # what counts as small there
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


class Fast(NamedTuple):
    """A function by numpy's own, made for speed.

    Attributes:
        value: f(y).
        jet: f(y) and f'(y).
        bend: f''(y) from y, f(y) and f'(y).
        place: as the kernel's hint has it: where f' is a slope, from the slope's absolute value.
        slope: f'(y), where that is faster alone.
    """

    value: Callable[[Array], Array]
    jet: Callable[[Array], Pair]
    bend: Callable[[Array, Array, Array], Array]
    place: Callable[[Array], Array]
    slope: Callable[[Array], Array] | None = None


def _logistic(share: Array) -> Array:
    """Where the derivative of the logistic function is this share of that at 0."""
    share = np.minimum(share, 1)
    result: Array = 2 * np.log1p(np.sqrt(1 - share)) - np.log(share)
    return result


def _angle(steep: Array) -> Array:
    return np.arccos(np.clip(steep, -1, 1))


FAST = {
    "sigmoid": Fast(
        lambda y: 1 / (1 + np.exp(-y)),
        _sigmoid_jet,
        lambda _y, f, d: d * (1 - 2 * f),
        lambda s: _logistic(4 * s),
    ),
    "tanh": Fast(np.tanh, _tanh_jet, lambda _y, f, d: -2 * f * d, lambda s: _logistic(s) / 2),
    "exp": Fast(lambda y: _cut(np.exp(y)), _exp_jet, lambda _y, f, _d: f, np.log),
    "log": Fast(
        lambda y: np.log(_positive(y)),
        lambda y: (np.log(_positive(y)), _cut(1 / _positive(y))),
        lambda _y, _f, d: _cut(-d * d),
        lambda s: 1 / s,
    ),
    "reciprocal": Fast(
        lambda y: _cut(1 / y),
        _reciprocal_jet,
        lambda _y, f, d: _cut(-2 * (f * d)),
        lambda s: 1 / np.sqrt(s),
    ),
    "sqrt": Fast(
        lambda y: np.sqrt(np.maximum(y, 0)),
        _sqrt_jet,
        lambda y, _f, d: _cut(-0.5 * d / _positive(y)),
        lambda s: 0.25 / (s * s),
    ),
    "erf": Fast(
        erf,
        lambda y: (erf(y), _gauss(y)),
        lambda y, _f, d: -2 * (y * d),
        lambda s: np.sqrt(np.maximum(-np.log(s / _GAUSS), 0)),
        _gauss,
    ),
    "sin": Fast(np.sin, lambda y: (np.sin(y), np.cos(y)), lambda _y, f, _d: -f, _angle),
    "cos": Fast(np.cos, lambda y: (np.cos(y), -np.sin(y)), lambda _y, f, _d: -f, _angle),
}


def fast(function: str) -> Fast:
    """The row of a function; one made of the kernel's where it has none of its own."""
    return FAST.get(function) or _made(function)


@cache
def _made(function: str) -> Fast:
    """A row by the kernel's float64 enclosures: slower, and on the host."""
    row, hint = SMOOTH[function], HINTS[function]

    def jet_of(y: Array) -> Pair:
        at = host(y).astype(np.float64)
        with np.errstate(all="ignore"):
            found = row.values.rounded(at)
            pair = found[0], row.slope(at, found, _PLAIN)[0]
        first, second = (_cut(np.nan_to_num(a)).astype(y.dtype) for a in pair)
        return placed((first, second), y)

    def bend_of(y: Array, _f: Array, _d: Array) -> Array:
        step = BEND_STEP * np.maximum(np.abs(y), NEAR_ZERO)
        change = jet_of(y + step)[1] - jet_of(y - step)[1]
        result: Array = change / (2 * step)
        return result

    def place_of(steep: Array) -> Array:
        at = hint.place(host(steep).astype(np.float64))
        return placed(np.asarray(at).astype(steep.dtype), steep)

    return Fast(lambda y: jet_of(y)[0], jet_of, bend_of, place_of)


def value(function: str, y: Array) -> Array:
    """f(y), elementwise and finite."""
    with np.errstate(all="ignore"):
        return fast(function).value(y)


def jet(function: str, y: Array) -> Pair:
    """f(y) and f'(y), elementwise and finite."""
    with np.errstate(all="ignore"):
        return fast(function).jet(y)


def slope(function: str, y: Array) -> Array:
    """f'(y), elementwise and finite."""
    with np.errstate(all="ignore"):
        row = fast(function)
        return row.jet(y)[1] if row.slope is None else row.slope(y)


def bend(function: str, y: Array, f: Array, d: Array) -> Array:
    """f''(y) from y, f(y) and f'(y), elementwise and finite."""
    with np.errstate(all="ignore"):
        return fast(function).bend(y, f, d)


def is_defined(function: str, low: Array, high: Array) -> Mask:
    """Where the whole interval lies in the domain."""
    return SMOOTH[function].is_defined(low, high)


def value_range(function: str, low: Array, high: Array) -> Pair:
    """The least and greatest value of f over [low, high], up to rounding."""
    row = SMOOTH[function]
    if row.waves:
        return _wave(low, high, HINTS[function].shift)
    if not row.trend:
        flat = np.zeros_like(low)
        least, greatest = (extreme(function, flat, low, high, is_least=k)[0] for k in (True, False))
        return least, greatest
    first, last = value(function, low), value(function, high)
    return _defined(function, low, high, (first, last) if row.trend > 0 else (last, first))


def slope_range(function: str, low: Array, high: Array) -> Pair:
    """The least and greatest value of f' over [low, high], up to rounding."""
    row = SMOOTH[function]
    if row.waves:
        return _wave(low, high, HINTS[function].shift + math.pi / 2)
    inner = [np.clip(point, low, high) for point in row.inflections(low, _PLAIN)]
    first, *others = (slope(function, y) for y in (low, high, *inner))
    least = most = first
    for found in others:
        least, most = np.minimum(least, found), np.maximum(most, found)
    return _defined(function, low, high, (least, most))


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
    row, shift = SMOOTH[function], HINTS[function].shift
    if row.waves:
        turn = np.floor((low + shift) / math.pi)
        single = turn == np.floor((high + shift) / math.pi)
        return single & (turn % 2 == 1), single & (turn % 2 == 0)
    inside, cuts = is_defined(function, low, high), row.inflections(low, _PLAIN)
    if not cuts:
        return (inside, ~inside) if row.is_convex else (~inside, inside)
    found = [high <= cuts[0], inside]  # on a part that bends as the first one, and as the second
    for i, (start, stop) in enumerate(zip(cuts, [*cuts[1:], None], strict=True), 1):
        here = low >= start if stop is None else (low >= start) & (high <= stop)
        found[i % 2] = here if i == 1 else found[i % 2] | here
    convex, concave = found if row.is_convex else found[::-1]
    return (convex, concave) if inside.all() else (inside & convex, inside & concave)


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
        if SMOOTH[function].waves:
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
    total = HINTS[function].total
    if total is None:
        raise ValueError(f"{function} is not S-shaped")
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
    row, hint = SMOOTH[function], HINTS[function]
    if row.waves:
        turn = 2 * math.pi
        angle = fast(function).place(steep)
        first = (-angle if is_least else angle) - hint.shift
        count = np.ceil((low - first) / turn), np.floor((high - first) / turn)
        place: Array = first + turn * np.where((steep > 0) == is_least, count[1], count[0])
        return place
    if hint.total is None:
        return _steep_place(function, steep) if is_least == row.is_convex else low
    place = _steep_place(function, steep)
    return -place if is_least == row.is_convex else place


def _steep_place(function: str, steep: Array) -> Array:
    """Where f' is the slope; of two such places the one above 0."""
    steepness = SMOOTH[function].trend * steep
    return np.where(steepness > 0, fast(function).place(steepness), HINTS[function].flat)


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
        if SMOOTH[function].waves:
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
