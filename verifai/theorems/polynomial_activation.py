"""An activation that is a polynomial of degree 2 never comes close to |x|, however wide the net.

May import: the gallery's parts, kernel; sympy on demand. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from flint import fmpq, fmpq_poly

from verifai.kernel.number import exact, nearest
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter
from verifai.theorems.construction import relu_network

POINTS = (fmpq(-1), fmpq(-1, 2), fmpq(0), fmpq(1, 2), fmpq(1))
SHARES = (1, -4, 6, -4, 1)  # a fourth difference, which vanishes on cubic polynomials
EIGHTH = fmpq(1, 8)
STATEMENT = """\
Every network x ↦ c + Σ_i c_i σ(w_i x + b_i) whose activation σ is a polynomial of degree at most 2
is a polynomial of degree at most 2, however many neurons it has. On [-1, 1] it misses |x|
somewhere by at least 1/8, at -1, -1/2, 0, 1/2 or 1. x² + 1/8 misses it by 1/8 and nowhere by more.
So σ must not be a polynomial: relu is exact, |x| = relu(x) + relu(-x).

Proof. For every p of degree ≤ 3 the fourth difference p(-1) - 4 p(-1/2) + 6 p(0) - 4 p(1/2) + p(1)
is 0; for |x| it is -2. The factors add up to 16 in size, so at one of the points |p - |x|| ≥ 2/16.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    width: int = parameter(32, "greatest width of the fitted networks", 1, 256)
    seed: int = parameter(0, "of their first layer")


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim("degree", "c + Σ c_i σ(w_i x + b_i) has degree ≤ 2 in x, σ of degree 2.", degree)
    yield Claim(
        "difference", "The fourth difference is 0 for 1, x, x², x³ and -2 for |x|.", difference
    )
    yield Claim("sharp", "||x| - x² - 1/8| ≤ 1/8 on [-1, 1].", partial(misses, EIGHTH, True))
    yield Claim(
        "more",
        "Every polynomial of degree ≤ 2 misses |x| by at least 1/8 + 1/1000.",
        partial(misses, EIGHTH + fmpq(1, 1000), False),
        role=Role.CONTROL,
    )
    yield Claim(
        "degree-four",
        "Every polynomial of degree ≤ 4 misses |x| by at least 1/8.",
        higher_degree,
        role=Role.CONTROL,
    )
    yield Claim(
        "relu",
        "Every network with activation relu misses |x| by at least 1/8.",
        relu_is_exact,
        role=Role.CONTROL,
    )
    yield Claim(
        "fitted",
        f"Networks of 1 to {sizes.width} neurons t² - t, fitted to |x|, miss it by at least 1/8 at "
        "one of the five points.",
        partial(fitted, sizes),
    )


def degree() -> Finding:
    """The third derivative of one neuron, for a symbolic activation and symbolic weights."""
    import sympy

    x, w, b, c, *s = sympy.symbols("x w b c s:3")
    t = w * x + b
    return evidence.identities(sympy.diff(c * (s[0] + s[1] * t + s[2] * t**2), x, 3))


def alternation(values: Sequence[fmpq]) -> fmpq:
    """The fourth difference of values at the five points."""
    return sum((s * v for s, v in zip(SHARES, values, strict=True)), fmpq(0))


def difference() -> Finding:
    """On a basis, and on |x|; the bound is 2 over the sum of the factors' sizes."""
    basis = [alternation([x**k for x in POINTS]) for k in range(4)]
    there = alternation([abs(x) for x in POINTS])
    bound = abs(there) / sum(map(abs, SHARES))
    holds = not any(basis) and bound == EIGHTH
    return evidence.exact(holds, f"bound {bound}", counterexample=f"{basis}, {there}")


def misses(bound: fmpq, at_most: bool) -> Finding:
    """The greatest distance of x² + 1/8 from |x|, on both halves: where 2x = ±1 and at the ends."""
    places = (fmpq(-1), fmpq(-1, 2), fmpq(0), fmpq(1, 2), fmpq(1))
    worst = max(abs(abs(x) - x * x - EIGHTH) for x in places)
    said = f"x² + 1/8 misses |x| by {worst}"
    return evidence.exact(worst <= bound if at_most else worst >= bound, said, counterexample=said)


