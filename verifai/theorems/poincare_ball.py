"""The Poincaré disc: its addition, its distance and its curvature -1.

May import: the gallery's parts; sympy on demand. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Role, Theorem, parameter

STATEMENT = """\
On the unit disc of complex numbers let
    a ⊕ b = (a + b)/(1 + āb),  λ(x) = 2/(1 - |x|²),  d(x, y) = 2 artanh |(-x) ⊕ y|.
1. a ⊕ b lies in the disc: 1 - |a ⊕ b|² = (1 - |a|²)(1 - |b|²)/|1 + āb|². (-a) ⊕ (a ⊕ b) = b.
2. x ↦ a ⊕ x keeps d: |(-(a ⊕ x)) ⊕ (a ⊕ y)| = |(-x) ⊕ y|.
3. d is the distance of the metric λ²|dx|²: along a diameter d(0, r) = ∫ λ = 2 artanh r.
4. The curvature -Δ log λ/λ² is -1.
⊕ is not commutative: a ⊕ b and b ⊕ a have equal size and differ by a rotation.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    denominator: int = parameter(2, "of the numbers at which the controls are refuted", 2, 100)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim("inside", "1 - |a ⊕ b|² = (1 - |a|²)(1 - |b|²)/|1 + āb|².", inside)
    yield Claim("cancels", "(-a) ⊕ (a ⊕ b) = b.", cancels)
    yield Claim("isometry", "|(-(a ⊕ x)) ⊕ (a ⊕ y)|² = |(-x) ⊕ y|².", isometry)
    yield Claim("length", "2 artanh r has the derivative λ(r), and is 0 at 0.", length)
    yield Claim("curvature", "-Δ log λ/λ² = -1 for λ = 2/(1 - |x|²).", partial(curvature, -1))
    yield Claim("rotation", "|a ⊕ b|² = |b ⊕ a|².", rotation)
    yield Claim(
        "other-sign",
        "λ = 2/(1 + |x|²) has curvature -1 too.",
        partial(curvature, 1),
        role=Role.CONTROL,
    )
    yield Claim(
        "commutative",
        "a ⊕ b = b ⊕ a.",
        partial(commutative, sizes.denominator),
        role=Role.CONTROL,
    )
    yield Claim(
        "half",
        "artanh |(-x) ⊕ y|, without the factor 2, is the distance of λ²|dx|².",
        partial(length, 1),
        role=Role.CONTROL,
    )


Pair = tuple[Any, Any]  # a number and its conjugate, as if they were two


def plus(a: Pair, b: Pair) -> Pair:
    """a ⊕ b."""
    return (a[0] + b[0]) / (1 + a[1] * b[0]), (a[1] + b[1]) / (1 + a[0] * b[1])


def _minus(a: Pair) -> Pair:
    return (-a[0], -a[1])


def _square(a: Pair) -> Any:
    return a[0] * a[1]


def _symbols(names: str) -> list[Pair]:
    import sympy

    return [tuple(sympy.symbols(f"{name} {name}_bar")) for name in names]


def _zero(*differences: Any) -> Finding:
    """Rational functions that must vanish: their numerators after cancelling.

    What vanishes for all numbers and conjugates, taken as independent, vanishes for real ones.
    """
    import sympy

    return evidence.identities(*(sympy.numer(sympy.together(each)) for each in differences))


def inside() -> Finding:
    """An identity of rational functions."""
    a, b = _symbols("ab")
    size = (1 + a[1] * b[0]) * (1 + a[0] * b[1])
    return _zero(1 - _square(plus(a, b)) - (1 - _square(a)) * (1 - _square(b)) / size)


def cancels() -> Finding:
    """Both parts."""
    a, b = _symbols("ab")
    found = plus(_minus(a), plus(a, b))
    return _zero(found[0] - b[0], found[1] - b[1])


def isometry() -> Finding:
    """With w = (-x) ⊕ y, so that y = x ⊕ w: a ⊕ (x ⊕ w) = (a ⊕ x) ⊕ g w, where g has size 1.

    So (-(a ⊕ x)) ⊕ (a ⊕ y) = g w, by part 1, which has the size of w.
    """
    a, x, w = _symbols("axw")
    g = (1 + a[0] * x[1]) / (1 + a[1] * x[0])
    turned = (g * w[0], w[1] / g)
    one, two = plus(a, plus(x, w)), plus(plus(a, x), turned)
    turn_bar = (1 + a[1] * x[0]) / (1 + a[0] * x[1])
    return _zero(g * turn_bar - 1, one[0] - two[0], one[1] - two[1])


def length(factor: int = 2) -> Finding:
    """The derivative of factor·artanh r against λ."""
    import sympy

    r = sympy.Symbol("r")
    found = sympy.diff(factor * sympy.atanh(r), r)
    return _zero(found - 2 / (1 - r**2), sympy.atanh(0))


def curvature(sign: int) -> Finding:
    """Of the metric λ²|dx|² with λ = 2/(1 + sign·|x|²)."""
    import sympy

    x, y = sympy.symbols("x y")
    scale = 2 / (1 + sign * (x**2 + y**2))
    second = [sympy.diff(sympy.diff(scale, v) / scale, v) for v in (x, y)]
    found = sympy.cancel(-(second[0] + second[1]) / scale**2)
    return evidence.exact(found == -1, f"curvature {found}", counterexample=f"it is {found}")


def rotation() -> Finding:
    """Equal sizes."""
    a, b = _symbols("ab")
    return _zero(_square(plus(a, b)) - _square(plus(b, a)))


def commutative(denominator: int) -> Finding:
    """At 1/n and i/n."""
    import sympy

    part = sympy.Rational(1, denominator)
    a, b = (part, part), (sympy.I * part, -sympy.I * part)
    one, two = (sympy.expand_complex(plus(*p)[0]) for p in ((a, b), (b, a)))
    said = f"a = {part}, b = i {part}: a ⊕ b = {one}, b ⊕ a = {two}"
    return evidence.exact(one == two, counterexample=said)


THEOREM = Theorem(
    name="poincare_ball",
    title="the Poincaré disc: addition, distance 2 artanh |(-x) ⊕ y|, curvature -1",
    statement=STATEMENT,
    proposal="rational functions of numbers and their conjugates",
    source="Ganea, Bécigneul, Hofmann, Hyperbolic neural networks (2018); Ungar (2008)",
    defaults=Parameters(),
    claims=claims,
    example="""\
1/2 ⊕ 1/2 = 1/(1 + 1/4) = 4/5 and 4/5 ⊕ 1/2 = 1.3/1.4 = 13/14: steps of one length, d = 2 artanh ½
= log 3, never reach the rim. With b = i/2: 1/2 ⊕ b = (1/2 + i/2)/(1 + i/4) = (10 + 6 i)/17, b ⊕
1/2 = (6 + 10 i)/17.""",
)
