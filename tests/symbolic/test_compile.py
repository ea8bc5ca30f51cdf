"""Compiled expressions against SymPy, and "near this function" as a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from flint import fmpq

import verifai as vf
from verifai.graph.builder import Builder
from verifai.graph.nodes import affine
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Square
from verifai.kernel.operator import Dense
from verifai.kernel.replay import evaluate, replay
from verifai.symbolic.compile import compile_expression

X, Y = sympy.symbols("x y", real=True)
R = sympy.Rational
MODEL = Path(vf.__file__).parent / "data" / "yarotsky_4.onnx"

EXPRESSIONS = [
    R(1, 3),
    X,
    X**2 - R(1, 10) * X * Y + 3,
    (X + Y) ** 7,
    (X - Y) / (X**2 + 2),
    1 / (Y**2 + 1) ** 3,
    sympy.exp(-X * Y) + sympy.E,
    sympy.log(X**2 + Y**2 + 1),
    sympy.sqrt(X**2 + 1) ** 3 + sympy.sqrt(2),
    1 / sympy.sqrt(Y**2 + 5),
    sympy.sin(X) * sympy.cos(Y) - sympy.tanh(X - Y) + sympy.erf(X),
    abs(X - Y) + sympy.sign(X),
    sympy.Max(X, Y, R(1, 7)) - sympy.Min(X, 2 * Y, -1),
    sympy.Piecewise((X**2, X < 0), (X, True)),
    sympy.Piecewise((Y, X + Y <= 1), (1 - X, True)),
    sympy.Piecewise((0, X <= -1), (X + 1, X <= 0), (1, True)),
    sympy.Piecewise((sympy.exp(X) - 1, X < 0), (X, True)),
    sympy.Piecewise((2 * X - 1, X > 1), (X**3, True)),
]


def compiled(expression: Any) -> tuple[Network, int]:
    builder = Builder()
    node = builder.input("in", (2,)).node
    views = {X: Activation(node, np.array(0)), Y: Activation(node, np.array(1))}
    made = compile_expression(builder, sympy.sympify(expression), views)
    net = Network(tuple(builder.nodes), (made.node,))
    return net, net.offsets[made.node] + int(made.index)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_compiled_expressions_have_sympys_values(expression: Any) -> None:
    net, value = compiled(expression)
    for x, y in (("0", "1/3"), ("-3/2", "2/7"), ("5/4", "-1"), ("1", "1"), ("-1", "2")):
        low, high = evaluate(net, [fmpq(*map(int, f"{q}/1".split("/")[:2])) for q in (x, y)])
        exact = expression.subs({X: R(x), Y: R(y)})
        ends = [R(int(e.p), int(e.q)) for e in (low[value], high[value])]
        if exact.is_Rational and ends[0] == ends[1]:
            assert ends[0] == exact
        else:
            near = exact.evalf(50)
            assert ends[1] - ends[0] < R(1, 10**15)
            assert ends[0] - R(1, 10**40) <= near <= ends[1] + R(1, 10**40)


@pytest.mark.parametrize("expression", EXPRESSIONS[:3] + EXPRESSIONS[12:13], ids=str)
def test_rational_functions_of_exact_nodes_stay_exact(expression: Any) -> None:
    net, value = compiled(expression)
    low, high = evaluate(net, [fmpq(2, 3), fmpq(-5, 7)])
    assert low[value] == high[value]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (X + 0.1, r"a decimal number in the expression: 0\.1"),
        (sympy.pi * X, "pi"),
        (sympy.gamma(X), r"gamma\(x\)"),
        (sympy.Symbol("z") + X, "z"),
        (X ** R(1, 3), "neither whole nor half"),
        (X**Y, "neither whole nor half"),
        (X**1000, "too high"),
        (sympy.Piecewise((0, X < 0), (1, True)), "jumps where x = 0"),
        (sympy.Piecewise((0, X**2 < 1), (1, True)), "not linear"),
        (sympy.Piecewise((X, X < 0)), "not defined everywhere"),
        (sympy.Piecewise((0, X < 0), (Y, Y < 0), (0, True)), "one inside the other"),
    ],
)
def test_what_is_outside_is_named(expression: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compiled(expression)


def test_the_square_network_approximates_the_square() -> None:
    net = vf.load(MODEL)
    z = sympy.Symbol("z")
    close = vf.approximates(net, z**2, "1/1000", [(0, 1)])
    assert isinstance(vf.verify(close, timeout=120), vf.Verified)
    closer = vf.approximates(net, z**2, "1/1025", [(0, 1)])
    verdict = vf.verify(closer, timeout=120)
    assert isinstance(verdict, vf.Falsified)
    (x,) = verdict.counterexample.inputs
    assert abs(evaluate(net, [x])[0][net.offsets[-1] - 1] - x * x) > fmpq(1, 1025)


def test_the_tolerance_itself_is_allowed() -> None:
    net = Network((Input("x", (1,)), affine("y", (1,), ((0, Dense.of([[1.0]])),), bias=1.0)), (1,))
    query = vf.approximates(net, X, 1, [(0, 1)])
    assert replay(query, [fmpq(1, 3)]).violates is False
    query = vf.approximates(net, X, "999/1000", [(0, 1)])
    assert replay(query, [fmpq(1, 3)]).violates is True
    query = vf.approximates(net, X + 2, "999/1000", [(0, 1)])
    assert replay(query, [fmpq(1, 3)]).violates is True


def test_variables_name_the_inputs_in_order() -> None:
    nodes = (Input("x", (2,)), Square("s", (2,), 0))
    net = Network(nodes, (1,))
    box = [(0, 1), (2, 3)]
    right = vf.approximates(net, Y**2, 0, box, variables=(X, Y), output=1)
    wrong = vf.approximates(net, Y**2, 0, box, variables=(Y, X), output=1)
    point = [fmpq(1), fmpq(5, 2)]
    assert (replay(right, point).violates, replay(wrong, point).violates) == (False, True)
    for variables in ((), (X,), (X, X)):
        with pytest.raises(InputError, match="must name the 2 inputs"):
            vf.approximates(net, Y**2, 0, box, variables=variables)
    with pytest.raises(InputError, match="negative tolerance"):
        vf.approximates(net, Y, -1, box, variables=(X, Y))
    with pytest.raises(InputError, match=r"SymPy expression, .* is wanted"):
        vf.approximates(net, "x", 0, box, variables=(X, Y))
