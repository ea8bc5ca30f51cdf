"""Choices that are run and not believed: default slopes, touching points, what to bound anew.

They only decide how tight a bound is. Whoever asks takes an answer as a proposal (`plain`) and
computes what follows from it; a test puts nonsense in the place of these functions, and no false
claim is accepted. Everything is plain float64, by operations that are the same on every
machine, so that both arithmetics and every reader of a certificate choose alike.

May import: numpy, elementary, functions, network, arithmetic. Must not know: certificates, bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from verifai.kernel import elementary
from verifai.kernel.arithmetic import Rounded
from verifai.kernel.functions import SMOOTH, Piece, pieces
from verifai.kernel.network import Affine, Network, Node, Product, Pwl, Smooth, Square
from verifai.kernel.operator import Array

SHY = 2.0**-30  # default slopes overlook a knot so close to an end, in units of the width
NUDGE = 1 + 2.0**-10  # keeps the default slope of symmetric intervals from hanging on rounding
HAIR = 4  # rounding errors: an end so near a knot is computed anew in exact arithmetic
TURNS = 4  # of the tangent from an end to an S-shaped function
_PLAIN = Rounded()


def slopes(
    node: Node, ends: list[tuple[Array, Array]], codes: Array | None = None
) -> tuple[Array, ...]:
    """Default slopes of a nonlinear node's lower line, on each of its sources, and of its upper.

    Args:
        node: not linear.
        ends: float64 intervals of every source's values, (contexts, n).
        codes: (contexts, n) small integers; q ≤ 128 puts the lower slope of a piecewise-linear
            value q/128 of the way from its piece at l to its piece at u; else the default.
    """
    l, u = ends[0]
    if isinstance(node, Product):  # both planes touch x·y at the middle of the box
        (a, b), (c, d) = ends
        return ((c + d) / 2, (a + b) / 2) * 2
    with np.errstate(all="ignore"):
        if isinstance(node, Square):
            return l + u, l + u
        if isinstance(node, Smooth):
            return _of_smooth(node.function, l, u)
        if isinstance(node, Pwl):
            return _of_pwl(node, l, u, codes)
        return np.zeros_like(l), np.zeros_like(l)


def _of_pwl(node: Pwl, l: Array, u: Array, codes: Array | None) -> tuple[Array, Array]:
    inner = l + SHY * (u - l), u - SHY * (u - l)
    left, right, settled = _at_ends(node, *inner)
    if len(node.knots) == 1:
        first = last = np.broadcast_to(node.knots[0], l.shape)
        convex = np.broadcast_to(node.slopes[0] <= node.slopes[1], l.shape)
        concave = ~convex
        low = node.anchor + left * (l - node.knots[0])
        high = node.anchor + right * (u - node.knots[0])
    else:
        first, last, convex, concave = _curvature(node, *inner)
        low, high = _value(node, l), _value(node, u)
    chord = np.where(settled, left, (high - low) / (u - l))
    middle = (first + last) / 2
    tail = np.where(u - middle > NUDGE * (middle - l), right, left)
    lower = np.where(convex, tail, chord)
    if codes is not None:
        lower = np.where(codes <= 128, left + codes / 128 * (right - left), lower)
    return lower, np.where(concave, tail, chord)


def _at_ends(node: Pwl, l: Array, u: Array) -> tuple[Array, Array, Array]:
    """The slopes just right of l and just left of u, and whether no knot is inside."""
    left = right = np.broadcast_to(node.slopes[0], l.shape)
    settled = np.ones(l.shape, dtype=bool)
    for knot, slope in zip(node.knots, node.slopes[1:], strict=True):
        left = np.where(knot <= l, slope, left)
        right = np.where(knot < u, slope, right)
        settled &= (knot <= l) | (u <= knot)
    return left, np.where(settled, left, right), settled


class _Curvature(NamedTuple):
    """First and last knot inside, and whether f is convex, or else concave, on the interval."""

    first: Array
    last: Array
    is_convex: Array
    is_concave: Array


def _curvature(node: Pwl, l: Array, u: Array) -> _Curvature:
    """How f bends on [l, u]."""
    first, last = np.full(l.shape, np.inf), np.full(l.shape, -np.inf)
    convex, concave = np.ones(l.shape, dtype=bool), np.ones(l.shape, dtype=bool)
    for knot, before, after in zip(node.knots, node.slopes, node.slopes[1:], strict=False):
        inside = (l < knot) & (knot < u)
        first, last = np.where(inside, np.minimum(first, knot), first), np.where(inside, knot, last)
        convex &= ~inside | (before <= after)
        concave &= ~inside | (before >= after)
    return _Curvature(first, last, convex, concave & ~convex)


def _value(node: Pwl, z: Array) -> Array:
    """f(z)."""
    height = node.anchor
    result: Array = height + node.slopes[0] * (z - node.knots[0])
    previous = node.knots[0]
    for j, knot in enumerate(node.knots):
        height = height + (node.slopes[j] * (knot - previous) if j else 0.0)
        result = np.where(z > knot, height + node.slopes[j + 1] * (z - knot), result)
        previous = knot
    return result


class Hint(NamedTuple):
    """A smooth function's row.

    Attributes:
        place: where f' is a slope, 0 < slope or slope < 0 as the function rises or falls, from its
            absolute value; of two such places ±y the one above 0.
        flat: the place for all other slopes.
        total: f(y) + f(-y), where that is the same for all y; None elsewhere.
        shift: what y is moved by to make the function a sine.
    """

    place: Callable[[Array], Array]
    flat: float = math.inf
    total: float | None = None
    shift: float = 0.0


def _log(slope: Array) -> Array:
    return elementary.log(slope)[0]


def _logistic(share: Array) -> Array:
    """Where the derivative of the logistic function is this share of that at 0."""
    share = np.minimum(share, 1.0)
    return 2 * _log(1 + np.sqrt(1 - share)) - _log(share)


def _gauss(slope: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(-_log(slope * (math.sqrt(math.pi) / 2)), 0.0)))


def _angle(slope: Array) -> Array:
    return np.asarray(np.arccos(np.clip(slope, -1.0, 1.0)))


HINTS = {
    "sigmoid": Hint(lambda s: _logistic(4 * s), total=1.0),
    "tanh": Hint(lambda s: _logistic(s) / 2, total=0.0),
    "erf": Hint(_gauss, total=0.0),
    "exp": Hint(_log, flat=-math.inf),
    "log": Hint(lambda s: 1 / s),
    "sqrt": Hint(lambda s: 1 / (4 * s * s)),
    "reciprocal": Hint(lambda s: 1 / np.sqrt(s), total=0.0),
    "sin": Hint(_angle),
    "cos": Hint(_angle, shift=math.pi / 2),
}
S_SHAPED = tuple(n for n, h in HINTS.items() if h.total is not None and SMOOTH[n].trend > 0)


def _of_smooth(function: str, l: Array, u: Array) -> tuple[Array, Array]:
    """Where f is convex: the tangent's at the middle, the chord's; concave: the reverse.

    An S-shaped function on both sides of 0: the greatest slope of a line from one end to a point on
    the other side, or the tangent's at the middle where that lies beyond the point: the line that
    is nearest to the function at the middle. Else the chord's, or 0 over half a period.
    """
    middle, f, total = l + (u - l) / 2, SMOOTH[function], HINTS[function].total
    low, high = f.values.rounded(l)[0], f.values.rounded(u)[0]
    tangent = f.slope(middle, f.values.rounded(middle), _PLAIN)[0]
    chord = (high - low) / (u - l)
    chord = np.where(np.isfinite(chord), chord, tangent)
    if f.waves:
        chord = np.where(u - l < math.pi, chord, 0.0)
    parts = pieces(f, l, u, _PLAIN)
    convex, concave = (
        np.logical_and.reduce([(p.is_convex == way) | (p.low >= p.high) for p in parts])
        for way in (True, False)
    )
    lower, upper = np.where(convex, tangent, chord), np.where(concave, tangent, chord)
    mixed = ~(convex | concave)
    if total is None or not mixed.any():
        return lower, upper
    from_left = _steepest(function, l, u, low, high)
    from_right = _steepest(function, -u, -l, total - high, total - low)
    from_left = np.where(middle > 0, np.minimum(tangent, from_left), from_left)
    from_right = np.where(middle < 0, np.minimum(tangent, from_right), from_right)
    return np.where(mixed, from_right, lower), np.where(mixed, from_left, upper)


def _steepest(function: str, l: Array, u: Array, low: Array, high: Array) -> Array:
    """The greatest slope of a line from (l, f(l)) to (d, f(d)), 0 ≤ d ≤ u; for l < 0 < u."""
    d, slope = u, (high - low) / (u - l)
    for _ in range(TURNS):
        d = np.minimum(_place(function, slope), d)
        there = (SMOOTH[function].values.rounded(d)[0] - low) / (d - l)
        slope = np.where(there > slope, there, slope)
    return np.asarray(slope)


def _place(function: str, slope: Array) -> Array:
    """Where f' is the slope; of two such places the one above 0."""
    hint, steepness = HINTS[function], SMOOTH[function].trend * slope
    return np.where(steepness > 0, hint.place(steepness), hint.flat)


