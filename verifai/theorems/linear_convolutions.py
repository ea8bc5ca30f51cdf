"""Linear convolutional networks: which filters are filters one behind the other.

May import: the gallery's parts; sympy on demand. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
    CoqProof,
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
A filter (p, q) of width 2 is the binary form p x + q y; filters one behind the other multiply.
1. Two filters of width 2 give exactly the forms a x² + b x y + c y² with b² - 4 a c ≥ 0.
2. Three of width 2 give exactly the cubic forms of discriminant ≥ 0.
3. One of width 2 and one of width 3 give all cubic forms.
4. Gradient flow on any loss of the composed filter conserves ‖w₁‖² - ‖w₂‖².

Proof. 1. (p x + q y)(r x + s y) has discriminant (p s - q r)². Back, with t² = b² - 4 a c,
4 a F = (2 a x + (b + t) y)(2 a x + (b - t) y); and F = y (b x + c y) where a = 0. 2. The
discriminant of a product of linear forms is a product of squares. Back: a cubic form has a real
linear factor (its degree is odd); with two complex conjugate roots its discriminant is negative.
3. The same factor, divided out. 4. For the composed filter u and g = ∂L/∂u, w₁·∂L/∂w₁ = g·u =
   w₂·∂L/∂w₂.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    steps: int = parameter(60, "steps of the drawn trajectories", 1, 10_000)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim("two", "The discriminant of the product of two filters is (p s - q r)².", two)
    yield Claim(
        "back", "4 a F = (2 a x + (b + t) y)(2 a x + (b - t) y) where t² = b² - 4 a c.", back
    )
    yield Claim(
        "three",
        "The discriminant of three filters' product is a product of squares; that of a cubic form "
        "with two conjugate roots is -4 a⁴ w² ((u - v)² + w²)², negative for a, w ≠ 0.",
        three,
    )
    yield Claim(
        "all-cubics", "A cubic form with F(u, 1) = 0 is x - u y times a quadratic one.", all_cubics
    )
    yield Claim("conserved", "w₁·∂L/∂w₁ = w₂·∂L/∂w₂, for widths 2, 2 and 2, 3.", conserved)
    yield Claim(
        "trajectories",
        "Where gradient descent on the distance to three forms goes (a drawing).",
        partial(trajectories, sizes.steps),
        role=Role.MEASUREMENT,
    )
    yield Claim(
        "circle",
        "x² + y² is a product of two real filters.",
        partial(is_product, 1, 0, 1),
        role=Role.CONTROL,
    )
    yield Claim(
        "near-square",
        "x² + 2 x y + (1 + 2^-20) y² is a product of two real filters.",
        partial(is_product, 1 << 20, 2 << 20, (1 << 20) + 1),
        role=Role.CONTROL,
    )
    yield Claim("cubic", "x³ + x y² is a product of three real filters.", cubic, role=Role.CONTROL)


def two() -> Finding:
    """An identity of polynomials."""
    import sympy

    p, q, r, s = sympy.symbols("p q r s")
    a, b, c = p * r, p * s + q * r, q * s
    return evidence.identities(b**2 - 4 * a * c - (p * s - q * r) ** 2)


def back() -> Finding:
    """The factors, for a ≠ 0 and for a = 0."""
    import sympy

    a, b, c, t, x, y = sympy.symbols("a b c t x y")
    form = a * x**2 + b * x * y + c * y**2
    left = 4 * a * form - (2 * a * x + (b + t) * y) * (2 * a * x + (b - t) * y)
    rest = sympy.expand(left).subs(c, (b**2 - t**2) / (4 * a))
    return evidence.identities(rest, form.subs(a, 0) - y * (b * x + c * y))


def _discriminant(a: Any, b: Any, c: Any, d: Any) -> Any:
    return b**2 * c**2 - 4 * a * c**3 - 4 * b**3 * d - 27 * a**2 * d**2 + 18 * a * b * c * d


def _coefficients(form: Any, x: Any, y: Any) -> list[Any]:
    import sympy

    whole = sympy.Poly(sympy.expand(form), x, y)
    return [whole.coeff_monomial(x ** (3 - k) * y**k) for k in range(4)]


def three() -> Finding:
    """Both discriminants."""
    import sympy

    x, y = sympy.symbols("x y")
    p = sympy.symbols("p:6")
    lines = [p[2 * i] * x + p[2 * i + 1] * y for i in range(3)]
    one = _discriminant(*_coefficients(lines[0] * lines[1] * lines[2], x, y))
    pairs = ((0, 1), (0, 2), (1, 2))
    square = sympy.prod([p[2 * i] * p[2 * j + 1] - p[2 * i + 1] * p[2 * j] for i, j in pairs]) ** 2
    a, u, v, w = sympy.symbols("a u v w")
    conjugate = a * (x - u * y) * ((x - v * y) ** 2 + w**2 * y**2)
    two_roots = _discriminant(*_coefficients(conjugate, x, y))
    return evidence.identities(
        one - square, two_roots + 4 * a**4 * w**2 * ((u - v) ** 2 + w**2) ** 2
    )


def all_cubics() -> Finding:
    """Division by the factor, whose remainder is F(u, 1) y³; and the case without x³."""
    import sympy

    a, b, c, d, u, x, y = sympy.symbols("a b c d u x y")
    form = a * x**3 + b * x**2 * y + c * x * y**2 + d * y**3
    rest = a * x**2 + (a * u + b) * x * y + (a * u**2 + b * u + c) * y**2
    value = a * u**3 + b * u**2 + c * u + d
    return evidence.identities(
        form - (x - u * y) * rest - value * y**3,
        form.subs(a, 0) - y * (b * x**2 + c * x * y + d * y**2),
    )


def conserved() -> Finding:
    """For symbolic gradients g of the loss by the composed filter."""
    import sympy

    found = []
    for width in (2, 3):
        v, w = sympy.symbols("v:2"), sympy.symbols(f"w:{width}")
        g = sympy.symbols(f"g:{width + 1}")
        loss = sum(g[i + j] * v[i] * w[j] for i in range(2) for j in range(width))
        sides = (sum(each * sympy.diff(loss, each) for each in group) for group in (v, w))
        found.append(next(sides) - next(sides))
    return evidence.identities(*found)


def is_product(a: int, b: int, c: int) -> Finding:
    """By the sign of the discriminant."""
    value = b * b - 4 * a * c
    said = f"b² - 4 a c = {value}, and (p s - q r)² is not negative"
    return evidence.exact(value >= 0, counterexample=said)


def cubic() -> Finding:
    """The same for a cubic form."""
    value = _discriminant(1, 0, 1, 0)
    return evidence.exact(value >= 0, counterexample=f"its discriminant is {value}")


def trajectories(steps: int) -> Finding:
    """Gradient descent in floating point, seen in the plane of a and c; b is not drawn."""
    curves = []
    for number, target in enumerate(((1.0, 0.0, 1.0), (1.0, 1.0, 1.0), (-1.0, 0.5, 1.0))):
        v, w = [1.0, 0.2], [0.3, 0.9]
        points = []
        for _ in range(steps):
            out = (v[0] * w[0], v[0] * w[1] + v[1] * w[0], v[1] * w[1])
            points.append((out[0], out[2]))
            g = [2 * (o - t) for o, t in zip(out, target, strict=True)]
            dv = [g[0] * w[0] + g[1] * w[1], g[1] * w[0] + g[2] * w[1]]
            dw = [g[0] * v[0] + g[1] * v[1], g[1] * v[0] + g[2] * v[1]]
            v = [a - 0.05 * b for a, b in zip(v, dv, strict=True)]
            w = [a - 0.05 * b for a, b in zip(w, dw, strict=True)]
        a, b, c = target
        curves.append(Curve(f"to {a:g} x² + {b:g} x y + {c:g} y²", tuple(points)))
        curves.append(Curve(f"target {number + 1}", ((a, c),), False))
    plot = Plot("gradient descent in the cone b² ≥ 4 a c", "a", "c", tuple(curves))
    said = f"{len(curves) // 2} trajectories of {steps} steps, in floating point, for the eye"
    return Finding(Outcome.MEASURED, Trust.SAMPLED, said, plot=plot)


THEOREM = Theorem(
    name="linear_convolutions",
    title="two filters of width 2 give exactly the quadratic forms of discriminant ≥ 0",
    statement=STATEMENT,
    proposal="factors by the formula for quadratic equations",
    source="Kohn, Merkh, Montúfar, Trager, Geometry of linear convolutional networks (2022), "
    "arXiv:2108.01538",
    defaults=Parameters(),
    claims=claims,
    proved=CoqProof(
        "LinearConvolutions.v",
        "linear_convolutions",
        "parts 1 to 4, for all real numbers: which filters are filters one behind the other, and "
        "what gradient flow conserves",
    ),
    example="""\
(x + 2 y)(3 x - y) = 3 x² + 5 x y - 2 y²: b² - 4 a c = 25 + 24 = 49 = (1·(-1) - 2·3)². Back, t = 7
and 12 F = (6 x + 12 y)(6 x - 2 y). But x² + y² has -4: no two real filters make it.""",
)
