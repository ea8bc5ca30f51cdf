"""Depth against width on the sawtooth: shallow networks miss a deep one by 1/2 somewhere.

May import: the gallery's parts, kernel, properties, symbolic; z3 on demand. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from flint import fmpq

from verifai.graph.attach import attach
from verifai.graph.graph import Graph
from verifai.kernel.network import Input, Network
from verifai.kernel.number import nearest
from verifai.kernel.query import Query
from verifai.symbolic.line import Pieces, pieces
from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
    CoqInstance,
    CoqProof,
    Curve,
    Finding,
    Outcome,
    Plot,
    Role,
    Table,
    Theorem,
    Trust,
    parameter,
)
from verifai.theorems.construction import Layer, Recipe, exported, relu_network, trained
from verifai.theorems.distance import output, within

HALF, ZERO, ONE = fmpq(1, 2), fmpq(0), fmpq(1)
SAMPLES = 257
STATEMENT = """\
Let g(x) = 2 min(x, 1 - x) and g_k its k-fold composition, a ReLU network of k hidden layers with
two neurons each.
1. On [0, 1], g_k has exactly 2^k affine pieces; at the multiples of 2^-k it is 0, 1, 0, ..., 1, 0.
2. A ReLU network with one hidden layer of w neurons has at most w + 1 affine pieces on R.
3. If w + 1 < 2^k, such a network h has |h - g_k| ≥ 1/2 at some multiple of 2^-k in [0, 1].
4. Both bounds are sharp: the constant 1/2 misses g_k by 1/2 and nowhere by more, and 2^k pieces, of
   w = 2^k - 1 neurons, miss nothing.

Proof of 3. Otherwise h < 1/2 at even multiples of 2^-k and h > 1/2 at odd ones. So in each of the
2^k intervals between neighbours some piece of h rises, or falls, in turn. Taken from left to right
these pieces have slopes of alternating signs, so all of them differ: h has at least 2^k pieces,
more than w + 1.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    depth: int = parameter(5, "the k of the deep network", 2, 10)
    seeds: int = parameter(2, "trained networks for every width", 1, 20)
    steps: int = parameter(400, "steps of Adam", 1, 100_000)
    solver_width: int = parameter(2, "greatest width w asked of Z3, for k = 2", 1, 2)


def layers(depth: int) -> list[Layer]:
    """The layers of g_depth."""
    made: list[Layer] = [([[1.0], [1.0]], [0.0, -0.5])]
    made += [([[2.0, -4.0], [2.0, -4.0]], [0.0, -0.5])] * (depth - 1)
    return [*made, ([[2.0, -4.0]], [0.0])]


def widths(depth: int) -> list[int]:
    """Widths w with w + 1 < 2^depth: powers of two, and the greatest."""
    return sorted({*(1 << i for i in range(depth)), (1 << depth) - 2} - {0})


def teeth(depth: int) -> list[tuple[fmpq, fmpq]]:
    """The points of g_depth at the multiples of 2^-depth."""
    count = 1 << depth
    return [(fmpq(i, count), fmpq(i % 2)) for i in range(count + 1)]


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "pieces",
        f"For k = {sizes.depth} the network that torch exports has exactly 2^k affine pieces on "
        "[0, 1], with 0 and 1 in turn at the multiples of 2^-k.",
        partial(count_pieces, sizes.depth),
    )
    yield evidence.to_decide(
        "sharp",
        f"|1/2 - g_k| ≤ 1/2 on [0, 1] for k = {sizes.depth}.",
        partial(constant_query, sizes.depth),
    )
    yield Claim(
        "misses",
        f"k = {sizes.depth}: networks with one hidden layer of w neurons, w + 1 < 2^k, trained by "
        f"Adam from seeds 0 to {sizes.seeds - 1}, have at most w + 1 pieces and miss g_k by at "
        "least 1/2 at a multiple of 2^-k.",
        partial(train, sizes),
    )
    for width in range(1, sizes.solver_width + 1):
        yield Claim(
            f"all-weights-{width}",
            f"k = 2: every function with {width + 1} affine pieces misses g_2 by at least 1/2 at "
            "0, 1/4, 1/2, 3/4 or 1.",
            partial(all_weights, width),
        )
    yield Claim(
        "more",
        f"k = {sizes.depth}: networks of w neurons, w + 1 < 2^k, miss g_k by at least 501/1000.",
        partial(constant_misses, sizes.depth, fmpq(501, 1000)),
        role=Role.CONTROL,
    )
    yield Claim(
        "four-pieces",
        "k = 2: every network with one hidden layer and four pieces misses g_2 by 1/2 as well.",
        four_pieces,
        role=Role.CONTROL,
    )
    yield Claim(
        "deep",
        f"The network of {sizes.depth} layers too misses g_{sizes.depth} by 1/2 somewhere.",
        partial(deep_misses, sizes.depth),
        role=Role.CONTROL,
    )


