"""Random small queries over every kind of node, with what dense sampling says about them.

No exact oracle decides these, so each threshold is placed beside the greatest value that sampling
finds: above it the property should hold, below it some sample violates it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpq

from verifai.bounds.compiled import Compiled, compile_network
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.network import FUNCTIONS, Input, Network, Node, Product, Sign, Smooth, Square
from verifai.kernel.number import exact
from verifai.kernel.operator import Array, Dense, Gather
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation

POLYNOMIAL = ("square", "product", "sign", "cubic", "radius")
MIXED = ("attention", "normalized", "mixed", "deep")
KINDS = (*FUNCTIONS, *POLYNOMIAL, *MIXED)
GAPS = (0.3, 0.1, 0.03, 0.01)  # of the sampled range


@dataclass(frozen=True)
class Case:
    """A query, what it is made of, and points of its domain with the network's values there."""

    query: Query
    kind: str
    is_violated: bool
    points: Array
    values: Array


class Maker:
    """The random choices of one case."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []

    def dense(self, source: int, width: int, scale: float = 1.0, shift: float = 0.0) -> int:
        """An affine layer."""
        inputs = int(np.prod(self.nodes[source].shape))
        weight = self.rng.normal(size=(width, inputs)) * scale / np.sqrt(inputs)
        bias = self.rng.normal(size=width) * 0.5 + shift
        return self.add(affine(self.name, (width,), ((source, Dense.of(weight)),), bias=bias))

    @property
    def name(self) -> str:
        return f"n{len(self.nodes)}"

    def add(self, node: Node) -> int:
        """The position of a node added."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def width(self, source: int) -> tuple[int]:
        return (int(np.prod(self.nodes[source].shape)),)

    def smooth(self, source: int, function: str) -> int:
        """A smooth layer, on what keeps its argument inside the domain."""
        if function in ("log", "sqrt", "reciprocal"):
            source = self.positive(source)
        return self.add(Smooth(self.name, self.width(source), source, function))

    def positive(self, source: int) -> int:
        """y² + 1/4."""
        size = self.width(source)
        square = self.add(Square(self.name, size, source))
        return self.add(affine(self.name, size, ((square, Gather.of(size[0])),), bias=0.25))

    def network(self, kind: str) -> Network:
        """A network of one to three inputs and two outputs."""
        n = int(self.rng.integers(1, 4))
        last = self.add(Input("x", (n,)))
        if kind in FUNCTIONS:
            last = self.smooth(self.dense(last, int(self.rng.integers(2, 5)), 1.5), kind)
        else:
            last = getattr(self, f"_{kind}")(last)
        out = self.dense(last, 2)
        return Network(tuple(self.nodes), (out,))

    def _square(self, x: int) -> int:
        y = self.dense(x, 3)
        return self.add(Square(self.name, (3,), y))

    def _product(self, x: int) -> int:
        left, right = self.dense(x, 3), self.dense(x, 3)
        return self.add(Product(self.name, (3,), left, right))

    def _sign(self, x: int) -> int:
        y = self.dense(x, 3)
        return self.add(Sign(self.name, (3,), y))

    def _cubic(self, x: int) -> int:
        y = self.dense(x, 2)
        square = self.add(Square(self.name, (2,), y))
        return self.add(Product(self.name, (2,), square, y))

    def _radius(self, x: int) -> int:
        weight = Dense.of(self.rng.normal(size=(3, *self.width(x))))
        y = self.add(affine(self.name, (3,), ((x, weight),), bias=0.1, radius=1e-9, divisor=3.0))
        return self.smooth(y, "tanh")

    def _deep(self, x: int) -> int:
        y = self.smooth(self.dense(x, 4, 1.5), str(self.rng.choice(["tanh", "sigmoid", "erf"])))
        return self.smooth(self.dense(y, 3, 1.5), str(self.rng.choice(["tanh", "sin", "exp"])))

    def _mixed(self, x: int) -> int:
        y = self.dense(x, 3)
        parts = [
            self.add(relu(self.name, (3,), y)),
            self.smooth(y, str(self.rng.choice(FUNCTIONS))),
            self.add(pwl(self.name, (3,), y, [-0.5, 0.5], [0.25, 1.0, -0.5])),
        ]
        joined = [(p, Dense.of(self.rng.normal(size=(2, 3)))) for p in parts]
        return self.add(affine(self.name, (2,), tuple(joined)))

    def _normalized(self, x: int) -> int:
        """y / √(mean of y² + 1/4)."""
        y = self.dense(x, 3)
        square = self.add(Square(self.name, (3,), y))
        mean = Dense.of(np.ones((1, 3)))
        mean_at = self.add(affine(self.name, (1,), ((square, mean),), bias=0.75, divisor=3.0))
        root = self.add(Smooth(self.name, (1,), mean_at, "sqrt"))
        inverse = self.add(Smooth(self.name, (1,), root, "reciprocal"))
        three = self.add(affine(self.name, (3,), ((inverse, Gather.of(1, [0, 0, 0])),)))
        return self.add(Product(self.name, (3,), y, three))

    def _attention(self, x: int) -> int:
        """Two scores, their softmax, and the mean of two values that it weighs."""
        scores, value = self.dense(x, 2), self.dense(x, 2)
        apart = Dense.of(np.array([[-1.0, 1.0], [1.0, -1.0]]))
        gap = self.add(affine(self.name, (2,), ((scores, apart),)))
        powers = self.add(Smooth(self.name, (2,), gap, "exp"))
        total = self.add(affine(self.name, (2,), ((powers, Gather.of(2)),), bias=1.0))
        share = self.add(Smooth(self.name, (2,), total, "reciprocal"))
        return self.add(Product(self.name, (2,), share, value))


