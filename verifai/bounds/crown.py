"""CROWN: linear lower bounds of linear forms over batches of boxes, by backward elimination.

Source: Zhang et al. 2018, Efficient Neural Network Robustness Certification.
May import: numpy, compiled, interval, kinds, relax. Must not know: queries, splits, optimisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.interval import Bounds, affine_interval, image, slack
from verifai.bounds.kinds.protocol import Envelope
from verifai.bounds.maps import Array, DenseMap, Indices, Mask
from verifai.bounds.relax import relax
from verifai.kernel.network import Affine, Input

FORMS = 32  # at least so many together, however large the nodes: matrices are read once for all


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Forms from below: each is ≥ coefficients·inputs + constant, hence ≥ value, on its box.

    Attributes:
        value: the least value of the plane over the box, (M,).
        coefficients: on all inputs in a row, (M, all inputs).
        constant: (M,).
    """

    value: Array
    coefficients: Array
    constant: Array


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """Bounds and the lines of the nonlinear nodes over the same boxes."""

    bounds: Bounds
    lines: Mapping[int, Envelope]

    def take(self, boxes: Indices | slice) -> Relaxed:
        """The relaxation of some boxes, in this order."""
        return Relaxed(self.bounds.take(boxes), {k: v.take(boxes) for k, v in self.lines.items()})


def relaxed(
    compiled: Compiled, bounds: Bounds, slopes: Mapping[int, Array] | None = None
) -> Relaxed:
    """Bounds with the lines of all nonlinear nodes; slopes as `relax` takes them, by node."""
    given = slopes or {}
    lines = {i: relax(compiled, bounds, i, given.get(i)) for i in compiled.kinds}
    return Relaxed(bounds, lines)


class Sweep:
    """One backward elimination of M forms, to be run once.

    Attributes:
        pending: the coefficients (M, n) on each node not yet eliminated.
        constant: (M,), or a number.
        seen: where given, collects the coefficients on nonlinear nodes and those with a radius.
    """

    def __init__(
        self,
        compiled: Compiled,
        relaxation: Relaxed,
        boxes: Indices | None = None,
        seen: dict[int, Array] | None = None,
    ) -> None:
        self.seen = seen
        self.compiled, self.relaxation, self.boxes = compiled, relaxation, boxes
        self.pending: dict[int, Array] = {}
        self.constant: Array | float = 0.0

    def add(self, source: int, a: Array, /) -> None:
        """Adds coefficients on one node."""
        self.pending[source] = self.pending[source] + a if source in self.pending else a

    def rows(self, array: Array) -> Array:
        """An array with a row a box as one with a row a form."""
        return array if self.boxes is None or len(array) == 1 else array.take(self.boxes, axis=0)

    def run(self, last: int) -> None:
        """Eliminates every node up to the last one but inputs."""
        for position in range(last, -1, -1):
            node = self.compiled.network.nodes[position]
            if isinstance(node, Input) or position not in self.pending:
                continue
            a = self.pending.pop(position)
            self.compiled.pause()
            if isinstance(node, Affine):
                self.affine(position, a)
            else:
                self.nonlinear(position, node.sources, a)

    def affine(self, node: int, a: Array) -> None:
        """a·y in terms of the sources, less what the radius allows."""
        data = self.compiled.linear[node]
        if data.is_biased:
            self.constant = self.constant + a @ data.bias
        if data.radius is not None:
            bounds = self.relaxation.bounds
            if self.seen is not None:
                self.seen[node] = a
            spread = self.rows(slack(self.compiled, node, bounds.lower, bounds.upper))
            self.constant = self.constant - np.einsum("mn,mn->m", np.abs(a), spread)
        self.compiled.pull(node, a, self.add)

    def nonlinear(self, node: int, sources: tuple[int, ...], a: Array) -> None:
        """a·z is at least max(a, 0)·(line below) + min(a, 0)·(line above)."""
        lines = self.relaxation.lines[node]
        if self.seen is not None:
            self.seen[node] = a
        negative = np.minimum(a, 0)
        above = self.rows(lines.above)
        if lines.below is None:
            self.constant = self.constant + _dots(negative, above)
        else:
            positive = a - negative
            gain = _dots(positive, self.rows(lines.below)) + _dots(negative, above)
            self.constant = self.constant + gain
        for source, lower, upper in zip(sources, lines.lower, lines.upper, strict=True):
            if lower is upper:
                self.add(source, a * self.rows(lower))
                continue
            below = negative * self.rows(upper - lower)
            below += a * self.rows(lower)
            self.add(source, below)

    def plane(self, count: int) -> Plane:
        """What is left: coefficients on inputs, and the least value over the boxes."""
        bounds, inputs = self.relaxation.bounds, self.compiled.inputs
        parts = {i: self.pending[i] for i in inputs if i in self.pending}
        constant = self.compiled.zeros(count) + self.constant
        value = constant.copy()
        for i, a in parts.items():
            low, high = bounds.lower[i], bounds.upper[i]
            value += _dots(a, self.rows((low + high) / 2))
            value -= _dots(np.abs(a), self.rows((high - low) / 2))
        return Plane(value, self.compiled.join(parts, count), constant)


