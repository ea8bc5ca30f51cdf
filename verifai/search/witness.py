"""From float points to exact counterexamples: repair, then exact replay by the kernel.

May import: numpy, kernel, bounds, unsafe, verdict. Must not know: how points are found.
"""

from __future__ import annotations

import time

import numpy as np
from flint import fmpq

from verifai.bounds.compiled import Compiled
from verifai.kernel.number import exact
from verifai.kernel.query import Query
from verifai.kernel.replay import Replayer
from verifai.search.attack import Effort, attack
from verifai.search.budget import Found, Meter, Points
from verifai.search.unsafe import compile_unsafe
from verifai.verdict import Counterexample

TOLERANCE = 1e-9


class Witnesses:
    """Tries points of one query; `Found` carries the first that the kernel's replay confirms."""

    def __init__(self, query: Query, compiled: Compiled) -> None:
        """Prepares float evaluation at once, exact replay when it is first needed."""
        self.query, self.compiled = query, compiled
        self.unsafe = compile_unsafe(query)
        self.replayer: Replayer | None = None
        self.failed, self.spent, self.seed = 0, 0.0, 0

    def attack(self, seconds: float, meter: Meter) -> None:
        """Looks for a counterexample for some seconds, with another seed at every call.

        Raises:
            Found: there is one.
        """
        start = time.perf_counter()
        deadline = min(meter.deadline, start + seconds)
        seed, self.seed = meter.options.seed + self.seed, self.seed + 1
        for tried, point in enumerate(
            attack(self.compiled, self.query, Effort(deadline=deadline, seed=seed))
        ):
            self.confirm(point)
            if tried > 5:
                break
        self.spent += time.perf_counter() - start

    def try_points(self, points: Points) -> None:
        """Replays the best of the points (P, all inputs) at which the formula nearly holds.

        Raises:
            Found: one is a counterexample.
        """
        if not len(points):
            return
        margins = self.unsafe.margins(self.compiled.forward(points))
        order = np.argsort(-margins)
        for i in order[:3].tolist():
            if not margins[i] >= -TOLERANCE:
                return
            if self.failed < 50 or margins[i] > 1e-6:
                self.confirm(points[i])

    def confirm(self, point: Points) -> None:
        """Replays one point, moved into the exact domain.

        Raises:
            Found: it is a counterexample.
        """
        if self.replayer is None:
            self.replayer = Replayer(self.query)
        inputs = self.repair(point)
        result = self.replayer.replay(inputs)
        if result.violates:
            raise Found((Counterexample(tuple(inputs), result.outputs, result.margin),))
        self.failed += 1

    def repair(self, point: Points) -> list[fmpq]:
        """The point as exact rationals inside the box, whole where the query says so."""
        query, inputs = self.query, list[fmpq]()
        for value, x, low, high in zip(
            query.input_values, point, query.lower, query.upper, strict=True
        ):
            q = fmpq(round(float(x))) if value in query.integers else exact(float(x))
            q = min(max(q, low), high)
            if value in query.integers and q.q != 1:
                q = fmpq(q.ceil()) if q == low else fmpq(q.floor())
            inputs.append(q)
        return inputs
