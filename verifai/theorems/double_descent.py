"""Double descent: the exact test risk of minimum-norm least squares as features are added.

May import: the gallery's parts. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

from flint import fmpq, fmpq_mat

from verifai.kernel.number import nearest
from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
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
from verifai.theorems.exact_linear import identity, matrix, rows_of

ENTRY = 4  # features are whole numbers from -ENTRY to ENTRY, drawn evenly
VARIANCE = fmpq(sum(k * k for k in range(-ENTRY, ENTRY + 1)), 2 * ENTRY + 1)
NOISE = 8  # noise is a whole number between -NOISE and NOISE
STATEMENT = """\
Labels y = Σ_{j ≤ P} x_j + noise, where all x_j are independent and drawn evenly from -4, ..., 4.
From n samples, least squares with the first p features, of minimum norm where p > n, gives weights
b. Its test risk, the mean of (b·x - Σ x_j)² over new x, is exactly Var(x_1)·‖b - 1‖², b filled up
with zeros. For the data sets of the printed seed the mean risk peaks at p = n (the interpolation
threshold), and at p = P it is below the best at any p < n. With a ridge penalty λ = P/8, in units
of the variance, there is no peak: risk(n) < 1.2·risk(n/2).
This is a statement about the printed data sets, computed without rounding, and about no others.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    samples: int = parameter(10, "n, training samples, an even number", 4, 20)
    features: int = parameter(60, "P, features of the labels", 20, 200)
    sets: int = parameter(8, "data sets", 8, 100)
    seed: int = parameter(0, "of the data")


def places(sizes: Parameters) -> list[int]:
    """The numbers of features that are tried; all below n."""
    n, most = sizes.samples, sizes.features
    return [*range(1, n + 1), n + 1, n + 2, n + n // 2, 2 * n, 3 * n, most]


def data(sizes: Parameters, number: int) -> tuple[fmpq_mat, fmpq_mat]:
    """Samples (n, P) and labels (n, 1) of one data set."""
    source = random.Random(f"{sizes.seed} {number}")
    rows = [
        [source.randint(-ENTRY, ENTRY) for _ in range(sizes.features)] for _ in range(sizes.samples)
    ]
    return matrix(rows), matrix([[sum(row) + source.randint(-NOISE, NOISE)] for row in rows])


def weights(x: fmpq_mat, y: fmpq_mat, ridge: fmpq) -> fmpq_mat:
    """xᵀ(x xᵀ + ridge)⁻¹ y, or (xᵀx + ridge)⁻¹ xᵀ y where that is smaller: minimum norm at 0.

    Raises:
        ZeroDivisionError: the matrix is singular: other data are wanted.
    """
    turned = x.transpose()
    if x.ncols() > x.nrows():
        return turned * (x * turned + identity(x.nrows()) * ridge).solve(y)
    return (turned * x + identity(x.ncols()) * ridge).solve(turned * y)


@cache
def risk(sizes: Parameters, p: int, ridge: fmpq) -> fmpq:
    """The mean test risk over the data sets."""
    total = fmpq(0)
    for number in range(sizes.sets):
        x, y = data(sizes, number)
        first = matrix([row[:p] for row in rows_of(x)])
        found = weights(first, y, ridge)
        missed = sum(((found[i, 0] - 1) ** 2 for i in range(p)), fmpq(0)) + sizes.features - p
        total += VARIANCE * missed
    return total / sizes.sets


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "descent",
        f"n = {sizes.samples}, P = {sizes.features}, {sizes.sets} data sets: the mean risk peaks "
        "at p = n, and at p = P it is below the best of p < n.",
        partial(descends, sizes, fmpq(0)),
    )
    yield Claim(
        "ridge",
        "With the ridge penalty risk(n) < 1.2·risk(n/2).",
        partial(is_flat, sizes, fmpq(sizes.features, 8) * VARIANCE),
    )
    yield Claim(
        "no-peak",
        "Without a penalty risk(n) < 1.2·risk(n/2) as well.",
        partial(is_flat, sizes, fmpq(0)),
        role=Role.CONTROL,
    )
    yield Claim(
        "ridge-descent",
        "With the ridge penalty there is a peak at p = n as well.",
        partial(descends, sizes, fmpq(sizes.features, 8) * VARIANCE),
        role=Role.CONTROL,
    )


def descends(sizes: Parameters, ridge: fmpq) -> Finding:
    """The curve, its greatest place, and its end against its best beginning."""
    n, most = sizes.samples, sizes.features
    curve = {p: risk(sizes, p, ridge) for p in places(sizes)}
    peak = max(curve, key=lambda p: curve[p])
    best = min(curve[p] for p in curve if p < n)
    table = Table(
        ("p", "mean risk"), tuple((str(p), f"{nearest(r):.4f}") for p, r in curve.items())
    )
    said = (
        f"peak at p = {peak} with {nearest(curve[peak]):.4g}, best p < n {nearest(best):.4g}, "
        f"at p = P {nearest(curve[most]):.4g}"
    )
    if peak != n or curve[most] >= best:
        return evidence.exact(False, counterexample=said)
    drawn = tuple((float(p), nearest(r)) for p, r in curve.items())
    title = f"n = {n} samples, minimum-norm least squares"
    plot = Plot(title, "features p", "mean test risk", (Curve("risk", drawn),), True, True)
    return Finding(Outcome.PROVED, Trust.EXACT, said, table=table, plot=plot)


def is_flat(sizes: Parameters, ridge: fmpq) -> Finding:
    """Whether the risk at n is less than 1.2 of that at n/2."""
    there, half = (risk(sizes, p, ridge) for p in (sizes.samples, sizes.samples // 2))
    said = f"risk(n) = {nearest(there):.6g}, risk(n/2) = {nearest(half):.6g}"
    exact = f"{said}: the ratio is {evidence.shown(there / half)}"
    return evidence.exact(there < fmpq(6, 5) * half, said, counterexample=exact)


THEOREM = Theorem(
    name="double_descent",
    title="the exact test risk of minimum-norm least squares peaks at p = n and then falls again",
    statement=STATEMENT,
    proposal="drawn whole-number data sets; exact pseudo-inverses",
    source="Belkin, Hsu, Ma, Mandal, Reconciling modern machine learning practice and the bias-"
    "variance trade-off (2019); Hastie et al., Surprises in high-dimensional least squares (2022)",
    defaults=Parameters(),
    claims=claims,
    example="""\
risk
  |            *            two descents: few features fit little, n features fit the noise,
  |  *  *   *     *         many features choose, of all that fit, the smallest weights
  |                  *  *
  +------------n--------P--> features p""",
)
