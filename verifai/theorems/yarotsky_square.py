"""Yarotsky's ReLU network for x²: the error falls exponentially in the number of parameters.

May import: the gallery's parts, kernel, symbolic; sympy and z3 on demand.
Must not know: how a query is decided, files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from flint import fmpq

from verifai.kernel.network import Network, Square
from verifai.kernel.number import nearest
from verifai.kernel.query import Query
from verifai.kernel.replay import evaluate
from verifai.symbolic.algebraic import ends
from verifai.symbolic.error import sup_error
from verifai.symbolic.line import pieces
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
from verifai.theorems.construction import (
    Layer,
    Neuron,
    Recipe,
    exported,
    layers_of,
    parameter_count,
    relu_module,
    relu_network,
    trained,
)
from verifai.theorems.distance import extended, output, within

CLOSER = 1 - fmpq(1, 1 << 20)
UNIT = ((fmpq(0), fmpq(1)),)
WIDTH = fmpq(1, 1 << 40)  # to which irrational sup errors are shown
SAMPLES = 129
SEEDS = 8  # for each that is wanted, some of which end as a constant
STATEMENT = """\
Let g(x) = 2 min(x, 1 - x), g_s its s-fold composition, and
    f_m(x) = x - Σ_{1 ≤ s ≤ m} g_s(x) / 4^s.
f_m is computed by a ReLU network of m hidden layers of three neurons and 12 m - 2 parameters, all
of them dyadic and exact in float32. On [0, 1]
    sup |f_m - x²| = 4^(-m-1), attained exactly at the odd multiples of 2^(-m-1).
So the error falls exponentially in the number of parameters.

Proof. Let e_m(x) = f_m(x) - x², so that e_0(t) = t - t². Then e_m(x) = 4^-m e_0(g_m(x)): it holds
for m = 0; and if it holds for m, then with t = g_m(x), which lies in [0, 1],
    e_{m+1}(x) = 4^-m e_0(t) - 4^(-m-1) g(t) = 4^(-m-1) (4(t - t²) - g(t)) = 4^(-m-1) e_0(g(t)),
for 4(t - t²) - g(t) = g(t) - g(t)² on both halves of [0, 1]. On [0, 1] e_0 lies between 0 and 1/4,
with 1/4 at 1/2 only, and g_m(x) = 1/2 at the odd multiples of 2^(-m-1): for such an x with m ≥ 1,
g(x) is an odd multiple of 2^-m; and x = 1/2 for m = 0. These are 2^m points, and there are no
others, for g takes no value more than twice.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    certified: int = parameter(10, "greatest m whose bound is certified", 1, 12)
    depth: int = parameter(20, "the m whose weights are compared with the recursion", 1, 40)
    trained: int = parameter(3, "greatest m of which networks of the same shape are trained", 0, 8)
    seeds: int = parameter(3, "trained networks for each m", 1, 20)
    steps: int = parameter(400, "steps of Adam", 1, 100_000)


def layers(m: int, *, last: float | None = None) -> list[Layer]:
    """The layers of f_m; `last` replaces the weight 4^-m of g_m."""
    made: list[Layer] = [([[1], [1], [1]], [0, -0.5, 0])]
    for s in range(1, m):
        tooth = [2, -4, 0]
        made.append(([tooth, tooth, _less(4.0**-s)], [0, -0.5, 0]))
    return [*made, ([_less(4.0**-m if last is None else last)], [0])]


def _less(weight: float) -> list[float]:
    """The sum so far minus a tooth times this weight, over (relu(t), relu(t - 1/2), sum)."""
    return [-2 * weight, 4 * weight, 1]


def square_query(net: Sequence[Layer], distance: fmpq) -> Query:
    """Is |N(x) - x²| at most the distance on [0, 1]? The square is one more node of the graph."""
    graph = relu_network(net)
    (source,) = graph.inputs
    graph = extended(graph, Square("x squared", graph.nodes[source].shape, source))
    form = {output(graph): 1, graph.value(len(graph.nodes) - 1, 0): -1}
    return within(graph, form, distance, UNIT)


