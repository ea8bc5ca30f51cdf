"""Yarotsky's ReLU network for the product of two numbers.

May import: the gallery's parts, search (records), kernel; sympy, torch on demand.
Must not know: files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from flint import fmpq

from verifai.graph.attach import attach
from verifai.graph.formulas import atom
from verifai.graph.graph import Graph
from verifai.graph.nodes import affine
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Gather
from verifai.kernel.query import Query, Relation
from verifai.kernel.replay import evaluate
from verifai.proof.record import sharpened
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, CoqInstance, CoqProof, Finding, Role, Theorem, parameter
from verifai.theorems.construction import exported, relu_module
from verifai.theorems.distance import Ends, avoids, beyond, output, within
from verifai.theorems.product_proof import ProductRecords
from verifai.theorems.yarotsky_square import CLOSER, layers

if TYPE_CHECKING:
    import torch

ZERO, ONE = fmpq(0), fmpq(1)
SQUARE: Ends = ((-ONE, ONE), (-ONE, ONE))
STATEMENT = """\
With Yarotsky's f_m for the square (theorem yarotsky_square) let
    N(x, y) = 2 [f_m(|x + y|/2) - f_m(|x|/2) - f_m(|y|/2)].
N is 0 where x = 0 or y = 0, and on [-1, 1]²
    sup |N(x, y) - x y| = 4^-m, attained at x = y = 2^-m.

Proof. x y = 2 [((x + y)/2)² - (x/2)² - (y/2)²]; so with e = f_m - x², which lies between 0 and
4^(-m-1) on [0, 1],
    N(x, y) - x y = 2 [e(|x + y|/2) - e(|x|/2) - e(|y|/2)]
lies between -4·4^(-m-1) = -4^-m and 2·4^(-m-1). At x = y = 2^-m it is -4^-m, for e is 4^(-m-1) at
2^(-m-1) and 0 at 2^-m. On an axis two terms cancel and the third is e(0) = 0.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    certified: int = parameter(3, "greatest m whose bound is certified", 1, 4)
    depth: int = parameter(10, "the m at whose points the bound is attained", 1, 20)


def product_module(m: int) -> torch.nn.Module:
    """The torch module of N, which reads one row (x, y)."""
    import torch

    class ProductNet(torch.nn.Module):
        """The network N on rows (x, y)."""

        def __init__(self) -> None:
            super().__init__()
            self.square = relu_module(layers(m))

        def forward(self, xy: torch.Tensor) -> torch.Tensor:
            """N(x, y) of every row."""
            x, y = xy[:, :1], xy[:, 1:]
            parts = [self.square(torch.abs(v) / 2) for v in (x + y, x, y)]
            result: torch.Tensor = 2 * (parts[0] - parts[1] - parts[2])
            return result

    return ProductNet().eval()


def product_network(m: int) -> Network:
    """The network of the module, exported by torch."""
    return exported(product_module(m), 2)


def posed(m: int) -> Graph:
    """A graph with inputs x and y, the exported network on (x, y) and, last, the product."""
    graph = Graph((Input("x", (1, 1)), Input("y", (1, 1))))
    sources = tuple((i, Gather.of(1, [-1] * i + [0] + [-1] * (1 - i))) for i in (0, 1))
    pair = graph.add(affine("x and y", (1, 2), sources))
    net = product_network(m)
    attach(graph, net, [pair], "")
    graph.times("x times y", 0, 1)
    return graph


def product_query(m: int, distance: fmpq) -> Query:
    """Is |N(x, y) - x y| at most the distance on [-1, 1]²?"""
    graph = posed(m)
    net = Network(tuple(graph.nodes), (len(graph.nodes) - 2,))
    form = {output(net): 1, net.value(len(net.nodes) - 1, 0): -1}
    return within(net, form, distance, SQUARE)


