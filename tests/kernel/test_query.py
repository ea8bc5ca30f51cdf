"""A query refuses what it cannot mean; formulas made flat still mean the same."""

from __future__ import annotations

from random import Random

import pytest
from flint import fmpq

from tests.kernel.distance import ABS
from tests.kernel.test_formula import holds, random_formula, small
from verifai.graph.formulas import atom, conjunction
from verifai.kernel.errors import InputError
from verifai.kernel.query import MAX_ALTERNATION, And, Atom, Formula, Or, Query, Relation

ONE, ZERO = fmpq(1), fmpq(0)
LESS = Relation.LESS


def asked(**changes: object) -> Query:
    """About two inputs x, y and what follows from them (values 0 and 1, 2 to 6)."""
    given: dict[str, object] = {"network": ABS, "lower": (ZERO,) * 2, "upper": (ONE,) * 2}
    return Query(**(given | {"unsafe": And(())} | changes))  # type: ignore[arg-type]


def on(*values: int) -> Atom:
    return Atom(tuple((v, ONE) for v in values), ZERO)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lower": (ZERO,)}, "1 lower and 2 upper ends for 2 inputs"),
        ({"upper": (ONE,) * 3}, "2 lower and 3 upper ends for 2 inputs"),
        ({"lower": (ZERO,) * 3, "upper": (ONE,) * 3}, "3 lower and 3 upper ends for 2"),
        ({"lower": (), "upper": ()}, "0 lower and 0 upper ends for 2"),
        ({"integers": frozenset({2})}, "an integer value that is no input"),
        ({"integers": frozenset({0, 6})}, "an integer value that is no input"),
        ({"integers": frozenset({-1})}, "an integer value that is no input"),
        ({"domain": (on(2),)}, "a condition of the domain on a value that is no input"),
        ({"domain": (on(0), on(0, 6))}, "a condition of the domain on a value that is no input"),
        ({"domain": (on(0, 0),)}, "names a value twice"),
        ({"domain": (on(7),)}, "a value that the network does not have"),
        ({"unsafe": And((on(7),))}, "a value that the network does not have"),
        ({"unsafe": And((on(-1),))}, "a value that the network does not have"),
        ({"unsafe": And((Or((on(1), And((on(1, 7),)))),))}, "that the network does not have"),
        ({"unsafe": And((on(3, 3),))}, "names a value twice"),
        ({"unsafe": And((Or((on(0), on(3, 3))),))}, "names a value twice"),
        ({"unsafe": And((Or(()),))}, "a disjunction of nothing"),
        ({"unsafe": And((Or((And((Or(()),)),)),))}, "a disjunction of nothing"),
        ({"stated": And((Or(()),))}, "a disjunction of nothing"),
        ({"stated": And((on(7),))}, "a value that the network does not have"),
    ],
)
def test_a_query_that_means_nothing_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        asked(**changes)


def nested(levels: int) -> And:
    """So many levels of and, or below the top."""
    formula: Formula = on(0)
    for level in range(levels):
        formula = (Or, And)[level % 2]((formula, on(1)))
    return And((formula,))


def test_a_formula_is_so_deep_and_no_deeper() -> None:
    assert asked(unsafe=nested(MAX_ALTERNATION)).longest == 1
    with pytest.raises(InputError, match="nested deeper"):
        asked(unsafe=nested(MAX_ALTERNATION + 1))
    with pytest.raises(InputError, match="nested deeper"):
        asked(stated=nested(MAX_ALTERNATION + 1))


def test_a_box_is_vacuous_where_one_pair_of_ends_is_out_of_order() -> None:
    assert not asked(lower=(ONE, ONE)).is_vacuous
    assert asked(lower=(fmpq(2), ZERO)).is_vacuous
    assert asked(lower=(ZERO, fmpq(2))).is_vacuous
    between = {"lower": (fmpq(1, 4), ZERO), "upper": (fmpq(3, 4), ONE)}
    assert not asked(**between).is_vacuous
    assert not asked(**between, integers=frozenset({1})).is_vacuous
    assert asked(**between, integers=frozenset({0})).is_vacuous


def test_the_longest_row_stands_anywhere() -> None:
    assert asked(domain=(on(0, 1),), unsafe=And((on(3),))).longest == 2
    assert asked(domain=(on(1),), unsafe=And((on(3), Or((on(2, 3, 4), on(5)))))).longest == 3
    assert asked(unsafe=And((Or((on(5), on(2, 3, 4))), on(1)))).longest == 3
    assert asked(unsafe=And((Or((on(2, 3, 4), on(5))),))).longest == 3


def test_assumptions_make_a_query_one_about_float32() -> None:
    assert asked().semantics == "real"
    assert asked(assumptions=("sums in any order",)).semantics == "float32"


# formulas made flat


def test_an_atom_holds_its_terms_in_order_and_no_zeros() -> None:
    found = atom({5: ONE, 1: ZERO, 0: fmpq(-2)}, fmpq(3), LESS)
    assert found == Atom(((0, fmpq(-2)), (5, ONE)), fmpq(3), LESS)
    assert atom({}, ONE) == Atom((), ONE, Relation.AT_MOST)


@pytest.mark.parametrize("seed", range(200))
def test_a_flat_conjunction_holds_where_its_parts_do(seed: int) -> None:
    random = Random(seed)
    parts = [random_formula(random, 4) for _ in range(random.randrange(4))]
    flat = conjunction(parts)
    for _ in range(12):
        point = tuple(small(random) for _ in range(3))
        assert holds(flat, point) == all(holds(part, point) for part in parts)
    assert not any(isinstance(part, And) for part in flat.parts)


def test_parts_keep_their_order() -> None:
    a, b, c, d = (on(v) for v in range(4))
    assert conjunction([And((a, And((b,)))), Or((Or((c, d)), a)), Or((b,))]) == And(
        (a, b, Or((c, d, a)), b)
    )


def test_a_flat_conjunction_refuses_what_a_query_would() -> None:
    for empty in (Or(()), And((Or(()),)), Or((on(0), Or(())))):
        with pytest.raises(InputError, match="a disjunction of nothing"):
            conjunction([empty])
    with pytest.raises(InputError, match="nested deeper"):
        conjunction([nested(2 * MAX_ALTERNATION)])
    assert isinstance(conjunction([nested(MAX_ALTERNATION)]), And)
