"""The arc-cosine kernel, and how fast gradient descent converges in the tangent kernel's space.

May import: the gallery's parts; sympy on demand. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from flint import fmpq

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Role, Theorem, parameter
from verifai.theorems.semidefinite import Matrix, Vector, decide_semidefinite, dot, quadratic

STATEMENT = """\
1. For w normal in R^n and vectors u, v at the angle θ in [0, π]
    E[relu(u·w) relu(v·w)] = ‖u‖ ‖v‖ [(π - θ) cos θ + sin θ]/(2π).
2. A network x ↦ Σ_{i ≤ k} a_i relu(w_i·x)/√k whose a_i are trained has the tangent kernel
   (1/k) Σ_i relu(w_i·u) relu(w_i·v); its mean is the kernel of part 1 at every width k.
3. With residuals r and kernel matrix K gradient descent of step η gives r ↦ (I - η K) r. If K - λ
   I and (2/η - λ) I - K are positive semidefinite, ‖r_k‖ ≤ (1 - η λ)^k ‖r_0‖.

Proof. 1. Only the part of w in the plane of u and v matters: with polar coordinates (ρ, φ) the
mean is ‖u‖ ‖v‖/(2π) ∫ ρ³ e^{-ρ²/2} dρ = 2 times ∫ cos φ cos(φ - θ) dφ over the arc [θ - π/2, π/2]
where both are positive; that integral is ½[(π - θ) cos θ + sin θ]. 2. The mean is linear. 3. Every
eigenvalue κ of K lies in [λ, 2/η - λ], so |1 - η κ| ≤ 1 - η λ.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    points: int = parameter(5, "data points of the kernel matrix", 2, 12)
    width: int = parameter(12, "neurons of the network", 2, 100)
    steps: int = parameter(12, "exact iterates", 1, 100)
    seed: int = parameter(0, "of weights and data")


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim("arc", "∫ cos φ cos(φ - θ) dφ over [θ - π/2, π/2] = ½[(π - θ) cos θ + sin θ].", arc)
    yield Claim("radius", "∫ ρ³ e^{-ρ²/2} dρ over ρ ≥ 0 is 2.", radius)
    yield Claim(
        "same-vector",
        "The formula gives E[relu(w)²] = 1/2, which is half of E[w²] = 1, at u = v = 1.",
        partial(same_vector, 2),
    )
    yield Claim(
        "definite",
        f"For {sizes.points} data points and {sizes.width} neurons with integer weights: K - λ I "
        "and (2/η - λ) I - K are positive semidefinite for the λ > 0 and η printed.",
        partial(definite, sizes, fmpq(1)),
    )
    yield Claim(
        "iterates",
        f"{sizes.steps} exact iterates of r ↦ (I - η K) r obey ‖r_k‖ ≤ (1 - η λ)^k ‖r_0‖.",
        partial(iterates, sizes),
    )
    yield Claim(
        "one-over-pi",
        "The constant is 1/π and not 1/(2π).",
        partial(same_vector, 1),
        role=Role.CONTROL,
    )
    yield Claim(
        "larger-rate",
        "K - λ I is positive semidefinite for the least diagonal entry of K as λ.",
        partial(definite, sizes, None),
        role=Role.CONTROL,
    )


def arc() -> Finding:
    """An antiderivative, differentiated and evaluated at both ends."""
    import sympy

    phi, theta = sympy.symbols("phi theta")
    whole = (phi * sympy.cos(theta) + sympy.sin(2 * phi - theta) / 2) / 2
    integrand = sympy.cos(phi) * sympy.cos(phi - theta)
    ends = (sympy.pi / 2, theta - sympy.pi / 2)
    value = whole.subs(phi, ends[0]) - whole.subs(phi, ends[1])
    wanted = ((sympy.pi - theta) * sympy.cos(theta) + sympy.sin(theta)) / 2
    found = [sympy.diff(whole, phi) - integrand, value - wanted]
    return evidence.identities(
        *(sympy.expand_trig(sympy.expand(each.rewrite(sympy.exp))) for each in found)
    )


