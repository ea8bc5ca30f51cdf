"""Interpolating a Lipschitz function: how good a ReLU network with p pieces is, exactly.

May import: the gallery's parts, kernel, properties, symbolic; sympy on demand.
Must not know: files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise

import numpy as np
from flint import arb, fmpq, fmpq_poly

from verifai.graph.attach import attach
from verifai.graph.formulas import atom
from verifai.graph.graph import Graph
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network
from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import Atom, Query
from verifai.kernel.replay import evaluate
from verifai.proof.record import Block, Choose, Close, Record, Split
from verifai.symbolic.line import Pieces, pieces
from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
    CoqInstance,
    CoqProof,
    Curve,
    Finding,
    Plot,
    Role,
    Table,
    Theorem,
    parameter,
)
from verifai.theorems.construction import Layer, Recipe, exported, relu_network, trained
from verifai.theorems.distance import avoids, beyond, output, within

HALF, ZERO, ONE = fmpq(1, 2), fmpq(0), fmpq(1)
SAMPLES = 129
RATE = 3e-2
SQUARE = fmpq_poly([0, 0, 1])
PRODUCT = 3  # the number of the value t w
Slopes = tuple[tuple[int, int, float], ...]
STATEMENT = """\
Let f be L-Lipschitz on [0, 1] and N the ReLU network with p affine pieces that agrees with f at the
multiples of 1/p. Then sup |N - f| ≤ L/(2p), and a zigzag of slopes L and -L attains it.

Proof. On a piece [a, b] let x = a + t(b - a), 0 ≤ t ≤ 1, in units in which b - a = L = 1, and let
f(a) = 0, v = f(x), w = f(b). Then |v| ≤ t and |v - w| ≤ 1 - t, and N(x) = t w. So the claim is
    |v - t w| ≤ 1/2 for all t in [0, 1] and v, w with |v| ≤ t, |v - w| ≤ 1 - t:
one decision problem for all Lipschitz functions at once. It holds because (1 - t)(v - t) ≤ 0 and
t(v - w - 1 + t) ≤ 0 add up to v - t w ≤ 2t(1 - t) ≤ 1/2, and -v, -w for the other side.

Table. What is ∫ f''(b) relu(x - b) db on [0, 1] lies in the closed convex hull of the functions
± V relu(x - b), V = ∫ |f''|; so there are networks with p neurons and squared L² error at most
C²/p, where C² = V² max ∫ relu(x - b)² = 4/3 for f = x² (Barron 1993; Maurey). Training need not
find them, and may find better.
With Barron's norm ‖f‖_B = ∫ |ω| |F(ω)| dω of the Fourier transform F, the bound for the L² error on
a domain of diameter D is 2 D ‖f‖_B/√p. cos(π x) is half a wave of frequency π and half one of -π:
its norm is π, and on [0, 1] the squared error is at most 4 π²/p.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    pieces: int = parameter(8, "p, the affine pieces, a power of two", 1, 64)
    seed: int = parameter(0, "of the Lipschitz function and of training")
    widths: int = parameter(4, "trained networks: 1, 2, 4, ... neurons", 1, 6)
    seeds: int = parameter(3, "trainings for each, of which the best is shown", 1, 20)
    steps: int = parameter(1000, "steps of Adam", 1, 100_000)


def interpolant(values: Sequence[float]) -> list[Layer]:
    """The network through (i/p, values[i]): one neuron for every knot but the last.

    With p a power of two and values that are multiples of 1/1024 all weights are exact.
    """
    p = len(values) - 1
    slopes = [(b - a) * p for a, b in pairwise(values)]
    turns = [slopes[0], *(b - a for a, b in pairwise(slopes))]
    return [([[1.0]] * p, [-i / p for i in range(p)]), ([turns], [values[0]])]


def zigzag(p: int) -> list[float]:
    """A function of slopes 1 and -1 at the multiples of 1/(2p), zero at those of 1/p."""
    return [(i % 2) / (2 * p) for i in range(2 * p + 1)]


def wave(p: int, seed: int) -> list[float]:
    """Values of a 1-Lipschitz function at the multiples of 1/(8p), drawn at random."""
    steps = np.random.default_rng(seed).integers(-64, 65, size=8 * p) / 64
    return [0.0, *np.cumsum(steps / (8 * p)).tolist()]


