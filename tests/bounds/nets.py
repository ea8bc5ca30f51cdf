"""Random small networks with every kind of node, for the tests of bounds and attacks."""

import itertools

import numpy as np

from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.network import Input, Network, Node, Product, Sign, Smooth, Square
from verifai.kernel.operator import Conv, Dense, Gather


def dense(widths: tuple[int, ...], seed: int = 0) -> Network:
    """A relu network with these widths, inputs first."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [Input("x", (widths[0],))]
    for k, (n, m) in enumerate(itertools.pairwise(widths)):
        weight = Dense.of(rng.normal(size=(m, n)) / np.sqrt(n) * 1.5)
        terms = ((len(nodes) - 1, weight),)
        nodes.append(affine(f"y{k}", (m,), terms, bias=rng.normal(size=m) / 3))
        if k < len(widths) - 2:
            nodes.append(relu(f"z{k}", (m,), len(nodes) - 1))
    return Network(tuple(nodes), (len(nodes) - 1,))


def residual_conv(seed: int = 0) -> Network:
    """Conv, relu, strided grouped conv, a residual sum, gathers, a dense layer with a divisor."""
    rng = np.random.default_rng(seed)
    first = Conv.of(rng.normal(size=(4, 2, 3, 3)) / 3, (5, 4), padding=((1, 1), (1, 1)))
    second = Conv.of(
        rng.normal(size=(4, 2, 3, 2)) / 3,
        (5, 4),
        padding=((1, 1), (1, 0)),
        groups=2,
    )
    third = Conv.of(rng.normal(size=(2, 4, 2, 2)), (5, 4), stride=(2, 1), dilation=(1, 2))
    order = rng.permutation(8)
    nodes: list[Node] = [
        Input("x", (2, 5, 4)),
        affine("y0", (4, 5, 4), ((0, first),), bias=rng.normal(size=80) / 3),
        relu("z0", (4, 5, 4), 1),
        affine("y1", (4, 5, 4), ((2, second), (1, Gather.of(80, scale=0.5)))),
        relu("z1", (4, 5, 4), 3),
        affine("y2", (2, 2, 2), ((4, third),), divisor=3.0),
        affine("g", (9,), ((5, Gather.of(8, [*order, -1], scale=2.0)),), bias=0.25),
        pwl("z2", (9,), 6, [-1.0, 1.0], [0.0, 1.0, 0.0], -1.0),
        affine("out", (2,), ((7, Dense.of(rng.normal(size=(2, 9)))),), radius=1e-3),
    ]
    return Network(tuple(nodes), (8,))


def mixed(seed: int = 0) -> Network:
    """Two inputs' nodes; square, product, sign, abs, leaky relu and an arbitrary zigzag."""
    rng = np.random.default_rng(seed)
    zig = rng.normal(size=(4, 6)), np.sort(rng.normal(size=(3, 6)), axis=0)
    nodes: list[Node] = [
        Input("a", (3,)),
        Input("b", (2,)),
        affine(
            "y0",
            (6,),
            ((0, Dense.of(rng.normal(size=(6, 3)))), (1, Dense.of(rng.normal(size=(6, 2))))),
            bias=rng.normal(size=6),
        ),
        pwl("zig", (6,), 2, zig[1], zig[0], rng.normal(size=6)),
        pwl("abs", (6,), 2, [0.0], [-1.0, 1.0]),
        pwl("dent", (6,), 2, [0.25], [1.0, -0.5]),
        Product("product", (6,), 3, 4),
        Square("square", (6,), 5),
        affine(
            "y1",
            (4,),
            tuple((s, Dense.of(rng.normal(size=(4, 6)) / 4)) for s in (6, 7)),
            bias=rng.normal(size=4) / 4,
        ),
        Sign("sign", (4,), 8),
        pwl("leaky", (4,), 8, [0.0], [0.125, 1.0]),
        affine("out", (3,), tuple((s, Dense.of(rng.normal(size=(3, 4)))) for s in (9, 10, 8))),
    ]
    return Network(tuple(nodes), (11,))


