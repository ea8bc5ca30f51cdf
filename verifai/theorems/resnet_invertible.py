"""Residual maps x + v(x) with Lip(v) < 1 are bijections; Euler steps keep trajectories apart.

May import: the gallery's parts, api, kernel; torch on demand.
Must not know: how a query is decided, files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpq

from verifai.api import load
from verifai.graph.formulas import atom
from verifai.graph.merge import merge
from verifai.kernel.network import Network
from verifai.kernel.number import exact, nearest
from verifai.kernel.query import And, Query, Relation
from verifai.kernel.replay import evaluate
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Theorem, parameter
from verifai.theorems.semidefinite import (
    Matrix,
    Vector,
    decide_semidefinite,
    dot,
    norm_gap,
    quadratic,
)

if TYPE_CHECKING:
    import torch

HIDDEN = 16
BOUND = fmpq(15, 16)  # of the norm of each weight of v
PROJECTED = 0.93  # what training keeps the norms below
CLOSE = fmpq(1, 1 << 40)  # error of an inverse
ITERATIONS = 400
SAMPLES = 256
EULER = 6  # steps
GRID = 64  # norms are bounded by multiples of 1/GRID
SLOPES = (fmpq(1), fmpq(5, 4))  # of the controls, the nearest first
STATEMENT = """\
Let v: R^d → R^d have Lip(v) ≤ L < 1 in the Euclidean norm. Then x ↦ x + v(x) is a bijection, and
    |x - x*| ≤ |x + v(x) - y| / (1 - L)  for the preimage x* of y and every x.
For v(x) = W2 relu(W1 x + b1) + b2, c²I - WᵀW ⪰ 0 means that W has norm at most c; relu has
Lipschitz constant 1; hence L = c1 c2. For a neural ODE x' = f(x) with Lip(f) ≤ F and step h with
h F < 1, k Euler steps x ↦ x + h f(x) keep trajectories apart:
    |x_k - z_k| ≥ (1 - h F)^k |x_0 - z_0|.
L < 1 cannot be weakened: with v = -c relu and c ≥ 1, so L = c, x + v(x) is not injective.

Proof. x ↦ y - v(x) is a contraction and has one fixed point (Banach). |x - x*| ≤ |x + v(x) - y| +
|v(x) - v(x*)|. One step: |x + h f(x) - z - h f(z)| ≥ |x - z| - h F |x - z|.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    seed: int = parameter(0, "seed of the first network")
    seeds: int = parameter(1, "networks of either kind", 1, 20)
    steps: int = parameter(300, "steps of Adam", 1, 100_000)
    inverses: int = parameter(8, "points that are inverted", 1, 1000)
    trajectories: int = parameter(4, "pairs of trajectories", 1, 100)


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """A trained x ↦ x + scale·v(x), as torch computes it and exactly.

    Attributes:
        module: the torch module.
        network: its exact network.
        weights: W1 and W2 of v.
    """

    module: torch.nn.Module
    network: Network
    weights: tuple[Matrix, Matrix]


