"""Linear networks with a bottleneck: their function space, its singular points, critical points.

May import: the gallery's parts; sympy on demand. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from flint import fmpq, fmpq_mat

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Role, Theorem, parameter
from verifai.theorems.exact_linear import drawn, matrix, rank, rows_of
from verifai.theorems.low_rank_distance import critical, infinitely_many

STATEMENT = """\
x ↦ A B x with A of r columns is a linear network with a bottleneck of r neurons.
1. The matrices A B are exactly the m x n matrices of rank at most r.
2. This set is singular exactly at rank < r: there all (r + 1)-minors have derivative 0, while at
   rank r their derivatives span (m - r)(n - r) dimensions, the codimension of the set.
3. If U has distinct non-zero singular values, the distance to U has exactly C(min(m, n), r)
   critical points of rank r: the partial sums of r of the terms of U = Σ s_i u_i v_iᵀ (Eckart,
   Young).
4. The loss (a b - 1)² is not convex. At depth 2 the origin is a strict saddle; at depth 3, for
   (a b c - 1)², gradient and Hessian vanish there.

Proof of 3. At rank r the tangent space is {X W + W Y}, so W is critical if Wᵀ(U - W) = 0 and
(U - W)Wᵀ = 0. Then WᵀU = WᵀW and U Wᵀ = W Wᵀ are symmetric, hence UᵀU commutes with WᵀW. With
distinct eigenvalues of UᵀU they have the eigenvectors v_i in common, and W v_i is 0 or U v_i: a
partial sum. Distinct and non-zero can be seen from the characteristic polynomial of UᵀU without
roots: it has no square factor, and det ≠ 0.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    most: int = parameter(4, "greatest m and n of the minors", 2, 5)
    seed: int = parameter(0, "of the drawn matrices")


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "minors",
        "All (r + 1)-minors of A B vanish, for symbolic A (3 x r) and B (r x 3), r = 1 and 2.",
        vanishing_minors,
    )
    yield Claim(
        "factors",
        f"Drawn m x n matrices of each rank r, m, n ≤ {sizes.most}, are A B with r columns in A.",
        partial(factors, sizes),
    )
    yield Claim(
        "singular",
        f"m, n ≤ {sizes.most}: the (r + 1)-minors' derivatives span (m - r)(n - r) dimensions at "
        "rank r, and 0 below.",
        partial(singular, sizes, 0),
    )
    yield Claim(
        "smooth-below",
        "They span (m - r)(n - r) dimensions at rank r - 1 too.",
        partial(singular, sizes, 1),
        role=Role.CONTROL,
    )
    for name, target in TARGETS.items():
        yield Claim(
            f"critical-{name}",
            f"The distance to U = {rows_of(target)} has exactly C(n, r) critical points of rank r.",
            partial(critical, target),
        )
    yield Claim(
        "critical-identity",
        "The distance to the 2 x 2 identity has exactly 2 critical points of rank 1.",
        infinitely_many,
        role=Role.CONTROL,
    )
    yield Claim(
        "saddles",
        "At 0 the Hessian of (a b - 1)² has eigenvalues ±2, that of (a b c - 1)² is 0.",
        saddles,
    )
    yield Claim("convex", "(a b - 1)² is convex.", convex, role=Role.CONTROL)


TARGETS = {
    "diagonal": matrix([[3, 0, 0], [0, 2, 0], [0, 0, 1]]),
    "rotated": matrix([[fmpq(3, 5), fmpq(-4, 5)], [fmpq(4, 5), fmpq(3, 5)]])
    * matrix([[5, 0], [0, 2]])
    * matrix([[fmpq(5, 13), fmpq(12, 13)], [fmpq(-12, 13), fmpq(5, 13)]]),
}


def vanishing_minors() -> Finding:
    """Polynomial identities."""
    import sympy

    found = []
    for r in (1, 2):
        a = sympy.Matrix(3, r, sympy.symbols(f"a:{3 * r}"))
        product = a * sympy.Matrix(r, 3, sympy.symbols(f"b:{3 * r}"))
        for rows in combinations(range(3), r + 1):
            for columns in combinations(range(3), r + 1):
                found.append(product.extract(list(rows), list(columns)).det(method="berkowitz"))
    return evidence.identities(*found)


def of_rank(m: int, n: int, r: int, source: random.Random) -> fmpq_mat:
    """A drawn m x n matrix of exactly this rank."""
    while True:
        made = drawn(m, r, source) * drawn(r, n, source) if r else matrix([[0] * n] * m)
        if made.rank() == r:
            return made


