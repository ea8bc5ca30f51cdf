"""ReLU networks for exp and sin whose error falls like exp(-c √N) in the number of parameters N.

May import: the gallery's parts, kernel, symbolic; sympy on demand. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from math import isqrt

import numpy as np
from flint import arb, fmpq

from verifai.kernel.network import Network, Smooth
from verifai.kernel.number import nearest
from verifai.kernel.query import Query
from verifai.symbolic.line import Pieces, pieces
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
from verifai.theorems.construction import Recipe, exported, parameter_count, trained
from verifai.theorems.distance import extended, output, within
from verifai.theorems.taylor import (
    FUNCTIONS,
    MOST_DEGREE,
    coefficients,
    error_bound,
    horner_module,
    size,
)

ONE = fmpq(1)
CURVATURE = fmpq(3)  # |f''| on [-1, 1] is at most e < 3 for exp and 1 for sin
CELLS = 1 << 11  # in which errors are enclosed: off by CURVATURE/(8·1024²) at most
SAMPLES = 257
STATEMENT = """\
Let T be the Taylor polynomial of exp or sin of degree d at 0, its coefficients rounded to multiples
of 4^-d, evaluated by Horner's rule p_k = a_k + x p_{k+1} with the product network of theorem
yarotsky_product of depth d in place of each product. This is a ReLU network with
    N = (d - 1)(36 d + 6) + d + 1 ≤ 40 d²
parameters, and on [-1, 1] its distance from the function is at most
    ε(d) = (2(d - 1) + (d + 1)/2) 4^-d + 2/(d + 1)!.
For d ≥ 3 this is at most exp(-c √N) with c = 1/20.

Proof. |p_k| ≤ 2 for k ≥ 1 (not for k = 0: exp(1) > 2), so that x p = 2 x (p/2) is off by 2·4^-d;
there are d - 1 such products, and later factors |x| ≤ 1 do not enlarge errors. Rounded coefficients
add (d + 1)/2·4^-d and the remainder is at most Σ_{k > d} 1/k! ≤ 2/(d + 1)!. Let r(d) = ε(d), which
is (2.5 d - 1.5) 4^-d + 2/(d + 1)!. Then
r(3) ≤ (7/10)³ and r(d + 1) ≤ (7/10) r(d) for d ≥ 3, so that r(d) ≤ (7/10)^d; and
c √N ≤ √40 d/20 ≤ d log(10/7).
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    certified: int = parameter(3, "greatest degree whose bound the kernel certifies", 3, 4)
    enclosed: int = parameter(6, "greatest degree that is shown", 2, MOST_DEGREE)
    seed: int = parameter(0, "of trained networks")
    steps: int = parameter(400, "steps of Adam", 1, 100_000)


def function_query(function: str, degree: int, distance: fmpq) -> Query:
    """Is the exported network within the distance of the function on [-1, 1]?"""
    net = exported(horner_module(function, degree), 1)
    (source,) = net.inputs
    graph = extended(net, Smooth(f"{function} x", net.nodes[source].shape, source, function))
    form = {output(graph): 1, graph.value(len(graph.nodes) - 1, 0): -1}
    return within(graph, form, distance, ((-ONE, ONE),))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "rate",
        "ε(d) ≤ (7/10)^d, N ≤ 40 d² and √40/20 ≤ log(10/7), so ε(d) ≤ exp(-√N/20), for d ≥ 3.",
        rate,
    )
    for function in FUNCTIONS:
        for degree in range(2, sizes.certified + 1):
            yield evidence.to_decide(
                f"{function}-{degree}",
                f"The exported network of degree {degree} is within ε({degree}) = "
                f"{error_bound(degree)} of {function} on [-1, 1].",
                partial(function_query, function, degree, error_bound(degree)),
            )
    yield Claim(
        "factors",
        "For k ≥ 1 all p_k, errors included, are at most 2 in size: for every degree d ≥ 2.",
        partial(factors, 1),
    )
    yield Claim(
        "all-factors", "The same for k ≥ 0, p_0 included.", partial(factors, 0), role=Role.CONTROL
    )
    for function in FUNCTIONS:
        for degree in range(sizes.certified + 1, sizes.enclosed + 1):
            yield Claim(
                f"{function}-{degree}",
                f"The exported network of degree {degree} is within ε({degree}) = "
                f"{error_bound(degree)} of {function} on [-1, 1], by its exact pieces.",
                partial(within_bound, function, degree, degree),
            )
    for degree in range(sizes.certified + 1, sizes.enclosed + 1):
        yield Claim(
            f"lower-{degree}",
            f"The exported network of degree {degree - 1} is within ε({degree}) of exp on [-1, 1].",
            partial(within_bound, "exp", degree - 1, degree),
            role=Role.CONTROL,
        )
    degree = sizes.certified
    yield evidence.to_decide(
        "lower",
        f"The exported network of degree {degree - 1} is within ε({degree}) of exp on [-1, 1].",
        partial(function_query, "exp", degree - 1, error_bound(degree)),
        role=Role.CONTROL,
    )
    for function in FUNCTIONS:
        yield Claim(
            f"table-{function}",
            f"Enclosed sup errors for {function} on [-1, 1], constructed and trained networks of "
            "about the same number of parameters.",
            partial(tabulate, function, sizes),
            role=Role.MEASUREMENT,
        )


