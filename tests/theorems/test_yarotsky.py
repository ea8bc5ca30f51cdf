"""Yarotsky's networks compute what the theorems say, and the recursion check sees what is wrong."""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import fmpq

from verifai.kernel.replay import evaluate
from verifai.proof.record import sharpened
from verifai.theorems import evidence
from verifai.theorems.claim import Outcome
from verifai.theorems.construction import exported, relu_network
from verifai.theorems.distance import output
from verifai.theorems.product_proof import ProductRecords
from verifai.theorems.yarotsky_product import product_module, product_query
from verifai.theorems.yarotsky_square import layers, weights


def tooth(x: Fraction) -> Fraction:
    return 2 * min(x, 1 - x)


def recursion(m: int, x: Fraction) -> Fraction:
    total, g = x, x
    for s in range(1, m + 1):
        g = tooth(g)
        total -= g / 4**s
    return total


@pytest.mark.parametrize("m", [1, 2, 5])
def test_the_network_is_the_recursion(m: int) -> None:
    net = relu_network(layers(m))
    for k in range(18):
        x = Fraction(k, 17)
        low, high = evaluate(net, [fmpq(k, 17)])
        want = recursion(m, x)
        assert low[-1] == high[-1] == fmpq(want.numerator, want.denominator)


def test_layers_that_are_wrong_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from verifai.theorems import yarotsky_square

    assert weights(4).outcome is Outcome.PROVED
    wrong = lambda m: layers(m, last=4.0**-m * 2)  # noqa: E731
    monkeypatch.setattr(yarotsky_square, "layers", wrong)
    assert weights(4).outcome is Outcome.REFUTED


@pytest.mark.parametrize("m", [1, 3])
def test_the_product_is_two_squares_apart(m: int) -> None:
    net = exported(product_module(m), 2)
    for i in range(-3, 4):
        for j in range(-3, 4):
            x, y = Fraction(i, 3), Fraction(j, 3)
            parts = [recursion(m, abs(v) / 2) for v in (x + y, x, y)]
            want = 2 * (parts[0] - parts[1] - parts[2])
            low, _ = evaluate(net, [fmpq(i, 3), fmpq(j, 3)])
            assert low[output(net)] == fmpq(want.numerator, want.denominator)
            assert abs(want - x * y) <= Fraction(1, 4**m)


def test_the_certificate_by_hand_proves_nothing_closer() -> None:
    closer = fmpq(1, 4) * (1 - fmpq(1, 1 << 20))
    for distance, outcome in ((fmpq(1, 4), Outcome.PROVED), (closer, Outcome.OPEN)):
        query = product_query(1, distance)
        records = sharpened(ProductRecords(query, 1).records())
        assert evidence.accepted(query, records).outcome is outcome
