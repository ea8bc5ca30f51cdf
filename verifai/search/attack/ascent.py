"""The search for counterexamples: corners, random points, projected gradient ascent with restarts.

Source: Madry et al. 2018, Towards Deep Learning Models Resistant to Adversarial Attacks.
May import: numpy, kernel, bounds, unsafe. Must not know: exact replay, certificates, branching.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.maps import Array, Mask
from verifai.kernel.number import above, below, nearest
from verifai.kernel.query import Query
from verifai.search.attack.unsafe import Unsafe, compile_unsafe

BLOCKS = (1, 4, 16)  # numbers of blocks of inputs that move together
RATES = (0.3, 0.1, 0.03, 0.01)  # lengths of the first step, in widths of the box
MARGIN = 1e-6  # a margin, relative to the atoms' spread, that rounding will not undo


@dataclass(frozen=True, slots=True)
class AttackEffort:
    """How hard to try.

    Attributes:
        rounds: how often to restart; each round is `steps` gradient steps from fresh points.
        steps: gradient steps in a round.
        deadline: a reading of `time.perf_counter` after which nothing more is tried.
        seed: of the random points.
    """

    rounds: int = 20
    steps: int = 40
    deadline: float = math.inf
    seed: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return time.perf_counter() > self.deadline


@dataclass(frozen=True, slots=True, eq=False)
class Arena:
    """What is attacked: the network, the formula, and the domain's box in doubles.

    Attributes:
        integers: which inputs are rounded before they are evaluated.
        equations: rows (E, inputs) and constants (E,) of the domain's equalities.
    """

    compiled: Compiled
    unsafe: Unsafe
    lower: Array
    upper: Array
    integers: Mask
    equations: tuple[Array, Array]

    def project(self, points: Array, lower: Array, upper: Array) -> Array:
        """The points moved onto the equalities and into the box."""
        rows, constant = self.equations
        if len(rows):
            for _ in range(3):
                gap = points @ rows.T + constant
                points = np.clip(points - gap @ np.linalg.pinv(rows).T, lower, upper)
        return np.asarray(np.clip(points, lower, upper))

    def rounded(self, points: Array) -> Array:
        """The points with the integer inputs rounded."""
        return np.where(self.integers, np.rint(points), points) if self.integers.any() else points

    def values(self, points: Array) -> list[Array]:
        """The values of all nodes at the points."""
        return self.compiled.forward(points)


def arena(compiled: Compiled, query: Query) -> Arena:
    """The query prepared for attack."""
    pairs = list(zip(query.lower, query.upper, strict=True))
    lower, upper = (np.array([f(p[k]) for p in pairs]) for k, f in ((0, above), (1, below)))
    middle = np.array([nearest((low + high) / 2) for low, high in pairs])
    thin = lower > upper  # no double inside: the nearest to the middle, for the replay to repair
    lower, upper = np.where(thin, middle, lower), np.where(thin, middle, upper)
    integers = np.array([value in query.integers for value in query.input_values], dtype=bool)
    lower = np.where(integers, np.ceil(lower), lower)
    upper = np.where(integers, np.floor(upper), upper)
    unsafe, count = compile_unsafe(query, compiled.pause), len(query.domain)
    rows = _input_rows(compiled, unsafe)
    kept = unsafe.equal & (np.arange(len(unsafe.equal)) < count)
    return Arena(compiled, unsafe, lower, upper, integers, (rows[kept], unsafe.constant[kept]))


def _input_rows(compiled: Compiled, unsafe: Unsafe) -> Array:
    """The atoms' coefficients on all inputs, (A, inputs)."""
    forms = {i: unsafe.forms[i] for i in compiled.inputs if i in unsafe.forms}
    return compiled.join(forms, len(unsafe.constant))