def rate() -> Finding:
    """The start, the step and the constants of the induction, in exact arithmetic."""
    import sympy

    d = sympy.Symbol("d", integer=True, positive=True)
    main, least = sympy.Rational(5, 2) * d - sympy.Rational(3, 2), 3
    grows = sympy.Rational(7, 10) * 4 * main - main.subs(d, d + 1)
    remainder = sympy.Rational(7, 10) * (d + 2) - 1
    parameters = 40 * d**2 - ((d - 1) * (36 * d + 6) + d + 1)
    shifted = [sympy.Poly(e.subs(d, d + least), d) for e in (grows, remainder, parameters)]
    steps = all(c >= 0 for poly in shifted for c in poly.all_coeffs())
    start = error_bound(least) <= fmpq(7, 10) ** least
    constant = bool(arb(40).sqrt() / 20 < (arb(10) / 7).log())
    sizes = all(size(k) == (k - 1) * (36 * k + 6) + k + 1 for k in range(2, MOST_DEGREE + 1))
    shown = f"step {steps}, start {start}, constant {constant}, sizes {sizes}"
    holds = steps and start and constant and sizes
    return evidence.exact(holds, shown, counterexample=shown)


def factors(least: int) -> Finding:
    """Σ_{j ≥ k} |a_j| and the products' errors, for exp, whose coefficients are the largest.

    For degrees up to MOST_DEGREE with the coefficients themselves; for d ≥ 3 and k ≥ 1 they add up
    to at most e - 1 and d/2·4^-d, the errors to (d - 1)·2·4^-d, and (5/2) d 4^-d falls in d.
    """
    for degree in range(2, MOST_DEGREE + 1):
        sizes = [abs(c) for c in coefficients("exp", degree)]
        for k in range(least, degree):
            most = sum(sizes[k:], fmpq(0)) + fmpq(2 * (degree - 1 - k), 4**degree)
            if most > 2:
                value = sum(sizes[k:], fmpq(0))
                shown = f"degree {degree}: p_{k}(1) is {value} without errors"
                return evidence.exact(value <= 2, counterexample=shown)
    rest = fmpq(5 * 3, 2 * 4**3)
    holds = bool(arb(1).exp() - 1 + arb(rest) <= 2)
    return evidence.exact(holds, f"(e - 1) + {rest} ≤ 2 for d ≥ 3", counterexample=str(rest))


@cache
def _constructed(function: str, degree: int) -> tuple[fmpq, fmpq]:
    return enclosed(exported(horner_module(function, degree), 1), function)


def within_bound(function: str, degree: int, claimed: int) -> Finding:
    """Is the network of this degree within ε(claimed)? Decided where the enclosure does."""
    (low, high), bound = _constructed(function, degree), error_bound(claimed)
    ends = f"between {nearest(low):.6g} and {nearest(high):.6g}"
    shown = f"sup error {ends}, ε = {nearest(bound):.6g}"
    if high <= bound:
        return evidence.exact(True, shown)
    line = pieces(exported(horner_module(function, degree), 1), lower=-ONE, upper=ONE)
    errors = ((_error(line, fmpq(i, 32), function)[0], i) for i in range(-32, 33))
    error, place = max(errors)
    if error <= bound:
        return Finding(Outcome.OPEN, Trust.EXACT, shown)
    said = f"at x = {fmpq(place, 32)} the error is more than {nearest(error):.6g}"
    return evidence.exact(False, shown, counterexample=said)


