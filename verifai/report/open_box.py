"""A short look at an open question: the domain cut into boxes, and the box that is hardest.

Bounds are the kernel's own, of each box by itself: a box with a bound above 0 is closed.

May import: numpy, kernel, evaluator, words. Must not know: the search, templates.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from flint import fmpq

from verifai.kernel import hints
from verifai.kernel.bound import Root, rounded_root
from verifai.kernel.context import Contexts, FormBuilder
from verifai.kernel.eliminate import lower_bounds
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import COLUMNS, Proof
from verifai.kernel.network import Affine, Input
from verifai.kernel.number import exact, nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Atom, Formula, Query
from verifai.report.evaluator import Evaluator
from verifai.report.words import Shown, shown

SECONDS = 2.0
MAX_BOXES = 64
MAX_VALUES = 6000  # of a network that is looked at
SAMPLES = 200
MAX_SHOWN = 12
CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Side:
    """One input's interval in a box, and which share of the domain's it is."""

    name: str
    lower: Shown
    upper: Shown
    share: float


@dataclass(frozen=True, slots=True)
class OpenBox:
    """The hardest box that a short look found.

    Attributes:
        boxes, closed: how many boxes the domain was cut into, and how many are closed.
        share: of the domain's volume that is closed.
        bound: what is proved about the distance from violation in the box; not positive.
        sides: the box, those intervals first that were cut; `hidden` more were not shown.
        closest: the sampled input that is nearest to violation, in the order of `sides`.
        closest_margin: how far it violates the property, in floating point; negative: it does not.
    """

    boxes: int
    closed: int
    share: float
    bound: float
    sides: tuple[Side, ...]
    hidden: int
    closest: tuple[Shown, ...]
    closest_margin: float

    @property
    def bound_shown(self) -> Shown:
        """The bound for reading."""
        return shown(self.bound)


@dataclass(frozen=True, slots=True)
class _Box:
    lower: tuple[fmpq, ...]
    upper: tuple[fmpq, ...]
    share: float
    bound: float

    @property
    def is_cuttable(self) -> bool:
        return any(l < u for l, u in zip(self.lower, self.upper, strict=True))


def look(query: Query, seconds: float = SECONDS) -> OpenBox | None:
    """The hardest box after cutting the domain for some seconds; None where all are closed.

    Also None where the network is too large for a short look, or has no bounds.
    """
    if query.is_vacuous or query.network.offsets[-1] > MAX_VALUES or query.integers:
        return None
    end, evaluator = time.monotonic() + seconds, Evaluator(query)
    try:
        boxes = [_Box(query.lower, query.upper, 1.0, _bound(query))]
        while len(boxes) < MAX_BOXES and time.monotonic() < end:
            worst = min(boxes, key=lambda b: b.bound)
            if worst.bound > 0 or not worst.is_cuttable:
                break
            boxes.remove(worst)
            boxes += _halves(query, worst, evaluator)
    except Rejection:
        return None
    worst = min(boxes, key=lambda b: b.bound)
    if worst.bound > 0:
        return None
    return _shown(query, boxes, worst, evaluator)


def _halves(query: Query, box: _Box, evaluator: Evaluator) -> list[_Box]:
    """The box cut in two across the input that moves the violation most, by the gradient."""
    low, high = (np.array([nearest(x) for x in end]) for end in (box.lower, box.upper))
    reach = abs(evaluator.slope((low + high) / 2)) * (high - low)
    reach = reach + 1e-9 * (high - low)
    at = int(np.argmax(np.where(np.isfinite(reach), reach, 0)))
    middle = exact(nearest((box.lower[at] + box.upper[at]) / 2))
    found = []
    for lower, upper in ((box.lower[at], middle), (middle, box.upper[at])):
        ends = [(*e[:at], new, *e[at + 1 :]) for e, new in ((box.lower, lower), (box.upper, upper))]
        bound = _bound(replace(query, lower=ends[0], upper=ends[1]))
        found.append(_Box(ends[0], ends[1], box.share / 2, bound))
    return found


def _bound(query: Query) -> float:
    """At least how far every input of the box is from violation, as the kernel proves it."""
    root = rounded_root(query)
    low, high = root.low[None].copy(), root.high[None].copy()
    empty = {name: np.zeros(0, dtype=np.int64) for name in COLUMNS}
    scene = Contexts(root, Proof(**empty, work=(0, 0)), low, high, np.array([-1]))
    nodes = query.network.nodes
    for node, kind in enumerate(nodes):
        users = [user for user in nodes if node in user.sources]
        if not isinstance(kind, Input) and any(not isinstance(u, Affine) for u in users):
            _tighten(root, scene, node)
    return _of(query.unsafe, root, scene)


def _tighten(root: Root, scene: Contexts, node: int) -> None:
    """Meets the intervals of a node's values with what LB gives for them."""
    where = root.values(node)
    settled = hints.settled(root.network, node, scene.low[:, where], scene.high[:, where])
    values = np.nonzero(~np.broadcast_to(settled, (1, where.stop - where.start))[0])[0]
    values = values + where.start
    size = max(1, CHUNK // max(root.network.sizes))
    for start in range(0, len(values), size):
        part = values[start : start + size]
        count = len(part)
        scene.pick = np.zeros(2 * count, dtype=np.int64)
        builder = FormBuilder(root, 2 * count)
        signs = np.repeat([1.0, -1.0], count)
        builder.units(np.arange(2 * count), np.concatenate([part, part]), signs)
        ends = lower_bounds(root, builder.build(), scene)
        scene.low[0, part] = np.maximum(scene.low[0, part], ends[:count])
        scene.high[0, part] = np.minimum(scene.high[0, part], -ends[count:])
    scene.forget(node)


def _of(formula: Formula, root: Root, scene: Contexts) -> float:
    """A bound of the distance from a formula: of an atom LB of its form."""
    if isinstance(formula, Atom):
        scene.pick = np.zeros(1, dtype=np.int64)
        builder = FormBuilder(root, 1)
        for value, factor in formula.terms:
            builder.term(0, value, factor)
        builder.plus(0, formula.constant)
        return float(lower_bounds(root, builder.build(), scene)[0])
    each = [_of(part, root, scene) for part in formula.parts]
    if not each:
        return -np.inf
    return max(each) if isinstance(formula, And) else min(each)


def _shown(query: Query, boxes: list[_Box], worst: _Box, evaluator: Evaluator) -> OpenBox:
    closed = [b for b in boxes if b.bound > 0]
    point, margin = _closest(worst, evaluator)
    whole = list(zip(query.lower, query.upper, strict=True))
    order = sorted(range(len(whole)), key=lambda i: _share(worst, whole, i))
    kept = [i for i in order if whole[i][0] < whole[i][1]][:MAX_SHOWN]
    sides = tuple(
        Side(
            query.network.describe(query.input_values[i]),
            shown(worst.lower[i]),
            shown(worst.upper[i]),
            _share(worst, whole, i),
        )
        for i in kept
    )
    return OpenBox(
        len(boxes),
        len(closed),
        sum(b.share for b in closed),
        worst.bound,
        sides,
        len(whole) - len(kept),
        tuple(shown(float(point[i])) for i in kept),
        margin,
    )


def _share(box: _Box, whole: list[tuple[fmpq, fmpq]], i: int) -> float:
    width = whole[i][1] - whole[i][0]
    return nearest((box.upper[i] - box.lower[i]) / width) if width else 1.0


def _closest(box: _Box, evaluator: Evaluator) -> tuple[Array, float]:
    """The sampled point of a box that is nearest to violation, and its margin."""
    low, high = (np.array([nearest(x) for x in end]) for end in (box.lower, box.upper))
    share = np.random.default_rng(0).random((SAMPLES, len(low)))
    share[: SAMPLES // 2] = np.round(share[: SAMPLES // 2])  # corners
    points = low + share * (high - low)
    _, margins = evaluator.batches(points, [])
    best = int(np.argmax(margins))
    return points[best], float(margins[best])
