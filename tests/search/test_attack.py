"""Attacks find what is planted, claim nothing else, and end in time."""

import time

import numpy as np
import pytest
from flint import fmpq

from tests.bounds.nets import dense, mixed, residual_conv
from verifai.bounds.compiled import compile_network
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Or, Query, Relation
from verifai.search.attack.ascent import AttackEffort, arena, attack
from verifai.search.attack.unsafe import compile_unsafe


def query_of(network, unsafe, *, radius=1, domain=(), integers=()):
    count = len(network.input_values)
    ends = (fmpq(-radius),) * count, (fmpq(radius),) * count
    return Query(network, *ends, unsafe, domain, frozenset(integers))


def output(network, index=0):
    return network.offsets[network.outputs[0]] + index


def spike(dimension: int, height: float, place: float) -> Network:
    """relu(height - 8·|x - place|₁): positive on a small cross-polytope only."""
    eye = np.eye(dimension)
    both = Dense.of(np.concatenate([eye, -eye]))
    shift = np.repeat([-place, place], dimension)
    return Network(
        (
            Input("x", (dimension,)),
            affine("y", (2 * dimension,), ((0, both),), bias=shift),
            relu("z", (2 * dimension,), 1),
            affine("s", (1,), ((2, Dense.of(-8 * np.ones((1, 2 * dimension)))),), bias=height),
            relu("out", (1,), 3),
        ),
        (3,),
    )


def planted(network, seed):
    """The query that asks for almost the best value seen at the best of many random points."""
    compiled, rng = compile_network(network), np.random.default_rng(seed)
    count = len(network.input_values)
    best = compiled.forward(rng.uniform(-1, 1, (400, count)))[network.outputs[0]][:, 0].max()
    form = atom({output(network): fmpq(-1)}, fmpq(int(best * 1000), 1000))
    return compiled, query_of(network, And((form,)))


def holds(compiled, query, point):
    scene = arena(compiled, query)
    assert (scene.lower <= point).all()
    assert (point <= scene.upper).all()
    return compile_unsafe(query).margins(compiled.forward(point[None]))[0] >= 0


@pytest.mark.parametrize("kind", [residual_conv, mixed, lambda s: dense((6, 16, 16, 2), s)])
@pytest.mark.parametrize("seed", range(4))
def test_planted_violations_are_found_quickly(kind, seed):
    compiled, query = planted(kind(seed), seed)
    start = time.perf_counter()
    found = next(attack(compiled, query), None)
    assert found is not None, f"nothing found in {time.perf_counter() - start:.2f} s"
    assert holds(compiled, query, found)


@pytest.mark.parametrize("dimension", [2, 8, 40])
def test_a_narrow_spike_is_climbed(dimension):
    network = spike(dimension, 1.0, 0.3)
    query = query_of(network, And((atom({output(network): fmpq(-1)}, fmpq(1, 2)),)))
    compiled = compile_network(network)
    found = next(attack(compiled, query, AttackEffort(rounds=5)), None)
    assert found is not None
    assert holds(compiled, query, found)


def test_nothing_is_claimed_where_nothing_is():
    network = spike(3, 1.0, 0.0)
    query = query_of(network, And((atom({output(network): fmpq(-1)}, fmpq(1001, 1000)),)))
    assert list(attack(compile_network(network), query, AttackEffort(rounds=2))) == []


def test_the_deadline_ends_the_attack():
    network = spike(3, 1.0, 0.0)
    query = query_of(network, And((atom({output(network): fmpq(-1)}, fmpq(2)),)))
    start = time.perf_counter()
    effort = AttackEffort(rounds=10**9, deadline=start + 0.2)
    assert list(attack(compile_network(network), query, effort)) == []
    assert time.perf_counter() - start < 20


