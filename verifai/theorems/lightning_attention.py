"""The dimension of the function space of one layer of linear attention.

May import: the gallery's parts. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from flint import fmpq_mat

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter
from verifai.theorems.exact_linear import drawn, matrix, rank, rows_of

SIZES = ((2, 1, 1), (2, 2, 1), (3, 2, 1), (3, 3, 2), (4, 2, 2), (4, 3, 3))  # (d, d', a)
STATEMENT = """\
One layer of linear attention takes the tokens X = (x_1, ..., x_t), columns of length d, to
    f(X) = V X Xᵀ Kᵀ Q X,  V of shape d' x d, K and Q of shape a x d with a ≤ d.
The set of these functions, for t ≥ 2, has dimension
    a (2 d - a) + d d' - 1.
Proof of ≤: f depends on V and on A = KᵀQ, a matrix of rank a, of which there are a (2d - a)
dimensions; and (V, A), (s V, A/s) give the same f. ≥: the rank of the derivative by K, Q and V at
one point, seen at finitely many X, is a lower bound of the dimension; exact ranks below.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    seed: int = parameter(0, "of weights and tokens")
    tokens: int = parameter(3, "columns of X", 2, 8)


def dimension(d: int, out: int, a: int) -> int:
    """The formula."""
    return a * (2 * d - a) + d * out - 1


def derivative_rank(d: int, out: int, a: int, sizes: Parameters) -> int:
    """The rank of the derivatives of f at several drawn X, by all entries of K, Q and V."""
    source = random.Random(f"{sizes.seed} {d} {out} {a}")
    k, q, v = drawn(a, d, source), drawn(a, d, source), drawn(out, d, source)
    inputs = [drawn(d, sizes.tokens, source, 4) for _ in range(2 * d * (a + out))]
    rows = []
    for name, whole in (("k", k), ("q", q), ("v", v)):
        for i in range(whole.nrows()):
            for j in range(whole.ncols()):
                unit = _unit(whole, i, j)
                parts = [_moved(name, unit, (k, q, v), x) for x in inputs]
                rows.append([e for part in parts for row in rows_of(part) for e in row])
    return rank(rows)


def _unit(like: fmpq_mat, i: int, j: int) -> fmpq_mat:
    return matrix(
        [[int((r, c) == (i, j)) for c in range(like.ncols())] for r in range(like.nrows())]
    )


def _moved(
    name: str, unit: fmpq_mat, weights: tuple[fmpq_mat, fmpq_mat, fmpq_mat], x: fmpq_mat
) -> fmpq_mat:
    """The derivative of f(X) in the direction of one entry of one weight."""
    k, q, v = weights
    gram = x * x.transpose()
    if name == "k":
        return v * gram * unit.transpose() * q * x
    if name == "q":
        return v * gram * k.transpose() * unit * x
    return unit * gram * k.transpose() * q * x


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "dimension",
        f"a (2 d - a) + d d' - 1 for (d, d', a) = {', '.join(map(str, SIZES))}.",
        partial(measured_ranks, sizes, 0),
    )
    yield Claim(
        "fibre", "(s V, K/s, Q) and (V, G K, G⁻ᵀ Q) give the same f.", partial(fibre, sizes)
    )
    yield Claim(
        "one-more",
        "The dimension is a (2 d - a) + d d': scaling does not cost one.",
        partial(measured_ranks, sizes, 1),
        role=Role.CONTROL,
    )


def measured_ranks(sizes: Parameters, more: int) -> Finding:
    """The derivative's rank against the formula."""
    rows = []
    for d, out, a in SIZES:
        found, wanted = derivative_rank(d, out, a, sizes), dimension(d, out, a) + more
        if found != wanted:
            said = f"d = {d}, d' = {out}, a = {a}: rank {found}, not {wanted}"
            return evidence.exact(False, counterexample=said)
        rows.append(tuple(map(str, (d, out, a, 2 * a * d + d * out, found))))
    table = Table(("d", "d'", "a", "weights", "dimension"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, f"seed {sizes.seed}", table=table)


def fibre(sizes: Parameters) -> Finding:
    """Equal outputs, exactly, at a drawn X."""
    source = random.Random(sizes.seed)
    k, q, v, x = (drawn(*shape, source) for shape in ((2, 3), (2, 3), (2, 3), (3, sizes.tokens)))
    g = matrix([[1, 2], [1, 3]])

    def f(v: fmpq_mat, k: fmpq_mat, q: fmpq_mat) -> fmpq_mat:
        return v * x * x.transpose() * k.transpose() * q * x

    same = f(v * 5, k / 5, q), f(v, g * k, g.inv().transpose() * q)
    return evidence.exact(all(each == f(v, k, q) for each in same), "a drawn X")


THEOREM = Theorem(
    name="lightning_attention",
    title="one layer of linear attention spans a (2d - a) + d d' - 1 dimensions of functions",
    statement=STATEMENT,
    proposal="integer weights and tokens, drawn; exact ranks of the derivatives",
    source="Henry, Marchetti, Kohn, Geometry of lightning self-attention (2024), arXiv:2408.17221",
    defaults=Parameters(),
    claims=claims,
    example="""\
d = 1, a = 1, d' = 1: f(x_1, ..., x_t) = v k q (Σ x_i²) x_j has three weights and one number, v k
q, that matters: dimension 1·(2 - 1) + 1 - 1 = 1.""",
)
