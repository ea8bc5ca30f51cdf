"""Intermediate bounds with slopes optimised for every single value (α-CROWN), over one box.

May import: numpy, arrays, compiled, interval, crown, dual, focus, optimize. Must not know:
certificates.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from verifai.bounds.arrays import host
from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Relaxed, refine, unstable, with_image
from verifai.bounds.dual import Rows
from verifai.bounds.focus import focus
from verifai.bounds.interval import Bounds
from verifai.bounds.kinds.codes import DEFAULT_CODE, Codes
from verifai.bounds.kinds.protocol import Envelope
from verifai.bounds.maps import Array, Indices
from verifai.bounds.optimize import Ascent, optimize
from verifai.bounds.relax import relax
from verifai.kernel.network import Affine, Input

PART = 256  # values of one node optimised at once
LEAST_WORK = 1e5  # multiplications of a pass, below which a smaller network is no gain
PATCH = 32  # of a node with places: neighbours, which see about the same part of an image


@dataclass(frozen=True, slots=True, eq=False)
class Tightened:
    """How single values of one node were bounded.

    Attributes:
        node: which node.
        neurons: which of its values, (P,).
        lower, upper: the bounds found, (P,), before they are met with what was known.
        lower_codes, upper_codes: the slopes' codes that give them, by node, (P, n).
        lower_slopes, upper_slopes: the explicit slopes that they need besides, as `Optimized` has
            them.
    """

    node: int
    neurons: Indices
    lower: Array
    upper: Array
    lower_codes: Mapping[int, Codes]
    upper_codes: Mapping[int, Codes]
    lower_slopes: Mapping[int, Array] = field(default_factory=dict)
    upper_slopes: Mapping[int, Array] = field(default_factory=dict)


def tighten(
    compiled: Compiled,
    bounds: Bounds,
    *,
    ascent: Ascent | None = None,
    deadline: float = math.inf,
    images: bool = False,
) -> tuple[Relaxed, list[Tightened]]:
    """One box's bounds tightened layer by layer, every unstable value by slopes of its own.

    Each node's values use the already tightened bounds of those before it; none is looser than
    what `refine` finds.

    Args:
        compiled: the network.
        bounds: of one box.
        ascent: how to climb.
        deadline: the reading of `time.perf_counter` after which default slopes have to do.
        images: as in `refine`.

    Returns:
        Bounds with default lines, and what the tightening of each part of a node used, in order.
    """
    if len(bounds) != 1:
        raise ValueError(f"{len(bounds)} boxes, not one")
    lines: dict[int, Envelope] = {}
    records: list[Tightened] = []
    for position, node in enumerate(compiled.network.nodes):
        if images:
            bounds = with_image(compiled, bounds, position)
        if not isinstance(node, Affine | Input):
            lines[position] = relax(compiled, bounds, position)
        if position not in compiled.preactivations and position not in compiled.direct:
            continue
        if position in compiled.direct:
            bounds = refine(compiled, bounds, nodes=[position]).bounds
            continue
        neurons = np.flatnonzero(unstable(compiled, bounds, position)[0])
        twins = compiled.twins.get(position)
        first = neurons if twins is None else np.unique(twins[neurons])
        found = []
        for part in neighbours(node.shape, first):
            how = ascent if time.perf_counter() < deadline else Ascent(steps=0)
            record = _part(compiled, Relaxed(bounds, lines), position, part, how)
            found.append(record if twins is None else _spread(record, twins, neurons))
        for record in found:
            lower, upper = bounds.lower[position].copy(), bounds.upper[position].copy()
            lower[0, record.neurons], upper[0, record.neurons] = record.lower, record.upper
            bounds = bounds.meet(position, lower, upper)
        records += found
    return Relaxed(bounds, lines), records


def _spread(record: Tightened, twins: Indices, neurons: Indices) -> Tightened:
    """The same for all of the neurons that are equal to one of the record's."""
    mine = neurons[np.isin(twins[neurons], record.neurons)]
    where = np.searchsorted(record.neurons, twins[mine])
    tables = (record.lower_codes, record.upper_codes)
    low, high = ({i: a[where] for i, a in table.items()} for table in tables)
    curved = (record.lower_slopes, record.upper_slopes)
    below, above = ({i: a[where] for i, a in table.items()} for table in curved)
    ends = record.lower[where], record.upper[where]
    return Tightened(record.node, mine, *ends, low, high, below, above)


def neighbours(shape: tuple[int, ...], index: Indices) -> list[Indices]:
    """Values of a node of this shape in groups, those of an image by their places in it."""
    if len(shape) < 3:
        return [index[start : start + PART] for start in range(0, len(index), PART)]
    places = np.stack(np.unravel_index(host(index), shape)[-2:])
    todo, done = [np.arange(len(index))], list[Indices]()
    while todo:
        group = todo.pop()
        extent = np.ptp(places[:, group], axis=1) if len(group) else np.zeros(2)
        if len(group) <= PATCH or not extent.any():
            done += [index[group]] if len(group) else []
            continue
        along = places[int(np.argmax(extent))][group]
        low = along < max(np.median(along), along.min() + 1)
        todo += [group[~low], group[low]]
    return done


def _part(
    compiled: Compiled, relaxation: Relaxed, node: int, neurons: Indices, ascent: Ascent | None
) -> Tightened:
    """Bounds of some values of one node, found on what they depend on."""
    if sum(compiled.work(i) for i in compiled.linear if i <= node) < LEAST_WORK:
        return _bounded(compiled, relaxation, node, neurons, ascent)
    part = focus(compiled, relaxation.bounds, {node: host(neurons)}, whole_inputs=False)
    order = compiled.place(part.kept[node])
    near = Relaxed(part.bounds(relaxation.bounds), part.lines(relaxation.lines))
    found = _bounded(part.compiled, near, node, np.arange(len(order), like=neurons), ascent)
    return Tightened(
        node,
        order,
        found.lower,
        found.upper,
        part.scatter(compiled, found.lower_codes, DEFAULT_CODE),
        part.scatter(compiled, found.upper_codes, DEFAULT_CODE),
        part.scatter(compiled, found.lower_slopes, np.nan),
        part.scatter(compiled, found.upper_slopes, np.nan),
    )


def _bounded(
    compiled: Compiled, relaxation: Relaxed, node: int, neurons: Indices, ascent: Ascent | None
) -> Tightened:
    """Bounds of some values of one node: the rows +value, then the rows -value."""
    count = len(neurons)
    forms, every = (
        compiled.zeros(2 * count, 1, compiled.sizes[node]),
        np.arange(count, like=neurons),
    )
    forms[every, 0, neurons] = 1
    forms[every + count, 0, neurons] = -1
    rows = Rows({node: forms}, compiled.zeros(2 * count, 1))
    best = optimize(compiled, relaxation, rows, ascent=ascent)
    parts = slice(None, count), slice(count, None)
    codes = [{i: a[part] for i, a in best.codes.items()} for part in parts]
    slopes = [{i: a[part] for i, a in best.explicit.items()} for part in parts]
    lower, upper = best.value[:count], -best.value[count:]
    return Tightened(node, neurons, lower, upper, codes[0], codes[1], slopes[0], slopes[1])