def _dots(a: Array, b: Array) -> Array:
    """The inner products of rows; b may have one row for all."""
    dots: Array = a @ b[0] if len(b) == 1 else np.einsum("mn,mn->m", a, b)
    return dots


def backward(
    compiled: Compiled,
    relaxation: Relaxed,
    forms: Mapping[int, Array],
    *,
    boxes: Indices | None = None,
    constant: Array | float = 0.0,
) -> Plane:
    """Planes below M linear forms of values, each over its own box.

    Args:
        compiled: the network.
        relaxation: bounds and lines over B boxes.
        forms: coefficients (M, n) by node.
        boxes: which box each form is over, (M,); None: form i over box i, or all over the only.
        constant: added to the forms, (M,) or a number.
    """
    count = len(next(iter(forms.values())))
    step = max(FORMS, compiled.chunk // max(compiled.sizes[i] for i in _ancestry(compiled, forms)))
    planes = []
    for start in range(0, count, step):
        part = slice(start, start + step)
        near, mine = relaxation, None
        if boxes is not None:
            near, mine = _near(relaxation, boxes[part])
        elif len(relaxation.bounds) > 1 and count > step:
            near = relaxation.take(part)
        sweep = Sweep(compiled, near, mine)
        sweep.constant = constant if isinstance(constant, float | int) else constant[part]
        for node, a in forms.items():
            sweep.add(node, a[part])
        sweep.run(max(forms))
        planes.append(sweep.plane(min(step, count - start)))
    return join(planes)


def _near(relaxation: Relaxed, boxes: Indices) -> tuple[Relaxed, Indices]:
    """The relaxation without boxes before the first and after the last used; which those now are.

    Work on lines is done for every box of a relaxation, and forms come sorted by boxes.
    """
    if len(relaxation.bounds) == 1:
        return relaxation, boxes
    first, last = int(boxes.min()), int(boxes.max())
    return relaxation.take(slice(first, last + 1)), boxes - first


def join(planes: list[Plane]) -> Plane:
    """The planes of several calls, one after the other."""
    if len(planes) == 1:
        return planes[0]
    fields = ((p.value, p.coefficients, p.constant) for p in planes)
    return Plane(*(np.concatenate(parts) for parts in zip(*fields, strict=True)))


def _ancestry(compiled: Compiled, forms: Iterable[int]) -> set[int]:
    """The nodes that forms depend on."""
    found, todo = set(forms), list(forms)
    while todo:
        for source in compiled.network.nodes[todo.pop()].sources:
            if source not in found:
                found.add(source)
                todo.append(source)
    return found


def unit_planes(
    compiled: Compiled, relaxation: Relaxed, node: int, boxes: Indices, neurons: Indices
) -> tuple[Array, Array]:
    """Lower and upper bounds (P,) of single values of one node, each over its own box."""
    sizes = [compiled.sizes[i] for i in _ancestry(compiled, [node])]
    step = max(FORMS // 2, compiled.chunk // (2 * max(sizes)))
    ends: tuple[list[Array], list[Array]] = ([], [])
    for start in range(0, len(boxes), step):
        part = slice(start, start + step)
        near, mine = _near(relaxation, boxes[part])
        sweep = Sweep(compiled, near, np.concatenate([mine, mine]))
        _start(sweep, node, neurons[part])
        sweep.run(node)
        lower, upper = np.split(sweep.plane(2 * len(mine)).value, 2)
        ends[0].append(lower)
        ends[1].append(-upper)
    return np.concatenate(ends[0]), np.concatenate(ends[1])


def _start(sweep: Sweep, node: int, neurons: Indices) -> None:
    """Sets the forms +value and -value of neurons; of a dense layer the weight's rows at once."""
    data = sweep.compiled.linear.get(node)
    if data is not None and len(data.terms) == 1 and data.scale is None and data.radius is None:
        source, a_map = data.terms[0]
        if isinstance(a_map, DenseMap) and a_map.weight.shape[1] == sweep.compiled.sizes[source]:
            a, bias = a_map.weight[neurons], data.bias[neurons]
            sweep.add(source, np.concatenate([a, -a]))
            sweep.constant = np.concatenate([bias, -bias])
            return
    a = sweep.compiled.zeros(2 * len(neurons), sweep.compiled.sizes[node])
    rows = np.arange(len(neurons), like=neurons)
    a[rows, neurons], a[rows + len(neurons), neurons] = 1, -1
    sweep.add(node, a)


def refine(
    compiled: Compiled,
    bounds: Bounds,
    *,
    slopes: Mapping[int, Array] | None = None,
    nodes: Iterable[int] | None = None,
    images: bool = False,
) -> Relaxed:
    """The bounds tightened layer by layer by CROWN, with the lines of all nonlinear nodes.

    Only values whose nonlinear users are not linear on their interval are computed, each from the
    already tightened ones before it; nodes that are affine in the inputs get interval arithmetic.

    Args:
        compiled: the network.
        bounds: what is known, from `interval` or inherited from a larger box (inputs cut).
        slopes: lower slopes by node, (B, n), NaN meaning default.
        nodes: which pre-activations to tighten (all when None).
        images: whether every node is met with its interval image first, which tightens what lines
            lose: a softmax's weights, say. A proof must then do so too.
    """
    given, chosen = slopes or {}, set(compiled.preactivations if nodes is None else nodes)
    lines: dict[int, Envelope] = {}
    for position in range(len(compiled.network.nodes)):
        compiled.pause()
        if images:
            bounds = with_image(compiled, bounds, position)
        if position in compiled.kinds:
            lines[position] = relax(compiled, bounds, position, given.get(position))
        if position in chosen or position in compiled.direct:
            bounds = _tighten(compiled, Relaxed(bounds, lines), position)
    return Relaxed(bounds, lines)


def with_image(compiled: Compiled, bounds: Bounds, node: int) -> Bounds:
    """The bounds with a node's met with its image of those of its sources."""
    if isinstance(compiled.network.nodes[node], Input):
        return bounds
    return bounds.meet(node, *image(compiled, node, bounds.lower, bounds.upper, rows=len(bounds)))


def _tighten(compiled: Compiled, relaxation: Relaxed, node: int) -> Bounds:
    bounds = relaxation.bounds
    if node in compiled.direct:
        if isinstance(compiled.network.nodes[node], Input):
            return bounds
        ends = list(bounds.lower), list(bounds.upper)
        return bounds.meet(node, *affine_interval(compiled, node, *ends, rows=len(bounds)))
    wanted, twins = unstable(compiled, bounds, node), compiled.twins.get(node)
    if twins is not None:
        boxes, neurons = np.nonzero(wanted)
        wanted = np.zeros_like(wanted)
        wanted[boxes, twins[neurons]] = True
    boxes, neurons = np.nonzero(wanted)
    if not len(boxes):
        return bounds
    lower, upper = (np.full_like(bounds.lower[node], end) for end in (-np.inf, np.inf))
    lower[boxes, neurons], upper[boxes, neurons] = unit_planes(
        compiled, relaxation, node, boxes, neurons
    )
    if twins is not None:
        lower, upper = lower[:, twins], upper[:, twins]
    return bounds.meet(node, lower, upper)


def unstable(compiled: Compiled, bounds: Bounds, node: int) -> Mask:
    """Whether some nonlinear user of each value is not linear on its interval, (B, n) of bool."""
    low, high = bounds.lower[node], bounds.upper[node]
    result = np.zeros_like(low, dtype=bool)
    for user in compiled.users[node]:
        if user in compiled.kinds:
            result |= compiled.kinds[user].is_bent(low, high)
    return result


def pairs(compiled: Compiled, bounds: Bounds) -> Iterator[tuple[int, Mask]]:
    """Every pre-activation node that has an unstable value, with `unstable` of it."""
    for node in compiled.preactivations:
        mask = unstable(compiled, bounds, node)
        if mask.any():
            yield node, mask