def test_only_one_alternative_of_a_nested_formula_can_hold():
    network = spike(4, 1.0, 0.5)
    out = output(network)
    never = And((atom({out: fmpq(-1)}, fmpq(3)), atom({0: fmpq(1)}, fmpq(0))))
    here = And((atom({out: fmpq(-1)}, fmpq(1, 2)), atom({1: fmpq(-1)}, fmpq(51, 100))))
    query = query_of(network, And((Or((never, never, Or((never, here)))),)))
    compiled = compile_network(network)
    found = next(attack(compiled, query), None)
    assert found is not None
    assert found[1] >= 0.51
    assert holds(compiled, query, found)


def test_margins_follow_the_and_or_tree():
    network = dense((2, 3, 2))
    first, second = (atom({k: fmpq(1)}, fmpq(0)) for k in (0, 1))  # x_k ≤ 0
    third = atom({0: fmpq(1), 1: fmpq(-1)}, fmpq(-1), Relation.LESS)  # x_0 - x_1 < 1
    unsafe = compile_unsafe(query_of(network, And((Or((And((first, second)), third)),))))
    points = np.array([[-1.0, -2.0], [0.5, 2.0], [3.0, 1.0]])
    values = compile_network(network).forward(points)
    np.testing.assert_allclose(unsafe.margins(values), [1.0, 2.5, -1.0])
    active = unsafe.judge(unsafe.scores(values))[1]
    np.testing.assert_array_equal(active, [[1, 1, 0], [0, 0, 1], [0, 0, 1]])


def test_an_empty_conjunction_is_violated_everywhere():
    network = dense((2, 3, 2))
    found = next(attack(compile_network(network), query_of(network, And(()))), None)
    assert found is not None


def test_integers_and_the_domains_rows_are_honoured():
    network = dense((3, 8, 2), 3)
    compiled = compile_network(network)
    rows = (
        atom({0: fmpq(1), 1: fmpq(1)}, fmpq(-1), Relation.EQUAL),  # x_0 + x_1 = 1
        atom({2: fmpq(1), 0: fmpq(-1)}, fmpq(0)),  # x_2 ≤ x_0
    )
    rng = np.random.default_rng(0)
    points = rng.uniform(-2, 2, (300, 3))
    points[:, 1] = 1 - points[:, 0]
    points[:, 2] = np.rint(points[:, 2])
    points = points[(np.abs(points[:, 1]) <= 2) & (points[:, 2] <= points[:, 0])]
    best = compiled.forward(points)[network.outputs[0]][:, 0].max()
    form = atom({output(network): fmpq(-1)}, fmpq(int(best * 100) - 1, 100))
    query = query_of(network, And((form,)), radius=2, domain=rows, integers=(2,))
    found = next(attack(compiled, query), None)
    assert found is not None
    assert found[2] == round(found[2])
    assert found[0] + found[1] == pytest.approx(1, abs=1e-8)
    assert found[2] <= found[0]


def test_integer_inputs_move_by_gradient_although_they_are_rounded():
    network = spike(6, 1.0, 3.0)
    query = query_of(
        network, And((atom({output(network): fmpq(-1)}, fmpq(1)),)), radius=50, integers=range(6)
    )
    found = next(attack(compile_network(network), query), None)
    np.testing.assert_array_equal(found, np.full(6, 3.0))


def test_equal_seeds_give_equal_points():
    compiled, query = planted(residual_conv(1), 1)
    first, second = (list(attack(compiled, query, AttackEffort(rounds=1))) for _ in range(2))
    assert len(first) > 0
    np.testing.assert_array_equal(first, second)


def test_moving_many_inputs_together_finds_what_independent_ones_never_see():
    count = 400
    network = Network(
        (
            Input("x", (count,)),
            affine("y", (1,), ((0, Dense.of(np.full((1, count), 1 / 512))),), bias=-0.5),
            relu("out", (1,), 1),  # 0, without a gradient, wherever the mean is below 0.64
        ),
        (2,),
    )
    query = query_of(network, And((atom({output(network): fmpq(-1)}, fmpq(1, 4)),)))
    found = next(attack(compile_network(network), query, AttackEffort(rounds=1)), None)
    assert found is not None
    assert found.mean() > 0.9
