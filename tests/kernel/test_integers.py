"""Which values are integers: the rule of SPEC.md, column by column, and exact values at points."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.meaning import entries, values_at
from verifai.graph.nodes import affine, pwl
from verifai.kernel.integers import integer_values
from verifai.kernel.network import Affine, Input, Network, Node, Product, Pwl, Sign, Smooth, Square
from verifai.kernel.operator import Conv, Dense, Gather, Operator
from verifai.kernel.query import And, Query

WIDTH = 3  # values of every node


def number(random: Random, share: float) -> float:
    """An integer, or a half in so many of cases."""
    return random.choice([-2.0, -1.0, 0.0, 0.0, 1.0, 3.0]) + 0.5 * (random.random() < share)


def numbers(random: Random, count: int, share: float) -> list[float]:
    return [number(random, share) for _ in range(count)]


def operator(random: Random, share: float) -> Operator:
    kind = random.randrange(3)
    if kind == 0:
        return Dense.of(np.reshape(numbers(random, WIDTH * WIDTH, share / 9), (WIDTH, WIDTH)))
    if kind == 1:
        order = [random.randrange(-1, WIDTH) for _ in range(WIDTH)]
        return Gather.of(WIDTH, order, numbers(random, WIDTH, share / 3))
    weight = np.reshape(numbers(random, 2, share / 2), (1, 1, 2))
    return Conv.of(weight, (WIDTH,), padding=((1,), (0,)))


def node(random: Random, position: int) -> Node:
    name, shape, share = f"n{position}", (WIDTH,), random.choice([0.0, 0.0, 0.5])
    kind, source = random.randrange(8), random.randrange(position)
    if kind == 0:
        knots = sorted({number(random, 0.2) for _ in range(2)})
        return pwl(name, shape, source, knots, numbers(random, len(knots) + 1, share), 1.0)
    if kind == 1:
        data = [numbers(random, WIDTH, share / 3) for _ in range(4)]
        return pwl(name, shape, source, data[:1], data[1:3], data[3])
    if kind == 2:
        return random.choice([Sign, Square])(name, shape, source)
    if kind == 3:
        return Product(name, shape, source, random.randrange(position))
    if kind == 4 and random.random() < 0.3:
        return Smooth(name, shape, source, "sin")
    terms = [
        (random.randrange(position), operator(random, share))
        for _ in range(random.choice([0, 1, 2]))
    ]
    divisor = random.choice([None, None, [random.choice([1.0, 1.0, 2.0]) for _ in range(WIDTH)]])
    radius = random.choice([None, None, None, 0.0])
    bias = numbers(random, WIDTH, share / 2)
    return affine(name, shape, tuple(terms), bias=bias, divisor=divisor, radius=radius)


def random_query(seed: int) -> Query:
    random = Random(seed)
    nodes: list[Node] = [Input("x", (WIDTH,)), Input("z", (WIDTH,))]
    nodes += [node(random, i) for i in range(2, 6)]
    marked = frozenset(v for v in range(2 * WIDTH) if random.random() < 0.8)
    ends = (fmpq(-2),) * (2 * WIDTH), (fmpq(2),) * (2 * WIDTH)
    return Query(Network(tuple(nodes), (5,)), *ends, And(()), integers=marked)


def whole(*parts: float) -> bool:
    return all(Fraction(x).denominator == 1 for x in parts)


def by_the_rule(query: Query) -> list[bool]:
    """SPEC.md, section 4, "Integer-valued", value by value."""
    found: list[list[bool]] = []
    for i, each in enumerate(query.network.nodes):
        first = query.network.offsets[i]
        if isinstance(each, Input):
            found.append([first + k in query.integers for k in range(WIDTH)])
            continue
        sources = [found[s] for s in each.sources]
        found.append([_is_integer(each, k, sources) for k in range(WIDTH)])
    return [is_integer for each in found for is_integer in each]


def _is_integer(each: Node, k: int, sources: list[list[bool]]) -> bool:
    if isinstance(each, Sign):
        return True
    if isinstance(each, Square | Product):
        return all(known[k] for known in sources)
    if isinstance(each, Pwl):
        column = k if each.knots.shape[1] > 1 else 0
        data = [*each.knots[:, column], *each.slopes[:, column], each.anchor[column]]
        return sources[0][k] and whole(*data)
    if not isinstance(each, Affine) or each.radius is not None:
        return False
    if each.divisor is not None and each.divisor[k] != 1:
        return False
    weights = [op.scale if isinstance(op, Gather) else op.weight for _, op in each.terms]
    if not whole(each.bias[k], *(w for array in weights for w in array.flat)):
        return False
    rows = [entries(op, WIDTH)[k] for _, op in each.terms]
    pairs = zip(rows, sources, strict=True)
    return all(known[j] for row, known in pairs for j, weight in row.items() if weight != 0)


@pytest.mark.parametrize("seed", range(250))
def test_values_are_integers_by_the_rule(seed: int) -> None:
    query = random_query(seed)
    assert integer_values(query).tolist() == by_the_rule(query)


@pytest.mark.parametrize("seed", range(100))
def test_values_said_to_be_integers_are_so_at_points(seed: int) -> None:
    random, query = Random(seed), random_query(seed)
    said = integer_values(query).tolist()
    last = next((i for i, n in enumerate(query.network.nodes) if isinstance(n, Smooth)), len(said))
    net = Network(query.network.nodes[:last], (0,))
    for _ in range(8):
        point = [
            Fraction(random.randrange(-8, 9), 1 if v in query.integers else 4)
            for v in range(2 * WIDTH)
        ]
        for value, is_integer in zip(values_at(net, point), said, strict=False):
            assert not is_integer or value.denominator == 1


def test_both_answers_occur_often() -> None:
    """Otherwise the rule would be compared with itself on nothing."""
    hidden = [w for seed in range(250) for w in integer_values(random_query(seed))[2 * WIDTH :]]
    assert 0.3 < float(np.mean(hidden)) < 0.7