def enclosed(net: Network, function: str) -> tuple[fmpq, fmpq]:
    """A lower and an upper bound of sup |N - f| on [-1, 1], from exact pieces.

    At cell ends the error is enclosed by ball arithmetic. Between neighbouring ends a < b, among
    which are all breakpoints, N is affine, so that N - f is off its chord by CURVATURE (b - a)²/8.
    """
    line = pieces(net, lower=-ONE, upper=ONE)
    grid = {fmpq(2 * i, CELLS) - 1 for i in range(CELLS + 1)}
    low = high = fmpq(0)
    for x in sorted(grid | set(line.breakpoints)):
        least, most = _error(line, x, function)
        low, high = max(low, least), max(high, most)
    return low, high + CURVATURE / 8 * fmpq(2, CELLS) ** 2


def _error(line: Pieces, x: fmpq, function: str) -> tuple[fmpq, fmpq]:
    """Bounds of |N(x) - f(x)|."""
    ball = abs(getattr(arb(x), function)() - arb(line(x)))
    return _dyadic(ball.abs_lower()), _dyadic(ball.abs_upper())


def _dyadic(number: arb) -> fmpq:
    """The exact value of a ball without radius."""
    mantissa, exponent = number.mid().man_exp()
    return fmpq(mantissa) * fmpq(2) ** int(exponent)


def width_for(parameters: int) -> int:
    """The w for which 1 → w → w → 1 has about this many parameters, w² + 4w + 1."""
    return max(1, isqrt(parameters + 3) - 2)


def tabulate(function: str, sizes: Parameters) -> Finding:
    """Errors of both kinds of networks over their sizes."""
    grid = np.linspace(-1, 1, SAMPLES)[:, None]
    targets = np.exp(grid) if function == "exp" else np.sin(grid)
    rows, built, found = [], [], []
    for degree in range(2, sizes.enclosed + 1):
        error = _constructed(function, degree)[1]
        width = width_for(size(degree))
        module = trained(Recipe((1, width, width, 1), sizes.seed, sizes.steps), grid, targets)
        low, high = enclosed(exported(module, 1), function)
        count = parameter_count(module)
        built.append((float(size(degree)), nearest(error)))
        found.append((float(count), nearest(high)))
        numbers = (str(degree), str(size(degree)), f"{nearest(error):.3e}")
        rows.append((*numbers, str(count), f"{nearest(low):.3e} to {nearest(high):.3e}"))
    headings = ("degree", "parameters", "constructed ≤", "parameters", "trained")
    curves = (Curve("constructed", tuple(built)), Curve("trained by Adam", tuple(found)))
    title = f"{function} on [-1, 1]"
    return evidence.measured(
        f"seed {sizes.seed}, {sizes.steps} steps of Adam on {SAMPLES} points",
        table=Table(headings, tuple(rows)),
        plot=Plot(title, "parameters", "sup error", curves, is_log_y=True),
    )


THEOREM = Theorem(
    name="smooth_functions",
    title="ReLU nets for exp and sin on [-1, 1] with error ≤ exp(-√N/20) in N parameters",
    statement=STATEMENT,
    proposal="Taylor polynomials by Horner's rule with product networks, exported by torch; "
    "networks of equal size trained by Adam",
    source="Yarotsky, Error bounds for approximations with deep ReLU networks, Neural Networks 94 "
    "(2017); E and Wang, Exponential convergence of the deep neural network approximation for "
    "analytic functions, 2018",
    defaults=Parameters(),
    claims=claims,
    example="""\
d = 2, exp: p = 1 + x (1 + x/2), with one product network of depth 2. At x = 1 it is 5/2 in place of
2.718: an error of 0.218, below ε(2) = 53/96.""",
)