def worst(m: int) -> fmpq:
    """4^(-m-1), the greatest error of f_m."""
    return fmpq(1, 4 ** (m + 1))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "step",
        "For all t: 4(t - t²) - g(t) = g(t) - g(t)², on t ≤ 1/2 and on t ≥ 1/2.",
        step,
    )
    yield Claim("step-z3", "The same for all t in [0, 1], asked of Z3.", step_z3)
    yield Claim(
        "attained",
        "For all integers m ≥ 1 and k: g maps (2k + 1)/2^(m+1) to an odd multiple of 2^-m; "
        "and 1/4 - e_0(t) = (t - 1/2)².",
        attained,
    )
    yield Claim(
        "weights",
        f"For m = {sizes.depth} the network that torch exports computes f_m: every layer does what "
        "the recursion says, and at odd multiples of 2^(-m-1) the error is 4^(-m-1).",
        partial(weights, sizes.depth),
    )
    yield from _counted(sizes)
    for m in range(1, sizes.certified + 1):
        text = f"|f_{m} - x²| ≤ 4^-{m + 1} on [0, 1], for the network that torch exports."
        yield evidence.to_decide(f"bound-{m}", text, partial(square_query, layers(m), worst(m)))
    m = min(sizes.certified, 8)
    yield evidence.to_decide(
        "closer",
        f"|f_{m} - x²| ≤ 4^-{m + 1} (1 - 2^-20) on [0, 1].",
        partial(square_query, layers(m), worst(m) * CLOSER),
        role=Role.CONTROL,
    )
    lowered = float(np.nextafter(np.float32(4.0**-m), np.float32(0)))
    yield evidence.to_decide(
        "one-ulp",
        f"The bound 4^-{m + 1} with the weight of g_{m} lowered by one unit in the last place.",
        partial(square_query, layers(m, last=lowered), worst(m)),
        role=Role.CONTROL,
    )
    if sizes.trained:
        yield Claim(
            "trained",
            "The exact sup error of networks of the same shape, trained by Adam from the first "
            f"{sizes.seeds} seeds that do not end as a constant.",
            partial(train, sizes),
            role=Role.MEASUREMENT,
        )


def _counted(sizes: Parameters) -> Iterator[Claim]:
    """How many parameters there are and at which points the bound is attained."""
    yield Claim(
        "parameters",
        f"For m = 1, …, {sizes.depth} the torch module has 12 m - 2 parameters.",
        partial(parameters_of, sizes.depth, 2),
    )
    m = min(sizes.certified, 8)
    yield Claim(
        "points",
        f"m = {m}: sup |f_m - x²| on [0, 1] is 4^-{m + 1}, attained exactly at the {2**m} odd "
        f"multiples of 2^-{m + 1}, by the exact pieces of the network that torch exports.",
        partial(points, m, worst(m), 2),
    )
    yield Claim(
        "everywhere",
        f"m = {m}: it is attained at every multiple of 2^-{m + 1}.",
        partial(points, m, worst(m), 1),
        role=Role.CONTROL,
    )
    yield Claim(
        "fewer",
        "For m = 1 the torch module has 12 m - 3 parameters.",
        partial(parameters_of, 1, 3),
        role=Role.CONTROL,
    )


def step() -> Finding:
    """The induction step as two identities of polynomials."""
    import sympy

    t = sympy.Symbol("t")
    halves = (2 * t, 2 - 2 * t)
    return evidence.identities(*(4 * (t - t**2) - g - (g - g**2) for g in halves))


def step_z3() -> Finding:
    """The induction step with the tooth itself, asked of Z3."""
    import z3

    t = z3.Real("t")
    tooth = z3.If(t <= 1 - t, 2 * t, 2 - 2 * t)
    return evidence.unsatisfiable(
        [t >= 0, t <= 1, 4 * (t - t * t) - tooth != tooth - tooth * tooth]
    )