def touching(function: str, slope: Array, piece: Piece) -> Array:
    """Where on a piece f' is the slope, or nearly."""
    low, high, is_convex = piece
    f, hint = SMOOTH[function], HINTS[function]
    with np.errstate(all="ignore"):
        if f.waves:
            turn = np.floor(((low + high) / 2 + hint.shift) / math.pi)
            place = turn * math.pi + hint.place(-slope if is_convex else slope) - hint.shift
        else:
            is_left = hint.total is not None and is_convex == f.is_convex
            place = _place(function, slope) * (-1 if is_left else 1)
        place = np.where(np.isnan(place), low / 2 + high / 2, place)
        place = np.nan_to_num(np.clip(place, low, high))
        if f.is_steep:
            place = np.maximum(place, high * 2.0**-60)
    return np.asarray(place)


def settled(network: Network, node: int, l: Array, u: Array) -> Array:
    """Which values of a node need no better bounds: one piece of every use covers them.

    Args:
        network: whose nodes are meant.
        node: whose values are asked about.
        l: lower ends of their float64 intervals, (contexts, n).
        u: upper ends.

    Returns:
        (contexts, n) bool; all false where a use is no piecewise-linear node, or there is none.
    """
    users = [n for n in network.nodes if node in n.sources and not isinstance(n, Affine)]
    result = np.full(l.shape, bool(users) and all(isinstance(n, Pwl) for n in users))
    for knot in (k for n in users if isinstance(n, Pwl) for k in n.knots):
        result &= (knot <= l) | (u <= knot)
    return result


def misses(network: Network, values: Array, ends: Array, errors: Array) -> Array:
    """Which ends of values of one node, (M,), miss a knot of some user by rounding alone; bool."""
    node, _ = network.owner(int(values[0]))
    index, result = values - network.offsets[node], np.zeros(len(ends), dtype=bool)
    for user in network.nodes:
        if isinstance(user, Pwl) and node in user.sources:
            for knot in np.broadcast_to(user.knots, (len(user.knots), network.sizes[node])):
                gap = abs(ends - knot[index])
                result |= (gap > 0) & (gap <= HAIR * errors)
    return result
