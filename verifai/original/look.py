"""The second look: the models that a query was read from run at points of its domain.

At every point each output of a model must lie in the kernel's enclosure of what was read, widened
by what its runtime may round. Where the network is so deep that this says little (COARSE), the
tolerance is FINE of the output's scale, or SURE times what random roundings do to it if that is
more.
Nothing here proves anything: it keeps a wrong reading of a file from becoming a verdict.

May import: numpy, kernel, the rest of original. Must not know: files, how a query is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from flint import fmpq

from verifai.graph.reading import Reading, readings_of
from verifai.kernel.arithmetic import Ends, Rounded
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.forward import Machine
from verifai.kernel.network import Input
from verifai.kernel.operator import Array
from verifai.kernel.query import Query
from verifai.original.draw import Draws
from verifai.original.enclosure import SURE, UNDERFLOW, Pause, Roundings
from verifai.original.model import FLOAT16, FLOAT32, FLOAT64, CannotRun, Original, Precision
from verifai.original.points import RuntimeBox, doubles

COARSE = 2.0**-7  # of an output's scale: a wider enclosure says too little
FINE = 2.0**-10
VAGUE = 0.5  # of an output's scale: with a larger tolerance nothing is compared, unless it is FINE
# beside the largest value of the network
MANY, FEW = 12, 2  # points
LOOKED_AT = 1 << 18  # values of all points, if that is no fewer than FEW
HELD = 1 << 22  # values of all points that are evaluated together
_PRECISIONS = {"float16": FLOAT16, "float32": FLOAT32, "float64": FLOAT64}
_DOUBLE = np.dtype(np.float64)


class Misread(InputError):
    """A model gives something else than the network that was read from it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    """A model that can be run, and the types of its inputs."""

    reading: Reading
    types: tuple[np.dtype[Any], ...]


