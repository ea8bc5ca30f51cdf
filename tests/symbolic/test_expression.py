"""SymPy expressions against the kernel's exact evaluation."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solvers.nets import random_network, random_point
from verifai.graph.nodes import affine
from verifai.kernel.errors import InputError
from verifai.kernel.network import FUNCTIONS, Input, Network, Smooth
from verifai.kernel.operator import Dense
from verifai.kernel.replay import evaluate
from verifai.symbolic.expression import rational_of, to_sympy


def exact_outputs(net: Network, inputs: list[fmpq]) -> list[Any]:
    low, high = evaluate(net, inputs)
    first = net.offsets[net.outputs[0]]
    ends = zip(low[first:], high[first:], strict=True)
    return [rational_of(l) if l == u else None for l, u in ends]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_expressions_at_points_are_the_kernels_evaluation(seed: int) -> None:
    net, inputs = random_network(seed, depth=2), random_point(seed, 3)
    found = to_sympy(net)
    assert list(found.at(*map(rational_of, inputs))) == exact_outputs(net, inputs)


@pytest.mark.parametrize("seed", range(6))
def test_the_text_defines_the_same_function(seed: int) -> None:
    net, inputs = random_network(seed, depth=2), random_point(seed + 50, 3)
    names: dict[str, Any] = {}
    exec(to_sympy(net).source(), names)
    chosen = {names[f"x{i}"]: rational_of(x) for i, x in enumerate(inputs)}
    got = [names[f"y{k}"].xreplace(chosen).doit() for k in range(3)]
    assert got == exact_outputs(net, inputs)
    assert "# p|q[0]" in to_sympy(net).source()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_smooth_functions_are_sympys_own(function: str) -> None:
    net = Network((Input("x", (1,)), Smooth("s", (1,), 0, function)), (1,))
    for x in (fmpq(1, 3), fmpq(2)):
        (value,) = to_sympy(net).at(rational_of(x))
        low, high = evaluate(net, [x])
        digits = value.evalf(60)
        assert rational_of(low[1]) - sympy.Rational(1, 10**50) <= digits
        assert digits <= rational_of(high[1]) + sympy.Rational(1, 10**50)
        assert float(high[1] - low[1]) < 1e-20


def test_a_radius_has_no_expression() -> None:
    node = affine("y", (1,), ((0, Dense.of([[1.0]])),), radius=0.5)
    with pytest.raises(InputError, match="'y' has a constant that is not rational"):
        to_sympy(Network((Input("x", (1,)), node), (1,)))


def test_large_networks_are_refused_with_their_size() -> None:
    with pytest.raises(InputError, match=r"an expression of \d+ operations \(at most 100\)"):
        to_sympy(random_network(0, kinds="relu"), max_size=100)
    with pytest.raises(InputError, match="at most 20000"):
        to_sympy(random_network(0, kinds="pwl", depth=9))


def test_points_have_one_number_an_input() -> None:
    net = random_network(0, kinds="relu", depth=1)
    with pytest.raises(InputError, match="2 numbers for 3 inputs"):
        to_sympy(net).at(1, 2)