def attained() -> Finding:
    """Odd numerators stay odd under the tooth; e_0 has its greatest value at 1/2 only."""
    import sympy

    k, power = sympy.Symbol("k", integer=True), sympy.Symbol("2^m", even=True)
    x = (2 * k + 1) / (2 * power)  # power is 2^m, even for m ≥ 1
    numerators = [sympy.expand(power * g) for g in (2 * x, 2 - 2 * x)]
    if not all(numerator.is_odd for numerator in numerators):
        return evidence.exact(False, counterexample=f"{numerators} are not odd")
    t = sympy.Symbol("t")
    return evidence.identities(sympy.Rational(1, 4) - (t - t**2) - (t - sympy.Rational(1, 2)) ** 2)


def parameters_of(most: int, less: int) -> Finding:
    """Whether the modules have 12 m - less parameters."""
    for m in range(1, most + 1):
        found = parameter_count(relu_module(layers(m)))
        if found != 12 * m - less:
            return evidence.exact(False, counterexample=f"m = {m}: {found} parameters")
    return evidence.exact(True, f"12 m - {less} for m up to {most}")


def points(m: int, most: fmpq, step: int) -> Finding:
    """Where |f_m - x²| is greatest, piece by piece.

    On a piece s x + c the error is (c + s²/4) - (x - s/2)²: greatest at s/2, if that lies inside,
    and least at an end. What is found must be `most`, at 1, 1 + step, ... times 2^(-m-1).
    """
    found = pieces(relu_network(layers(m)), lower=fmpq(0), upper=fmpq(1))
    places = (fmpq(0), *found.breakpoints, fmpq(1))
    errors = {x: abs(found(x) - x * x) for x in places}
    for (a, b), slope in zip(pairwise(places), found.slopes, strict=True):
        if a < slope / 2 < b:
            errors[slope / 2] = abs(found(slope / 2) - slope * slope / 4)
    greatest = max(errors.values())
    there = {x for x, error in errors.items() if error == greatest}
    wanted = {fmpq(i, 2 ** (m + 1)) for i in range(1, 2 ** (m + 1), step)}
    shown = f"{greatest} at {len(there)} points"
    if there == wanted and greatest == most:
        return evidence.exact(True, shown)
    missing = min(wanted ^ there, default="none")
    return evidence.exact(False, counterexample=f"{shown}; differs at {missing}")