def power_of_two(p: int) -> int:
    """The number itself.

    Raises:
        InputError: it is no power of two, so that multiples of 1/p are no doubles.
    """
    least = 1 << (p.bit_length() - 1)
    if p != least:
        raise InputError(f"pieces: a power of two is wanted ({least} or {2 * least}), not {p}")
    return p


def step_query() -> Query:
    """Is |v - t w| ≤ 1/2 for all t, v, w of the statement? Inputs in the order t, v, w."""
    graph = Graph(tuple(Input(name, (1,)) for name in ("t", "v", "w")))
    product = graph.times("t w", 0, 2)
    net = Network(tuple(graph.nodes), (product,))
    t, v, w = range(3)

    def at_most(terms: dict[int, int], constant: int) -> Atom:
        return atom({i: fmpq(c) for i, c in terms.items()}, fmpq(constant))

    domain = (
        at_most({v: 1, t: -1}, 0),
        at_most({v: -1, t: -1}, 0),
        at_most({v: 1, w: -1, t: 1}, -1),
        at_most({v: -1, w: 1, t: 1}, -1),
    )
    ends = ((ZERO, ONE), (-ONE, ONE), (-ONE, ONE))
    return avoids(net, beyond({v: 1, PRODUCT: -1}, HALF), ends, domain=domain)


def step_records() -> list[Record]:
    """Four quarters, cut at t = 1/2 and w = 0, with the rows' multipliers and the planes."""
    tree: list[Record] = [Split(0, 0.5)]
    for low_t in (True, False):
        tree.append(Split(2, 0.0))
        for low_w in (True, False):
            tree.append(Choose(0, 2))
            tree += [_side(sign, low_t, low_w) for sign in (1, -1)]
    return tree


def _side(sign: int, low_t: bool, low_w: bool) -> Close:
    """v - t w > 1/2 (sign 1) or < -1/2, refuted by the rows that bound v from that side.

    With multipliers 1 - λ and λ they give
        sign·(v - t w) ≤ 1/2 + (λ - 1/2)(1 - 2t) + (λ - t) w·sign.
    λ = 1/2 serves where (1/2 - t) w·sign ≤ 0, with planes that touch t w at t = 1/2, w = 0; in the
    other quarters λ = 1/4 or 3/4 leaves room.
    """
    is_positive = (sign > 0) != low_w  # whether w·sign ≥ 0
    rows = (0, 2) if sign > 0 else (1, 3)
    slopes: Slopes = ()
    if low_t == is_positive:
        share = 0.25 if low_t else 0.75
    else:
        place = 0 if sign > 0 else 2
        share, slopes = 0.5, ((PRODUCT, place, 0.0), (PRODUCT, place + 1, 0.5))
    return Close(Block(rows=((-1, 1.0), (rows[0], 1 - share), (rows[1], share)), slopes=slopes))


