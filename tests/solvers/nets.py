"""Random small networks of all exact kinds, and of radii, for exports and solvers."""

from __future__ import annotations

import numpy as np
from flint import fmpq

from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.network import Input, Network, Node, Product, Sign, Square
from verifai.kernel.operator import Conv, Dense, Gather


def random_network(
    seed: int, *, kinds: str = "relu pwl wide sign square product", depth: int = 3
) -> Network:
    """Two input nodes, then some nonlinear layers drawn from the kinds."""
    rng = np.random.default_rng(seed)
    names = kinds.split()
    nodes: list[Node] = [Input("x", (2,)), Input("p|q", (1,))]
    gathered = ((0, Gather.of(2, [0, 1, -1])), (1, Gather.of(1, [-1, -1, 0], 0.75)))
    nodes.append(affine("joined", (3,), gathered, bias=[0.0, 0.25, 0.1]))
    for layer in range(depth):
        weight = Dense.of(np.round(rng.normal(size=(3, 3)), int(rng.integers(1, 18))))
        divisor = [1.0, 3.0, 7.0] if rng.random() < 0.5 else None
        source = len(nodes) - 1
        bias = rng.normal(size=3)
        terms = ((source, weight), (source, Gather.of(3, [2, 0, -1], 0.5)))
        nodes.append(affine(f"y{layer}", (3,), terms, bias=bias, divisor=divisor))
        _nonlinear(nodes, str(rng.choice(names)), layer, rng)
    kernel = Conv.of(rng.normal(size=(1, 1, 2)), (3,), padding=((1,), (0,)))
    nodes.append(affine("out", (1, 3), ((len(nodes) - 1, kernel),), bias=0.5))
    return Network(tuple(nodes), (len(nodes) - 1,))


def _nonlinear(nodes: list[Node], kind: str, layer: int, rng: np.random.Generator) -> None:
    last, name = len(nodes) - 1, f"z{layer}"
    if kind == "relu":
        nodes.append(relu(name, (3,), last))
    elif kind == "pwl":
        knots = np.sort(rng.normal(size=4))
        nodes.append(pwl(name, (3,), last, knots, rng.normal(size=5), rng.normal()))
    elif kind == "wide":
        knots = np.sort(rng.normal(size=(2, 3)), axis=0)
        nodes.append(pwl(name, (3,), last, knots, rng.normal(size=(3, 3)), rng.normal(size=3)))
    elif kind == "sign":
        nodes.append(Sign(name, (3,), last))
    elif kind == "square":
        nodes.append(Square(name, (3,), last))
    else:
        nodes.append(Product(name, (3,), last, 2))


def random_point(seed: int, count: int) -> list[fmpq]:
    """Rationals that are mostly no dyadics; now and then zero."""
    rng = np.random.default_rng(seed)
    return [
        fmpq(int(p), int(q)) if rng.random() < 0.9 else fmpq(0)
        for p, q in zip(
            rng.integers(-40, 41, size=count), rng.integers(1, 30, size=count), strict=True
        )
    ]
