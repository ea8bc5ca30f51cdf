"""Regression tests of smooth functions, each named after the behaviour it keeps."""

import numpy as np
import pytest
from flint import fmpq, fmpz

from tests.kernel.proofs import Block, Close, Derive, Split, Tree, below_query, decide
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine
from verifai.kernel.arithmetic import Rounded
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.lines import image
from verifai.kernel.network import FUNCTIONS, Input, Network, Smooth
from verifai.kernel.operator import Conv, Dense
from verifai.kernel.query import And, Query
from verifai.kernel.replay import evaluate, replay

BOTH = pytest.mark.parametrize("exact", [False, True], ids=["rounded", "exact"])
USE = Close(Block(rows=((0, 1.0),)))


def chain(*functions: str) -> Network:
    """The functions one after the other, of one input."""
    nodes = [Smooth(f"n{i}", (1,), i, f) for i, f in enumerate(functions)]
    return Network((Input("x", (1,)), *nodes), (len(nodes),))


@BOTH
def test_an_image_that_is_no_number_empties_no_context(exact: bool) -> None:
    """The slope of the logarithm at 1e-310 is infinite in binary64."""
    least = fmpq(1, fmpz(10) ** 320)
    unsafe = And((atom({1: fmpq(1)}, fmpq(720)),))
    query = Query(chain("log"), (least,), (fmpq(1),), unsafe)
    assert replay(query, [least]).violates is True
    tree = Split(0, 1e-310, Derive((("image", 1, None),), Split(1, -5.0, USE, USE)), USE)
    with pytest.raises(Rejection, match="close"):
        decide(query, tree, exact=exact)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_image_is_a_nan(function: str) -> None:
    ends = [0.0, 5e-324, 1e-320, 1e-310, 1e-300, 1.0, 100.0, 2.0**300]
    pairs = [(l, u) for l in ends for u in ends if l <= u]
    if function in ("log", "reciprocal"):
        pairs = [(l, u) for l, u in pairs if l > 0]
    l, u = (np.array([[pair[side] for pair in pairs]]) for side in (0, 1))
    low, high = image(Smooth("f", l.shape[1:], 0, function), None, [(l, u)], Rounded())
    assert not np.isnan(low).any()
    assert not np.isnan(high).any()
    assert (low <= high).all()


@BOTH
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("is_one_plan", [True, False])
def test_intervals_that_cross_reach_no_function(
    function: str, is_one_plan: bool, exact: bool
) -> None:
    """On the left of the split two rows contradict; there y has bounds in the wrong order."""
    net = Network(
        (
            Input("x", (2,)),
            affine("y", (1,), ((0, Dense.of([[0.5, 0.0]])),), bias=1.0),
            Smooth("z", (1,), 1, function),
            affine("w", (1,), ((2, Dense.of([[1.0]])),)),
        ),
        (3,),
    )
    far = Block(rows=((-1, 1e6),))
    first, then = ("node", 1, far), ("node", 3, None)
    end = Close(Block(rows=((-1, 1.0),)))
    left: Tree = Derive((first, then), end)
    if not is_one_plan:
        left = Derive((first,), Derive((then,), end))
    tree = Split(((0, 1.0), (1, 1.0)), -50.0, left, USE)
    assert decide(below_query(net, fmpq(30)), tree, exact=exact).leaves == 2


@BOTH
def test_an_image_where_every_context_is_empty(exact: bool) -> None:
    conv = Conv.of(np.ones((1, 1, 1)), (2,))
    net = Network((Input("x", (2,)), affine("y", (2,), ((0, conv),))), (1,))
    left = Split(0, 0.5, USE, Derive((("image", 1, None),), Close()))
    assert decide(below_query(net, fmpq(3)), Split(0, 0.0, left, USE), exact=exact).leaves == 3


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "erf"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("power", [3, 6, 9, 400])
def test_values_far_out_are_enclosed(function: str, power: int, sign: int) -> None:
    x = sign * fmpz(10) ** power
    low, high = (ends[-1] for ends in evaluate(chain(function), [fmpq(x)]))
    limit = fmpq(1) if x > 0 else fmpq(0 if function == "sigmoid" else -1)
    near = fmpq(1, fmpz(2) ** 150)
    assert limit - near <= low < high <= limit + near


@pytest.mark.parametrize("functions", [("exp", "log"), ("exp", "reciprocal")])
def test_replay_beyond_binary64(functions: tuple[str, ...]) -> None:
    low, high = evaluate(chain(*functions), [fmpq(1000)])
    assert 0 <= high[-1] - low[-1] < fmpq(1, fmpz(2) ** 150)


def test_replay_of_an_exponential_too_large_is_an_error() -> None:
    with pytest.raises(InputError, match="a power beyond"):
        evaluate(chain("exp"), [fmpq(10**6)])


@BOTH
@pytest.mark.parametrize("function", ["sigmoid", "tanh", "erf"])
def test_saturated_functions_are_checked(function: str, exact: bool) -> None:
    net = Network(
        (
            Input("x", (1,)),
            affine("y", (1,), ((0, Dense.of([[1e6]])),)),
            Smooth("z", (1,), 1, function),
        ),
        (2,),
    )
    assert decide(below_query(net, fmpq(3)), USE, exact=exact).nodes == 1
