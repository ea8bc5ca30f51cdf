"""The lines of any nonlinear node, and those that may be chosen in their place.

May import: numpy, compiled, interval, functions, kinds. Must not know: elimination, ascent.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verifai.bounds import functions
from verifai.bounds.compiled import Compiled
from verifai.bounds.interval import Bounds
from verifai.bounds.kinds.protocol import Arrays, Envelope, Family
from verifai.bounds.maps import Array

Side = tuple[int, int]  # node, and 0 for the line below or 1 for the line above


def relax(compiled: Compiled, bounds: Bounds, node: int, slopes: Array | None = None) -> Envelope:
    """The lines of a nonlinear node over each box.

    Args:
        compiled: the network.
        bounds: intervals of the node's sources.
        node: which node.
        slopes: lower slopes of a piecewise-linear node, (B, n), NaN meaning default.

    Raises:
        ValueError: the node is linear.
    """
    if node not in compiled.kinds:
        raise ValueError(f"node {node} is linear")
    sources = compiled.network.nodes[node].sources
    return compiled.kinds[node].lines(bounds.ends(sources), slopes)


def families(
    compiled: Compiled, bounds: Bounds, node: int, lines: Envelope
) -> Mapping[Side, Family]:
    """The lines to choose from on the sides of a node where there is a choice; by side.

    Args:
        compiled: the network.
        bounds: of B boxes.
        node: which node.
        lines: its default lines over them.
    """
    ends = bounds.ends(compiled.network.nodes[node].sources)
    found = compiled.kinds[node].families(ends, lines)
    return {(node, k): family for k, family in found.items() if family.is_free.any()}


def chosen_lines(
    compiled: Compiled, bounds: Bounds, side: Side, family: Family, choice: tuple[Array, Envelope]
) -> Envelope:
    """The lines with one side's chosen by shares, where there is a choice.

    Args:
        compiled: the network.
        bounds: of the boxes.
        side: which.
        family: its lines.
        choice: the share of every value, and the lines that are changed.
    """
    share, lines = choice
    default, end = (lines.upper, lines.above) if side[1] else (lines.lower, lines.below)
    places = family.places(share)
    if family.function is None:
        each = zip(places, default, strict=True)
        slopes = tuple(np.where(family.is_free, s, d) for s, d in each)
        end = intercept(compiled, bounds, side, slopes)[0]
    else:  # a tangent on the side to which the function bends
        value, slope = functions.jet(family.function, places[0])
        slopes = (np.where(family.is_free, slope, default[0]),)
        end = np.where(family.is_free, value - slope * places[0], 0.0 if end is None else end)
    if side[1] == 0:
        return Envelope(slopes, end, lines.upper, lines.above)
    return Envelope(lines.lower, lines.below, slopes, end)


def rates(
    compiled: Compiled, bounds: Bounds, side: Side, family: Family, choice: tuple[Array, Envelope]
) -> tuple[Arrays, Arrays]:
    """How fast slopes change with the share, and the points about which the lines turn.

    Arguments are those of `chosen_lines`, but with the lines that it returned.
    """
    share, lines = choice
    slopes, end = (lines.upper, lines.above) if side[1] else (lines.lower, lines.below)
    speeds = tuple(b - a for a, b in zip(family.first, family.last, strict=True))
    if family.function is None:
        return speeds, intercept(compiled, bounds, side, slopes)[1]
    places = family.places(share)
    value = slopes[0] * places[0] + (0.0 if end is None else end)
    bend = functions.bend(family.function, places[0], value, slopes[0])
    return (speeds[0] * bend,), places


def intercept(
    compiled: Compiled, bounds: Bounds, side: Side, slopes: Arrays
) -> tuple[Array, Arrays]:
    """The least (above: greatest) value of z - Σ slopes·sources over each box, and its place."""
    ends = bounds.ends(compiled.network.nodes[side[0]].sources)
    return compiled.kinds[side[0]].intercept(ends, slopes, is_least=side[1] == 0)


def slope_entries(
    compiled: Compiled, explicit: Mapping[int, Array], row: int
) -> tuple[tuple[int, int, float], ...]:
    """The explicit slopes of one bound as a certificate holds them: (value, place, slope).

    Args:
        compiled: the network.
        explicit: by node, (M, places, n), NaN where default.
        row: which of the M.
    """
    entries: list[tuple[int, int, float]] = []
    for node, table in explicit.items():
        start = compiled.network.offsets[node]
        places, values = np.nonzero(~np.isnan(table[row]))
        slopes = table[row][places, values].tolist()
        entries += zip((values + start).tolist(), places.tolist(), slopes, strict=True)
    return tuple(entries)
