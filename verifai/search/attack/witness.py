"""From float points to exact counterexamples: repair, then exact replay by the kernel.

May import: numpy, kernel, bounds, ascent, polish, unsafe, verdict. Must not know: how branching
finds points.
"""

from __future__ import annotations

import time
from functools import cached_property

import numpy as np
from flint import fmpq

from verifai.bounds.compiled import Compiled
from verifai.bounds.maps import Array
from verifai.kernel.number import exact, nearest
from verifai.kernel.query import Query
from verifai.kernel.replay import Replayer
from verifai.search.attack.ascent import Arena, AttackEffort, arena, attack
from verifai.search.attack.polish import Polish
from verifai.search.attack.unsafe import compile_unsafe
from verifai.search.budget import Found, Meter
from verifai.verdict import Counterexample

TOLERANCE = 1e-9
CLOSEST = 2  # points that are remembered for coming so near to a violation
TRIED = 3  # points of a batch that are looked at
STARTS = 24  # points from which equalities are approached in one attack
MAX_LANDINGS = 200  # exact Newton steps for one query


class Witnesses:
    """Tries points of one query; `Found` carries the first that the kernel's replay confirms."""

    def __init__(self, query: Query, compiled: Compiled, *, binary32: bool = False) -> None:
        """Prepares float evaluation at once, exact replay when it is first needed.

        Args:
            query: the query.
            compiled: its network.
            binary32: whether only inputs of binary32 numbers count.
        """
        self.query, self.compiled, self.binary32 = query, compiled, binary32
        self.unsafe = compile_unsafe(query, compiled.pause)
        self.replayer: Replayer | None = None
        self.near: list[tuple[float, Array]] = []
        self.failed, self.landings, self.spent, self.seed = 0, 0, 0.0, 0
        self.polish = Polish(query, compiled, self.unsafe)
        self.has_equalities = self.polish.is_possible and bool(self.unsafe.equal.any())

    def attack(self, seconds: float, meter: Meter) -> None:
        """Looks for a counterexample for some seconds, with another seed at every call.

        Raises:
            Found: there is one.
        """
        start = time.perf_counter()
        deadline = min(meter.deadline, start + seconds)
        seed, self.seed = meter.options.seed + self.seed, self.seed + 1
        if self.has_equalities:
            self._approach(np.random.default_rng(seed), deadline)
        for tried, point in enumerate(
            attack(self.compiled, self.query, AttackEffort(deadline=deadline, seed=seed))
        ):
            self.confirm(point)
            if tried > 5:
                break
        self.spent += time.perf_counter() - start

    @cached_property
    def scene(self) -> Arena:
        """The domain's box in doubles."""
        return arena(self.compiled, self.query)

    def _approach(self, rng: np.random.Generator, deadline: float) -> None:
        """Moves random points of the box onto the formula's equalities.

        Raises:
            Found: one is a counterexample.
        """
        scene = self.scene
        for _ in range(STARTS):
            share = rng.uniform(size=len(scene.lower))
            self._try_near(scene.rounded(scene.lower + share * (scene.upper - scene.lower)))
            if time.perf_counter() > deadline:
                return

    def _try_near(self, point: Array) -> None:
        end = self.polish.approach(point, self.scene.lower, self.scene.upper)
        if self.unsafe.margins(self.compiled.forward(end[None]))[0] >= -TOLERANCE:
            self.confirm(end)

    def try_points(self, points: Array) -> None:
        """Replays the best of the points (P, all inputs) at which the formula nearly holds.

        Raises:
            Found: one is a counterexample.
        """
        if not len(points):
            return
        margins = self.unsafe.margins(self.compiled.forward(points))
        order = np.argsort(-margins)
        self._remember(float(margins[order[0]]), points[order[0]])
        if self.has_equalities:
            for i in order[:2].tolist():
                self._try_near(points[i])
        for i in order[:TRIED].tolist():
            if not margins[i] >= -TOLERANCE:
                return
            if self.failed < 50 or margins[i] > 1e-6:
                self.confirm(points[i])

    @property
    def closest(self) -> list[Array]:
        """The points of this process that came nearest to a violation, in doubles."""
        return [point for _, point in self.near]

    def _remember(self, margin: float, point: Array) -> None:
        if len(self.near) < CLOSEST or margin > self.near[-1][0]:
            self.near = sorted([*self.near, (margin, point)], key=lambda pair: -pair[0])[:CLOSEST]

    def confirm(self, point: Array) -> None:
        """Replays one point, moved into the exact domain, and onto what fails by very little.

        Raises:
            Found: it is a counterexample.
        """
        self._remember(float(self.unsafe.margins(self.compiled.forward(point[None]))[0]), point)
        inputs = self.repair(point)
        self._replay(inputs)
        if self.polish.is_possible and self.landings < MAX_LANDINGS:
            self.landings += 1
            landed = self.polish.land(inputs)
            if landed != inputs:
                self._replay(landed)
        self.failed += 1

    def _replay(self, inputs: list[fmpq]) -> None:
        if self.binary32 and not all(is_binary32(x) for x in inputs):
            return
        if self.replayer is None:
            self.replayer = Replayer(self.query, self.compiled.pause)
        result = self.replayer.replay(inputs)
        if result.violates:
            raise Found((Counterexample(tuple(inputs), result.outputs, result.margin),))

    def repair(self, point: Array) -> list[fmpq]:
        """The point as exact rationals inside the box, whole where the query says so."""
        query, inputs = self.query, list[fmpq]()
        for value, x, low, high in zip(
            query.input_values, point, query.lower, query.upper, strict=True
        ):
            near = float(np.float32(x)) if self.binary32 else float(x)
            q = fmpq(round(near)) if value in query.integers else exact(near)
            q = min(max(q, low), high)
            if value in query.integers and q.q != 1:
                q = fmpq(q.ceil()) if q == low else fmpq(q.floor())
            inputs.append(q)
        return inputs


def is_binary32(value: fmpq) -> bool:
    """Whether a finite IEEE binary32 number has exactly this value."""
    double = nearest(value)
    with np.errstate(over="ignore"):
        single = float(np.float32(double))
    return bool(np.isfinite(single)) and exact(single) == value