def radius() -> Finding:
    """-(ρ² + 2) e^{-ρ²/2} is an antiderivative: -2 at 0, and 0 at infinity."""
    import sympy

    rho = sympy.Symbol("rho", nonnegative=True)
    whole = -(rho**2 + 2) * sympy.exp(-(rho**2) / 2)
    far = sympy.limit(whole, rho, sympy.oo)
    return evidence.identities(
        sympy.diff(whole, rho) - rho**3 * sympy.exp(-(rho**2) / 2), far - whole.subs(rho, 0) - 2
    )


def same_vector(pis: int) -> Finding:
    """At θ = 0 the bracket is π; by symmetry relu(w)² has half the mean of w²."""
    value = fmpq(1, pis)
    said = f"at u = v, ‖u‖ = 1 it is {value}, but E[relu(w)²] = E[w²]/2 = 1/2"
    return evidence.exact(value == fmpq(1, 2), counterexample=said)


def kernel(sizes: Parameters) -> Matrix:
    """The tangent kernel's matrix of a network with drawn integer weights, at drawn points."""
    source = random.Random(sizes.seed)

    def vector() -> list[int]:
        return [source.randint(-4, 4) for _ in range(sizes.points)]

    weights, points = (
        [vector() for _ in range(sizes.width)],
        [vector() for _ in range(sizes.points)],
    )
    hidden = [
        [fmpq(max(0, sum(a * b for a, b in zip(w, x, strict=True)))) for w in weights]
        for x in points
    ]
    return [[dot(one, two) / sizes.width for two in hidden] for one in hidden]


def constants(k: Matrix) -> tuple[fmpq, fmpq]:
    """λ, by halving until the matrix allows it, and η = 1/trace."""
    rate, step = k[0][0], 1 / sum((k[i][i] for i in range(len(k))), fmpq(0))
    for _ in range(80):
        if decide_semidefinite(_shifted(k, rate)).witness is None:
            return rate, step
        rate /= 2
    raise ValueError("the drawn kernel matrix is singular: other weights are wanted")


def _shifted(k: Matrix, by: fmpq) -> Matrix:
    return [[entry - by * int(i == j) for j, entry in enumerate(row)] for i, row in enumerate(k)]


def definite(sizes: Parameters, share: fmpq | None) -> Finding:
    """Both matrices by exact LDLᵀ; None: with the least diagonal entry as λ."""
    k = kernel(sizes)
    rate, step = constants(k)
    chosen = min(k[i][i] for i in range(len(k))) if share is None else share * rate
    above = [[-entry for entry in row] for row in _shifted(k, 2 / step - chosen)]
    for name, whole in (("K - λ I", _shifted(k, chosen)), ("(2/η - λ) I - K", above)):
        witness = decide_semidefinite(whole).witness
        if witness is not None:
            point = ", ".join(map(str, witness))
            value = quadratic(whole, witness)
            said = f"λ = {chosen}: xᵀ({name})x = {evidence.shown(value)} at x = ({point})"
            return evidence.exact(False, counterexample=said)
    return evidence.exact(True, f"λ = {chosen}, η = {step}")


def iterates(sizes: Parameters) -> Finding:
    """Squared norms, exactly, from the vector of ones."""
    k = kernel(sizes)
    rate, step = constants(k)
    r: Vector = [fmpq(1)] * len(k)
    bound = dot(r, r)
    for number in range(1, sizes.steps + 1):
        r = [a - step * dot(row, r) for a, row in zip(r, k, strict=True)]
        bound *= (1 - step * rate) ** 2
        if dot(r, r) > bound:
            return evidence.exact(False, counterexample=f"‖r_{number}‖² = {dot(r, r)} > {bound}")
    return evidence.exact(True, f"1 - η λ = {evidence.shown(1 - step * rate)}")


THEOREM = Theorem(
    name="neural_tangent_kernel",
    title="the arc-cosine kernel, and gradient descent's rate by the tangent kernel's spectrum",
    statement=STATEMENT,
    proposal="antiderivatives; a kernel matrix of integer weights, λ by halving",
    source="Cho, Saul, Kernel methods for deep learning (2009); Jacot, Gabriel, Hongler, Neural "
    "tangent kernel (2018)",
    defaults=Parameters(),
    claims=claims,
    example="""\
u and v at a right angle: θ = π/2, the bracket is (π/2)·0 + 1 = 1, so the mean is 1/(2π). Opposite
vectors, θ = π: 0·(-1) + 0 = 0, as relu(t) relu(-t) = 0. Equal ones, θ = 0: π/(2π) = 1/2.""",
)