def axis_query(m: int, axis: int) -> Query:
    """Is N zero where the other coordinate is?"""
    graph = posed(m)
    net = Network(tuple(graph.nodes[:-1]), (len(graph.nodes) - 2,))
    zero = atom({1 - axis: ONE}, ZERO, Relation.EQUAL)
    return avoids(net, beyond({output(net): 1}, ZERO), SQUARE, domain=(zero,))


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "identity",
        "x y = 2 [((x + y)/2)² - (x/2)² - (y/2)²]; so N(x, y) - x y is 2 [e - e' - e''] of three "
        "values of e, each between 0 and 4^(-m-1) (theorem yarotsky_square).",
        identity,
    )
    for m in range(1, sizes.certified + 1):
        text = f"|N(x, y) - x y| ≤ 4^-{m} on [-1, 1]² for m = {m}, the network that torch exports."
        pose = partial(product_query, m, fmpq(1, 4**m))
        yield Claim(f"bound-{m}", text, partial(by_hand, pose, m), pose)
    m = sizes.certified
    for axis, name in enumerate("xy"):
        text = f"N is 0 on the {name} axis of [-1, 1]², m = {m}."
        pose = partial(axis_query, m, axis)
        yield Claim(f"axis-{name}", text, partial(by_hand, pose, m), pose)
    yield Claim(
        "attained",
        f"N - x y is exactly -4^-m at x = y = 2^-m, m = {sizes.depth}, of the exported network.",
        partial(attained, sizes.depth),
    )
    yield evidence.to_decide(
        "closer",
        f"|N(x, y) - x y| ≤ 4^-{m} (1 - 2^-20) on [-1, 1]² for m = {m}.",
        partial(product_query, m, fmpq(1, 4**m) * CLOSER),
        role=Role.CONTROL,
    )


def by_hand(pose: Callable[[], Query], m: int) -> Finding:
    """The certificate with one leaf for every region, as the kernel judges it."""
    query = pose()
    return evidence.accepted(
        query, sharpened(ProductRecords(query, m).records())
    )  # errors of 0 are met


def identity() -> Finding:
    """The polarisation identity."""
    import sympy

    x, y = sympy.symbols("x y")
    return evidence.identities(2 * (((x + y) / 2) ** 2 - (x / 2) ** 2 - (y / 2) ** 2) - x * y)


def attained(m: int) -> Finding:
    """The exported network at the point where it errs most."""
    net, x = product_network(m), fmpq(1, 2**m)
    low, high = evaluate(net, [x, x])
    place = output(net)
    error = low[place] - x * x
    holds = low[place] == high[place] and error == -fmpq(1, 4**m)
    return evidence.exact(holds, counterexample=f"the error at ({x}, {x}) is {error}")


THEOREM = Theorem(
    name="yarotsky_product",
    title="a ReLU net of depth m multiplies on [-1, 1]² up to exactly 4^-m, and by 0 exactly",
    statement=STATEMENT,
    proposal="the torch module made of three copies of the square network, exported; certificates "
    "by hand with one leaf for each side of every region where the network is affine",
    source="Yarotsky, Error bounds for approximations with deep ReLU networks, Neural Networks 94 "
    "(2017), Proposition 3",
    defaults=Parameters(),
    claims=claims,
    example="""\
m = 1, x = y = 1/2: f_1(1/2) = 1/4, f_1(1/4) = 1/8, so N = 2 (1/4 - 1/8 - 1/8) = 0, and x y = 1/4:
the error is 4^-1, the greatest. At y = 0: N = 2 (f_1(x/2) - f_1(x/2) - f_1(0)) = 0, exactly.""",
    proved=CoqProof(
        "YarotskyProduct.v",
        "yarotsky_product",
        "for every m ≥ 1 the network of m + 1 hidden layers is N everywhere; N is 0 on the axes as "
        "far as ±2; sup |N - x y| on [-1, 1]² is 4^-m, attained at x = y = 2^-m",
        tuple(
            CoqInstance(f"ProductNet.product_net {m}", partial(product_network, m))
            for m in (1, 2, 3, 10)
        ),
    ),
)
