"""The two functions of a lecture on backpropagation, `ForwardNN` and `BackwardNN`, in rationals.

With them in floating point networks are trained; here every number is exact, so that what they
return can be compared with the derivative itself.

May import: the gallery's parts. Must not know: claims of other theorems.

Source: the listing of Peyré's lectures on the mathematics of neural networks.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from flint import fmpq, fmpq_mat

from verifai.theorems import evidence
from verifai.theorems.claim import Finding
from verifai.theorems.exact_linear import matrix, rows_of

STEP = fmpq(1, 1 << 30)  # within which no phase changes
WIDTHS = (3, 4, 3, 2)
SAMPLES = 2


@dataclass(frozen=True, slots=True)
class Gradients:
    """Of the loss: one matrix a layer for the weights, one column for the biases."""

    weights: list[fmpq_mat]
    biases: list[fmpq_mat]


def _mapped(x: fmpq_mat, y: fmpq_mat) -> fmpq_mat:
    """The entries of y where those of x are positive, 0 elsewhere: ρ'(x)·y for relu."""
    pairs = [zip(a, b, strict=True) for a, b in zip(rows_of(x), rows_of(y), strict=True)]
    return matrix([[b if a > 0 else fmpq(0) for a, b in row] for row in pairs])


def _tiled(b: fmpq_mat, count: int) -> fmpq_mat:
    return matrix([row * count for row in rows_of(b)])


def forward_nn(a: Sequence[fmpq_mat], b: Sequence[fmpq_mat], z: fmpq_mat) -> list[fmpq_mat]:
    """The states X_0 = Z, X_{r+1} = ρ(A_r X_r + b_r), ρ = relu; one column a sample."""
    x = [z]
    for weight, bias in zip(a, b, strict=True):
        before = weight * x[-1] + _tiled(bias, z.ncols())
        x.append(_mapped(before, before))
    return x


def backward_nn(
    a: Sequence[fmpq_mat], b: Sequence[fmpq_mat], x: Sequence[fmpq_mat], y: fmpq_mat
) -> Gradients:
    """The gradients of L = |X_R - Y|²/2 for all A_r and b_r, from the last layer to the first."""
    found = Gradients([], [])
    g = x[-1] - y
    for weight, bias, state in zip(reversed(a), reversed(b), reversed(x[:-1]), strict=True):
        m = _mapped(weight * state + _tiled(bias, y.ncols()), g)
        g = weight.transpose() * m
        found.weights.insert(0, m * state.transpose())
        found.biases.insert(0, matrix([[sum(row, fmpq(0))] for row in rows_of(m)]))
    return found


def loss(x: fmpq_mat, y: fmpq_mat) -> fmpq:
    """|X - Y|²/2."""
    return sum((e * e for row in rows_of(x - y) for e in row), fmpq(0)) / 2


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A drawn network with data."""

    a: list[fmpq_mat]
    b: list[fmpq_mat]
    z: fmpq_mat
    y: fmpq_mat


def _case(seed: int) -> _Case:
    source = random.Random(f"sweeps {seed}")

    def drawn(rows: int, columns: int) -> fmpq_mat:
        return matrix(
            [[fmpq(source.randint(-9, 9), 4) for _ in range(columns)] for _ in range(rows)]
        )

    shapes = list(pairwise(WIDTHS))
    a, b = [drawn(n, m) for m, n in shapes], [drawn(n, 1) for _, n in shapes]
    return _Case(a, b, drawn(WIDTHS[0], SAMPLES), drawn(WIDTHS[-1], SAMPLES))


def _slope(case: _Case, place: tuple[int, int, int], *, is_bias: bool) -> fmpq | None:
    """The exact derivative for one entry; None where a phase changes within STEP.

    With fixed phases X_R is affine in one entry, so the loss is quadratic in it and its central
    difference is the derivative.
    """
    r, i, j = place
    values, phases = [], []
    for sign in (-1, 1):
        whole = [matrix(rows_of(each)) for each in (case.b if is_bias else case.a)]
        whole[r][i, j] += sign * STEP
        a, b = (case.a, whole) if is_bias else (whole, case.b)
        states = forward_nn(a, b, case.z)
        values.append(loss(states[-1], case.y))
        phases.append([[e > 0 for row in rows_of(x) for e in row] for x in states[1:]])
    return (values[1] - values[0]) / (2 * STEP) if phases[0] == phases[1] else None


def listed(count: int) -> Finding:
    """All entries of all gradients of drawn networks against exact derivatives."""
    compared = 0
    for seed in range(count):
        case = _case(seed)
        states = forward_nn(case.a, case.b, case.z)
        found = backward_nn(case.a, case.b, states, case.y)
        for is_bias, gradients in ((False, found.weights), (True, found.biases)):
            for r, gradient in enumerate(gradients):
                for i, row in enumerate(rows_of(gradient)):
                    for j, ours in enumerate(row):
                        exact = _slope(case, (r, i, j), is_bias=is_bias)
                        compared += exact is not None and exact != 0
                        if exact is not None and exact != ours:
                            name = "b" if is_bias else "A"
                            said = f"network {seed}, {name}_{r}[{i}, {j}]: {ours}, not {exact}"
                            return evidence.exact(False, counterexample=said)
    said = f"{compared} entries that are not 0, all equal"
    return evidence.exact(compared > 0, said, counterexample="no entry was compared")


def at_the_knot() -> Finding:
    """One neuron relu(w) at w = 0 with y = 1: the slopes on both sides differ."""
    one, zero = matrix([[1]]), matrix([[0]])
    states = forward_nn([zero], [zero], one)
    ours = backward_nn([zero], [zero], states, one).weights[0][0, 0]
    sides = [
        (loss(forward_nn([one * w], [zero], one)[-1], one) - loss(states[-1], one)) / w
        for w in (STEP, -STEP)
    ]
    said = f"relu(w) at w = 0, y = 1: it says {ours}; the slopes are {sides[1]} and {sides[0]}"
    return evidence.exact(sides[0] == sides[1] == ours, counterexample=said)
