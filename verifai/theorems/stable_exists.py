"""On separated data a stable network exists, while a trained one need not be stable.

May import: the gallery's parts, kernel, properties; torch on demand.
Must not know: how a query is decided, files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.properties.robust import largest, robust
from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
    CoqProof,
    Finding,
    Outcome,
    Role,
    Theorem,
    Trust,
    parameter,
)
from verifai.theorems.construction import Recipe, exported, trained

if TYPE_CHECKING:
    import torch

STEPS = 64  # coordinates are multiples of 1/STEPS in [0, 1]
ATTEMPTS = 10_000
TRAININGS = 10  # until one is right on the data and not stable
WIDTH = 16  # of the first one's hidden layers
SEEDS = 1000  # between one training's seed and the next
CLOSE = fmpq(1, 1 << 10)  # how near to sep/2 the certified radius comes, as a share of it
STATEMENT = """\
Let finitely many points have labels, and let sep be the least L∞ distance between two points of
different labels. The network whose score for a label is minus the distance to the nearest point of
that label,
    score_c(x) = - min_{i: label c} max_k |x_k - p_ik|,
is right on the data and stable to every perturbation of size r < sep/2: for |x - p_i| ≤ r the score
of p_i's label is strictly the largest. It consists of abs, max and min, hence of ReLUs. The radius
sep/2 is the best there is: no classifier at all is right and stable to r ≥ sep/2. A trained network
that is right on the same data need not be stable.

The size of this network grows with the data: its dimensions are variable. That is how the paper's
theorem has both: networks of *fixed* dimensions that training finds are right on the data and
unstable, while a stable network of *variable* dimensions exists. Here the first half is shown for
the networks of the printed seeds, of fixed width, and not for all.

Proof. Within r of p_i its own score is at least -r. For a point q of another label |x - q| ≥
|p_i - q| - |x - p_i| ≥ sep - r > r, so every other score is below -r. And if |p - q| = sep for
labels that differ, the midpoint is within sep/2 of both.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    points: int = parameter(8, "data points", 2, 64)
    inputs: int = parameter(2, "coordinates of a point", 1, 16)
    labels: int = parameter(2, "labels", 2, 8)
    gap: int = parameter(10, "least distance of different labels, in 1/64", 1, 32)
    seed: int = parameter(1, "seed of the points")
    seeds: int = parameter(1, "trained networks", 1, 20)
    steps: int = parameter(400, "steps of Adam", 1, 100_000)


@dataclass(frozen=True, slots=True)
class Data:
    """Labelled points with exact float32 coordinates.

    Attributes:
        points: coordinates in units of 1/STEPS.
        labels: one for each point, 0, 1, …
    """

    points: tuple[tuple[int, ...], ...]
    labels: tuple[int, ...]

    def exact(self, i: int) -> list[fmpq]:
        """The coordinates of a point."""
        return [fmpq(c, STEPS) for c in self.points[i]]

    def nearest_pair(self) -> tuple[int, int]:
        """Two points of different labels that are closest."""
        pairs = [
            (i, j)
            for i in range(len(self.points))
            for j in range(i)
            if self.labels[i] != self.labels[j]
        ]
        return min(pairs, key=lambda pair: _distance(self.points[pair[0]], self.points[pair[1]]))

    def separation(self) -> fmpq:
        """The least L∞ distance between points of different labels."""
        i, j = self.nearest_pair()
        return fmpq(_distance(self.points[i], self.points[j]), STEPS)


def _distance(p: tuple[int, ...], q: tuple[int, ...]) -> int:
    return max(abs(a - b) for a, b in zip(p, q, strict=True))


def drawn(sizes: Parameters) -> Data:
    """Points drawn at random, different labels at least the gap apart, every label used.

    Raises:
        InputError: the points do not fit.
    """
    source = random.Random(sizes.seed)
    points: list[tuple[int, ...]] = []
    labels: list[int] = []
    for _ in range(ATTEMPTS):
        if len(points) == sizes.points:
            return Data(tuple(points), tuple(labels))
        label = len(points) % sizes.labels
        new = tuple(source.randint(0, STEPS) for _ in range(sizes.inputs))
        near = (
            _distance(new, p) < sizes.gap for p, l in zip(points, labels, strict=True) if l != label
        )
        if not any(near) and new not in points:
            points.append(new)
            labels.append(label)
    raise InputError(f"{sizes.points} points with a gap of {sizes.gap}/{STEPS} do not fit")


