"""Properties of one's own say what they say: atoms, formulas, layers by name."""

from __future__ import annotations

from typing import Any

import pytest
from flint import fmpq

import verifai as vf
from verifai.entry.numbers import number
from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Atom, Or, Relation
from verifai.kernel.replay import replay


@pytest.fixture
def net() -> Network:
    """y = relu(x0 - x1)."""
    hidden = affine("difference", (1,), ((0, Dense.of([[1, -1]])),))
    return Network((Input("x", (2,)), hidden, relu("y", (1,), 1)), (2,))


@pytest.mark.parametrize(
    ("relation", "kind", "sign"),
    [
        ("<=", Relation.AT_MOST, 1),
        ("<", Relation.LESS, 1),
        (">=", Relation.AT_MOST, -1),
        (">", Relation.LESS, -1),
        ("=", Relation.EQUAL, 1),
    ],
)
def test_an_atom_is_the_comparison_it_says(relation: str, kind: Relation, sign: int) -> None:
    found = vf.atom({3: "1/2", 1: 1, 2: 0}, relation, "0.1")
    assert found == Atom(((1, fmpq(sign)), (3, fmpq(sign, 2))), fmpq(-sign, 10), kind)
    assert vf.atom([(3, "1/4"), (1, 1), (3, "1/4")], relation, "0.1") == found


def test_layers_are_found_by_name(net: Network) -> None:
    assert vf.layer(net, "x") == (0, 1)
    assert vf.layer(net, "difference") == (2,)
    assert vf.layer(net, "y") == net.output_values == (3,)
    with pytest.raises(vf.InputError, match="no layer 'differense'; the network has difference"):
        vf.layer(net, "differense")


def test_never_is_violated_where_the_formula_holds(net: Network) -> None:
    high, left = vf.atom({3: 1}, ">", 1), vf.atom({0: 1}, "<", -1)
    both, either = vf.conjunction([high, left]), vf.disjunction([high, left])
    box = [(-2, 2)] * 2

    def violated(unsafe: Any, *x: Any) -> bool | None:
        return replay(vf.never(net, box, unsafe), [number(v) for v in x]).violates

    assert violated(high, 2, 0) and not violated(high, 1, 0)
    assert violated(either, -2, 0) and violated(either, 2, 0) and not violated(either, 0, 0)
    assert violated(both, "-1.5", -2) is False  # y = 1/2
    assert vf.verify(vf.never(net, box, both), timeout=60).status == "verified"
    assert isinstance(either, Or) and isinstance(both, And)


def test_the_domains_rows_and_integers_are_kept(net: Network) -> None:
    region = vf.domain(net, [(0, 2)] * 2, integers=[0], rows=[({0: 1, 1: 1}, "<=", 2)])
    query = vf.never(net, region, vf.atom({3: 1}, ">", 2))
    assert query.integers == {0} and len(query.domain) == 1
    assert vf.verify(query, timeout=60).status == "verified"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda net: vf.atom({-1: 1}, "<", 0), "value: an index from 0 is wanted, not -1"),
        (lambda net: vf.atom({0: 1}, "!=", 0), "no relation '!='"),
        (lambda net: vf.atom([(0, 1, 2)], "<", 0), r"terms: pairs \(value, factor\) is wanted"),
        (lambda net: vf.disjunction([]), "parts: one formula at least is wanted"),
        (lambda net: vf.conjunction([1]), r"parts\[0\]: a formula, .* is wanted, not 1"),
        (
            lambda net: vf.never(net, [(0, 1)] * 2, vf.atom({9: 1}, "<", 0)),
            "a value that the network does not have",
        ),
        (
            lambda net: vf.never(net, [(1, 0)] * 2, vf.atom({0: 1}, "<", 0)),
            "the domain is empty",
        ),
    ],
)
def test_what_says_nothing_is_refused(call: Any, sentence: str, net: Network) -> None:
    with pytest.raises(vf.InputError, match=sentence):
        call(net)
