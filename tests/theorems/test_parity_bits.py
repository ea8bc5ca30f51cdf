"""The short certificate for parity, and the exact count of a trained network's mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from flint import fmpq

from verifai.proof.record import Close
from verifai.symbolic.census import counterexamples
from verifai.theorems import evidence
from verifai.theorems.claim import Outcome
from verifai.theorems.construction import Recipe, exported, trained
from verifai.theorems.parity_bits import short_proof, vectors, wrong_query
from verifai.theorems.parity_fold import fold_query, largest_delta, tight_query
from verifai.theorems.parity_proof import layout, records


@pytest.mark.parametrize("bits", [2, 3, 5, 8, 13])
def test_the_short_certificate_is_accepted(bits: int) -> None:
    delta = largest_delta(bits)
    assert short_proof(fold_query(bits, delta), bits, delta).outcome is Outcome.PROVED


@pytest.mark.parametrize("bits", [2, 3, 5, 8, 13])
def test_nothing_is_spared_at_one_over_two_n(bits: int) -> None:
    delta = fmpq(1, 2 * bits)
    assert short_proof(tight_query(bits, delta), bits, delta).outcome is Outcome.PROVED
    assert short_proof(fold_query(bits, delta), bits, delta).outcome is Outcome.OPEN
    more = delta * (1 + fmpq(1, 1 << 20))
    assert short_proof(tight_query(bits, more), bits, more).outcome is Outcome.OPEN


@pytest.mark.parametrize("bits", [2, 7, 64])
def test_its_leaves_grow_with_the_bits(bits: int) -> None:
    query = fold_query(bits, largest_delta(bits))
    k, r = (query.network.value(node, 0) for node in (2, 3))
    tree = records(layout(query.network, k, r, bits, largest_delta(bits)))
    leaves = sum(isinstance(record, Close) for record in tree)
    assert leaves == 2 * bits + 3 if bits % 2 == 0 else leaves == 2 * bits + 2


@pytest.mark.parametrize(("delta", "last"), [(fmpq(1, 10), -2.0), (fmpq(1, 100), 2.0)])
def test_nothing_false_has_such_a_certificate(delta: fmpq, last: float) -> None:
    """δ = 1/(2n), and one sign flipped."""
    query = fold_query(5, delta, last=last)
    k, r = (query.network.value(node, 0) for node in (2, 3))
    tree = records(layout(query.network, k, r, 5, delta))
    assert evidence.accepted(query, tree).outcome is Outcome.OPEN


@pytest.mark.parametrize("bits", [2, 4, 7, 10])
def test_wrong_inputs_are_those_of_brute_force(bits: int) -> None:
    every = vectors(bits)
    odd = every.sum(axis=1) % 2 == 1
    module = trained(Recipe((bits, bits, 1), 3, 60), every, odd[:, None])
    net = exported(module, bits)
    weights = [w.detach().double().numpy() for w in module.parameters()]
    hidden = np.maximum(every @ weights[0].T + weights[1], 0)
    said = (hidden @ weights[2].T + weights[3])[:, 0]
    assert np.abs(said - 0.5).min() > 1e-9  # double precision decides
    wrong = {tuple(map(int, row)) for row in every[(said > 0.5) != odd]}
    census = counterexamples(wrong_query(net))
    assert {tuple(int(x.p) for x in point) for point in census} == wrong
    assert len(census) == len(wrong)