def _residual(v: Any, scale: float) -> torch.nn.Module:
    import torch

    class Step(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.v = v

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            moved: torch.Tensor = x + scale * self.v(x)
            return moved

    return Step().eval()


def pendulum(state: Any) -> Any:
    """The field (p, -sin q) of a pendulum, of states (k, 2)."""
    import torch

    return torch.stack([state[:, 1], -torch.sin(state[:, 0])], 1)


def trained_residual(seed: int, steps: int, *, is_projected: bool) -> Residual:
    """v fitted to half the pendulum's field, its weights kept below PROJECTED or left alone."""
    import torch

    torch.set_num_threads(1)  # the order of sums must not depend on the machine
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = (torch.nn.Linear(2, HIDDEN), torch.nn.Linear(HIDDEN, 2))
        x = 4 * torch.rand(SAMPLES, 2) - 2
    v = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
    wanted = pendulum(x) / 2
    optimizer = torch.optim.Adam(v.parameters(), 1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(v(x), wanted).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if is_projected:
            with torch.no_grad():
                for layer in layers:
                    norm = torch.linalg.matrix_norm(layer.weight, 2).item()
                    layer.weight.mul_(min(1.0, PROJECTED / norm))
    if is_projected:
        scale = 1.0
    else:
        norms = [torch.linalg.matrix_norm(layer.weight, 2).item() for layer in layers]
        scale = 2.0 ** -math.ceil(math.log2(math.prod(n + 1 / GRID for n in norms)) + 1e-9)
    module = _residual(v, scale)
    weights = [
        [[exact(float(entry)) for entry in row] for row in layer.weight.tolist()]
        for layer in layers
    ]
    second = [[exact(scale) * entry for entry in row] for row in weights[1]]
    return Residual(module, load(module, torch.zeros(1, 2)), (weights[0], second))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "zero-pivots",
        "For the rational rotation W = [[3, 4], [-4, 3]]/5 and c = 1 every pivot of c²I - WᵀW is "
        "zero, and it is positive semidefinite.",
        zero_pivots,
    )
    for seed in range(sizes.seed, sizes.seed + sizes.seeds):
        made = cache(partial(trained_residual, seed, sizes.steps, is_projected=True))
        yield Claim(
            f"bijection-{seed}",
            f"Of the residual network trained from seed {seed} both weights have norm at most "
            f"{BOUND}; so it is a bijection, with L = {BOUND * BOUND}.",
            partial(bijection, made),
        )
        yield Claim(
            f"inverse-{seed}",
            f"For {sizes.inverses} drawn points y a rational x is within 2^-40 of the preimage.",
            partial(inverses, made, sizes.inverses, seed),
        )
        free = cache(partial(trained_residual, seed, sizes.steps, is_projected=False))
        yield Claim(
            f"euler-{seed}",
            f"The field f of seed {seed}, trained freely: h F < 1 for the step h that its norms "
            f"ask for, and {EULER} exact steps keep {sizes.trajectories} pairs apart as stated.",
            partial(euler, free, sizes.trajectories, seed),
        )
        yield Claim(
            f"norm-{seed}",
            f"The first weight of the residual network has norm at most {BOUND / 2}.",
            partial(_bounded, made, BOUND / 2),
            role=Role.CONTROL,
        )
    for slope in SLOPES:
        name = str(slope).replace("/", "-")
        yield Claim(
            f"collision-{name}",
            f"With v = -{slope} relu no two inputs in [-8, 8] that are at least 1 apart meet.",
            partial(collision, slope),
            role=Role.CONTROL,
        )
        yield Claim(
            f"bijection-{name}",
            f"By the bounds of the norms of its weights x - {slope} relu(x) is a bijection.",
            partial(not_contracting, slope),
            role=Role.CONTROL,
        )


def zero_pivots() -> Finding:
    """The rotation, whose gap is the zero matrix."""
    weight = [[fmpq(3, 5), fmpq(4, 5)], [fmpq(-4, 5), fmpq(3, 5)]]
    found = decide_semidefinite(norm_gap(weight, fmpq(1)))
    holds = found.witness is None and all(p == 0 for p in found.pivots)
    return evidence.exact(holds, f"pivots {found.pivots}", counterexample=str(found.witness))


def norm_at_most(weight: Matrix, bound: fmpq) -> Finding:
    """Is |Wx| ≤ bound·|x| for all x? A witness violates it."""
    gap = norm_gap(weight, bound)
    found = decide_semidefinite(gap)
    if found.witness is None:
        return evidence.exact(True, f"{len(found.pivots)} pivots, least {_few(min(found.pivots))}")
    value = quadratic(gap, found.witness)
    said = f"x = ({', '.join(map(evidence.shown, found.witness))}): c²|x|² - |Wx|² = {_few(value)}"
    return evidence.exact(value >= 0, counterexample=said)


def _few(value: fmpq) -> str:
    return f"≈ {nearest(value):.6g}"


def contracting(weights: Sequence[Matrix], bounds: Sequence[fmpq]) -> Finding:
    """Every weight's norm is at most its bound, and L, the product of the bounds, is below 1."""
    share = math.prod(bounds, start=fmpq(1))
    pairs = zip(weights, bounds, strict=True)
    said = f"L = {share}"
    below = evidence.exact(share < 1, said, counterexample=f"{said} is not below 1")
    return evidence.together(*(norm_at_most(weight, bound) for weight, bound in pairs), below)


def bijection(made: Callable[[], Residual], bound: fmpq = BOUND) -> Finding:
    """Both norms, and their product below 1."""
    return contracting(made().weights, (bound, bound))


def not_contracting(slope: fmpq) -> Finding:
    """The check of a bijection, of -slope·relu; and two inputs that meet, which it must not pass.

    The weights of v are 1 and -slope, of norms 1 and slope.
    """
    found = contracting(([[fmpq(1)]], [[-slope]]), (fmpq(1), slope))
    meet = ", ".join(map(str, meeting(slope)))
    return replace(found, counterexample=f"{found.counterexample}; the inputs {meet} meet")


def _bounded(made: Callable[[], Residual], bound: fmpq) -> Finding:
    return norm_at_most(made().weights[0], bound)


def _image(net: Network, x: Vector) -> Vector:
    """The exact outputs at x."""
    low, high = evaluate(net, x)
    values = net.output_values
    if any(low[v] != high[v] for v in values):
        raise ValueError("a residual network of rational weights has exact outputs")
    return [low[v] for v in values]


def _squared(x: Vector, y: Vector) -> fmpq:
    gaps = [a - b for a, b in zip(x, y, strict=True)]
    return dot(gaps, gaps)


def inverses(made: Callable[[], Residual], count: int, seed: int) -> Finding:
    """Fixed points in floating point, their error bounded in rationals."""
    import torch

    residual = made()
    found = bijection(made)
    if found.outcome is not Outcome.PROVED:
        return found
    contraction = BOUND * BOUND
    double = residual.module.double()
    source = np.random.default_rng(seed)
    worst = fmpq(0)
    for _ in range(count):
        y = source.integers(-128, 129, 2) / 64
        x = y
        for _ in range(ITERATIONS):
            with torch.no_grad():
                moved = double(torch.from_numpy(x)[None])[0].numpy()
            x = x + (y - moved)
        there = _image(residual.network, [exact(float(each)) for each in x])
        error = _squared(there, [exact(float(each)) for each in y]) / (1 - contraction) ** 2
        worst = max(worst, error)
    residual.module.float()
    said = f"greatest squared error {_few(worst)}, allowed {_few(CLOSE**2)}"
    return evidence.exact(worst <= CLOSE**2, said, counterexample=said)


def _norm_above(weight: Matrix) -> fmpq:
    """A multiple of 1/GRID that floating point believes to be at least the norm."""
    array = np.array([[nearest(entry) for entry in row] for row in weight])
    return fmpq(math.floor(float(np.linalg.norm(array, 2)) * GRID) + 1, GRID)


def euler(made: Callable[[], Residual], pairs: int, seed: int) -> Finding:
    """The norms of h·f, and exact trajectories; h is inside the second weight."""
    residual = made()
    bounds = [_norm_above(weight) for weight in residual.weights]
    found = contracting(residual.weights, bounds)
    if found.outcome is not Outcome.PROVED:
        return found
    share = bounds[0] * bounds[1]
    source = np.random.default_rng(seed)
    for _ in range(pairs):
        ends = [[fmpq(int(k), 64) for k in source.integers(-128, 129, 2)] for _ in range(2)]
        kept = _squared(*ends)
        for step in range(EULER):
            ends = [_image(residual.network, end) for end in ends]
            kept *= (1 - share) ** 2
            if _squared(*ends) < kept:
                return evidence.exact(False, counterexample=f"{ends} after step {step + 1}")
    return evidence.together(found, evidence.exact(True, f"h F ≤ {share} ({_few(share)})"))


def meeting(slope: fmpq) -> tuple[fmpq, fmpq]:
    """Two inputs, at least 1 apart, that x - slope·relu(x) takes to one value, for slope ≥ 1."""
    return (fmpq(1), fmpq(0)) if slope == 1 else (1 / (slope - 1), fmpq(-1))


def collision(slope: fmpq) -> Finding:
    """Two exact inputs that the map takes to one value, replayed by the kernel."""
    import torch

    relu = torch.nn.ReLU()
    net = load(_residual(relu, -nearest(slope)), torch.zeros(1, 1))
    both = merge([("first", net), ("second", net)]).network
    one, two = both.output_values
    (x,), (z,) = ((both.value(i, 0),) for i in both.inputs)
    same = atom({one: fmpq(1), two: fmpq(-1)}, fmpq(0), Relation.EQUAL)
    apart = atom({x: fmpq(-1), z: fmpq(1)}, fmpq(1))
    query = Query(both, (fmpq(-8),) * 2, (fmpq(8),) * 2, And((same,)), (apart,))
    return evidence.replayed(query, meeting(slope))


THEOREM = Theorem(
    name="resnet_invertible",
    title="x + v(x) is a bijection for Lip(v) < 1, and Euler steps keep trajectories apart",
    statement=STATEMENT,
    proposal="residual networks trained on a pendulum; preimages by iteration in floating point",
    source="Behrmann et al., Invertible residual networks (2019), arXiv:1811.00995",
    defaults=Parameters(),
    claims=claims,
    example="""\
v(x) = -relu(x)/2, L = 1/2: x + v(x) is x for x ≤ 0 and x/2 for x ≥ 0, each value once. v = -relu,
L = 1: all x ≥ 0 go to 0, and nothing can be undone.""",
)
