"""Random small queries over piecewise-linear networks, each a function of its seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from flint import fmpq

from tests.search.oracle import rationals, supremum
from verifai.bounds.compiled import compile_network
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.network import Input, Network, Node
from verifai.kernel.operator import Array, Conv, Dense, Gather
from verifai.kernel.query import And, Atom, Formula, Or, Query, Relation

FAMILIES = ("dense", "deep", "residual", "conv", "max", "average", "pieces")
SHAPES = {"atom": 0.3, "and": 0.2, "or": 0.15, "tree": 0.2, "near": 0.15}
GAPS = (1e-1, 1e-2, 1e-3, 1e-5)  # well above the error of `supremum`


@dataclass(frozen=True)
class Case:
    """A query and what makes it special."""

    query: Query
    family: str
    shape: str  # of the formula
    traits: frozenset[str]


class Maker:
    """The random choices of one case."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.is_dyadic = bool(self.rng.random() < 0.5)
        self.traits: set[str] = {"dyadic"} if self.is_dyadic else set()

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def numbers(self, *shape: int) -> Array:
        """Weights: quarters, or any doubles."""
        drawn = self.rng.normal(size=shape)
        return np.round(drawn * 4) / 4 if self.is_dyadic else drawn

    def network(self, family: str) -> Network:
        """A network of one to four inputs, one or two outputs, at most six neurons."""
        n = int(self.rng.integers(1, 5))
        nodes: list[Node] = [Input("x", (n,))]
        getattr(self, f"_{family}")(nodes, n)
        last = len(nodes) - 1
        width = int(np.prod(nodes[last].shape))
        outputs = int(self.rng.integers(1, 3))
        weight = Dense.of(self.numbers(outputs, width) + 0.25)
        bias = self.numbers(outputs)
        nodes.append(affine("out", (outputs,), ((last, weight),), bias=bias))
        return Network(tuple(nodes), (len(nodes) - 1,))

    def _layer(self, nodes: list[Node], source: int, width: int, name: str) -> int:
        inputs = int(np.prod(nodes[source].shape))
        weight = Dense.of(self.numbers(width, inputs))
        nodes.append(affine(f"y{name}", (width,), ((source, weight),), bias=self.numbers(width)))
        nodes.append(relu(f"z{name}", (width,), len(nodes) - 1))
        return len(nodes) - 1

    def _dense(self, nodes: list[Node], n: int) -> None:
        self._layer(nodes, 0, int(self.rng.integers(2, 7)), "0")

    def _deep(self, nodes: list[Node], n: int) -> None:
        self._layer(nodes, self._layer(nodes, 0, 3, "0"), int(self.rng.integers(1, 4)), "1")

    def _residual(self, nodes: list[Node], n: int) -> None:
        width = int(self.rng.integers(1, 4))
        z = self._layer(nodes, 0, width, "0")
        back = Dense.of(self.numbers(n, width))
        nodes.append(affine("sum", (n,), ((z, back), (0, Gather.of(n, scale=0.5)))))
        self._layer(nodes, len(nodes) - 1, int(self.rng.integers(1, 4)), "1")

    def _conv(self, nodes: list[Node], n: int) -> None:
        kernel = Conv.of(self.numbers(1, 1, 2), (n,), padding=((1,), (0,)))
        nodes.append(affine("y0", (1, n), ((0, kernel),), bias=self.numbers(1, n)))
        nodes.append(relu("z0", (1, n), 1))
        if n < 4:
            self._layer(nodes, 2, 2, "1")

    def _max(self, nodes: list[Node], n: int) -> None:
        """max(a, b) = b + relu(a - b), twice in a tree: of four values of the first layer."""
        nodes.append(affine("y0", (4,), ((0, Dense.of(self.numbers(4, n))),), bias=self.numbers(4)))
        pick = (Gather.of(4, [0, 2]), Gather.of(4, [1, 3]), Gather.of(2, [0]), Gather.of(2, [1]))
        source, size = 1, 2
        for level in range(2):
            a, b = pick[2 * level : 2 * level + 2]
            minus = Gather.of(b.inputs, b.index, -1.0)
            nodes.append(affine(f"d{level}", (size,), ((source, a), (source, minus))))
            nodes.append(relu(f"r{level}", (size,), len(nodes) - 1))
            last = len(nodes) - 1
            nodes.append(affine(f"m{level}", (size,), ((last, Gather.of(size)), (source, b))))
            source, size = len(nodes) - 1, 1

    def _average(self, nodes: list[Node], n: int) -> None:
        z = self._layer(nodes, 0, 3, "0")
        mean = Dense.of(np.ones((1, 3)))
        nodes.append(affine("mean", (1,), ((z, mean),), divisor=3.0))
        self._layer(nodes, len(nodes) - 1, 2, "1")

    def _pieces(self, nodes: list[Node], n: int) -> None:
        """Leaky relu, abs, clip, a zigzag."""
        nodes.append(affine("y0", (2,), ((0, Dense.of(self.numbers(2, n))),), bias=self.numbers(2)))
        nodes.append(pwl("leaky", (2,), 1, [0.0], [0.125, 1.0]))
        nodes.append(pwl("clip", (2,), 1, [-0.5, 0.75], [0.0, 1.0, 0.0], -0.5))
        both = Dense.of(self.numbers(1, 2)), Dense.of(self.numbers(1, 2))
        nodes.append(affine("y1", (1,), ((2, both[0]), (3, both[1]))))
        kind = int(self.rng.integers(2))
        if kind:
            nodes.append(pwl("abs", (1,), 4, [0.0], [-1.0, 1.0]))
        else:
            nodes.append(pwl("zig", (1,), 4, [-0.5, 0.5], [1.0, -1.0, 0.5]))

    # Queries.

    def box(self, n: int) -> tuple[list[fmpq], list[fmpq]]:
        """Ends with few decimals, or any doubles; now and then without width, or empty."""
        if self.chance(0.5):
            centre = [fmpq(int(k), 10) for k in self.rng.integers(-10, 11, size=n)]
            reach = [fmpq(int(k), 10) for k in self.rng.integers(1, 15, size=n)]
        else:
            centre = rationals(self.rng.normal(size=n))
            reach = rationals(self.rng.uniform(0.1, 1.5, size=n))
        if self.chance(0.1):
            self.traits.add("degenerate")
            reach[int(self.rng.integers(n))] = fmpq(0)
        if self.chance(0.02):
            self.traits.add("all degenerate")
            reach = [fmpq(0)] * n
        if self.chance(0.03):
            self.traits.add("empty")
            reach[int(self.rng.integers(n))] = fmpq(-1, 7)
        pairs = list(zip(centre, reach, strict=True))
        return [c - r for c, r in pairs], [c + r for c, r in pairs]

    def rows(self, query: Query, middle: list[fmpq]) -> tuple[Atom, ...]:
        """A condition on the inputs: at most, below or equal, near the middle of the box."""
        if not self.chance(0.2):
            return ()
        self.traits.add("rows")
        factors = [fmpq(int(k), 2) for k in self.rng.integers(-2, 3, size=len(middle))]
        relation = (Relation.AT_MOST, Relation.LESS, Relation.EQUAL)[int(self.rng.integers(3))]
        at = sum((a * x for a, x in zip(factors, middle, strict=True)), fmpq(0))
        shift = fmpq(int(self.rng.integers(-1, 2)), 3)
        terms = dict(zip(query.input_values, factors, strict=True))
        if relation is Relation.EQUAL:
            self.traits.add("equality row")
        return (atom(terms, shift - at, relation),)

    def atom(self, values: Array, pool: list[int], *, aim: float) -> Atom:
        """An atom on one or two values; its threshold lies at a share `aim` of what was seen."""
        count = min(len(pool), int(self.rng.integers(1, 3)))
        picked = self.rng.choice(pool, size=count, replace=False)
        factors = self.rng.choice([-1.0, -0.5, 0.5, 1.0], size=count)
        seen = values[:, picked] @ factors
        low, high = seen.min(), seen.max()
        threshold = low + aim * (high - low) + (0.03 if aim > 0 else -0.03) * (high == low)
        if self.chance(0.5):
            threshold = round(threshold, 2)
        exact = [fmpq(*float(f).as_integer_ratio()) for f in factors]
        terms = dict(zip((int(v) for v in picked), exact, strict=True))
        constant = -fmpq(*float(threshold).as_integer_ratio())
        relation = Relation.LESS if self.chance(0.3) else Relation.AT_MOST
        if self.chance(0.06):
            relation = Relation.EQUAL
            self.traits.add("equality")
        return atom(terms, constant, relation)

    def formula(self, values: Array, net: Network, depth: int, *, is_and: bool) -> Formula:
        """A tree of alternating kinds over inputs, hidden values and outputs."""
        pools = [[*range(net.offsets[o], net.offsets[o + 1])] for o in net.outputs]
        pool = pools[0] if self.chance(0.75) else [*range(net.offsets[-1])]
        if depth == 0 or self.chance(0.3):
            near = self.rng.uniform(0.0, 0.35) if is_and else self.rng.uniform(-0.25, 0.05)
            return self.atom(values, pool, aim=float(near))
        kind = And if is_and else Or
        count = int(self.rng.integers(2, 4))
        return kind(
            tuple(self.formula(values, net, depth - 1, is_and=not is_and) for _ in range(count))
        )


