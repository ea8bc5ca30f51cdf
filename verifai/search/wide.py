"""Refuting a clause over a box of many inputs: by phases of neurons, or by inputs if few matter.

The root is bounded once. Where the first boxes promise that splitting inputs will do, that and
branching over phases take turns.

May import: numpy, bounds, search. Must not know: verdicts, files.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from verifai.bounds.arrays import hosted, placed
from verifai.bounds.crown import refine, unstable
from verifai.bounds.interval import Bounds
from verifai.bounds.optimize import Ascent
from verifai.bounds.relax import slope_entries
from verifai.bounds.tighten import Tightened, tighten
from verifai.kernel.network import Affine
from verifai.proof.record import Block, Derive, Form, Record, Step
from verifai.search.clauses import Clause
from verifai.search.goals import codes_bytes, image_steps, pwl_nodes, tightening
from verifai.search.loop.forecast import Forecast
from verifai.search.loop.frontier import root_region
from verifai.search.loop.ways import in_turns
from verifai.search.split.inputs import BoxSearch

if TYPE_CHECKING:
    from verifai.search.driver import Boxes, Driver, Phases

TIGHTEN_SHARE = 0.25  # of the time left may go into the root's bounds
ASCENT_WORK = 4e10  # multiplications that optimising the root's bounds may take in a minute
BOX_WORK = 4e9  # multiplications that splitting more inputs than a few may be expected to take
LEAST_WORK = 1e5  # of one box, however small the network
FEW_BOXES = 16  # no tree that splits this many inputs is so small
TOLERANCE = 2.0  # times as many boxes as forecast are split before phases get a turn
PATIENT_SECONDS = 1.5  # of the attack before the root's bounds are optimised


class Wide:
    """One clause over one box."""

    def __init__(
        self, driver: Driver, clause: Clause, bounds: Bounds, rows: dict[int, int]
    ) -> None:
        """Nothing is bounded; `rows` say how close records name atoms that are rows already."""
        self.driver, self.clause, self.bounds, self.rows = driver, clause, bounds, rows
        self.compiled = driver.compiled
        self.plan = tightening(self.compiled)

    def refute(self) -> list[Record]:
        """Records that refute the clause.

        Raises:
            Found, Stopped: as the driver does.
        """
        curved = self.compiled.is_curved
        plain = refine(self.compiled, self.bounds, images=curved).bounds
        look = self.driver.phases(self.clause, plain, self.rows, len(self.rows), is_first=True)
        if look.first():
            return [self.plan, *look.records()]
        phases, work = _ByPhases(self, plain), self.box_work(plain)
        most = BOX_WORK * self._patience / work
        promising = None if most < FEW_BOXES else self._by_inputs(most)
        if promising is None:
            return in_turns([phases], math.inf, self.driver.meter)
        search, expected = promising
        boxes = _ByInputs(self.driver.boxes(search, self.clause, self.rows), work)
        turn = min(TOLERANCE * expected, most) * work
        return in_turns([boxes, phases], turn, self.driver.meter)

    def _by_inputs(self, most: float) -> tuple[BoxSearch, float] | None:
        """A search that splits inputs, and how many boxes it may take; None once too many loom."""
        search, forecast, next_look = (
            self.driver.box_search(self.clause, self.rows),
            Forecast(),
            1,
        )
        search.add(root_region(self.bounds))
        expected = math.inf
        while search.open and not forecast.is_half_done(search):
            self.driver.attempt(search.advance())
            if search.hard:
                return None
            if search.visited >= next_look:
                expected, next_look = forecast.boxes(search), 2 * search.visited + 1
                if search.visited > 1 and expected > most:
                    return None
        return search, expected

    def prepared(self, plain: Bounds) -> Phases:
        """The search over phases, after the root's bounds were optimised if time allows."""
        driver, rows = self.driver, self.rows
        steps = self._ascent_steps(plain)
        if not steps:
            return driver.phases(self.clause, plain, rows, len(rows), before=[self.plan])
        driver.witnesses.attack(PATIENT_SECONDS, driver.meter)
        until = time.perf_counter() + TIGHTEN_SHARE * max(0.0, driver.meter.left())
        ascent, curved = Ascent(steps=steps, curved=True), self.compiled.is_curved
        box = placed(self.bounds, driver.fast.like)
        tight = tighten(driver.fast, box, ascent=ascent, deadline=until, images=curved)
        relaxation, found = hosted(tight)
        records, count = self._derived(found)
        count += len(rows)
        return driver.phases(self.clause, relaxation.bounds, rows, count, before=records)

    def _ascent_steps(self, bounds: Bounds) -> int:
        """How many steps of optimising every unstable value the time allows; 0: none."""
        cost = 2 * self._tightening_work(bounds)
        steps = int(ASCENT_WORK * self._patience / max(cost, 1.0)) - 2
        return min(10, steps) if steps >= 2 else 0

    @property
    def _patience(self) -> float:
        """The time limit in minutes, at most one."""
        return min(1.0, (self.driver.meter.options.timeout or 60.0) / 60.0)

    def box_work(self, bounds: Bounds) -> float:
        """Multiplications of one box of a search that splits inputs."""
        return max(self._tightening_work(bounds), LEAST_WORK)

    def _tightening_work(self, bounds: Bounds) -> float:
        """Multiplications of bounding every unstable value of one box once."""
        work, total = 0.0, 0.0
        for i, node in enumerate(self.compiled.network.nodes):
            if isinstance(node, Affine):
                work += self.compiled.work(i)
            if i in self.compiled.preactivations:
                total += 2 * work * float(unstable(self.compiled, bounds, i).sum())
        return total

    def _derived(self, found: list[Tightened]) -> tuple[list[Record], int]:
        """Records of optimised bounds, a plan a node, and how many rows they add to the path."""
        offsets, pwl = self.compiled.network.offsets, pwl_nodes(self.compiled)
        plans: dict[int, list[Step]] = {}
        for node in self.compiled.preactivations:
            if node in self.compiled.direct:
                plans[node] = [Step(node)]
        for part in found:
            steps = plans.setdefault(part.node, [])
            for i, neuron in enumerate(part.neurons.tolist()):
                value = (int(offsets[part.node]) + neuron,)
                for factor, codes, explicit in (
                    (1.0, part.lower_codes, part.lower_slopes),
                    (-1.0, part.upper_codes, part.upper_slopes),
                ):
                    slopes = slope_entries(self.compiled, explicit, i)
                    block = Block((), (), slopes, codes_bytes(self.compiled, pwl, codes, i))
                    steps.append(Step(Form(value, (factor,)), block))
        rows = sum(isinstance(step.target, Form) for steps in plans.values() for step in steps)
        records, before = list[Record](), -1
        for node in sorted(plans):
            images = image_steps(self.compiled, before, node)
            records.append(Derive((*images, *plans[node])))
            before = node
        return records, rows


class _ByInputs:
    """Splitting inputs, as a way that can rest."""

    def __init__(self, boxes: Boxes, work: float) -> None:
        self.boxes, self.work = boxes, work

    @property
    def held(self) -> int:
        return self.boxes.search.held

    def go_on(self, work: float) -> list[Record] | None:
        return self.boxes.records() if self.boxes.run(_count(work, self.work)) else None


class _ByPhases:
    """Branching over phases, as a way that can rest; its root is bounded at the first turn."""

    def __init__(self, wide: Wide, plain: Bounds) -> None:
        self.wide, self.plain = wide, plain
        self.phases: Phases | None = None

    @property
    def held(self) -> int:
        return 0 if self.phases is None else self.phases.search.held

    def go_on(self, work: float) -> list[Record] | None:
        if self.phases is None:
            self.phases = self.wide.prepared(self.plain)
        each = self.phases.work + self.wide.box_work(self.plain) * self.phases.is_tightening
        return self.phases.records() if self.phases.run(_count(work, each)) else None


def _count(work: float, each: float) -> int | None:
    """How many subproblems take so much work; None: any number."""
    return None if np.isinf(work) else max(1, int(work / each))
