"""The largest distance from a symbolic function: exact where algebra covers it, else a bracket."""

import math
from pathlib import Path

import numpy as np
import pytest
import sympy
from flint import fmpq

import verifai as vf
from verifai.bounds.compiled import compile_network
from verifai.graph.nodes import affine, relu
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Product, Smooth
from verifai.kernel.operator import Dense
from verifai.optimum.maximize import Maximum
from verifai.symbolic.error import SupError

X, Y = sympy.symbols("x y")
YAROTSKY = Path(vf.__file__).parent / "data" / "yarotsky_4.onnx"


def chord() -> Network:
    """1 + 1.7·relu(x): exp on [-1, 1] badly."""
    nodes = (
        Input("x", (1,)),
        relu("z", (1,), 0),
        affine("y", (1,), ((1, Dense.of([[1.7]])),), bias=1.0),
    )
    return Network(nodes, (2,))


def test_piecewise_linear_networks_against_polynomials_are_exact() -> None:
    found = vf.sup_error(vf.load(YAROTSKY), X**2, (0, 1))
    assert isinstance(found, SupError)
    assert found.value == fmpq(1, 1024)


@pytest.mark.parametrize(
    ("expression", "function"),
    [(sympy.exp(X), math.exp), (sympy.cos(X) + X / 3, lambda x: math.cos(x) + x / 3)],
)
def test_other_functions_have_certified_brackets(expression: sympy.Expr, function: object) -> None:
    net = chord()
    found = vf.sup_error(net, expression, (-1, 1), timeout=60)
    assert isinstance(found, Maximum)
    assert found.is_converged, found.status
    assert found.upper is not None
    assert found.query is not None
    assert found.certificate is not None
    assert found.upper - found.lower <= fmpq(1, 10**6) * (1 + found.upper)
    vf.check(found.query, found.certificate)
    points = np.linspace(-1, 1, 4001)
    values = compile_network(net).forward(points[:, None])[2][:, 0]
    seen = max(abs(v - function(x)) for v, x in zip(values, points, strict=True))  # type: ignore[operator]
    assert seen <= float(found.upper.p) / float(found.upper.q) + 1e-12
    assert float(found.lower.p) / float(found.lower.q) <= seen + 1e-5


def test_smooth_networks_of_two_inputs() -> None:
    """tanh(xy) against xy: at the corners, where tanh(1) is 0.238… away from 1."""
    nodes = (
        Input("x", (2,)),
        affine("a", (1,), ((0, Dense.of([[1.0, 0.0]])),)),
        affine("b", (1,), ((0, Dense.of([[0.0, 1.0]])),)),
        Product("xy", (1,), 1, 2),
        Smooth("y", (1,), 3, "tanh"),
    )
    net = Network(nodes, (4,))
    box = [(-1, 1), (-1, 1)]
    found = vf.sup_error(net, X * Y, box, variables=(X, Y), tolerance="1e-3", timeout=60)
    assert isinstance(found, Maximum)
    assert found.is_converged, found.status
    assert found.upper is not None
    limit = 1 - math.tanh(1)
    assert float(found.lower.p) / float(found.lower.q) <= limit + 1e-9
    assert limit <= float(found.upper.p) / float(found.upper.q) + 1e-9


def test_what_is_not_supported_is_named() -> None:
    with pytest.raises(InputError, match="gamma"):
        vf.sup_error(chord(), sympy.gamma(X + 3), (-1, 1))


def test_the_exact_branch_heeds_its_arguments() -> None:
    x, y = sympy.symbols("x y")
    sup_error, net = vf.sup_error, chord()
    whole = sup_error(net, x**2, (0, 1))
    assert sup_error(net, y**2, (0, 1), variables=[y]) == whole
    with pytest.raises(InputError, match="x is none of the variables"):
        sup_error(net, x**2, (0, 1), variables=[y])
    with pytest.raises(InputError, match="variables must name the 1 inputs"):
        sup_error(net, x**2, (0, 1), variables=[x, y])
    for tol in (-1, 0):
        with pytest.raises(InputError, match=r"tolerance: .* not positive"):
            sup_error(net, x**2, (0, 1), tolerance=tol)
    assert sup_error(net, 0, (0, 1)) == sup_error(net, sympy.Integer(0), (0, 1))