def nearest_neighbour(data: Data) -> torch.nn.Module:
    """The torch module of the construction, (1, inputs) to one score a label."""
    import torch

    class Nearest(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            table = torch.tensor(data.points, dtype=torch.float32) / STEPS
            for label in range(max(data.labels) + 1):
                own = [i for i, l in enumerate(data.labels) if l == label]
                self.register_buffer(f"points_{label}", table[own])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nearest = [(x - p).abs().amax(1).amin(0) for p in self.buffers()]
            return -torch.stack(nearest)

    return Nearest().eval()


def construct(data: Data) -> Network:
    """The exported network of the construction."""
    return exported(nearest_neighbour(data), len(data.points[0]))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    data = drawn(sizes)
    sep = data.separation()
    net = cache(partial(construct, data))
    radius = sep / 2 * (1 - CLOSE)
    yield Claim(
        "triangle",
        f"On these {sizes.points} points the labels are sep = {sep} apart, and the network "
        "computes the distances: at every point its score is 0 for the own label and ≤ -sep for "
        "the others.",
        partial(right, data, net),
    )
    for i in range(sizes.points):
        posed = partial(stable_query, data, net, i, radius)
        text = f"The construction is stable to sep/2·(1 - 2^-10) = {radius} around point {i}."
        yield Claim(f"stable-{i}", text, partial(_decided, posed), posed)
    yield Claim(
        "too-far",
        f"The construction is stable to sep/2·(1 + 2^-10) around point {data.nearest_pair()[0]}.",
        partial(too_far, data, net),
        role=Role.CONTROL,
    )
    for seed in range(sizes.seeds):
        yield Claim(
            f"trained-{seed}",
            f"A ReLU network trained by Adam (seed {seed}) and right on all points is stable to "
            f"{radius} around every one of them.",
            partial(_trained, data, sizes, seed, radius),
            role=Role.CONTROL,
        )


def stable_query(data: Data, net: Callable[[], Network], i: int, radius: fmpq) -> Query:
    """Does the label of point i win on the ball of this radius around it?"""
    return robust(net(), data.exact(i), eps=radius, label=data.labels[i])


def _trained(data: Data, sizes: Parameters, seed: int, radius: fmpq) -> Finding:
    return refuted(data, fit(data, sizes, seed), radius)


def _decided(posed: Callable[[], Query]) -> Finding:
    return evidence.decided(posed())


def right(data: Data, made: Callable[[], Network]) -> Finding:
    """Exact scores at every point."""
    from verifai.kernel.replay import evaluate

    net, sep = made(), data.separation()
    start = net.offsets[net.outputs[0]]
    for i, label in enumerate(data.labels):
        scores = list(evaluate(net, data.exact(i))[0][start : start + max(data.labels) + 1])
        own = scores.pop(label)
        if own != 0 or max(scores) > -sep:
            return evidence.exact(False, counterexample=f"point {i}: scores {own}, {scores}")
    return evidence.exact(True, f"{len(data.labels)} points")


def too_far(data: Data, net: Callable[[], Network]) -> Finding:
    """Replays the point that a step of the radius towards the nearest other label reaches."""
    i, j = data.nearest_pair()
    radius = data.separation() / 2 * (1 + CLOSE)
    pairs = zip(data.exact(i), data.exact(j), strict=True)
    moved = [a + max(-radius, min(radius, b - a)) for a, b in pairs]
    query = stable_query(data, net, i, radius)
    return evidence.replayed(query, moved)


def fit(data: Data, sizes: Parameters, seed: int) -> Iterator[Network]:
    """ReLU networks of two hidden layers, trained on the data, one after the other.

    Each begins elsewhere and has more neurons and steps than the one before: what training misses
    is luck, and more of both is what helps.
    """
    targets = np.eye(sizes.labels)[list(data.labels)]
    for attempt in range(TRAININGS):
        width, steps = WIDTH << attempt // 2, sizes.steps << attempt // 2
        recipe = Recipe((sizes.inputs, width, width, sizes.labels), seed + SEEDS * attempt, steps)
        yield exported(trained(recipe, np.array(data.points) / STEPS, targets), sizes.inputs)


def refuted(data: Data, fitted: Iterable[Network], radius: fmpq) -> Finding:
    """Exact adversarial examples of the first trained network that is right and has some.

    The trainings before it are reported: they missed a point, or are stable.
    """
    passed: list[str] = []
    for number, net in enumerate(fitted):
        found = unstable(data, net, radius)
        if found.outcome is Outcome.REFUTED:
            return replace(found, detail="\n".join([*passed, *filter(None, [found.detail])]))
        passed.append(f"training {number}: {found.detail}")
    return Finding(Outcome.OPEN, Trust.EXACT, "\n".join(passed) or "no network was trained")


def unstable(data: Data, net: Network, radius: fmpq) -> Finding:
    """Exact adversarial examples of a trained network, at the first point that has one."""
    wrong = _wrong(data, net)
    if wrong:
        return Finding(Outcome.OPEN, Trust.EXACT, f"training left points {wrong} wrong")
    for i, label in enumerate(data.labels):
        found = evidence.decided(robust(net, data.exact(i), eps=radius, label=label))
        if found.outcome is not Outcome.PROVED:
            said = f"right on all {len(data.labels)} points, stable at the first {i}"
            return replace(found, detail="\n".join(part for part in (said, found.detail) if part))
    return Finding(Outcome.PROVED, Trust.CERTIFIED, "stable at every point")


def _wrong(data: Data, net: Network) -> list[int]:
    """The points whose label is not the strictly largest output."""
    found = []
    for i, label in enumerate(data.labels):
        try:
            is_right = largest(net, data.exact(i)) == label
        except InputError:  # a tie
            is_right = False
        found += [] if is_right else [i]
    return found


THEOREM = Theorem(
    name="stable_exists",
    title="a stable network exists on separated data, while a trained one is not stable",
    statement=STATEMENT,
    proposal="the nearest-neighbour network as a torch module of abs, max and min; nets by Adam",
    source="Bastounis, Hansen, Vlačić, The mathematics of adversarial attacks in AI (2021), "
    "arXiv:2109.06098",
    defaults=Parameters(),
    claims=claims,
    example="""\
Points 0 (red) and 1 (blue) on a line: sep = 1. The scores at x are -|x| and -|x - 1|; red wins for
all x < 1/2. At 1/2 = sep/2 they tie, and no classifier could do better.""",
    proved=CoqProof(
        "StableExists.v",
        "stable_exists",
        "for all finite data some ReLU network has these scores and is right and stable to every "
        "perturbation of size < sep/2, and no function at all is so to sep/2 where sep is attained",
    ),
)
