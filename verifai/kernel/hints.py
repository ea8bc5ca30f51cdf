"""Choices that are run and not believed: default slopes, touching points, what to bound anew.

They only decide how tight a bound is. Whoever asks takes an answer as a proposal (`plain`) and
computes what follows from it; a test puts nonsense in the place of these functions, and no false
claim is accepted. Everything is plain float64, by operations that are the same on every
machine, so that both arithmetics and every reader of a certificate choose alike.

May import: numpy, elementary, functions, network, arithmetic. Must not know: certificates, bounds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from verifai.kernel import elementary
from verifai.kernel.arithmetic import Rounded
from verifai.kernel.functions import PERIODIC, S_SHAPED, SMOOTH, Piece
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


def _of_smooth(function: str, l: Array, u: Array) -> tuple[Array, Array]:
    """Where f is convex: the tangent's at the middle, the chord's; concave: the reverse.

    An S-shaped function on both sides of 0: the greatest slope of a line from one end to a point on
    the other side, or the tangent's at the middle where that lies beyond the point: the line that
    is nearest to the function at the middle. Else the chord's, or 0 over half a period.
    """
    middle, f = l + (u - l) / 2, SMOOTH[function]
    low, high = f.values.rounded(l)[0], f.values.rounded(u)[0]
    tangent = f.slope(middle, f.values.rounded(middle), _PLAIN)[0]
    chord = (high - low) / (u - l)
    chord = np.where(np.isfinite(chord), chord, tangent)
    if function in PERIODIC:
        turn = np.floor((l + _shift(function)) / math.pi)
        single = turn == np.floor((u + _shift(function)) / math.pi)
        chord = np.where(u - l < math.pi, chord, 0.0)
        convex, concave = single & (turn % 2 == 1), single & (turn % 2 == 0)
    elif function in S_SHAPED:
        convex, concave = u <= 0, l >= 0
        if not (convex | concave).all():
            from_left = _steepest(function, l, u, low, high)
            total = 1.0 if function == "sigmoid" else 0.0  # of f(y) and f(-y)
            from_right = _steepest(function, -u, -l, total - high, total - low)
            from_left = np.where(middle > 0, np.minimum(tangent, from_left), from_left)
            from_right = np.where(middle < 0, np.minimum(tangent, from_right), from_right)
            lower = np.where(convex, tangent, np.where(concave, chord, from_right))
            return lower, np.where(concave, tangent, np.where(convex, chord, from_left))
    else:
        convex = np.full(l.shape, function == "exp") | ((function == "reciprocal") & (l > 0))
        concave = ~convex
    return np.where(convex, tangent, chord), np.where(concave, tangent, chord)


def _steepest(function: str, l: Array, u: Array, low: Array, high: Array) -> Array:
    """The greatest slope of a line from (l, f(l)) to (d, f(d)), 0 ≤ d ≤ u; for l < 0 < u."""
    d, slope = u, (high - low) / (u - l)
    for _ in range(TURNS):
        d = np.minimum(_steepness_at(function, slope), d)
        there = (SMOOTH[function].values.rounded(d)[0] - low) / (d - l)
        slope = np.where(there > slope, there, slope)
    return np.asarray(slope)


def touching(function: str, slope: Array, piece: Piece) -> Array:
    """Where on a piece f' is the slope, or nearly."""
    low, high = piece[:2]
    with np.errstate(all="ignore"):
        place = _touching(function, slope, piece)
        place = np.where(np.isnan(place), low / 2 + high / 2, place)
        place = np.nan_to_num(np.clip(place, low, high))
        if function == "sqrt":  # whose slope at 0 is infinite
            place = np.maximum(place, high * 2.0**-60)
    return np.asarray(place)


def _touching(function: str, slope: Array, piece: Piece) -> Array:
    """Where f' is the slope, on the side of a piece."""
    if function in PERIODIC:
        turn = np.floor(((piece.low + piece.high) / 2 + _shift(function)) / math.pi)
        angle = np.arccos(np.clip(-slope if piece.is_convex else slope, -1.0, 1.0))
        return np.asarray(turn * math.pi + angle - _shift(function))
    if function == "exp":
        return np.where(slope > 0, elementary.log(slope)[0], -np.inf)
    if function == "log":
        return np.where(slope > 0, 1 / slope, np.inf)
    if function == "sqrt":
        return np.where(slope > 0, 1 / (4 * slope * slope), np.inf)
    if function == "reciprocal":
        far = np.where(slope < 0, 1 / np.sqrt(-slope), np.inf)
    else:
        far = _steepness_at(function, slope)
    right = piece.is_convex == (function == "reciprocal")
    return far if right else -far


def _shift(function: str) -> float:
    return math.pi / 2 if function == "cos" else 0.0


def _steepness_at(function: str, slope: Array) -> Array:
    """The y ≥ 0 at which an S-shaped function has this slope; infinite for slopes up to 0."""
    log = elementary.log
    if function == "erf":
        value = np.sqrt(np.maximum(-log(slope * (math.sqrt(math.pi) / 2))[0], 0.0))
        return np.asarray(np.where(slope > 0, value, np.inf))
    share = np.clip(4 * slope if function == "sigmoid" else slope, 0.0, 1.0)
    t = np.sqrt(1 - share)
    value = 2 * log(1 + t)[0] - log(share)[0]  # the logarithm of (1 + t)/(1 - t)
    return np.asarray(np.where(slope > 0, value if function == "sigmoid" else value / 2, np.inf))


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