def curved(function: str, widths: tuple[int, ...] = (3, 6, 6, 2), seed: int = 0) -> Network:
    """A perceptron with a smooth function in place of relu, its arguments kept in the domain.

    Where the function is not defined everywhere, what it reads is a square plus a constant.
    """
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [Input("x", (widths[0],))]
    for k, (n, m) in enumerate(itertools.pairwise(widths)):
        weight = Dense.of(rng.normal(size=(m, n)) / np.sqrt(n))
        terms = ((len(nodes) - 1, weight),)
        nodes.append(affine(f"y{k}", (m,), terms, bias=rng.normal(size=m) / 3))
        if k == len(widths) - 2:
            break
        if function in ("log", "reciprocal", "sqrt"):
            nodes.append(Square(f"s{k}", (m,), len(nodes) - 1))
            nodes.append(affine(f"t{k}", (m,), ((len(nodes) - 1, Gather.of(m)),), bias=0.25))
        nodes.append(Smooth(f"z{k}", (m,), len(nodes) - 1, function))
    return Network(tuple(nodes), (len(nodes) - 1,))


def attention(tokens: int = 3, width: int = 2, seed: int = 0) -> Network:
    """One head: scores q·k, softmax as 1/Σ_j exp(x_j - x_i), and the weighted sum of values."""
    rng = np.random.default_rng(seed)
    t, d = tokens, width
    nodes: list[Node] = [Input("x", (t, d))]
    for name in "qkv":
        nodes.append(affine(name, (t, d), ((0, Dense.of(rng.normal(size=(d, d)))),)))

    def pick(name: str, source: int, size: int, order: list[int]) -> int:
        nodes.append(affine(name, (len(order),), ((source, Gather.of(size, order)),)))
        return len(nodes) - 1

    pairs = list(itertools.product(range(t), range(t), range(d)))
    left = pick("ql", 1, t * d, [i * d + c for i, _, c in pairs])
    right = pick("kr", 2, t * d, [j * d + c for _, j, c in pairs])
    nodes.append(Product("qk", (t * t * d,), left, right))
    nodes.append(affine("score", (t * t,), ((len(nodes) - 1, Dense.of(np.ones((1, d)))),)))
    score, triples = len(nodes) - 1, list(itertools.product(range(t), repeat=3))
    first = Gather.of(t * t, [i * t + k for i, _, k in triples])
    second = Gather.of(t * t, [i * t + j for i, j, _ in triples], -1.0)
    nodes.append(affine("gap", (t**3,), ((score, first), (score, second))))
    nodes.append(Smooth("exp", (t**3,), len(nodes) - 1, "exp"))
    nodes.append(affine("sum", (t * t,), ((len(nodes) - 1, Dense.of(np.ones((1, t)))),)))
    nodes.append(Smooth("weight", (t * t,), len(nodes) - 1, "reciprocal"))
    weight, triples = len(nodes) - 1, list(itertools.product(range(t), range(d), range(t)))
    left = pick("wl", weight, t * t, [i * t + j for i, _, j in triples])
    right = pick("vr", 3, t * d, [j * d + c for _, c, j in triples])
    nodes.append(Product("wv", (t * d * t,), left, right))
    nodes.append(affine("out", (t, d), ((len(nodes) - 1, Dense.of(np.ones((1, t)))),)))
    return Network(tuple(nodes), (len(nodes) - 1,))


def waves(seed: int = 0) -> Network:
    """Three smooth functions in a row."""
    rng = np.random.default_rng(seed)
    nodes: list[Node] = [Input("x", (3,))]
    for k, function in enumerate(("sin", "tanh", "erf")):
        weight = Dense.of(rng.normal(size=(5, 3 if k == 0 else 5)))
        nodes.append(affine(f"y{k}", (5,), ((len(nodes) - 1, weight),)))
        nodes.append(Smooth(f"z{k}", (5,), len(nodes) - 1, function))
    weight = Dense.of(rng.normal(size=(2, 5)))
    nodes.append(affine("out", (2,), ((len(nodes) - 1, weight),)))
    return Network(tuple(nodes), (len(nodes) - 1,))


def head(seed: int = 0) -> Network:
    """A small attention head."""
    return attention(seed=seed)


KINDS = (lambda seed: dense((3, 8, 8, 6, 2), seed), residual_conv, mixed, waves, head)