def _samples(rng: np.random.Generator, compiled: Compiled, box: tuple[Array, Array]) -> Array:
    """Random points, corners, and the best ones' neighbours for every output and sign."""
    low, high = box
    n = len(low)
    points = low + rng.random((2000, n)) * (high - low)
    corners = np.where(rng.random((64, n)) < 0.5, low, high)
    points = np.concatenate([points, corners])
    out = compiled.network.outputs[0]
    for step in (0.1, 0.01, 0.001):
        values = compiled.forward(points)[out]
        best = np.unique(np.concatenate([values.argmax(axis=0), values.argmin(axis=0)]))
        near = points[best][:, None] + step * (high - low) * rng.normal(size=(len(best), 200, n))
        points = np.concatenate([points, np.clip(near.reshape(-1, n), low, high)])
    return np.asarray(points)


def make_case(seed: int) -> Case:
    """The case of a seed."""
    maker = Maker(seed)
    rng, kind = maker.rng, KINDS[seed % len(KINDS)]
    net = maker.network(kind)
    compiled = compile_network(net)
    n = net.sizes[0]
    centre, reach = rng.normal(size=n), rng.uniform(0.05, 1.0, size=n)
    low, high = centre - reach, centre + reach
    points = _samples(rng, compiled, (low, high))
    values = np.concatenate(compiled.forward(points), axis=1)
    is_violated = bool(rng.random() < 0.5)
    out = net.offsets[net.outputs[0]]
    parts = [_side(rng, values, out + k, is_violated) for k in (0, 1)]
    form = int(rng.integers(3))
    both = (parts[0],) if form == 0 else parts
    unsafe: Formula = Or(tuple(both)) if form == 1 else And(tuple(both))
    if form == 2 and is_violated:  # both have to hold at one point: place them there
        unsafe = And(tuple(_at(values, out + k, rng) for k in (0, 1)))
    ends = [tuple(exact(float(x)) for x in side) for side in (low, high)]
    return Case(Query(net, ends[0], ends[1], And((unsafe,))), kind, is_violated, points, values)


def _side(rng: np.random.Generator, values: Array, value: int, is_violated: bool) -> Atom:
    """value ≥ threshold or ≤ it, beyond or within what was seen."""
    up = 1.0 if rng.random() < 0.5 else -1.0
    seen = up * values[:, value]
    gap = float(rng.choice(GAPS)) * max(float(np.ptp(seen)), 1e-3)
    threshold = seen.max() + (-gap if is_violated else gap)
    return _beyond(value, up, float(threshold), rng)


def _beyond(value: int, up: float, threshold: float, rng: np.random.Generator) -> Atom:
    relation = Relation.LESS if rng.random() < 0.3 else Relation.AT_MOST
    return atom({value: fmpq(-int(up))}, exact(threshold), relation)


def _at(values: Array, value: int, rng: np.random.Generator) -> Atom:
    """A condition that holds at the first sample, with room."""
    up = 1.0 if rng.random() < 0.5 else -1.0
    seen = up * values[:, value]
    room = 0.02 * max(float(np.ptp(seen)), 1e-3)
    return _beyond(value, up, float(seen[0] - room), rng)
