"""Evaluation: exact on points, enclosing on boxes, in both arithmetics and for all nodes."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.meaning import values_at
from tests.kernel.proofs import KINDS, random_network
from verifai.graph.nodes import affine, pwl
from verifai.kernel.arithmetic import Exact, Rounded, exactly
from verifai.kernel.errors import InputError
from verifai.kernel.forward import Machine
from verifai.kernel.network import Input, Network, Sign
from verifai.kernel.operator import Dense
from verifai.kernel.replay import evaluate

SEEDS = range(60)


def rational(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def random_point(random: Random, size: int) -> list[Fraction]:
    return [Fraction(random.randrange(-12, 13), random.choice([3, 7, 12, 64])) for _ in range(size)]


@pytest.mark.parametrize("seed", SEEDS)
def test_evaluation_of_a_point_is_what_fractions_give(seed: int) -> None:
    network = random_network(seed)
    random = Random(seed)
    for _ in range(3):
        point = random_point(random, network.sizes[0])
        low, high = evaluate(network, [rational(x) for x in point])
        assert low.tolist() == high.tolist() == [rational(v) for v in values_at(network, point)]


@pytest.mark.parametrize("seed", SEEDS)
def test_radii_widen_a_point_to_all_values_within_them(seed: int) -> None:
    network = random_network(seed, (*KINDS, "radius"))
    random = Random(seed)
    point = random_point(random, network.sizes[0])
    low, high = evaluate(network, [rational(x) for x in point])
    assert (low < high).any()
    for _ in range(6):
        values = [rational(v) for v in values_at(network, point, random)]
        assert all(l <= v <= h for l, v, h in zip(low, values, high, strict=True))


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_intervals_of_a_box_hold_every_value(seed: int, exact: bool) -> None:
    network = random_network(seed, KINDS if seed % 2 else (*KINDS, "radius"))
    random = Random(seed)
    n = network.sizes[0]
    ends = [sorted(random.randrange(-64, 65) / 64 for _ in range(2)) for _ in range(n)]
    box = tuple(np.array([[e[side] for e in ends]]) for side in (0, 1))
    ar = Exact() if exact else Rounded()
    found = Machine(network, ar).forward([(ar.lift(box[0]), ar.lift(box[1]))])
    low, high = (exactly_all(np.concatenate([e[side][0] for e in found])) for side in (0, 1))
    for _ in range(8):
        part = [Fraction(random.choice([0, 64, random.randrange(65)]), 64) for _ in range(n)]
        pairs = zip(ends, part, strict=True)
        point = [Fraction(l) + (Fraction(u) - Fraction(l)) * t for (l, u), t in pairs]
        values = [rational(v) for v in values_at(network, point, random)]
        assert all(l <= v <= h for l, v, h in zip(low, values, high, strict=True))


def exactly_all(array: np.ndarray) -> np.ndarray:
    return array if array.dtype == object else exactly(array)


def test_a_sum_whose_last_bits_round_away_stays_inside() -> None:
    """2^53 + 1 is no double: without error terms the interval of a point would miss it."""
    network = Network(
        (Input("x", (2,)), affine("y", (1,), ((0, Dense.of([[1.0, 1.0]])),))),
        (1,),
    )
    point = np.array([[2.0**53, 1.0]])
    low, high = Machine(network, Rounded()).forward([(point, point)])[1]
    assert exactly(low)[0, 0] <= fmpq(2**53 + 1) <= exactly(high)[0, 0]


def test_sign_is_zero_at_zero_and_one_value_on_either_side() -> None:
    network = Network((Input("x", (3,)), Sign("s", (3,), 0)), (1,))
    low, high = evaluate(network, [fmpq(-1, 7), fmpq(0), fmpq(1, 10**30)])
    assert low.tolist()[3:] == high.tolist()[3:] == [-1, 0, 1]


def test_columns_of_a_piecewise_linear_node_belong_to_their_values() -> None:
    node = pwl("f", (2,), 0, [[0.0, 1.0]], [[0.0, -1.0], [1.0, 2.0]], [5.0, 7.0])
    network = Network((Input("x", (2,)), node), (1,))
    low, _ = evaluate(network, [fmpq(3), fmpq(0)])
    assert low.tolist()[2:] == [8, 8]


def test_the_number_of_inputs_must_fit() -> None:
    with pytest.raises(InputError, match="2 numbers for 3"):
        evaluate(Network((Input("x", (3,)),), (0,)), [fmpq(0)] * 2)
