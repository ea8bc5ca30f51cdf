"""Networks with monomial activation: dimensions of their function spaces, and singular points.

May import: the gallery's parts. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from math import comb, factorial, prod

from flint import fmpq

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter
from verifai.theorems.exact_linear import rank

STATEMENT = """\
A network with n inputs, k hidden neurons with activation t^d and one output computes the form
    f(x) = Σ_i c_i (w_i·x)^d  of degree d.
The dimension of the set of these forms (its neuromanifold) is the rank of the Jacobian of f's
coefficients by all weights, at a generic point. Scaling w_i by s and c_i by s^-d changes nothing,
so it is at most k n; and at most the number of coefficients, C(n + d - 1, d). In degree 2
orthogonal changes of the neurons change nothing either. In degrees 3 and more the bound min(k n,
C) is met but in the cases of Alexander and Hirschowitz, where it is missed by one.
At a subnetwork, where a neuron is switched off, the rank is smaller; and over all weights that give
one such f the Jacobians span more than the dimension, so that the set is singular at f.
A rank found at one point is a lower bound of the generic rank; that it is found at every one of the
drawn points is no proof of an upper bound, which comes from the count or, where it is missed, from
the theorem of Alexander and Hirschowitz or from rank at most k of a quadratic form.
"""
Weights = Sequence[Sequence[int]]
# (n, k, d) that meet the bound; in the last there are more weights than coefficients
NAIVE = ((2, 2, 3), (3, 2, 3), (3, 4, 4), (4, 3, 3), (3, 3, 3), (2, 3, 3))
DEFECTIVE = {(3, 5, 4): 14, (4, 9, 4): 34, (5, 14, 4): 69, (5, 7, 3): 34}
QUADRATIC = ((3, 2), (4, 2), (4, 3), (5, 3))  # (n, k) of degree 2


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    seed: int = parameter(0, "of the drawn weights")
    points: int = parameter(3, "drawn weights for each shape", 1, 20)


def jacobian(outer: Sequence[int], inner: Weights, degree: int) -> list[list[int]]:
    """The derivatives of all coefficients of Σ c_i (w_i·x)^d, one row for each weight.

    The coefficient of the monomial with exponents a is Σ_i c_i d!/a! w_i^a.
    """
    inputs = len(inner[0])
    monomials = [
        [chosen.count(j) for j in range(inputs)]
        for chosen in combinations_with_replacement(range(inputs), degree)
    ]
    counts = [factorial(degree) // prod(map(factorial, a)) for a in monomials]
    rows = []
    for c, w in zip(outer, inner, strict=True):
        rows.append([m * _power(w, a) for m, a in zip(counts, monomials, strict=True)])
        for j in range(inputs):
            lower = [[e - (i == j) for i, e in enumerate(a)] for a in monomials]
            rows.append(
                [
                    c * m * a[j] * _power(w, b) if a[j] else 0
                    for m, a, b in zip(counts, monomials, lower, strict=True)
                ]
            )
    return rows


def _power(w: Sequence[int], exponents: Sequence[int]) -> int:
    return prod(x**e for x, e in zip(w, exponents, strict=True))


def generic_rank(n: int, k: int, d: int, sizes: Parameters) -> int:
    """The greatest rank at the drawn integer weights."""
    source = random.Random(f"{sizes.seed} {n} {k} {d}")
    found = 0
    for _ in range(sizes.points):
        outer = [source.choice((-3, -2, -1, 1, 2, 3)) for _ in range(k)]
        inner = [[source.randint(-9, 9) for _ in range(n)] for _ in range(k)]
        found = max(found, rank(jacobian(outer, inner, d)))
    return found


def counted(n: int, k: int, d: int) -> int:
    """The naive count, min(k n, C(n + d - 1, d))."""
    return min(k * n, comb(n + d - 1, d))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "count",
        f"The dimension is min(k n, C(n + d - 1, d)) for (n, k, d) = {', '.join(map(str, NAIVE))}.",
        partial(equal, {s: counted(*s) for s in NAIVE}, sizes),
    )
    yield Claim(
        "quadratic",
        "In degree 2 it is that of quadratic forms of rank k, k n - k(k - 1)/2: (3, 2) has 5.",
        partial(equal, {(n, k, 2): k * n - comb(k, 2) for n, k in QUADRATIC}, sizes),
    )
    yield Claim(
        "exceptions",
        "At drawn weights of the cases of Alexander and Hirschowitz the Jacobian has one rank less "
        f"than is counted: {', '.join(f'{s}: {r}' for s, r in DEFECTIVE.items())}.",
        partial(equal, DEFECTIVE, sizes),
    )
    yield Claim(
        "subnetworks",
        "n = 3, k = 2, d = 3: the rank is 6 at generic weights, 4 where c_2 = 0, 3 where w_2 = 0.",
        partial(subnetworks, (6, 4, 3)),
    )
    yield Claim(
        "singular",
        "Over the weights with f = (w_1·x)³, c_2 = 0 and w_2 free, the Jacobians span 10 > 6.",
        partial(fibre_span, False),
    )
    yield Claim(
        "singular-everywhere",
        "Over the weights that give a generic f they span more than 6 as well.",
        partial(fibre_span, True),
        role=Role.CONTROL,
    )
    naive = {(3, 2, 2): counted(3, 2, 2), **{s: counted(*s) for s in DEFECTIVE}}
    for (n, k, d), most in naive.items():
        yield Claim(
            f"naive-{n}-{k}-{d}",
            f"(n, k, d) = ({n}, {k}, {d}): at the drawn weights the rank is {most}, as counted.",
            partial(equal, {(n, k, d): most}, sizes),
            role=Role.CONTROL,
        )
    yield Claim(
        "no-drop",
        "The rank is 6 where c_2 = 0 as well.",
        partial(subnetworks, (6, 6, 3)),
        role=Role.CONTROL,
    )


def equal(wanted: dict[tuple[int, int, int], int], sizes: Parameters) -> Finding:
    """Ranks at drawn points against what is claimed."""
    rows = []
    for (n, k, d), dimension in wanted.items():
        found = generic_rank(n, k, d, sizes)
        if found != dimension:
            said = f"(n, k, d) = ({n}, {k}, {d}): rank {found} at {sizes.points} drawn weights"
            return evidence.exact(False, counterexample=said)
        rows.append(tuple(map(str, (n, k, d, found, counted(n, k, d)))))
    table = Table(("n", "k", "d", "rank", "count"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, f"{len(rows)} shapes", table=table)


def subnetworks(wanted: tuple[int, int, int]) -> Finding:
    """Ranks at three weights."""
    one, two = [1, 2, -1], [3, -1, 2]
    found = (
        rank(jacobian([1, 1], [one, two], 3)),
        rank(jacobian([1, 0], [one, two], 3)),
        rank(jacobian([1, 1], [one, [0, 0, 0]], 3)),
    )
    return evidence.exact(found == wanted, f"ranks {found}", counterexample=f"ranks {found}")


def fibre_span(is_generic: bool) -> Finding:
    """The span of the Jacobians over weights that give one function.

    Two cubes (w_1·x)³ and (w_2·x)³ that add up to a generic f are unique but for their order and
    for scaling; so the fibre of a generic f is one orbit, and a few of its points are taken.
    """
    one, source = [1, 2, -1], random.Random(0)
    rows: list[list[fmpq]] = []
    for _ in range(12):
        if is_generic:
            two = [3, -1, 2]
            scale = source.choice((-2, 2, 3))
            weights = [one, [scale * x for x in two]]
            found = [
                [fmpq(x) / scale**3 if i > n else fmpq(x) for x in row]
                for n in (len(one),)
                for i, row in enumerate(jacobian([scale**3, 1], weights, 3))
            ]
        else:
            other = [source.randint(-9, 9) for _ in one]
            found = [[fmpq(x) for x in row] for row in jacobian([1, 0], [one, other], 3)]
        rows += found
    span = rank(rows)
    return evidence.exact(span > 6, f"{span} dimensions", counterexample=f"{span} dimensions")


THEOREM = Theorem(
    name="polynomial_networks",
    title="dimensions of the functions of networks with activation t^d, and where it is singular",
    statement=STATEMENT,
    proposal="integer weights, drawn; exact ranks of the Jacobians",
    source="Shahverdi, Marchetti, Kohn, On the geometry and optimization of polynomial networks "
    "(2025); Alexander, Hirschowitz, Polynomial interpolation in several variables (1995)",
    defaults=Parameters(),
    claims=claims,
    example="""\
n = 2, k = 1, d = 2: f = c (u x + v y)² has the coefficients c u², 2 c u v, c v². At c = u = v = 1
the derivatives are (1, 2, 1) by c, (2, 2, 0) by u, (0, 2, 2) by v. The first is half the sum of
the others: the rank is 2 = k n, for scaling costs one of the three weights.""",
)
