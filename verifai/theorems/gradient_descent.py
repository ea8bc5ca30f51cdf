"""Gradient descent on a quadratic function: for which steps it converges, and how fast.

May import: the gallery's parts; sympy on demand. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from flint import fmpq

from verifai.kernel.number import nearest
from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
    Curve,
    Finding,
    Outcome,
    Plot,
    Role,
    Theorem,
    Trust,
    parameter,
)

STATEMENT = """\
Let f(x) = ½ xᵀA x with A symmetric, 0 < m = least and L = greatest eigenvalue of A. Gradient
descent x ↦ x - τ A x multiplies the part along an eigenvector of eigenvalue λ by 1 - τ λ. So
1. it converges to 0 from every start if and only if 0 < τ < 2/L;
2. the worst factor max(|1 - τ m|, |1 - τ L|) is least at τ = 2/(m + L), where it is (L - m)/(L +
   m);
3. with f_l(x) = ½ (x - z_l)², one function after the other, and steps 1/l the iterate is the mean
   of z_1, ..., z_l.

Proof. 1. With λ ≤ L and τ = 2 θ/L: 1 - τ λ = 1 - 2 θ λ/L lies strictly between -1 and 1 for 0 < θ
< 1; at τ = 2/L it is -1 for λ = L, and beyond, and at τ ≤ 0, its size is at least 1. 2. At τ =
2/(m + L) both sizes are equal; a smaller τ makes the first larger, a larger τ the second. 3.
Induction: (1 - 1/l) mean of l - 1 numbers + z_l/l.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    least: int = parameter(1, "m", 1, 1000)
    most: int = parameter(9, "L", 2, 1000)
    steps: int = parameter(30, "exact iterates", 1, 1000)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "contracts", "0 < τ < 2/L and 0 < λ ≤ L: -1 < 1 - τ λ < 1, for symbolic numbers.", contracts
    )
    yield Claim(
        "best",
        "At τ = 2/(m + L): 1 - τ m = (L - m)/(L + m) = -(1 - τ L); a step smaller or larger by s "
        "has a worst factor that is larger.",
        best,
    )
    yield Claim("mean", "One step of 1/l takes the mean of l - 1 numbers to that of l.", mean)
    yield Claim(
        "iterates",
        f"m = {sizes.least}, L = {sizes.most}: {sizes.steps} exact iterates with the best step "
        "shrink by exactly the rate, each.",
        partial(iterates, sizes, None),
    )
    yield Claim(
        "two-over-l",
        "It converges for τ = 2/L as well.",
        partial(converges, sizes, fmpq(2, sizes.most)),
        role=Role.CONTROL,
    )
    yield Claim(
        "other-step",
        "τ = 1/L has the rate (L - m)/(L + m) too.",
        partial(iterates, sizes, fmpq(1, sizes.most)),
        role=Role.CONTROL,
    )


def contracts() -> Finding:
    """With θ = 1/(1 + a) and λ/L = 1/(1 + b), for a > 0 and b ≥ 0: all of the open interval."""
    import sympy

    a = sympy.Symbol("a", positive=True)
    b = sympy.Symbol("b", nonnegative=True)
    factor = 1 - 2 / ((1 + a) * (1 + b))
    ends = [sympy.factor(sympy.together(each)) for each in (1 - factor, 1 + factor)]
    said = f"1 ∓ factor: {ends}"
    return evidence.exact(all(end.is_positive for end in ends), said, counterexample=said)


def best() -> Finding:
    """The rate, and both sides of it: for a step off by s > 0 one factor grows by s m or s L."""
    import sympy

    m, rest, s = sympy.symbols("m r s", positive=True)
    most = m + rest  # L
    step, rate = 2 / (m + most), (most - m) / (most + m)
    return evidence.identities(
        *(
            sympy.cancel(each)
            for each in (
                1 - step * m - rate,
                -(1 - step * most) - rate,
                (1 - (step - s) * m) - rate - s * m,
                -(1 - (step + s) * most) - rate - s * most,
            )
        )
    )


def mean() -> Finding:
    """x_l = x_{l-1} - (x_{l-1} - z)/l with l x_{l-1} - x_{l-1} the sum so far."""
    import sympy

    count, total, z = sympy.symbols("l S z")
    before = total / (count - 1)
    after = before - (before - z) / count
    return evidence.identities(sympy.cancel(after * count - (total + z)))


def iterates(sizes: Parameters, step: fmpq | None) -> Finding:
    """Exact iterates from (1, 1), on the diagonal matrix of m and L: the greatest coordinate."""
    m, most = fmpq(sizes.least), fmpq(sizes.most)
    rate = (most - m) / (most + m)
    chosen = 2 / (m + most) if step is None else step
    x, size = [fmpq(1), fmpq(1)], fmpq(1)
    points = [(0.0, 1.0)]
    for number in range(1, sizes.steps + 1):
        x = [
            each - chosen * eigenvalue * each for each, eigenvalue in zip(x, (m, most), strict=True)
        ]
        size *= rate
        points.append((float(number), nearest(max(map(abs, x)))))
        if max(map(abs, x)) != size:
            said = f"after step {number} it is {max(map(abs, x))}, not {size}"
            return evidence.exact(False, counterexample=said)
    plot = Plot("exact iterates", "step", "largest part", (Curve(f"τ = {chosen}", tuple(points)),))
    said = f"rate {rate}, {evidence.shown(size)} after {sizes.steps} steps"
    return Finding(Outcome.PROVED, Trust.EXACT, said, plot=plot)


def converges(sizes: Parameters, step: fmpq) -> Finding:
    """Whether an iterate from the eigenvector of L gets smaller."""
    factor = 1 - step * sizes.most
    said = f"from the eigenvector of L it is multiplied by {factor} at each step"
    return evidence.exact(abs(factor) < 1, counterexample=said)


THEOREM = Theorem(
    name="gradient_descent",
    title="gradient descent on a quadratic converges for 0 < τ < 2/L; the best rate is (L-m)/(L+m)",
    statement=STATEMENT,
    proposal="substitutions that reach the whole interval of steps; exact iterates",
    source="Peyré, Course notes on optimization for machine learning; Polyak, Introduction to "
    "optimization (1987)",
    defaults=Parameters(),
    claims=claims,
    example="""\
m = 1, L = 9. The best step is 2/10: the two parts are multiplied by 1 - 1/5 = 4/5 and 1 - 9/5 =
-4/5. With τ = 2/9 the second is multiplied by -1 and jumps from one side to the other for ever.""",
)