def line(net: Network) -> Pieces:
    """The exact pieces on [0, 1]."""
    return pieces(net, lower=ZERO, upper=ONE)


def count_pieces(k: int) -> Finding:
    """The pieces of the exported network."""
    found = line(relu_network(layers(k)))
    if len(found.slopes) != 1 << k:
        return evidence.exact(False, counterexample=f"{len(found.slopes)} pieces")
    for x, y in teeth(k):
        if found(x) != y:
            return evidence.exact(False, counterexample=f"g_{k}({x}) = {found(x)}")
    return evidence.exact(True, f"{len(found.slopes)} pieces")


def constant_query(depth: int) -> Query:
    """Is the constant 1/2 within 1/2 of g_depth?"""
    graph = Graph((Input("x", (1, 1)),))
    net = relu_network(layers(depth))
    deep = attach(graph, net, [0], "")[net.outputs[0]]
    miss = graph.total("1/2 - g", [(deep, -1.0)], 0.5)
    whole = Network(tuple(graph.nodes), (miss,))
    return within(whole, {output(whole): 1}, HALF, ((ZERO, ONE),))


def farthest(found: Pieces, depth: int) -> tuple[fmpq, fmpq]:
    """The multiple of 2^-depth where a function misses g_depth most, and by how much."""
    misses = [(x, abs(found(x) - y)) for x, y in teeth(depth)]
    return max(misses, key=lambda pair: pair[1])


def fails(found: Pieces, width: int, depth: int, least: fmpq) -> str:
    """How a network of this width has too many pieces or misses by too little; "" if not."""
    x, miss = farthest(found, depth)
    if len(found.slopes) <= width + 1 and miss >= least:
        return ""
    return f"w = {width}: {len(found.slopes)} pieces, off by {miss} at most (at {x})"


def constant_misses(depth: int, least: fmpq) -> Finding:
    """The constant 1/2, one neuron without weight."""
    flaw = fails(line(relu_network([([[0.0]], [0.0]), ([[0.0]], [0.5])])), 1, depth, least)
    return evidence.exact(not flaw, counterexample=f"the constant 1/2, {flaw}")


def shallow(depth: int) -> list[Layer]:
    """The layers of g_depth with one hidden layer of 2^depth - 1 neurons."""
    count = 1 << depth
    knots = [i / count for i in range(1, count)]
    turns = [2.0 * count * (-1) ** i for i in range(1, count)]
    weights = [[1.0] for _ in range(count)]
    return [(weights, [0.0, *(-knot for knot in knots)]), ([[float(count), *turns]], [0.0])]


def four_pieces() -> Finding:
    """The network of one hidden layer that is g_2 on [0, 1].

    It has three knots inside; its first neuron, active on all of [0, 1], is the identity there.
    """
    found = line(relu_network(shallow(2)))
    flaw = fails(found, 3, 2, HALF)
    return evidence.exact(not flaw, counterexample=f"4 relu(x) - 8 relu(x - 1/4) + …: {flaw}")


