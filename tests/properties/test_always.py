"""Properties as one says them: symbols, exact arithmetic, &, |, ~, and what is refused."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from verifai.graph.nodes import affine, relu
from verifai.kernel.formula import margins
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Atom, Relation
from verifai.kernel.replay import evaluate, replay
from verifai.properties.symbols import negation


@pytest.fixture(scope="module")
def net() -> Network:
    """y = (relu(x0 - x1), x0 + x1), the relu called hidden."""
    first = affine("first", (2,), ((0, Dense.of([[1, -1], [1, 1]])),))
    last = affine("y", (2,), ((1, Dense.of([[0, 0], [0, 1]])), (2, Dense.of([[1, 0], [0, 0]]))))
    return Network((Input("x", (2,)), first, relu("hidden", (2,), 1), last), (3,))


def unsafe_at(query: vf.Query, *x: Any) -> bool | None:
    return replay(query, [fmpq(Fraction(v).numerator, Fraction(v).denominator) for v in x]).violates


def test_arithmetic_is_exact_and_linear(net: Network) -> None:
    s = vf.symbols(net)
    x, y = s.x, s.y
    found = 2 * x[0] - x[1] / 3 + "1/7" - (y[0] - y[0]) <= "0.1" + x[1] * fmpq(1, 2)
    assert found.formula == Atom(((0, fmpq(2)), (1, fmpq(-5, 6))), fmpq(1, 7) - fmpq(1, 10))
    assert (np.float64(0.5) * x[0] - np.int64(1) < 0).formula == Atom(
        ((0, fmpq(1, 2)),), fmpq(-1), Relation.LESS
    )
    assert ("3/2" <= x[0]).formula == (x[0] >= "3/2").formula  # noqa: SIM300
    assert (x[0] >= 1.5).formula == (-x[0] + "3/2" <= 0).formula
    assert (x[0] == 1).formula == Atom(((0, fmpq(1)),), fmpq(-1), Relation.EQUAL)
    assert repr(1 - 2 * x[0] + y[1]) == "-2·x[0] + y[1] + 1"


def test_layers_have_names_and_shapes(net: Network) -> None:
    s = vf.symbols(net)
    assert [len(s.x), len(s.y), len(s["hidden"])] == [2, 2, 2]
    assert s["hidden"].numbers == vf.layer(net, "hidden")
    assert (s["y"][1,] <= 0).formula == (s.y[1] <= 0).formula
    with pytest.raises(vf.InputError, match="no value 2: there are 2, numbers 0 to 1"):
        s.x[2]
    with pytest.raises(vf.InputError, match="the shape is"):
        s.x[0, 0]
    with pytest.raises(vf.InputError, match="no layer 'hiden'; the network has hidden"):
        s["hiden"]


def test_what_python_would_read_otherwise_is_refused(net: Network) -> None:
    x = vf.symbols(net).x
    low, high = x[0] >= 0, x[0] <= 1
    refusals = [
        (lambda: 0 <= x[0] <= 1, "for a chain a < b < c write"),
        (lambda: low and high, "write &, |, ~"),
        (lambda: low or high, "write &, |, ~"),
        (lambda: not low, "write &, |, ~"),
        (lambda: low & x[1] >= 0, "bind closer than comparisons"),
        (lambda: ~x[0] >= 0, "binds closer than comparisons"),
        (lambda: x[0] * x[1], "one factor must be a number"),
        (lambda: 1 / x[0], "a number other than zero must divide"),
        (lambda: x[0] / 0, "a number other than zero must divide"),
        (lambda: x[0] <= low, "a condition where a number"),
        (lambda: x <= 1, None),
        (lambda: x[0] <= "much", "much"),
        (lambda: low & True, "a condition, such as"),
        (lambda: bool(x[0]), "neither true nor false"),
        (lambda: {low: 1, x[0]: 2}, None),
    ]
    for call, said in refusals:
        with pytest.raises(vf.InputError if said else TypeError, match=said):
            call()


def test_two_networks_do_not_mix(net: Network) -> None:
    other = vf.symbols(Network(net.nodes, net.outputs))
    with pytest.raises(vf.InputError, match="values of two networks"):
        vf.symbols(net).x[0] + other.x[0]
    with pytest.raises(vf.InputError, match="conditions about two networks"):
        vf.always(net, then=other.y[0] >= 0, domain=[(0, 1)] * 2)


def test_a_negation_holds_exactly_where_the_condition_does_not(net: Network) -> None:
    s = vf.symbols(net)
    rng = random.Random(5)

    def made(depth: int) -> Any:
        if depth == 0 or rng.random() < 0.2:
            left = rng.choice([*s.x, *s.y, *s["hidden"], s.x[0] - s.x[0]])
            kinds = [left <= 0, left < 1, left >= 1, left > 0, left == 1, left != 0]
            return rng.choice(kinds)
        one, two = made(depth - 1), made(depth - 1)
        return rng.choice([one & two, one | two, ~one])

    points = [[fmpq(a), fmpq(b)] for a in range(-1, 3) for b in range(-1, 3)]
    values = [np.array(evaluate(net, point)[0], dtype=object) for point in points]
    both = set()
    for _ in range(200):
        asked = made(4)
        for at in values:
            holds = margins(asked.formula, at, at).certain
            assert margins((~asked).formula, at, at).certain is not holds
            assert margins(negation(negation(asked.formula)), at, at).certain is holds
            both.add(holds)
    assert both == {True, False}


def test_always_is_violated_where_given_holds_and_then_does_not(net: Network) -> None:
    s = vf.symbols(net)
    x, y = s.x, s.y
    given = (x[0] >= "3/2") | (x[1] >= "2/5")
    query = vf.always(
        net, given=given, then=(y[0] > y[1]) | (s["hidden"][0] >= 3), domain=[(-2, 2)] * 2
    )
    assert query.lower == (-2, -2)
    assert query.upper == (2, 2)
    assert unsafe_at(query, "3/2", 0) and unsafe_at(query, 0, "2/5")  # 3/2 > 3/2 is false
    assert not unsafe_at(query, "3/2", "-1/10")  # y0 = 1.6 > 1.4
    assert not unsafe_at(query, 0, "3/10")  # not given
    assert not unsafe_at(query, 2, -1)


def test_given_bounds_the_inputs_and_then_does_not(net: Network) -> None:
    x, y = vf.symbols(net).x, vf.symbols(net).y
    inside = [x[0] >= 0, x[0] < 1, x[1] == "1/2"]
    query = vf.always(net, given=inside, then=x[0] <= 7)
    assert (query.lower, query.upper) == ((0, fmpq(1, 2)), (1, fmpq(1, 2)))
    verdict = vf.verify(query, workers=1)
    assert isinstance(verdict, vf.Verified) and not verdict.vacuous
    with pytest.raises(vf.InputError, match=r"x\[1\] is not bounded below: give domain="):
        vf.always(net, given=[x[0] >= 0, x[0] <= 1], then=y[0] >= 0)
    cut = vf.always(net, given=x[0] >= "1/2", then=y[0] >= 0, domain=[(0, 1)] * 2)
    assert cut.lower == (fmpq(1, 2), 0)
    with pytest.raises(vf.InputError, match="do given and domain exclude each other"):
        vf.always(net, given=x[0] >= 2, then=y[0] >= 0, domain=[(0, 1)] * 2)
    empty = vf.always(net, given=x[0] >= 2, then=y[0] >= 0, domain=[(0, 1)] * 2, allow_empty=True)
    assert vf.verify(empty, workers=1).vacuous


def test_integers_and_rows_of_a_domain_stay(net: Network) -> None:
    y = vf.symbols(net).y
    region = vf.domain(net, [(0, 3)] * 2, integers=[0], rows=[([(0, 1), (1, 1)], "<=", 4)])
    query = vf.always(net, then=y[1] <= "41/10", domain=region)
    assert (query.integers, len(query.domain)) == (frozenset([0]), 1)
    assert isinstance(vf.verify(query, workers=1), vf.Verified)


def test_prove_decides(net: Network) -> None:
    s = vf.symbols(net)
    box = [(-1, 1)] * 2
    held = vf.prove(net, given=s.x[0] <= s.x[1], then=s.y[0] <= "1/100", domain=box, workers=1)
    assert isinstance(held, vf.Verified)
    broken = vf.prove(net, then=s.y[0] < 2, domain=box, workers=1)
    assert isinstance(broken, vf.Falsified)
    assert broken.counterexample.inputs == (1, -1)


def test_formulas_of_both_kinds_go_together(net: Network) -> None:
    s = vf.symbols(net)
    atom = vf.atom({s.y.numbers[0]: 1}, ">", 1)
    many = vf.disjunction([s.y[0] > 1, s.x[0] < 0])
    assert vf.never(net, [(0, 1)] * 2, s.y[0] > 1) == vf.never(net, [(0, 1)] * 2, atom)
    assert isinstance((many & (s.x[1] > 0)).formula, And)
    deep = s.x[0] > 0
    for _ in range(31):
        deep = (deep & (s.x[1] > 0)) | (s.x[1] < -1)
    vf.always(net, then=deep, domain=[(0, 1)] * 2)
    with pytest.raises(vf.InputError, match="nested deeper"):
        vf.conjunction([(((deep & (s.x[1] > 0)) | (s.x[1] < -1)) & (s.x[1] > 1)) | (s.x[1] < 0)])
    wide = s.x[0] > 0
    for i in range(500):
        wide = wide | (s.x[0] < -i)
    assert len(wide.formula.parts) == 501  # type: ignore[union-attr]
