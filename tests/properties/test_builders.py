"""The builders write the query they say, with exact numbers."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from flint import fmpq

from verifai.entry.numbers import number
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import And, Atom, Or, Query, Relation
from verifai.kernel.replay import replay
from verifai.properties.domain import Domain, domain
from verifai.properties.in_range import in_range
from verifai.properties.robust import robust


@pytest.fixture
def net() -> Network:
    """y0 = x0, y1 = x1, y2 = x0 + x1 - 1."""
    weight = Dense.of([[1, 0], [0, 1], [1, 1]])
    last = affine("y", (3,), ((0, weight),), bias=[0, 0, -1])
    return Network((Input("x", (2,)), last), (1,))


def violates(query: Query, *x: Any) -> bool | None:
    return replay(query, [number(v) for v in x]).violates


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        ("0.1", fmpq(1, 10)),
        (0.1, fmpq(3602879701896397, 36028797018963968)),
        (np.float32(0.1), fmpq(13421773, 134217728)),
        (np.int64(3), fmpq(3)),
        (Fraction(1, 3), fmpq(1, 3)),
        (fmpq(2, 3), fmpq(2, 3)),
        (7, fmpq(7)),
    ],
)
def test_numbers_enter_exactly(value: Any, exact: fmpq) -> None:
    assert number(value) == exact


@pytest.mark.parametrize("value", [True, None, float("nan"), float("inf"), "one", 1j, [1]])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        number(value)


def test_robust_box_and_alternatives(net: Network) -> None:
    query = robust(net, ["0.9", 0.5], eps="0.2", label=0, clip=(0, 1))
    assert query.lower == (fmpq(7, 10), fmpq(3, 10))
    assert query.upper == (fmpq(1), fmpq(7, 10))
    (choice,) = query.unsafe.parts
    assert isinstance(choice, Or)
    assert len(choice.parts) == 2
    assert violates(query, "0.7", "0.7") is True  # a tie
    assert violates(query, "0.8", "0.7") is False
    assert violates(query, "1", "0.3") is False


def test_robust_against_one_target(net: Network) -> None:
    query = robust(net, ["0.9", "0.5"], eps="0.3", label=0, target=2)
    assert len(query.unsafe.parts) == 1
    assert violates(query, "0.6", "0.8") is False
    assert violates(query, "0.6", "1") is False  # outside of the box
    assert violates(robust(net, ["0.9", 1], eps=0, label=0, target=2), "0.9", 1) is True


def test_robust_finds_the_exact_label(net: Network) -> None:
    found = robust(net, ["0.3", "0.4"], eps=0)
    assert found.unsafe == robust(net, ["0.3", "0.4"], eps=0, label=1).unsafe
    with pytest.raises(InputError, match="give a label"):
        robust(net, ["0.3", "0.3"], eps=0)


def test_robust_takes_arrays_of_any_shape(net: Network) -> None:
    query = robust(net, np.array([[0.5], [0.25]], dtype=np.float32), eps="1/8", label=0)
    assert query.lower == (fmpq(3, 8), fmpq(1, 8))


def test_robust_takes_a_radius_and_a_range_for_every_input(net: Network) -> None:
    query = robust(net, ["0.9", "0.5"], eps=["0.2", 0], label=0, clip=(["0.8", 0], 1))
    assert query.lower == (fmpq(4, 5), fmpq(1, 2))
    assert query.upper == (fmpq(1), fmpq(1, 2))
    same = robust(net, ["0.9", "0.5"], eps=np.float32(0.25), label=0)
    assert same.lower == (fmpq(13, 20), fmpq(1, 4))
    with pytest.raises(InputError, match="negative radius"):
        robust(net, [0, 0], eps=[1, "-0.1"], label=0)
    with pytest.raises(InputError, match="3 numbers"):
        robust(net, [0, 0], eps=[1, 1, 1], label=0)


def test_a_domain_has_rows_and_integers(net: Network) -> None:
    region = domain(
        net,
        [(0, 3), ("-1/2", 1)],
        integers=[0],
        rows=[([(0, 1), (1, "0.1")], ">=", "1/2"), ({1: 2}, "=", 1)],
    )
    query = in_range(net, region, upper=2)
    assert query.integers == {0}
    assert query.domain == (
        Atom(((0, fmpq(-1)), (1, fmpq(-1, 10))), fmpq(1, 2)),
        Atom(((1, fmpq(2)),), fmpq(-1), Relation.EQUAL),
    )
    assert violates(query, 3, "1/2") is True
    assert violates(query, "5/2", "1/2") is False  # not whole
    assert violates(query, 3, "2/5") is False  # off the second row


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"integers": [2]}, "no input 2"),
        ({"integers": [-1]}, "no input -1"),
        ({"rows": [({5: 1}, "<=", 0)]}, "no input 5"),
        ({"rows": [({0: 1}, "!=", 0)]}, "no relation '!='"),
        ({"rows": [({0: 1}, 0)]}, "row 0 is not"),
        ({"rows": [({0: "x"}, "<", 0)]}, "not a decimal"),
    ],
)
def test_domains_that_make_no_sense_are_refused(
    net: Network, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(InputError, match=match):
        domain(net, [(0, 1), (0, 1)], **options)


def test_a_domain_of_another_network_is_refused(net: Network) -> None:
    with pytest.raises(InputError, match="a domain of 1 inputs"):
        in_range(net, Domain((fmpq(0),), (fmpq(1),)), upper=0)


@pytest.mark.parametrize(
    "options",
    [
        {"eps": -1, "label": 0},
        {"eps": 1, "label": 3},
        {"eps": 1, "label": 0, "target": 0},
        {"eps": 1, "label": 0, "target": -1},
    ],
)
def test_robust_refuses_what_makes_no_sense(net: Network, options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        robust(net, [0, 0], **options)
    with pytest.raises(InputError, match="3 numbers for a network of 2 inputs"):
        robust(net, [0, 0, 0], eps=1, label=0)


def test_in_range_allows_its_ends(net: Network) -> None:
    query = in_range(net, [(0, 1), ("-0.5", 1)], lower="-1/2", upper=1, output=2)
    assert violates(query, 0, "-0.5") is True
    assert violates(query, 0, "1/2") is False  # reaches the lower end
    assert violates(query, 1, 1) is False  # reaches the upper end
    only = in_range(net, [(0, 1), (0, 1)], upper="0.9")
    assert only.unsafe == And((Atom(((2, fmpq(-1)),), fmpq(9, 10), Relation.LESS),))


def test_in_range_refuses_what_makes_no_sense(net: Network) -> None:
    with pytest.raises(InputError, match="lower or an upper"):
        in_range(net, [(0, 1), (0, 1)])
    with pytest.raises(InputError, match="no output 3"):
        in_range(net, [(0, 1), (0, 1)], lower=0, output=3)
    with pytest.raises(InputError, match="1 pairs"):
        in_range(net, [(0, 1)], lower=0)