class SecondLook:
    """What a query's models give, against what the kernel says about the query's network."""

    def __init__(
        self,
        query: Query,
        *,
        seed: int = 0,
        pause: Pause | None = None,
        machine: Machine | None = None,
    ) -> None:
        """Nothing is run yet.

        Args:
            query: what is decided.
            seed: of the random points.
            pause: called now and then; what it raises ends the look.
            machine: the query's network in rounded arithmetic, if there is one already.
        """
        self.query, self.pause, self.machine = query, pause, machine
        self._draws = Draws(seed)
        self._counts: dict[int, int] = {}
        self._failures: dict[int, str] = {}

    def _rest(self) -> None:
        if self.pause is not None:
            self.pause()

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The query's models; none where its box is empty."""
        return () if self.query.is_vacuous else readings_of(self.query.network)

    def at_domain(self) -> None:
        """Looks at ends, middle, corners and random points of the domain.

        Raises:
            Misread: a model disagrees.
        """
        if self._running:
            count = max(FEW, min(MANY, LOOKED_AT // self.query.network.offsets[-1]))
            self._compare(self._domain.points(count, self._draws))

    def at(self, points: Sequence[Sequence[fmpq] | Array]) -> None:
        """Looks at these points, exact ones or doubles, (inputs,) each.

        Raises:
            Misread: a model disagrees.
        """
        if self._running and len(points):
            rows = [p if isinstance(p, np.ndarray) else doubles(p) for p in points]
            self._compare(self._domain.rounded(np.array(rows)))

    @property
    def said(self) -> tuple[str, ...]:
        """What was found, one sentence a model: it agrees, or why that is not known."""
        lines = []
        for reading in self.readings:
            original: Original = reading.original
            count = self._counts.get(id(original), 0)
            if failure := self._failures.get(id(original)):
                found = f"was not run ({failure})"
            elif count:
                points = f"{count} point{'s' if count > 1 else ''} of the domain"
                agrees = "and agrees with what was read from it"
                found = f"was run in {original.runtime} at {points} {agrees}"
            else:
                found = f"was run in {original.runtime}, but no point could be compared ({_NONE})"
            lines.append(f"second reader: {original.name} {found}")
        return tuple(dict.fromkeys(lines))

    @cached_property
    def _running(self) -> list[_Running]:
        found = []
        for reading in self.readings:
            try:
                found.append(_Running(reading, reading.original.types()))
            except CannotRun as reason:
                self._failures[id(reading.original)] = str(reason)
        return found

    @cached_property
    def _domain(self) -> RuntimeBox:
        """Every input value in the coarsest type that a model reads it in."""
        network = self.query.network
        types: list[np.dtype[Any]] = []
        for i in network.inputs:
            kinds = [
                kind
                for each in self._running
                for node, kind in zip(each.reading.inputs, each.types, strict=True)
                if node == i
            ]
            coarsest = min(kinds, key=lambda kind: kind.itemsize, default=_DOUBLE)
            types += [coarsest] * network.sizes[i]
        return RuntimeBox(self.query, types)

    @cached_property
    def _roundings(self) -> Roundings:
        network = self.query.network
        read: dict[int, Precision] = {}
        for each in self._running:
            for node, kind in zip(each.reading.inputs, each.types, strict=True):
                if not isinstance(network.nodes[node], Input):
                    read[node] = _coarser(read.get(node, FLOAT64), _PRECISIONS[kind.name])
        precision = FLOAT64
        for each in self._running:
            precision = _coarser(precision, each.reading.original.precision)
        machine = self.machine or Machine(network, Rounded())
        return Roundings(machine, precision, read, self._rest)

    def _compare(self, points: Array) -> None:
        held = max(1, HELD // self.query.network.offsets[-1])
        for start in range(0, len(points), held):
            part = points[start : start + held]
            try:
                self._compare_together(part)
            except Rejection:  # undefined somewhere: the other points can be compared
                for row in part if len(part) > 1 else ():
                    try:
                        self._compare_together(row[None])
                    except Rejection:
                        continue

    def _compare_together(self, points: Array) -> None:
        slices = self.query.network.input_slices
        columns = [np.ascontiguousarray(points[:, part]) for part in slices]
        boxes = [(part, part) for part in columns]
        with np.errstate(all="ignore"):
            scene = _Scene(self._roundings, boxes, self._draws)
            for each in self._running:
                self._compare_model(each, scene)

    def _compare_model(self, each: _Running, scene: _Scene) -> None:
        original: Original = each.reading.original
        count = 0
        for p in range(scene.count):
            self._rest()
            try:
                results = original.run(scene.fed(each, p))
            except CannotRun as reason:
                self._failures[id(original)] = str(reason)
                return
            compared = [
                scene.compare(each.reading, place, result, p)
                for place, result in enumerate(results)
            ]
            count += any(compared)
        self._counts[id(original)] = self._counts.get(id(original), 0) + count


class _Scene:
    """A network's enclosures at some points."""

    def __init__(self, roundings: Roundings, boxes: list[Ends], draws: Draws) -> None:
        self.network, self.count = roundings.machine.network, len(boxes[0][0])
        self.values = roundings.values(boxes)
        self.wide = _widest(roundings, boxes)
        self._drawn = roundings, boxes, draws

    @cached_property
    def _spread(self) -> tuple[list[Array], Array]:
        roundings, boxes, draws = self._drawn
        return roundings.spread(boxes, self.values, draws)

    def fed(self, each: _Running, point: int) -> list[Array]:
        """What a model is given at a point."""
        fed = []
        for node, kind in zip(each.reading.inputs, each.types, strict=True):
            shape = self.network.nodes[node].shape
            fed.append(self.values[node][point].astype(kind).reshape(shape))
        return fed

    def compare(self, reading: Reading, place: int, result: Array, point: int) -> bool:
        """Whether a result could be compared.

        Raises:
            Misread: it lies outside.
        """
        original: Original = reading.original
        node = reading.outputs[place]
        name = f"the output {original.outputs[place]!r} of {original.name}"
        if result.size != self.network.sizes[node]:
            reason = f"{result.size} values in {original.runtime}, {self.network.sizes[node]}"
            raise Misread(f"{name} has {reason} as it was read here: {_CURE}")
        value = self.values[node][point]
        tolerance = self._tolerance(node, point) + UNDERFLOW * original.precision.tiny
        known = np.isfinite(tolerance) & np.isfinite(value)
        given = result.reshape(-1).astype(np.float64)
        if self._may_overflow(reading, point):
            known &= np.isfinite(given)
        outside = known & ~(abs(value - given) <= tolerance)
        if outside.any():
            i = int(np.flatnonzero(outside)[0])
            said = f"{original.runtime} gives {given[i]:.9g}"
            read = f"what was read here gives {value[i]:.9g}"
            allowed = f"at most {tolerance[i]:.3g} apart is rounding"
            raise Misread(f"{name} at index {i}: {said}, {read} ({allowed}): {_CURE}")
        clear = max(VAGUE * self._scale(node), FINE * self._largest)
        return bool((known & (tolerance <= clear)).any())

    @cached_property
    def _largest(self) -> float:
        """The largest size of any value of the network at all points."""
        return max(map(self._scale, range(len(self.values))))

    def _scale(self, node: int) -> float:
        """The largest size of the values of a node at all points."""
        size = np.abs(self.values[node])
        return float(size.max(initial=0.0, where=np.isfinite(size)))

    def _tolerance(self, node: int, point: int) -> Array:
        """How far from each value of an output at the point the model's may be."""
        value, largest = self.values[node][point], self._scale(node)
        proved = np.full(value.shape, np.inf)
        if self.wide is not None:
            least, greatest = (end[point] for end in self.wide[node])
            proved = np.maximum(value - least, greatest - value)
        if (proved <= COARSE * largest).all():
            return proved
        spread, sure = self._spread
        estimate = max(FINE * largest, SURE * float(spread[node][point].max()))
        return np.where(proved <= estimate, proved, estimate) if sure[point] else proved

    def _may_overflow(self, reading: Reading, point: int) -> bool:
        """Whether a value of the network is so large that the model's numbers may not hold it."""
        reach = 1 / np.sqrt(reading.original.precision.tiny)
        return not all((abs(value[point]) <= reach).all() for value in self.values)


def _widest(roundings: Roundings, boxes: list[Ends]) -> list[Ends] | None:
    """The widened enclosures; None where they reach where a function is undefined."""
    try:
        return roundings.enclose(boxes)
    except Rejection:
        return None


_NONE = "its values are undefined, too large, too near a jump, or rounding may change them all"
_CURE = "one of them reads the model wrongly, so nothing is said about it; please report it"


def _coarser(first: Precision, second: Precision) -> Precision:
    """What allows for both."""
    coarse = first if first.unit >= second.unit else second
    factor, converts = max(first.factor, second.factor), first.converts or second.converts
    return replace(coarse, factor=factor, converts=converts)
