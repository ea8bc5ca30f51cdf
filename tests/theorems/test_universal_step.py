"""Interpolation of Lipschitz functions, and exact integrals."""

from __future__ import annotations

import numpy as np
import pytest
from flint import fmpq, fmpq_poly

from verifai.kernel.errors import InputError
from verifai.kernel.query import Query
from verifai.kernel.replay import replay
from verifai.symbolic.line import pieces
from verifai.theorems import evidence
from verifai.theorems.claim import Outcome
from verifai.theorems.construction import relu_network
from verifai.theorems.universal_step import (
    Parameters,
    claims,
    interpolant,
    squared_error,
    step_query,
    step_records,
    wave,
    zigzag,
)


def test_the_interpolant_goes_through_the_values() -> None:
    values = [0.0, 0.5, 0.25, -0.125, 0.5]
    line = pieces(relu_network(interpolant(values)), lower=fmpq(0), upper=fmpq(1))
    assert [line(fmpq(i, 4)) for i in range(5)] == [fmpq(int(v * 8), 8) for v in values]
    assert line.breakpoints == (fmpq(1, 4), fmpq(1, 2), fmpq(3, 4))


@pytest.mark.parametrize("values", [zigzag(4), wave(4, 3)])
def test_the_functions_are_lipschitz(values: list[float]) -> None:
    steps = np.abs(np.diff(values)) * (len(values) - 1)
    assert steps.max() <= 1


def test_every_lipschitz_function_is_one_query() -> None:
    query = step_query()
    assert evidence.accepted(query, step_records()).outcome is Outcome.PROVED
    attained = replay(query, [fmpq(1, 2), fmpq(1, 2), fmpq(0)])
    assert attained.in_domain and attained.violates is False
    closer = Query(
        query.network,
        query.lower,
        query.upper,
        query.unsafe,
        (),  # without the Lipschitz conditions it is false
    )
    assert evidence.accepted(closer, step_records()).outcome is not Outcome.PROVED
    assert evidence.decided(closer).outcome is Outcome.REFUTED


def test_integrals_are_exact() -> None:
    line = pieces(relu_network(interpolant([0.0, 0.25, 1.0])), lower=fmpq(0), upper=fmpq(1))
    assert squared_error(line, fmpq_poly([0, 0, 1])) == fmpq(1, 30 * 2**4)
    unbounded = pieces(relu_network(interpolant([0.0, 0.25, 1.0])))
    with pytest.raises(ValueError, match="unbounded"):
        squared_error(unbounded, fmpq_poly([0]))


@pytest.mark.parametrize("pieces", [1, 2, 8, 64])
def test_the_pieces_are_those_that_were_asked_for(pieces: int) -> None:
    texts = [claim.text for claim in claims(Parameters(pieces=pieces))]
    assert any(f"with {pieces} pieces" in text for text in texts)


@pytest.mark.parametrize("pieces", [3, 13, 63])
def test_pieces_that_need_rounding_are_refused(pieces: int) -> None:
    with pytest.raises(InputError, match=f"a power of two is wanted .* not {pieces}"):
        list(claims(Parameters(pieces=pieces)))