def attack(compiled: Compiled, query: Query, effort: AttackEffort | None = None) -> Iterator[Array]:
    """Inputs (n,) at which the unsafe formula holds in double precision, likely ones first.

    Every point lies in the box (integers rounded) and fulfils the domain's rows up to rounding;
    whether it is a counterexample, the exact replay decides. Deterministic but for the deadline.

    Args:
        compiled: the query's network in float64.
        query: what to violate.
        effort: rounds, steps, deadline and seed.
    """
    effort = effort or AttackEffort()
    scene, rng = arena(compiled, query), np.random.default_rng(effort.seed)
    if (scene.lower > scene.upper).any():
        return
    count = restarts(compiled)
    elite: Array = np.zeros((0, len(scene.lower)))
    for turn in range(effort.rounds):
        if effort.is_over:
            return
        if turn % 4 == 0:
            starts = _sample(scene, rng, count)
            yield from _hits(scene, starts)
        elif turn % 4 == 3:
            starts = _near(scene, rng, elite, count)
        else:
            starts = _scatter(scene, rng, count)
        ends = yield from _ascend(scene, rng, starts[:count], effort, greedy=turn % 4 > 1)
        elite = _best(scene, np.concatenate([elite, ends]), max(2, count // 8))


def restarts(compiled: Compiled) -> int:
    """How many points to move at once: many for small networks, few for large ones."""
    work = 1.0 + sum(compiled.work(i) for i in compiled.linear)
    return int(np.clip(2e7 / work, 12, 192))


def _scatter(scene: Arena, rng: np.random.Generator, count: int) -> Array:
    """Points of the box: the centre, corners, random ones.

    With many inputs independent coordinates average out and all points behave alike; so in part of
    the points whole blocks of neighbouring inputs move together.
    """
    lower, upper = scene.lower, scene.upper
    inputs = len(lower)
    share = rng.uniform(size=(count, inputs))
    for kind, blocks in enumerate(BLOCKS):
        if blocks < inputs:
            rows = share[kind :: len(BLOCKS) + 2]
            rows[:] = rows[:, np.arange(inputs) * blocks // inputs]
    corners = rng.uniform(size=count) < 0.4
    share[corners] = share[corners] > 0.5
    share[0] = 0.5
    return scene.rounded(scene.project(lower + share * (upper - lower), lower, upper))


def _sample(scene: Arena, rng: np.random.Generator, count: int) -> Array:
    """Ten times count points, the better of which come first, then others in any order."""
    points = _scatter(scene, rng, 10 * count)
    margins = np.concatenate(
        [scene.unsafe.margins(scene.values(part)) for part in np.array_split(points, 10)]
    )
    best = np.argsort(-margins, kind="stable")
    kept = np.concatenate([best[: count // 2], rng.permutation(best[count // 2 :])])
    return np.asarray(points[kept])


def _near(scene: Arena, rng: np.random.Generator, elite: Array, count: int) -> Array:
    """Points near the elite, at distances of very different size."""
    reach = 10.0 ** rng.uniform(-4, -1, size=(count, 1)) * (scene.upper - scene.lower)
    points = elite[np.arange(count) % len(elite)] + reach * rng.normal(size=reach.shape)
    return scene.project(points, scene.lower, scene.upper)


def _best(scene: Arena, points: Array, count: int) -> Array:
    """The points with the widest margins."""
    margins = scene.unsafe.margins(scene.values(scene.rounded(points)))
    return np.asarray(points[np.argsort(-margins, kind="stable")[:count]])


def _hits(scene: Arena, points: Array) -> Iterator[Array]:
    """Those of the first points that violate, the best first, three at most."""
    points = points[: max(1, len(points) // 10)]
    margins = scene.unsafe.margins(scene.values(points))
    for k in np.argsort(-margins, kind="stable")[:3]:
        if margins[k] >= 0:
            yield points[k]


def _ascend(
    scene: Arena, rng: np.random.Generator, starts: Array, effort: AttackEffort, *, greedy: bool
) -> Generator[Array, None, Array]:
    """Moves points up the formula's margin; yields what it finds, the widest margins last.

    A third of the rows follows the gradient, a third its signs, a third its averages in Adam's
    way, with steps of different lengths: what works depends on the network.

    Each row tries one alternative of every `or`, chosen at random and kept (so that its interval
    conditions on inputs cut the row's box), or, when greedy, the nearest one at each step.
    """
    count = restarts(scene.compiled)
    lower, upper = (np.tile(a, (count, 1)) for a in (scene.lower, scene.upper))
    active = scene.unsafe.judge(rng.normal(size=(count, len(scene.unsafe.constant))))[1]
    if not greedy:
        lower, upper = _cut(scene, active, lower, upper)
    moving = scene.project(starts, lower, upper)
    kind = (np.arange(count) % 3)[:, None]
    rates = rng.choice(RATES, size=(count, 1))
    first, second = np.zeros_like(moving), np.zeros_like(moving)
    best_margin, best = -np.inf, moving[0]
    for step in range(effort.steps):
        if effort.is_over:
            break
        points = scene.rounded(moving)
        values = scene.values(points)
        scores = scene.unsafe.scores(values)
        margins, nearest_atoms = scene.unsafe.judge(scores)
        if margins.max() > best_margin:
            best_margin, best = margins.max(), points[margins.argmax()].copy()
            if best_margin > MARGIN * _spread(scores):
                yield best
        direction = _direction(scene, values, scores, nearest_atoms if greedy else active)
        first = 0.9 * first + 0.1 * direction
        second = 0.99 * second + 0.01 * np.square(direction)
        size = np.sqrt(second / (1 - 0.99 ** (step + 1))) + 1e-12
        smooth = first / (1 - 0.9 ** (step + 1)) / size
        by = (
            rates
            * (1 - step / effort.steps)
            * np.choose(kind, (np.sign(direction), direction, smooth))
        )
        moving = scene.project(moving + by * (upper - lower), lower, upper)
    if best_margin >= 0:
        yield best
    return moving


def _spread(scores: Array) -> float:
    return float(np.abs(scores).max(initial=1.0))


def _cut(scene: Arena, active: Mask, lower: Array, upper: Array) -> tuple[Array, Array]:
    """The boxes narrowed by each row's active atoms that read one input value and nothing else."""
    unsafe, inputs = scene.unsafe, scene.compiled.inputs
    total = len(unsafe.constant)
    rows = _input_rows(scene.compiled, unsafe)
    other = [np.any(a != 0, axis=1) for node, a in unsafe.forms.items() if node not in inputs]
    alone = ((rows != 0).sum(axis=1) == 1) & ~np.any([np.zeros(total, bool), *other], axis=0)
    for k in np.flatnonzero(alone):
        column = int(np.flatnonzero(rows[k])[0])
        end, mine = -unsafe.constant[k] / rows[k, column], active[:, k]
        if rows[k, column] > 0 or unsafe.equal[k]:
            upper[mine, column] = np.minimum(upper[mine, column], end)
        if rows[k, column] < 0 or unsafe.equal[k]:
            lower[mine, column] = np.maximum(lower[mine, column], end)
    return lower, np.maximum(lower, upper)


def _direction(scene: Arena, values: list[Array], scores: Array, active: Mask) -> Array:
    """The scaled gradient of the active atoms that fail (of the worst where none does)."""
    masked = np.where(active, scores, np.inf)
    worst = masked.min(axis=1, keepdims=True, initial=np.inf)
    weights = np.where(active, np.maximum(-scores, 0), 0)
    weights = np.where(worst < 0, weights / np.maximum(-worst, 1e-300), masked == worst)
    signs = np.where(scene.unsafe.equal, _side(scene, values), 1.0)
    slope = scene.compiled.gradient(values, scene.unsafe.seeds(weights, signs))
    slope = slope * (scene.upper - scene.lower)
    return np.asarray(slope / np.maximum(np.abs(slope).max(axis=1, keepdims=True), 1e-300))


def _side(scene: Arena, values: list[Array]) -> Array:
    """The sign of every atom's form: an equality is approached from where the point is."""
    total = np.tile(scene.unsafe.constant, (len(values[0]), 1))
    for node, a in scene.unsafe.forms.items():
        total += values[node] @ a.T
    return np.sign(total)