def weights(m: int) -> Finding:
    """Every layer of the exported network against the recursion, and the error at three points."""
    net = relu_network(layers(m))
    found = _of_recursion(net, m)
    if found:
        return evidence.exact(False, counterexample=found)
    unit = fmpq(1, 2 ** (m + 1))
    for x in (unit, (2 * (2**m // 3) + 1) * unit, 1 - unit):
        low, high = evaluate(net, [x])
        if not low[-1] == high[-1] == x * x + worst(m):
            return evidence.exact(False, counterexample=f"the output at {x} is {low[-1]}")
    return evidence.exact(True, f"{m + 1} layers, 3 points")


def _of_recursion(net: Network, m: int) -> str:
    """What a layer of the network computes that it should not; "" if all is right.

    With (t, S) for the tooth and the sum so far, a hidden layer holds relu(t), relu(t - 1/2) and
    relu(S) = S, for S = f_s(x) ≥ x² ≥ 0. The next must hold g(t), g(t) - 1/2 and S - g(t)/4^s,
    where g(t) = 2 relu(t) - 4 relu(t - 1/2) on [0, 1].
    """
    try:
        found = layers_of(net)
    except ValueError as other:
        return str(other)
    if len(found) != m + 1:
        return f"{len(found)} layers"
    for s, layer in enumerate(found):
        if layer != _wanted(s, m):
            return f"layer {s + 1} is {layer}"
    return ""


def _wanted(s: int, m: int) -> list[Neuron]:
    """The rows that layer s + 1 of the network must have, from the recursion."""
    half, zero = fmpq(-1, 2), fmpq(0)
    if s == 0:
        one = (fmpq(1),)
        return [(one, zero), (one, half), (one, zero)]
    tooth = (fmpq(2), fmpq(-4), zero)
    rest = ((*(-a / fmpq(4) ** s for a in tooth[:2]), fmpq(1)), zero)
    return [rest] if s == m else [(tooth, zero), (tooth, half), rest]


def train(sizes: Parameters) -> Finding:
    """Networks of the same shape from Adam: exact sup errors from exact breakpoints."""
    import sympy

    x = sympy.Symbol("x")
    grid = np.linspace(0, 1, SAMPLES)[:, None]
    rows, drawn, built = [], [], []
    dead: list[str] = []
    for m in range(1, sizes.trained + 1):
        errors: list[fmpq] = []
        for seed in range(SEEDS * sizes.seeds):
            if len(errors) == sizes.seeds:
                break
            recipe = Recipe((1, *[3] * m, 1), seed, sizes.steps)
            module = trained(recipe, grid, grid**2)
            net = exported(module, 1)
            if not any(pieces(net, lower=fmpq(0), upper=fmpq(1)).slopes):
                dead.append(f"m = {m}, seed {seed}")
                continue
            found = sup_error(net, x**2, fmpq(0), fmpq(1))
            errors.append(ends(found.value, WIDTH)[1])
            drawn.append((float(parameter_count(module)), nearest(errors[-1])))
        count = 12 * m - 2
        built.append((float(count), nearest(worst(m))))
        best = min(errors, default=fmpq(1))
        shown = [f"{nearest(e):.3e}" for e in errors]
        ratio = f"{nearest(best / worst(m)):.1f}"
        rows.append((str(m), str(count), f"{nearest(worst(m)):.3e}", ", ".join(shown), ratio))
    headings = ("m", "parameters", "constructed", "trained, by seed", "best trained / constructed")
    curves = (Curve("constructed", tuple(built)), Curve("trained by Adam", tuple(drawn), False))
    return evidence.measured(
        f"{SAMPLES} samples, {sizes.steps} steps of Adam; passed over, as they are constant: "
        + ("; ".join(dead) or "none"),
        table=Table(headings, tuple(rows)),
        plot=Plot("x² on [0, 1]", "parameters", "sup error", curves, is_log_y=True),
    )


THEOREM = Theorem(
    name="yarotsky_square",
    title="a ReLU net of depth m approximates x² on [0, 1] to exactly 4^(-m-1)",
    statement=STATEMENT,
    proposal="the torch module with dyadic weights, exported; networks of the same shape by Adam",
    source="Yarotsky, Error bounds for approximations with deep ReLU networks, Neural Networks 94 "
    "(2017), Proposition 2",
    defaults=Parameters(),
    claims=claims,
    example="""\
m = 1: f_1(x) = x - g(x)/4 joins (0, 0), (1/2, 1/4), (1, 1) by straight lines.
    x           0   1/4   1/2   3/4   1
    f_1         0   1/8   1/4   5/8   1
    x²          0   1/16  1/4   9/16  1
    f_1 - x²    0   1/16  0     1/16  0        the error is 4^-2, at the odd quarters only""",
    proved=CoqProof(
        "YarotskySquare.v",
        "yarotsky_square",
        "for every m ≥ 1 the network has m hidden layers of three neurons and 12 m - 2 parameters "
        "and computes f_m on [0, 1]; sup |f_m - x²| is 4^(-m-1) there, attained exactly at the odd "
        "multiples of 2^(-m-1)",
        tuple(
            CoqInstance(f"square_net {m}", partial(relu_network, layers(m)))
            for m in (1, 2, 3, 10, 20)
        ),
    ),
)