def distance_query(target: Sequence[float], p: int, distance: fmpq) -> Query:
    """Is the network through a function's values at the multiples of 1/p within this distance?"""
    every = (len(target) - 1) // p
    graph = Graph((Input("x", (1, 1)),))
    ends = []
    for name, values in (("f/", target), ("N/", target[::every])):
        net = relu_network(interpolant(values))
        ends.append(attach(graph, net, [0], name)[net.outputs[0]])
    miss = graph.total("N - f", [(ends[1], 1.0), (ends[0], -1.0)])
    whole = Network(tuple(graph.nodes), (miss,))
    return within(whole, {output(whole): 1}, distance, ((ZERO, ONE),))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    p = power_of_two(sizes.pieces)
    yield Claim("identity", "(1-t)(v-t) + t(v-w-1+t) = v - t w - 2t(1-t).", identity)
    yield Claim(
        "every-function",
        "|v - t w| ≤ 1/2 for all t in [0, 1], |v| ≤ t, |v - w| ≤ 1 - t: every Lipschitz function, "
        "every number of pieces.",
        lambda: evidence.accepted(step_query(), step_records()),
        step_query,
    )
    for name, target, words in (
        ("zigzag", zigzag(p), "the zigzag of slopes 1 and -1"),
        ("wave", wave(p, sizes.seed), f"a 1-Lipschitz function drawn with seed {sizes.seed}"),
    ):
        yield evidence.to_decide(
            name,
            f"The exported network with {p} pieces is within 1/{2 * p} of {words}.",
            partial(distance_query, target, p, fmpq(1, 2 * p)),
        )
    yield Claim("attained", f"At x = 1/{2 * p} the zigzag is 1/{2 * p} off.", partial(attained, p))
    yield evidence.to_decide(
        "half",
        f"The exported network with {p} pieces is within 1/{4 * p} of the zigzag.",
        partial(distance_query, zigzag(p), p, fmpq(1, 4 * p)),
        role=Role.CONTROL,
    )
    yield Claim(
        "barron",
        "Exactly integrated squared L² errors for x² on [0, 1]: interpolated, trained, and C²/p.",
        partial(barron, sizes),
        role=Role.MEASUREMENT,
    )
    yield Claim(
        "barron-norm",
        "Enclosed squared L² errors for cos(π x) on [0, 1], and (2 D ‖f‖_B)²/p = 4 π²/p.",
        partial(barron_norm, sizes),
        role=Role.MEASUREMENT,
    )
    for width in (1 << i for i in range(sizes.widths)):
        yield Claim(
            f"below-{width}",
            f"Interpolation with p = {width} pieces has a squared L² error of at most C²/p for x².",
            partial(below, width, fmpq(4, 3 * width)),
        )
    yield Claim(
        "tiny",
        "Interpolation with one piece has a squared L² error below 1/30 for x².",
        partial(below, 1, fmpq(1, 31)),
        role=Role.CONTROL,
    )


def identity() -> Finding:
    """The combination of rows in the proof."""
    import sympy

    t, v, w = sympy.symbols("t v w")
    rows = (1 - t) * (v - t) + t * (v - w - 1 + t)
    return evidence.identities(rows - (v - t * w - 2 * t * (1 - t)))


def attained(p: int) -> Finding:
    """The exact distance in the middle of the first piece."""
    net, x = distance_query(zigzag(p), p, ONE).network, fmpq(1, 2 * p)
    low, high = evaluate(net, [x])
    miss = low[output(net)]
    holds = miss == high[output(net)] == -x
    return evidence.exact(holds, counterexample=f"the distance there is {miss}")


def instance(values: Sequence[float]) -> CoqInstance:
    """The network through these values at the multiples of 1/p, as Coq constructs it."""
    numbers = "; ".join(f"{x.numerator} # {x.denominator}" for x in map(Fraction, values))
    term = f"interpolant_Q {len(values) - 1} (fun i => nth i [{numbers}]%Q 0%Q)"
    return CoqInstance(term, partial(relu_network, interpolant(values)))


def squared_error(found: Pieces, target: fmpq_poly) -> fmpq:
    """∫ (N - f)² over the domain of N, exactly."""
    if found.lower is None or found.upper is None:
        raise ValueError("an integral over an unbounded domain")
    places = (found.lower, *found.breakpoints, found.upper)
    total = ZERO
    for k, (slope, constant) in enumerate(zip(found.slopes, found.constants, strict=True)):
        whole = ((fmpq_poly([constant, slope]) - target) ** 2).integral()
        total += whole(places[k + 1]) - whole(places[k])
    return total


def built(width: int) -> fmpq:
    """∫ (N - x²)² of the network through x² at the multiples of 1/width, width a power of two."""
    net = relu_network(interpolant([(i / width) ** 2 for i in range(width + 1)]))
    return squared_error(pieces(net, lower=ZERO, upper=ONE), SQUARE)


def below(width: int, bound: fmpq) -> Finding:
    """Whether interpolation is as good as the bound."""
    error = built(width)
    said = f"∫ (N - x²)² = {error}"
    return evidence.exact(error <= bound, said, counterexample=said)


def best_line(
    sizes: Parameters, width: int, target: Array, error: Callable[[Pieces], fmpq]
) -> fmpq:
    """The least error of the networks of this width, trained from consecutive seeds."""
    grid = np.linspace(0, 1, SAMPLES)[:, None]
    found = []
    for seed in range(sizes.seed, sizes.seed + sizes.seeds):
        module = trained(Recipe((1, width, 1), seed, sizes.steps, RATE), grid, target)
        found.append(error(pieces(exported(module, 1), lower=ZERO, upper=ONE)))
    return min(found)


