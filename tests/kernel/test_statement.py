"""The statement says what was checked, whatever the names in a file try to make it say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import fmpq

from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Affine, Input, Network
from verifai.kernel.operator import Gather
from verifai.kernel.query import And, Atom, Or, Query, Relation
from verifai.kernel.statement import readable, statement


def said(name: str) -> str:
    same = Gather.of(1)
    nodes = (Input("x", (1,)), Affine(name, (1,), ((0, same),), np.zeros(1)))
    net = Network(nodes, (1,))
    unsafe = And((Atom(((1, fmpq(1)),), fmpq(0), Relation.AT_MOST),))
    return statement(Query(net, (fmpq(0),), (fmpq(1),), unsafe))


@pytest.mark.parametrize("name", ["y", "y#2", "y'", "/block.1/Relu_output:0", "größe-3"])
def test_names_that_are_one_word_stand_as_they_are(name: str) -> None:
    assert f"outputs {name}[1]" in said(name)
    assert f"{name}[0] ≤ 0" in said(name)


@pytest.mark.parametrize("name", ["x[0] - y", "y ≤ 5 and y", "y\nVerified", "", "y\x1b[2K", "y, z"])
def test_names_that_might_be_something_else_are_quoted(name: str) -> None:
    assert f"outputs {name!r}[1]" in said(name)
    assert f"{name!r}[0] ≤ 0" in said(name)
    assert len(said(name).splitlines()) == len(said("y").splitlines())


def atom(terms: dict[int, fmpq], constant: fmpq, relation: Relation = Relation.AT_MOST) -> Atom:
    return Atom(tuple(terms.items()), constant, relation)


ONE, THIRD = fmpq(1), fmpq(1, 3)
SMALL = Network(
    (
        Input("x", (1, 2)),
        Input("z y", (1,)),
        affine("h", (2,), ((0, Gather.of(2)),), radius=0.25),
        relu("r", (2,), 2),
    ),
    (3, 0),
)
SAYS_ALL = Query(
    SMALL,
    (-ONE, THIRD, fmpq(2)),
    (fmpq(5, 2), THIRD, fmpq(7)),
    And(
        (
            atom({5: fmpq(2), 6: -ONE, 2: fmpq(1, 2)}, fmpq(3)),
            Or(
                (
                    atom({5: -ONE}, ONE, Relation.LESS),
                    And((atom({0: ONE}, fmpq(0), Relation.EQUAL), atom({}, -ONE))),
                    And(()),
                )
            ),
            And((atom({1: fmpq(-7, 3)}, fmpq(0)),)),
        )
    ),
    domain=(atom({0: ONE, 1: -ONE}, fmpq(-1, 8)),),
    integers=frozenset({2}),
)
LINES = """Network: 4 nodes, 7 values, over the real numbers
  inputs x[1, 2], 'z y'[1]; outputs r[2], x[1, 2]
  with radii: holds for every network whose constants lie within them
Domain: 3 inputs, 1 of them an integer
  x[0] in [-1, 2.5]
  x[1] in [1/3, 1/3]
  'z y'[0] in [2, 7] (integer)
  and x[0] - x[1] ≤ 0.125