def higher_degree() -> Finding:
    """A polynomial of degree 4 whose distance on each half is seen from its derivative's roots.

    On [0, 1] the error x - p is a quartic; it stays below 1/8 if 1/8 - x + p and 1/8 + x - p are
    positive at 0 and have no root in (0, 1], by Sturm's theorem.
    """
    near = fmpq_poly([fmpq(1, 15), 0, fmpq(29, 15), 0, -1])
    bound, x = fmpq(1, 9), fmpq_poly([0, 1])
    good = all(_positive(fmpq_poly([bound]) + sign * (x - near)) for sign in (1, -1))
    said = f"{near} misses |x| by less than {bound} < 1/8"
    return evidence.exact(not good, counterexample=said if good else "")


def _positive(poly: fmpq_poly) -> bool:
    """Whether a polynomial is positive on [0, 1], by the signs of its Sturm chain."""
    chain = [poly, poly.derivative()]
    while chain[-1].degree() > 0:
        chain.append(-(chain[-2] % chain[-1]))
    if chain[-1].degree() < 0:
        return False

    def changes(at: fmpq) -> int:
        signs = [v > 0 for v in (p(at) for p in chain) if v != 0]
        return sum(a != b for a, b in pairwise(signs))

    zero, one = fmpq(0), fmpq(1)
    return bool(poly(zero) > 0 and poly(one) > 0 and changes(zero) == changes(one))


def relu_is_exact() -> Finding:
    """The exported network relu(x) + relu(-x)."""
    from verifai.symbolic.line import pieces

    net = relu_network([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    line = pieces(net, lower=fmpq(-1), upper=fmpq(1))
    is_exact = line.breakpoints == (fmpq(0),) and line.slopes == (fmpq(-1), fmpq(1))
    is_exact = is_exact and line(fmpq(0)) == 0
    return evidence.exact(not is_exact, counterexample="relu(x) + relu(-x) is |x|, piece by piece")


def fitted(sizes: Parameters) -> Finding:
    """Drawn first layers, the second by least squares; the polynomial is computed exactly."""
    grid, rows = np.linspace(-1, 1, 65), []
    source = np.random.default_rng(sizes.seed)
    width = 1
    while width <= sizes.width:
        w, b = source.integers(-8, 9, (2, width)) / 4
        hidden = np.concatenate([_neurons(grid[:, None] * w + b), np.ones((65, 1))], axis=1)
        outer = np.linalg.lstsq(hidden, np.abs(grid), rcond=None)[0]
        poly = fmpq_poly([exact(float(outer[-1]))])
        for c, slope, offset in zip(outer, w, b, strict=False):
            t = fmpq_poly([exact(float(offset)), exact(float(slope))])
            poly += exact(float(c)) * (t * t - t)
        worst = max(abs(poly(x) - abs(x)) for x in POINTS)
        if worst < EIGHTH or poly.degree() > 2:
            return evidence.exact(False, counterexample=f"width {width}: off by {worst}")
        rows.append((str(width), f"{nearest(worst):.6f}"))
        width *= 2
    table = Table(("neurons", "misses |x| at a point by"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, f"seed {sizes.seed}", table=table)


def _neurons(
    t: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return t * t - t


THEOREM = Theorem(
    name="polynomial_activation",
    title="an activation of degree 2 misses |x| by at least 1/8, however wide the network",
    statement=STATEMENT,
    proposal="five points and a fourth difference; networks fitted by least squares",
    source="Leshno, Lin, Pinkus, Schocken, Multilayer feedforward networks with a nonpolynomial "
    "activation function can approximate any function (1993); Chebyshev's alternation",
    defaults=Parameters(),
    claims=claims,
    example="""\
p(x) = x² + 1/8 against |x|:
    x        -1    -1/2    0    1/2     1
    |x|       1     1/2    0    1/2     1
    p        9/8    3/8   1/8   3/8    9/8
    p - |x|  1/8   -1/8   1/8  -1/8    1/8
Five errors of equal size and alternating signs: no other parabola can be smaller at all five.""",
)