def train(sizes: Parameters) -> Finding:
    """Shallow networks of every width: exact piece counts and exact points where they miss."""
    k, grid = sizes.depth, np.linspace(0, 1, SAMPLES)[:, None]
    rows, points = [], []
    deep = line(relu_network(layers(k)))
    targets = np.abs(((grid * 2**k + 1) % 2) - 1)
    for width in widths(k):
        for seed in range(sizes.seeds):
            recipe = Recipe((1, width, 1), seed, sizes.steps, rate=2e-2)
            module = trained(recipe, grid, targets)
            found = line(exported(module, 1))
            x, miss = farthest(found, k)
            flaw = fails(found, width, k, HALF)
            if flaw:
                return evidence.exact(False, counterexample=f"seed {seed}: {flaw}")
            rows.append(
                (str(width), str(seed), str(len(found.slopes)), str(x), f"{nearest(miss):.4f}")
            )
            points.append((float(width), nearest(miss)))
    headings = ("w", "seed", "pieces", "misses most at", "by")
    ends = ((points[0][0], 0.5), (points[-1][0], 0.5))
    curves = (Curve("trained", tuple(points), False), Curve("1/2", ends))
    return Finding(
        Outcome.PROVED,
        Trust.EXACT,
        f"{len(rows)} networks; g_{k} itself has {len(deep.slopes)} pieces",
        table=Table(headings, tuple(rows)),
        plot=Plot(f"one hidden layer against g_{k}", "width", "largest miss", curves, True),
    )


def all_weights(width: int) -> Finding:
    """No weights at all do better, asked of Z3: one linear problem for every place of the knots.

    A function with w breakpoints t_1 ≤ … ≤ t_w is a + b·x + Σ v_i relu(x - t_i). With c_i = v_i·t_i
    its values are linear in a, b, v, c once it is known between which multiples of 1/4 each t_i
    lies; that it lies there is c_i between the multiples of v_i, in an order that depends on the
    sign of v_i. (Breakpoints outside [0, 1] can be moved to an end.)
    """
    import z3

    points = teeth(2)
    for cells in combinations_with_replacement(range(len(points) - 1), width):
        solver = z3.Solver()
        a, b = z3.Reals("a b")
        v, c = z3.RealVector("v", width), z3.RealVector("c", width)
        for i, cell in enumerate(cells):
            low, high = (z3.Q(int(x.p), int(x.q)) * v[i] for x, _ in points[cell : cell + 2])
            solver.add(z3.Or(z3.And(low <= c[i], c[i] <= high), z3.And(high <= c[i], c[i] <= low)))
        for number, (x, y) in enumerate(points):
            at: Any = z3.Q(int(x.p), int(x.q))
            value = a + b * at
            value += z3.Sum([v[i] * at - c[i] for i in range(width) if cells[i] < number])
            middle = z3.Q(1, 2)
            solver.add(value > middle if y == 1 else value < middle)
        answer = solver.check()
        if answer != z3.unsat:
            outcome = Outcome.REFUTED if answer == z3.sat else Outcome.OPEN
            shown = str(solver.model()) if answer == z3.sat else ""
            return Finding(outcome, Trust.SOLVER, f"z3 says {answer} for knots in {cells}", shown)
    return Finding(Outcome.PROVED, Trust.SOLVER, "z3 says unsat, wherever the breakpoints lie")


def deep_misses(depth: int) -> Finding:
    """The deep network misses nothing: the claim is false of it."""
    x, miss = farthest(line(relu_network(layers(depth))), depth)
    shown = f"the exported network of {depth} layers, which is {miss} away at most (at x = {x})"
    return evidence.exact(miss >= HALF, counterexample=shown)


THEOREM = Theorem(
    name="sawtooth_depth",
    title="one hidden layer of w < 2^k - 1 neurons misses a k-layer sawtooth by 1/2 somewhere",
    statement=STATEMENT,
    proposal="the deep sawtooth, exported by torch; one-layer networks trained by Adam",
    source="Telgarsky, Benefits of depth in neural networks, COLT 2016",
    defaults=Parameters(),
    claims=claims,
    example="""\
k = 2: g_2 is 0, 1, 0, 1, 0 at the multiples of 1/4.       /\\  /\\
Two neurons make three pieces, which cannot rise, fall,   /  \\/  \\
rise and fall: somewhere they are 1/2 off.""",
    proved=CoqProof(
        "SawtoothDepth.v",
        "sawtooth_depth",
        "for every k the parts 1 to 4, for all weights of a network with one hidden layer",
        tuple(
            CoqInstance(f"sawtooth_net {k}", partial(relu_network, layers(k)))
            for k in (1, 2, 5, 10)
        ),
    ),
)