No input in this domain makes
  all of these 3:
    2·r[0] - r[1] + 0.5·'z y'[0] ≤ -3
    at least one of these 3:
      -r[0] < -1
      all of these 2:
        x[0] = 0
        0 ≤ 1
      (nothing: always so)
    -7/3·x[1] ≤ 0""".splitlines()
EMPTY_BOX = "VACUOUS: the domain's box holds no input, so ANY property holds on it."
EMPTY_ROWS = [
    "VACUOUS: no input of the box fulfils the domain's conditions, so ANY property",
    "holds on it.",
]


def test_everything_that_is_asked_is_said() -> None:
    assert statement(SAYS_ALL).splitlines() == LINES
    other = [line.replace("No input", "Some input") for line in LINES]
    assert statement(SAYS_ALL, verified=False, vacuous=True).splitlines() == other
    assert statement(SAYS_ALL, vacuous=True).splitlines() == LINES + EMPTY_ROWS


def test_an_empty_box_is_said_to_be_one_with_and_without_integers() -> None:
    crossed = replace(SAYS_ALL, lower=(fmpq(3), THIRD, fmpq(2)))
    between = replace(SAYS_ALL, lower=(-ONE, THIRD, fmpq(13, 2)), upper=(ONE, THIRD, fmpq(20, 3)))
    for query in (crossed, between):
        for known in (True, False):
            assert statement(query, vacuous=known).splitlines()[-1] == EMPTY_BOX
        assert "VACUOUS" not in statement(query, verified=False)
    assert "VACUOUS" not in statement(replace(between, integers=frozenset()))


def test_without_a_radius_none_is_said_and_a_radius_of_0_is_none() -> None:
    for radius in (None, 0.0):
        same = affine("h", (2,), ((0, Gather.of(2)),), radius=radius)
        net = Network((*SMALL.nodes[:2], same, SMALL.nodes[3]), (3, 0))
        lines = statement(replace(SAYS_ALL, network=net)).splitlines()
        assert lines == LINES[:2] + LINES[3:]


def test_a_formula_put_into_other_words_is_said_in_both() -> None:
    stated = And((atom({1: ONE}, fmpq(5)),))
    query = replace(SAYS_ALL, unsafe=And((atom({5: ONE}, ONE),)), stated=stated)
    assert statement(query).splitlines()[-4:] == [
        "No input in this domain makes",
        "  x[1] ≤ -5",
        "which was decided on values that are in the same order:",
        "  r[0] ≤ -1",
    ]


MANY = Network(
    (Input("x", (14,)), *(Input(f"i{k}", (1,)) for k in range(12)), relu("y", (14,), 0)), (13,)
)


def test_what_is_too_long_is_counted() -> None:
    count = 26
    lower = (*(fmpq(-k) for k in range(14)), *[ONE] * 12)
    upper = (*(fmpq(2 * k) if k != 3 else fmpq(-3) for k in range(14)), *[ONE] * 12)
    unsafe = And(tuple(atom({26: ONE}, fmpq(k)) for k in range(30)))
    domain = tuple(atom({0: ONE}, fmpq(-k)) for k in range(count))
    lines = statement(Query(MANY, lower, upper, unsafe, domain)).splitlines()
    shown = ", ".join(["x[14]", *(f"i{k}[1]" for k in range(11))])
    assert lines[1] == f"  inputs {shown}, … (13); outputs y[14]"
    assert lines[2:6] == [
        "Domain: 26 inputs, 0 of them integers",
        "  box: 14 inputs fixed, 12 with an interval",
        "  widths from 0 to 39",
        "  least lower end -13, greatest upper end 26",
    ]
    assert lines[6:30] == [f"  and x[0] ≤ {k}" for k in range(24)]
    assert lines[30:33] == [
        "  and 2 more linear conditions",
        "No input in this domain makes",
        "  all of these 30:",
    ]
    assert lines[33:57] == [f"    y[0] ≤ {-k}" for k in range(24)]
    assert lines[57:] == ["  … abridged: 30 conditions and 0 disjunctions in all"]


def test_many_disjunctions_are_counted_and_long_sums_cut() -> None:
    pair = Or((atom({26: ONE}, ONE), And((atom(dict.fromkeys(range(9), ONE), ONE), atom({}, ONE)))))
    query = Query(MANY, (fmpq(0),) * 26, (ONE,) * 26, And((pair,) * 12))
    lines = statement(query).splitlines()
    long = "x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + … (9 terms) ≤ -1"
    assert lines[8:13] == [
        "    at least one of these 2:",
        "      y[0] ≤ -1",
        "      all of these 2:",
        f"        {long}",
        "        0 ≤ -1",
    ]
    assert lines[-1] == "  … abridged: 36 conditions and 12 disjunctions in all"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (fmpq(0), "0"),
        (fmpq(10) ** 23, "1" + "0" * 23),
        (fmpq(10) ** 24, "≈1e+24"),
        (-(fmpq(10) ** 23), "≈-1e+23"),
        (fmpq(-1, 3**40), "-1/12157665459056928801"),
        (fmpq(-1, 3**50), "≈-1.3929555691e-24"),
        (fmpq(7, 10**400), "≈7e-400"),
        (fmpq(-7, 10**400), "≈-7e-400"),
        (-(fmpq(10) ** 400), "≈-1e400"),
        (fmpq(123456789, 1024), "120563.2705078125"),
        (fmpq(-5, 10**21), "-0.000000000000000000005"),
        (fmpq(-5, 10**23), "≈-5e-23"),
        (fmpq(-5, 100), "-0.05"),
    ],
)
def test_numbers_are_whole_or_said_to_be_near(value: fmpq, text: str) -> None:
    assert readable(value) == text