def make_case(seed: int) -> Case:
    """The case of a seed."""
    maker = Maker(seed)
    family = FAMILIES[seed % len(FAMILIES)]
    net = maker.network(family)
    n = net.sizes[0]
    lower, upper = maker.box(n)
    plain = Query(net, tuple(lower), tuple(upper), And(()))
    integers = frozenset(int(v) for v in plain.input_values if maker.chance(0.5))
    if not (maker.chance(0.15) and integers):
        integers = frozenset()
    else:
        maker.traits.add("integers")
        lower, upper = [low * 2 for low in lower], [high * 2 for high in upper]
    middle = [(low + high) / 2 for low, high in zip(lower, upper, strict=True)]
    query = Query(net, tuple(lower), tuple(upper), And(()), maker.rows(plain, middle), integers)
    values = _seen(maker, query)
    shape = str(
        maker.rng.choice(["atom", "and", "or", "tree", "near"], p=[0.3, 0.2, 0.15, 0.2, 0.15])
    )
    if shape == "near" and (near := _near(maker, query)) is not None:
        return Case(near, family, shape, frozenset(maker.traits))
    return Case(
        replace(query, unsafe=_unsafe(maker, values, net, shape)),
        family,
        shape,
        frozenset(maker.traits),
    )


def _unsafe(maker: Maker, values: Array, net: Network, shape: str) -> And:
    if shape == "or":
        return And((maker.formula(values, net, 1, is_and=False),))
    if shape in ("and", "tree"):
        parts = maker.formula(values, net, 1 if shape == "and" else 3, is_and=True)
        return parts if isinstance(parts, And) else And((parts,))
    pool = [*range(net.offsets[net.outputs[0]], net.offsets[-1])]
    return And((maker.atom(values, pool, aim=float(maker.rng.uniform(-0.2, 0.12))),))


def _seen(maker: Maker, query: Query) -> Array:
    """All values at random points of the box, (B, N)."""
    ends = np.array(
        [[float(q.p) / float(q.q) for q in side] for side in (query.lower, query.upper)]
    )
    points = ends[0] + maker.rng.uniform(size=(64, len(query.lower))) * (ends[1] - ends[0])
    whole = [v in query.integers for v in query.input_values]
    points = np.where(whole, np.rint(points), points)
    return np.concatenate(compile_network(query.network).forward(points), axis=1)


def _near(maker: Maker, query: Query) -> Query | None:
    """Output 0 at least its supremum plus or minus a gap; None if the domain is empty."""
    value = query.network.offsets[query.network.outputs[0]]
    top = supremum(query, value)
    if top is None:
        return None
    gap = float(maker.rng.choice(GAPS)) * (1 if maker.chance(0.5) else -1)
    goal = top + fmpq(*gap.as_integer_ratio())
    relation = Relation.LESS if maker.chance(0.5) else Relation.AT_MOST
    return replace(query, unsafe=And((atom({value: fmpq(-1)}, goal, relation),)))
