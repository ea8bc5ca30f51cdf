"""Single conditions of the kernel, each with what goes wrong where it is absent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from flint import arb, fmpq, fmpz

from tests.kernel.balls import FIXED_POINT, ball, exceeds
from tests.kernel.distance import ABS, BOTH, D, X, Y, at_least, query_of, rejected
from tests.kernel.false_claims import INPUT, PAIR, at_most, chain, close, on
from tests.kernel.proofs import Block, Close, Derive, Point, Split, decide, proof
from tests.kernel.test_certificate import GOOD
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.arithmetic import Arithmetic, Exact, Rounded
from verifai.kernel.bound import rounded_root
from verifai.kernel.checker import Checker
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.files.certificate import check_form
from verifai.kernel.fixed_point import BITS
from verifai.kernel.lines import image, intercepts
from verifai.kernel.network import Affine, Input, Network, Smooth
from verifai.kernel.number import above, below, nearest
from verifai.kernel.number import exact as rational
from verifai.kernel.operator import Conv, Dense, Gather
from verifai.kernel.query import And, Atom, Formula, Or, Relation
from verifai.kernel.replay import replay

ONE, THIRD = fmpq(1), fmpq(1, 3)
LESS, EQUAL = Relation.LESS, Relation.EQUAL


# replay


def test_a_replayed_point_has_integers_where_they_are_asked() -> None:
    query = on(INPUT, 0, 2, at_least(X, fmpq(1, 2)), whole=True)
    found = replay(query, (fmpq(3, 2),))
    assert (found.in_domain, found.violates) == (False, False)
    assert found.margin == 1
    found = replay(query, (ONE,))
    assert (found.in_domain, found.violates) == (True, True)


def test_only_inputs_that_are_marked_are_integers() -> None:
    query = query_of(PAIR, at_least(0, fmpq(1, 2)), integers=frozenset({1}))
    assert replay(query, (fmpq(3, 4), ONE)).violates is True
    assert replay(query, (ONE, fmpq(3, 4))).violates is False


@pytest.mark.parametrize(
    ("row", "inside", "outside"),
    [
        (atom({0: ONE, 1: ONE}, -ONE), (0, 1), (1, 1)),
        (atom({0: ONE, 1: ONE}, -ONE, LESS), (0, 0), (0, 1)),
        (atom({0: ONE, 1: ONE}, -ONE, EQUAL), (0, 1), (0, 0)),
        (atom({0: ONE, 1: ONE}, -ONE, EQUAL), (1, 0), (1, 1)),
    ],
)
def test_a_replayed_point_obeys_the_rows_of_the_domain(
    row: Atom, inside: tuple[int, int], outside: tuple[int, int]
) -> None:
    query = query_of(PAIR, at_least(0, -ONE), domain=(row,), low=0)
    for point, obeys in ((inside, True), (outside, False)):
        found = replay(query, tuple(map(fmpq, point)))
        assert (found.in_domain, found.violates) == (obeys, obeys)


@pytest.mark.parametrize("point", [(-2, 0), (0, 2), (0, -2), (2, 0)])
def test_a_replayed_point_lies_in_the_box(point: tuple[int, int]) -> None:
    query = query_of(PAIR, atom({0: ONE}, fmpq(-9)))
    found = replay(query, tuple(map(fmpq, point)))
    assert (found.in_domain, found.violates) == (False, False)


def test_a_replay_within_a_radius_is_neither_true_nor_false() -> None:
    net = chain(affine("y", (1,), ((0, Gather.of(1)),), radius=0.5))
    query = on(net, 0, 2, at_least(1, ONE))
    answers = [replay(query, (fmpq(x, 4),)).violates for x in (2, 4, 8)]
    assert answers == [False, None, True]
    equal = on(net, 0, 2, atom({1: ONE}, -ONE, EQUAL))
    assert [replay(equal, (fmpq(x, 4),)).violates for x in (1, 4, 8)] == [False, None, None]
    exactly = on(INPUT, 0, 2, atom({X: ONE}, -ONE, EQUAL))
    assert [replay(exactly, (q,)).violates for q in (ONE, fmpq(3, 2))] == [True, False]


# point: what may hold, in every relation


@BOTH
@pytest.mark.parametrize(
    ("row", "refuted"),
    [
        (at_most(X, ONE), False),
        (at_most(X, ONE, LESS), True),
        (at_most(X, fmpq(2), LESS), False),
        (at_least(X, fmpq(2)), False),
        (at_least(X, fmpq(2), LESS), True),
        (at_least(X, fmpq(3)), True),
        (atom({X: ONE}, -ONE, EQUAL), False),
        (atom({X: ONE}, fmpq(-2), EQUAL), False),
        (atom({X: ONE}, fmpq(-3), EQUAL), True),
        (atom({X: ONE}, fmpq(0), EQUAL), True),
        (And(()), False),
        (And((at_least(X, fmpq(3)), at_least(X, ONE))), True),
        (And((at_least(X, ONE), at_least(X, ONE))), False),
        (Or((at_least(X, fmpq(3)), at_least(X, ONE))), False),
        (Or((at_least(X, fmpq(3)), at_least(X, fmpq(4)))), True),
        (Or((at_least(X, fmpq(3)), And((at_most(X, fmpq(0)), at_least(X, ONE))))), True),
        (Or((at_least(X, fmpq(3)), And(()))), False),
    ],
)
def test_a_point_leaf_refutes_what_cannot_hold(row: Formula, refuted: bool, exact: bool) -> None:
    """x in [1, 2], beside a second input so that rows cut nothing."""
    query = query_of(PAIR, Or((row, at_least(1, fmpq(9)))), lower=(ONE, ONE), upper=(fmpq(2),) * 2)
    if refuted:
        assert decide(query, Point(), exact=exact).leaves == 1
    else:
        rejected(query, Point(), "point", exact=exact)


# splits and rows


@BOTH
def test_the_upper_side_of_a_split_is_strict(exact: bool) -> None:
    """x + y > 1 and x + y ≤ 1 contradict each other with a bound of 0."""
    query = query_of(PAIR, atom({0: ONE, 1: ONE}, -ONE))
    form = ((0, 1.0), (1, 1.0))
    low = query_of(PAIR, atom({0: ONE, 1: ONE}, -ONE), atom({0: -ONE, 1: -ONE}, fmpq(2)))
    both = close((0, 1.0), (-1, 1.0))
    rejected(query, Split(form, 1.0, both, both), "close", exact=exact)
    tree = Split(form, 1.0, close((0, 0.5), (1, 0.5)), close((0, 1.0), (2, 1.0)))
    assert decide(low, tree, exact=exact).leaves == 2


@BOTH
def test_rows_of_the_domain_are_rows(exact: bool) -> None:
    row = atom({0: ONE, 1: ONE}, -ONE)
    query = query_of(PAIR, atom({0: -ONE, 1: -ONE}, fmpq(3, 2)), domain=(row,))
    assert decide(query, close((0, 1.0), (1, 1.0)), exact=exact).leaves == 1
    numbers = query_of(PAIR, atom({0: -ONE, 1: -ONE}, fmpq(3, 2)), domain=(row, row))
    rejected(numbers, close((0, 1.0), (1, 1.0)), "close", exact=exact)
    assert decide(numbers, close((0, 1.0), (2, 1.0)), exact=exact).leaves == 1


@BOTH
def test_a_proof_is_vacuous_only_where_the_domain_alone_is_refuted(exact: bool) -> None:
    """x + y ≤ 1 leaves points; x + y ≥ 3 leaves none. A point leaf may have used the formula."""
    some, none = atom({0: ONE, 1: ONE}, -ONE), atom({0: -ONE, 1: -ONE}, fmpq(3))
    unsafe = atom({0: -ONE, 1: -ONE}, fmpq(4))
    for row, vacuous in ((some, False), (none, True)):
        query = query_of(PAIR, unsafe, domain=(row,))
        assert decide(query, Point(), exact=exact).vacuous is vacuous
        if vacuous:
            assert decide(query, close((0, 1.0)), exact=exact).vacuous
        assert not decide(query, close((1, 1.0)), exact=exact).vacuous
        split = Split(0, 0.5, Point(), Point())
        assert decide(query, split, exact=exact).vacuous is vacuous
    assert not decide(query_of(PAIR, unsafe), Point(), exact=exact).vacuous


@BOTH
def test_coefficients_of_0_are_dropped_so_that_a_row_cuts(exact: bool) -> None:
    row = Atom(((0, -ONE), (1, fmpq(0))), fmpq(2))
    assert decide(query_of(PAIR, row), Close(), exact=exact).leaves == 1


@BOTH
@pytest.mark.parametrize(("sign", "low", "high"), [(1, -1.0, 0.0), (-1, 0.0, 1.0)])
def test_cuts_of_integers_go_as_far_as_they_may(
    sign: int, low: float, high: float, exact: bool
) -> None:
    """Of ±2x ≤ 1 an integer x leaves ±x ≤ 0."""
    query = on(INPUT, -1, 1, atom({X: fmpq(2 * sign)}, -ONE), whole=True)
    checker = Checker(query, exact=exact)
    over = at_least(X, fmpq(1, 4)) if sign > 0 else at_most(X, fmpq(-1, 4))
    claim = on(INPUT, -1, 1, atom({X: fmpq(2 * sign)}, -ONE), over, whole=True)
    assert decide(claim, Close(), exact=exact).leaves == 1
    assert checker.integer.tolist() == [True]
    assert low < high


def test_a_rejected_leaf_says_its_bound() -> None:
    query = on(INPUT, 0, 1, at_least(X, fmpq(1, 2)))
    with pytest.raises(Rejection, match=r"the bound is -0\.5, not above 0"):
        decide(query, close((0, 1.0)), exact=False)


@BOTH
def test_every_one_of_many_points_is_looked_at(exact: bool) -> None:
    query = on(INPUT, 0, 3, at_least(X, fmpq(3)), whole=True)
    tree = Split(X, 0.0, Point(), Split(X, 1.0, Point(), Split(X, 2.0, Point(), Point())))
    rejected(query, tree, "point", exact=exact)
    far = on(INPUT, 0, 3, atom({X: fmpq(2)}, fmpq(-5), EQUAL), whole=True)
    assert decide(far, tree, exact=exact).leaves == 4


# derivations


@BOTH
@pytest.mark.parametrize("block", [None, Block()])
def test_an_end_beside_a_knot_is_rounded_outwards_where_it_is_computed_anew(
    exact: bool, block: Block | None
) -> None:
    """y = (3a - 3x + 1)/3 with a = x is 1/3, which intervals do not see; a knot is just below."""
    knot = below(THIRD)
    both = (1, Dense.of([[3.0]])), (0, Dense.of([[-3.0]]))
    net = chain(
        affine("a", (1,), ((0, Dense.of([[1.0]])),)),
        affine("y", (1,), both, bias=1.0, divisor=3.0),
        pwl("z", (1,), 2, [knot], [0.0, 1.0], 0.0),
    )
    step, y, z = (("node", 2, block),), 2, 3
    query = on(net, 0, 1, at_most(y, THIRD))
    assert replay(query, (ONE,)).violates is True
    rejected(query, Derive(step, close((0, 1.0), bounds=((y, 1.0),))), "close", exact=exact)
    beyond = on(net, 0, 1, atom({z: -ONE, y: ONE}, -rational(knot), LESS))  # z > y - knot
    rejected(beyond, close((0, 1.0)), "close", exact=exact)
    assert decide(beyond, Derive(step, close((0, 1.0))), exact=exact).leaves == 1


@BOTH
def test_below_an_empty_context_row_numbers_are_not_looked_at(exact: bool) -> None:
    wrong = Block(rows=((7, 1.0),))
    query = on(PAIR, (0, 0), (1, 1), at_least(0, fmpq(2)))
    tree = Derive((("form", 1, wrong), ("node", 0, None)), Close(wrong))
    assert decide(query, tree, exact=exact).leaves == 1
    other = on(PAIR, (0, 0), (1, 1), at_least(0, ONE))
    rejected(other, Derive((("form", 1, wrong),), Close()), "multiplier", exact=exact)
    nodes = on(ABS, (0, 0), (1, 1), at_least(0, fmpq(2)))
    assert decide(nodes, Derive((("node", 1, wrong),), Close()), exact=exact).leaves == 1


@BOTH
def test_forms_are_derived_where_a_context_is_not_empty(exact: bool) -> None:
    query = query_of(PAIR, atom({0: -ONE, 1: -ONE}, fmpq(5, 2)))
    tree = Derive((("form", ((0, -1.0), (1, -1.0)), None),), close((0, 1.0), (-1, 1.0)))
    assert decide(query, tree, exact=exact).leaves == 1
    split = Split(0, 0.0, Split(0, -1.0, tree, tree), tree)
    assert decide(query, split, exact=exact).leaves == 3


@BOTH
def test_derived_rows_are_numbered_in_the_order_of_their_forms(exact: bool) -> None:
    query = query_of(PAIR, atom({0: -ONE, 1: -ONE}, fmpq(5, 2)))
    forms = ((0, -1.0), (1, -1.0)), ((0, 1.0), (1, -1.0)), ((0, 2.0), (1, -1.0))
    plan = tuple(("form", form, None) for form in forms)
    assert decide(query, Derive(plan, close((0, 1.0), (1, 1.0))), exact=exact).leaves == 1
    assert decide(query, Derive(plan, close((0, 1.0), (-3, 1.0))), exact=exact).leaves == 1
    for wrong in (2, 3, -1, -2):
        rejected(query, Derive(plan, close((0, 1.0), (wrong, 1.0))), "close", exact=exact)


@BOTH
def test_a_derived_row_is_weak_and_has_its_sign(exact: bool) -> None:
    """x + y ≥ -2 from the box: with x + y ≤ -2 - 1/8 a contradiction, with x + y ≤ -2 none."""
    form = ((0, 1.0), (1, 1.0))
    tree = Derive((("form", form, None),), close((0, 1.0), (1, 1.0)))
    apart = query_of(PAIR, atom({0: ONE, 1: ONE}, fmpq(17, 8)))
    assert decide(apart, tree, exact=exact).leaves == 1
    rejected(query_of(PAIR, atom({0: ONE, 1: ONE}, fmpq(2))), tree, "close", exact=exact)
    rejected(query_of(PAIR, atom({0: -ONE, 1: -ONE}, fmpq(2))), tree, "close", exact=exact)


@BOTH
def test_a_derived_interval_only_shrinks(exact: bool) -> None:
    """A split on d keeps its cut although LB knows less of d than the cut."""
    query = query_of(ABS, at_least(D, fmpq(3, 2)))
    free = Derive((("node", 1, None),), Close())
    rejected(query, free, "close", exact=exact)
    tree = Split(D, 1.0, free, Derive((("node", 1, None),), close((0, 1.0), bounds=((D, -1.0),))))
    rejected(query, tree, "close", exact=exact)
    high = query_of(ABS, at_least(D, fmpq(9, 4)))
    assert decide(high, free, exact=exact).leaves == 1


@BOTH
@pytest.mark.parametrize("kind", ["node", "image"])
def test_lines_follow_the_intervals_that_a_step_has_narrowed(kind: str, exact: bool) -> None:
    """Rows cut x and y after the forward pass, so relu(x - y) has a knot until d is derived."""
    net = chain(
        affine("d", (1,), ((0, Dense.of([[1.0, -1.0]])),)),
        relu("r", (1,), 1),
        affine("e", (1,), ((2, Dense.of([[1.0]])),)),
        inputs=2,
    )
    cuts = at_least(0, fmpq(3, 4)), at_most(1, fmpq(1, 4))
    query = on(net, (-1, -1), (1, 1), *cuts, at_most(4, fmpq(1, 4)))
    twice = Derive((("node", 3, None), (kind, 1, None), ("node", 3, None)), Close())
    assert decide(query, twice, exact=exact).leaves == 1
    rejected(query, Derive((("node", 3, None), ("node", 3, None)), Close()), "close", exact=exact)


@BOTH
def test_a_dense_weight_acts_on_every_row_of_its_input(exact: bool) -> None:
    """Two rows (x, y), each to (x - y, 2y): bounds of all four, and the claim just beyond each."""
    weight = Dense.of([[1.0, -1.0], [0.0, 2.0]])
    net = chain(affine("y", (2, 2), ((0, weight),), bias=[0.0, 1.0, 0.0, 0.0]), inputs=4)
    box = {"lower": (fmpq(0), fmpq(0), fmpq(1), fmpq(1)), "upper": (ONE, ONE, fmpq(3), fmpq(2))}
    step = Derive((("node", 1, None),), Close())
    for value, most in zip(range(4, 8), (1, 3, 2, 4), strict=True):
        above = query_of(net, at_least(value, fmpq(most) + fmpq(1, 8)), **box)
        assert decide(above, step, exact=exact).leaves == 1
        rejected(query_of(net, at_least(value, fmpq(most)), **box), step, "close", exact=exact)


@BOTH
def test_a_radius_grows_with_the_interval_of_the_context(exact: bool) -> None:
    """r = relu(x) ≤ 1 by a cut, though x goes up to 4: y is within r/2 of r, so at most 3/2."""
    net = chain(relu("r", (2,), 0), affine("y", (2,), ((1, Gather.of(2)),), radius=0.5), inputs=2)
    r, y = 2, 4
    query = on(net, (0, 0), (4, 0), at_most(r, ONE), atom({y: -ONE, y + 1: -ONE}, fmpq(2)))
    assert decide(query, close((0, 1.0), (1, 1.0)), exact=exact).leaves == 1
    reached = on(net, (0, 0), (4, 0), at_most(r, ONE), atom({y: -ONE, y + 1: -ONE}, fmpq(3, 2)))
    rejected(reached, close((0, 1.0), (1, 1.0)), "close", exact=exact)


# the root


def test_magnitudes_that_are_not_finite_are_refused() -> None:
    net = chain(affine("y", (1,), ((0, Dense.of([[1.0]])),)))
    root = rounded_root(on(net, 0, 1, at_least(1, ONE)))
    node = net.nodes[1]
    assert isinstance(node, Affine)
    assert np.isfinite(root._weights(1, node).error).all()  # type: ignore[arg-type]
    for wrong in (np.inf, np.nan):
        root.magnitude = np.full(2, wrong)
        with pytest.raises(Rejection, match="finite"):
            root._weights(1, node)


@BOTH
@pytest.mark.parametrize("power", [299, 300, 301, 320])
def test_values_beyond_2_to_the_300_are_refused(power: int, exact: bool) -> None:
    net = chain(affine("y", (1,), ((0, Dense.of([[2.0**power]])),)))
    query = on(net, 0, 1, at_most(1, fmpq(-1)))
    if power < 300:
        assert decide(query, Derive((("node", 1, None),), Close()), exact=exact).leaves == 1
    else:
        rejected(query, Close(), "finite", exact=exact) if power > 300 else None


# the certificate's form


@pytest.mark.parametrize("place", [4, 5, 253])
def test_a_place_of_a_slope_that_no_node_has_is_refused_even_where_it_is_unused(
    place: int,
) -> None:
    check_form(proof(**GOOD), ABS)
    with pytest.raises(Rejection, match="entry_kind"):
        check_form(proof(**(GOOD | {"entry_kind": [0, 1, 2 + place]})), ABS)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("close_block", [-1]),
        ("derive_plan", [-1]),
        ("step_block", [-4, -1]),
        ("step_block", [1, 0]),
    ],
)
def test_a_number_outside_its_table_is_refused(name: str, values: list[int]) -> None:
    with pytest.raises(Rejection, match=name):
        check_form(proof(**(GOOD | {name: values})), ABS)


def test_a_tree_of_no_nodes_is_none() -> None:
    with pytest.raises(Rejection, match="a tree of no nodes"):
        check_form(proof(), ABS)
    with pytest.raises(Rejection, match="tree"):
        decide(on(INPUT, 0, 1, at_least(X, fmpq(2))), proof(), exact=False)


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        ("log", 0.0, 1.0),
        ("log", -1.0, 1.0),
        ("sqrt", -1.0, 1.0),
        ("reciprocal", -1.0, 1.0),
        ("reciprocal", 0.0, 1.0),
        ("reciprocal", -1.0, 0.0),
    ],
)
@pytest.mark.parametrize("ar", [Rounded(), Exact()], ids=["rounded", "exact"])
def test_lines_and_images_ask_where_a_function_is_defined(
    ar: Arithmetic, function: str, low: float, high: float
) -> None:
    node = Smooth("y", (1,), 0, function)
    l, u = ar.lift(np.array([[low]])), ar.lift(np.array([[high]]))
    zero = ar.zeros(1, 1)
    with pytest.raises(Rejection, match="may be undefined"):
        intercepts(node, None, [(l, u)], (zero, zero), ar)
    with pytest.raises(Rejection, match="may be undefined"):
        image(node, None, [(l, u)], ar)


# the network


@pytest.mark.parametrize("source", [-1, 1, 2])
def test_a_node_reads_only_nodes_before_it(source: int) -> None:
    with pytest.raises(InputError, match="does not come before it"):
        Network((Input("x", (1,)), relu("y", (1,), source), relu("z", (1,), 0)), (1,))


@pytest.mark.parametrize("divisor", [0.0, -1.0, -3.0, 0.5, 1.5, 2.0**54])
def test_a_divisor_is_a_positive_integer(divisor: float) -> None:
    with pytest.raises(InputError, match="divisor"):
        chain(affine("y", (1,), ((0, Gather.of(1)),), divisor=divisor))
    chain(affine("y", (1,), ((0, Gather.of(1)),), divisor=2.0**53))


# elementary functions in integers


def stays_within(function: str, q: fmpq, relative: bool) -> None:
    value, error = FIXED_POINT[function](q)
    assert not exceeds(function, q, value, error), (function, q)
    size = max(abs(value), fmpq(1, fmpz(1) << 4000)) if relative else max(ONE, abs(value))
    assert error <= size / (fmpz(1) << (BITS - 3)), (function, q)


POWERS = [fmpq(3, 2), fmpq(2), fmpq(7, 5), fmpq(10) ** 9, fmpq(3) ** 200, fmpq(3) ** 700]


@pytest.mark.parametrize("size", POWERS)
@pytest.mark.parametrize("flip", [False, True])
def test_logarithms_and_roots_of_all_sizes_are_narrow(size: fmpq, flip: bool) -> None:
    q = 1 / size if flip else size
    stays_within("log", q, relative=False)
    stays_within("sqrt", q, relative=True)
    stays_within("reciprocal", q, relative=True)


@pytest.mark.parametrize("eighths", range(1, 112, 3))
def test_the_error_function_is_narrow_up_to_where_it_is_1(eighths: int) -> None:
    q = fmpq(eighths, 8) + fmpq(1, 3**20)
    value, error = FIXED_POINT["erf"](q)
    truth = ball("erf", q)
    assert abs(truth - arb(value)) <= arb(error)
    assert error <= fmpq(1, fmpz(1) << (BITS - 5))
    assert FIXED_POINT["erf"](-q) == (-value, error)


@pytest.mark.parametrize("q", [fmpq(-8192), fmpq(-5679), fmpq(-100), fmpq(700, 3), fmpq(10**5, 7)])
def test_the_exponential_is_narrow_for_large_arguments(q: fmpq) -> None:
    value, error = FIXED_POINT["exp"](q)
    truth = ball("exp", q)
    assert abs(truth - arb(value)) <= arb(error)
    assert error <= max(value / (fmpz(1) << (BITS - 3)), fmpq(1, fmpz(1) << 8192))


@pytest.mark.parametrize("function", ["sin", "cos"])
@pytest.mark.parametrize("bits", [1, 3, 60, 500, 1200])
def test_sine_and_cosine_are_narrow_for_large_arguments(function: str, bits: int) -> None:
    for shift in range(8):
        q = (fmpq(3) ** bits) / (fmpq(2) ** (bits // 2)) + fmpq(shift, 3)
        stays_within(function, q, relative=False)


def test_numbers_round_to_either_side() -> None:
    for q in (THIRD, fmpq(1, 10), -THIRD, fmpq(2, 3), fmpq(1, 3**800)):
        low, high = below(q), above(q)
        assert rational(low) < q < rational(high)
        assert high == np.nextafter(low, np.inf)
        assert nearest(q) in (low, high)
    assert below(fmpq(1, 4)) == above(fmpq(1, 4)) == 0.25
    with pytest.raises(InputError):
        rational(float("inf"))


def test_convolutions_and_selections_of_halves_are_no_integers() -> None:
    for operator in (Conv.of([[[0.5]]], (1,)), Gather.of(1, [0], [0.5]), Dense.of([[0.5]])):
        net = chain(affine("y", (1,), ((0, operator),)))
        assert Checker(on(net, 0, 2, at_least(1, ONE), whole=True)).integer.tolist() == [
            True,
            False,
        ]


@pytest.mark.parametrize(
    "operator",
    [
        lambda: Dense.of([[1.0, 0.0], [0.0, -2.0], [1.0, 1.0], [0.0, 0.0]]),
        lambda: Gather.of(2, [0, 1, 0, -1]),
        lambda: Gather.of(2, [0, 1, 1, 0], [1.0, -3.0, 0.0, 2.0]),
        lambda: Conv.of([[[1.0, 0.0]], [[0.0, -1.0]]], (2,), padding=((0,), (1,))),
    ],
)
def test_values_that_no_half_reaches_are_integers(operator: Callable[[], Dense]) -> None:
    """Input 0 is an integer, input 1 is not."""
    op = operator()
    net = chain(affine("y", (4,), ((0, op),)), inputs=2)
    checker = Checker(query_of(net, at_least(2, ONE), integers=frozenset({0})))
    real = [[0.0, 1.0], [1.0, 0.5]]
    moves = op.push(rounded_root(checker.query).ar, np.array(real))
    for value in range(4):
        weight = float(op.push(rounded_root(checker.query).ar, np.array([[0.0, 1.0]]))[0, value])
        assert bool(checker.integer[2 + value]) == (weight == 0), (value, moves)
    assert Y == 1
