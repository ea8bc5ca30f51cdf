"""Layers in symbols, before and behind a shift or an exchange: which commute with it.

May import: the gallery's parts; sympy on demand. Must not know: networks, files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from verifai.theorems import evidence
from verifai.theorems.claim import Finding


def convolution(length: int) -> Finding:
    """Both orders for every length and width, as polynomials in weights and inputs."""
    import sympy

    differences = []
    for n in range(3, length + 1):
        x, w = sympy.symbols(f"x:{n}"), sympy.symbols(f"w:{n}")
        for width in range(1, n + 1):
            one = _shifted(_convolved(w[:width], x))
            two = _convolved(w[:width], _shifted(x))
            differences += [a - b for a, b in zip(one, two, strict=True)]
    return evidence.identities(*differences)


def _convolved(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    n = len(x)
    return [sum(w[k] * x[(i + k) % n] for k in range(len(w))) for i in range(n)]


def _shifted(x: Sequence[Any]) -> list[Any]:
    return [x[-1], *x[:-1]]


def deep_sets(x: Sequence[Any]) -> list[Any]:
    """f(a x_i + b Σ x_j + c) for every i."""
    import sympy

    a, b, c = sympy.symbols("a b c")
    f = sympy.Function("f")
    return [f(a * each + b * sum(x) + c) for each in x]


def attention(x: Sequence[Any]) -> list[Any]:
    """The mean of v(x_j) with weights e^{s(x_i, x_j)}, for every i."""
    import sympy

    s, v = sympy.Function("s"), sympy.Function("v")
    found = []
    for query in x:
        weights = [sympy.exp(s(query, key)) for key in x]
        total = sum(w * v(each) for w, each in zip(weights, x, strict=True))
        found.append(total / sum(weights))
    return found


def exchanges(most: int, layer: Callable[[Sequence[Any]], list[Any]]) -> Finding:
    """The layer before and behind every exchange of neighbours."""
    import sympy

    differences = []
    for count in range(2, most + 1):
        x = list(sympy.symbols(f"x:{count}"))
        for i in range(count - 1):
            one, two = layer(_exchanged(x, i)), _exchanged(layer(x), i)
            differences += [a - b for a, b in zip(one, two, strict=True)]
    return evidence.identities(*differences)


def _exchanged(x: list[Any], i: int) -> list[Any]:
    return [*x[:i], x[i + 1], x[i], *x[i + 2 :]]


def padded(length: int) -> Finding:
    """No difference with the centre alone; and every other tap is a coefficient of a difference."""
    import sympy

    for n in range(3, length + 1):
        x = sympy.symbols(f"x:{n}")
        for width in range(3, n + 1, 2):
            taps = sympy.symbols(f"w:{width}")
            one, two = _shifted(_padded(taps, x)), _padded(taps, _shifted(x))
            gaps = [sympy.expand(a - b) for a, b in zip(one, two, strict=True)]
            others = [w for k, w in enumerate(taps) if k != width // 2]
            found = {gap.coeff(each) for gap in gaps for each in x}
            if any(gap.subs(dict.fromkeys(others, 0)) != 0 for gap in gaps):
                return evidence.exact(False, counterexample=f"n = {n}: the centre tap alone")
            free = [w for w in others if not {w, -w} & found]
            if free:
                return evidence.exact(False, counterexample=f"n = {n}: {free} may be anything")
    return evidence.exact(True, "every tap but the centre is the coefficient of some x_j alone")


def _padded(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    n, half = len(x), len(w) // 2
    taps = [(k - half, each) for k, each in enumerate(w)]
    return [sum(each * x[i + k] for k, each in taps if 0 <= i + k < n) for i in range(n)]


def strided(length: int) -> Finding:
    """Both orders for every even length, as polynomials."""
    import sympy

    differences = []
    for n in range(4, length + 1, 2):
        x, w = sympy.symbols(f"x:{n}"), sympy.symbols("w:3")
        one = _shifted(_convolved(w, x)[::2])
        two = _convolved(w, _shifted(_shifted(x)))[::2]
        differences += [a - b for a, b in zip(one, two, strict=True)]
    return evidence.identities(*differences)


def subsampled() -> Finding:
    """Every second value of four: the two orders, and an input at which they differ."""
    import sympy

    x = list(sympy.symbols("x:4"))
    one, two = _shifted(x[::2]), _shifted(x)[::2]
    differences = [sympy.expand(a - b) for a, b in zip(one, two, strict=True)]
    if all(d == 0 for d in differences):
        return evidence.exact(True)
    point = dict(zip(x, (1, 0, 0, 0), strict=True))
    here = [[each.subs(point) for each in side] for side in (one, two)]
    said = (
        f"x = (1, 0, 0, 0): first kept, then shifted {here[0]}; first shifted, then kept {here[1]}"
    )
    return evidence.exact(here[0] == here[1], counterexample=said)