def barron(sizes: Parameters) -> Finding:
    """Squared errors of networks of growing width for x²."""
    target = np.linspace(0, 1, SAMPLES)[:, None] ** 2
    rows, found = [], []
    for width in (1 << i for i in range(sizes.widths)):
        best = best_line(sizes, width, target, lambda line: squared_error(line, SQUARE))
        numbers = tuple(nearest(x) for x in (built(width), best, fmpq(4, 3 * width)))
        rows.append((str(width), *(f"{x:.3e}" for x in numbers)))
        found.append((float(width), numbers))
    headings = ("neurons p", "interpolated", "trained", "C²/p = 4/(3p)")
    labels = ("interpolated", "trained by Adam", "C²/p")
    curves = tuple(
        Curve(label, tuple((width, numbers[i]) for width, numbers in found))
        for i, label in enumerate(labels)
    )
    plot = Plot("x² on [0, 1]", "neurons", "squared L² error", curves, True, True)
    said = f"the best of {sizes.seeds} seeds, {sizes.steps} steps of Adam"
    return evidence.measured(said, table=Table(headings, tuple(rows)), plot=plot)


def squared_error_of_cosine(found: Pieces) -> fmpq:
    """An upper end of ∫ (N - cos(π x))² on [0, 1], by ball arithmetic.

    On a piece s x + c the integrand has the antiderivative, with u = s x + c,
        c² x + c s x² + s² x³/3 - 2 (u sin(π x)/π + s cos(π x)/π²) + x/2 + sin(2 π x)/(4 π).
    """
    pi, total = arb.pi(), arb(0)
    places = (ZERO, *found.breakpoints, ONE)
    for (a, b), s, c in zip(pairwise(places), found.slopes, found.constants, strict=True):

        def whole(x: fmpq, s: fmpq = s, c: fmpq = c) -> arb:
            sine, cosine = (arb(x) * pi).sin(), (arb(x) * pi).cos()
            plain = arb(c * c * x + c * s * x * x + s * s * x**3 / 3 + x / 2)
            mixed = arb(s * x + c) * sine / pi + arb(s) * cosine / pi**2
            return plain - 2 * mixed + (2 * arb(x) * pi).sin() / (4 * pi)

        total += whole(b) - whole(a)
    mantissa, exponent = total.upper().mid().man_exp()
    return fmpq(mantissa) * fmpq(2) ** int(exponent)


def barron_norm(sizes: Parameters) -> Finding:
    """Squared errors of trained networks for cos(π x) beside the bound by Barron's norm."""
    target = np.cos(np.pi * np.linspace(0, 1, SAMPLES)[:, None])
    rows = []
    for width in (1 << i for i in range(sizes.widths)):
        best = best_line(sizes, width, target, squared_error_of_cosine)
        bound = 4 * arb.pi() ** 2 / width
        rows.append((str(width), f"{nearest(best):.3e}", f"{float(bound):.3e}"))
    headings = ("neurons p", "trained ≤", "(2 D ‖f‖_B)²/p = 4 π²/p")
    said = f"D = 1, ‖f‖_B = π; the best of {sizes.seeds} seeds, {sizes.steps} steps of Adam"
    return evidence.measured(said, table=Table(headings, tuple(rows)))


THEOREM = Theorem(
    name="universal_step",
    title="p pieces approximate every L-Lipschitz function on [0, 1] to L/(2p), and not better",
    statement=STATEMENT,
    proposal="interpolating networks, exported by torch; a certificate by hand for all Lipschitz "
    "functions at once; two-layer networks trained by Adam",
    source="the bound is elementary; Barron, Universal approximation bounds for superpositions of "
    "a sigmoidal function, IEEE Transactions on Information Theory 39 (1993)",
    defaults=Parameters(),
    claims=claims,
    example="""\
p = 1, the zigzag 0, 1/2, 0: the line through (0, 0) and (1, 0) misses it by 1/2 = L/(2p) in the
middle.""",
    proved=CoqProof(
        "UniversalStep.v",
        "universal_step",
        "for every p ≥ 1, L and L-Lipschitz f the network through f at the multiples of 1/p has p "
        "affine pieces on [0, 1] and is within L/(2p) of f there; this is attained",
        tuple(map(instance, (zigzag(4), wave(1, 0), wave(2, 1)))),
    ),
)
