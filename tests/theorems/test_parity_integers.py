"""Where a piecewise-linear function first decides an integer wrongly beyond its last breakpoint."""

from __future__ import annotations

import pytest
from flint import fmpq

from verifai.symbolic.census import counterexamples
from verifai.symbolic.line import Pieces, pieces
from verifai.theorems.claim import Outcome
from verifai.theorems.construction import Recipe, exported, relu_network, trained
from verifai.theorems.parity_integers import (
    digits_query,
    first_wrong,
    is_right,
    layers,
    one_beyond,
    sawtooth,
)


def test_the_rule() -> None:
    assert is_right(fmpq(1, 2), 4) and not is_right(fmpq(1, 2), 3)
    assert is_right(fmpq(2, 3), 3) and not is_right(fmpq(2, 3), 4)


@pytest.mark.parametrize(
    ("slope", "offset", "wrong"), [(0, 0, 1), (0, 1, 0), (1, 0, 2), (-1, 2, 0), (1, -1, 1)]
)
def test_an_affine_function_is_wrong_soon(slope: int, offset: int, wrong: int) -> None:
    line = Pieces(None, None, (), (fmpq(slope),), fmpq(offset))
    assert first_wrong(line) == (0, wrong)


def test_two_beyond_is_sharp() -> None:
    found = one_beyond()
    assert found.outcome is Outcome.REFUTED
    assert "h(2) = 2" in found.counterexample


@pytest.mark.parametrize("folds", [1, 3])
def test_the_sawtooth_is_right_up_to_its_end(folds: int) -> None:
    line, most = pieces(relu_network(layers(folds))), 1 << folds
    assert all(is_right(line(fmpq(m)), m) for m in range(most + 1))
    start, wrong = first_wrong(line)
    assert wrong is not None and wrong > most and start >= most - 1
    assert sawtooth(folds).outcome is Outcome.REFUTED


def test_digits_are_counted_as_by_brute_force() -> None:
    digits = [[float(a), float(b)] for a in range(10) for b in range(10)]
    odd = [[float(b % 2)] for _ in range(10) for b in range(10)]
    net = exported(trained(Recipe((2, 6, 1), 1, 50), digits, odd), 2)
    from verifai.kernel.replay import evaluate

    wrong = set()
    for a, b in digits:
        low, _ = evaluate(net, [fmpq(int(a)), fmpq(int(b))])
        if not is_right(low[-1], int(b)):
            wrong.add((int(a), int(b)))
    found = counterexamples(digits_query(net))
    assert {(int(p[0].p), int(p[1].p)) for p in found} == wrong
    assert wrong