def factors(sizes: Parameters) -> Finding:
    """Rank factorisation: the pivot columns times the reduced row echelon form."""
    source, count = random.Random(sizes.seed), 0
    for m in range(2, sizes.most + 1):
        for n in range(2, sizes.most + 1):
            for r in range(1, min(m, n) + 1):
                whole = of_rank(m, n, r, source)
                echelon, found = whole.rref()
                rows = rows_of(echelon)[:r]
                pivots = [next(j for j, entry in enumerate(row) if entry != 0) for row in rows]
                left = matrix([[row[j] for j in pivots] for row in rows_of(whole)])
                if found != r or left * matrix(rows) != whole:
                    return evidence.exact(False, counterexample=str(rows_of(whole)))
                count += 1
    return evidence.exact(True, f"{count} matrices")


def minor_derivatives(whole: fmpq_mat, size: int) -> list[list[fmpq]]:
    """The gradients of all minors of this size, with respect to the entries: cofactors."""
    m, n = whole.nrows(), whole.ncols()
    entries, found = rows_of(whole), []
    for rows in combinations(range(m), size):
        for columns in combinations(range(n), size):
            gradient = [fmpq(0)] * (m * n)
            for i, row in enumerate(rows):
                for j, column in enumerate(columns):
                    rest = [
                        [entries[a][b] for b in columns if b != column] for a in rows if a != row
                    ]
                    cofactor = matrix(rest).det() if rest else fmpq(1)
                    gradient[row * n + column] = cofactor if (i + j) % 2 == 0 else -cofactor
            found.append(gradient)
    return found


def singular(sizes: Parameters, lower: int) -> Finding:
    """The span of the minors' derivatives at rank r - lower and, if that is 0, also below."""
    source, count = random.Random(sizes.seed), 0
    for m in range(2, sizes.most + 1):
        for n in range(2, sizes.most + 1):
            for r in range(1, min(m, n)):
                for there in (r - lower, r - 1) if not lower else (r - lower,):
                    whole = of_rank(m, n, there, source)
                    span = rank(minor_derivatives(whole, r + 1))
                    if span != ((m - r) * (n - r) if there == r or lower else 0):
                        said = f"{rows_of(whole)} of rank {there}, r = {r}: {span} dimensions"
                        return evidence.exact(False, counterexample=said)
                    count += 1
    return evidence.exact(True, f"{count} matrices")


def saddles() -> Finding:
    """Gradients and Hessians at the origin."""
    import sympy

    a, b, c = sympy.symbols("a b c")
    zero = {a: 0, b: 0, c: 0}
    for loss, variables, wanted in (
        ((a * b - 1) ** 2, (a, b), [[0, -2], [-2, 0]]),
        ((a * b * c - 1) ** 2, (a, b, c), [[0] * 3] * 3),
    ):
        gradient = [sympy.diff(loss, v).subs(zero) for v in variables]
        hessian = sympy.hessian(loss, variables).subs(zero)
        if any(gradient) or hessian != sympy.Matrix(wanted):
            return evidence.exact(False, counterexample=f"{loss}: {gradient}, {hessian}")
    return evidence.exact(sympy.Matrix([[0, -2], [-2, 0]]).eigenvals() == {2: 1, -2: 1})


def convex() -> Finding:
    """The midpoint of (1, 1) and (-1, -1)."""

    def loss(a: int, b: int) -> int:
        return (a * b - 1) ** 2

    ends, middle = (loss(1, 1) + loss(-1, -1)) / 2, loss(0, 0)
    said = f"at (1, 1) and (-1, -1) it is {loss(1, 1)}, between them at (0, 0) it is {middle}"
    return evidence.exact(middle <= ends, counterexample=said)


THEOREM = Theorem(
    name="linear_networks",
    title="a linear network with a bottleneck r: rank ≤ r, singular below, C(n, r) critical points",
    statement=STATEMENT,
    proposal="drawn matrices with their factors; critical points from rational eigenvectors",
    source="Trager, Kohn, Bruna, Pure and spurious critical points (2020), arXiv:1910.01671",
    defaults=Parameters(),
    claims=claims,
    example="""\
U = diag(3, 2, 1) and r = 1: the critical points of the distance are diag(3, 0, 0), diag(0, 2, 0)
and diag(0, 0, 1), at squared distances 5, 10 and 13. Gradient descent can only end near one of the
three; the first is the best matrix of rank 1, the others are saddles.""",
)
