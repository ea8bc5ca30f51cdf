"""Random networks with rising heads: what is decided holds at the same inputs as what was asked.

So do quotients of softmaxes: they have the values of the network that they stand for.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
from flint import fmpq
from onnx import helper

from tests.load.models import load, model
from verifai.graph.formulas import atom
from verifai.graph.order import by_order
from verifai.kernel.network import Network
from verifai.kernel.query import And, Atom, Or, Query, Relation
from verifai.kernel.replay import evaluate
from verifai.properties.quotients import quotients

GRAPHS = 250
SHAPES = [(1, 3), (2, 2), (2, 3), (1, 4)]
SIMPLE = ["Sigmoid", "Tanh", "Neg", "Relu", "LeakyRelu", "Softmax", "LogSoftmax", "Softmax"]
OTHER = ["scale", "scales", "add", "adds", "transpose", "gather", "concat", "less the maximum"]
Ends = tuple[list[fmpq], list[fmpq]]


class Graph:
    """Operators one after the other on a matrix."""

    def __init__(self, random: Random) -> None:
        self.random, self.rows, self.columns = random, *random.choice(SHAPES)
        self.inputs, self.nodes, self.weights = [self.rows, self.columns], list[Any](), {}
        self.last = "x"

    def node(self, op_type: str, *constants: Any, **attributes: Any) -> None:
        """Applies an operator to the last result and constants."""
        names = [f"c{len(self.weights) + i}" for i in range(len(constants))]
        self.weights |= dict(zip(names, map(np.asarray, constants), strict=True))
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, [self.last, *names], [name], **attributes))
        self.last = name

    def grow(self) -> None:
        """Adds one operator."""
        kind, random = self.random.choice(SIMPLE + OTHER), self.random
        every = [random.choice([0.5, 1.0, 2.0]) for _ in range(self.columns)]
        if kind in ("Softmax", "LogSoftmax"):
            self.node(kind, axis=random.choice([0, 1]) if self.rows > 1 else 1)
        elif kind == "LeakyRelu":
            self.node(kind, alpha=random.choice([-0.5, 0.0, 0.25]))
        elif kind in SIMPLE:
            self.node(kind)
        elif kind == "scale":
            self.node("Mul", np.float32(random.choice([-1, 0.5, 3])))
        elif kind == "scales":
            self.node("Mul", np.array(every, np.float32))
        elif kind == "add":
            self.node("Add", np.float32(1.5))
        elif kind == "adds":
            self.node("Add", np.array(every, np.float32))
        elif kind == "transpose":
            self.node("Transpose", perm=[1, 0])
            self.rows, self.columns = self.columns, self.rows
        elif kind == "gather":
            index = [random.randrange(self.columns) for _ in range(random.choice([2, 3]))]
            self.node("Gather", np.array(index), axis=1)
            self.columns = len(index)
        else:
            self._twice(kind)

    def _twice(self, kind: str) -> None:
        before, name = self.last, f"t{len(self.nodes)}b"
        if kind == "concat":
            made = helper.make_node("Concat", [before, before], [name], axis=1)
            self.columns *= 2
        else:
            self.node("ReduceMax", axes=[1], keepdims=1)
            made = helper.make_node("Sub", [before, self.last], [name])
        self.nodes.append(made)
        self.last = name

    def model(self) -> onnx.ModelProto:
        """The model of what was added."""
        self.nodes[-1].output[0] = "y"
        return model(self.nodes, {"x": self.inputs}, self.weights)


def comparing(network: Network, random: Random) -> Query | None:
    """A query about one to three comparisons of outputs."""
    start = network.offsets[network.outputs[0]]
    size = network.sizes[network.outputs[0]]
    count = len(network.input_values)
    if size < 2:
        return None
    atoms = []
    for _ in range(random.choice([1, 2, 3])):
        first, second = random.sample(range(size), 2)
        factor = fmpq(random.choice([1, 2]))
        terms = {start + first: factor, start + second: -factor}
        atoms.append(atom(terms, fmpq(0), random.choice(list(Relation))))
    return Query(network, (fmpq(-3),) * count, (fmpq(3),) * count, And((Or(tuple(atoms)),)))


def side(part: Atom, ends: Ends) -> int:
    """The sign of an atom's form, 0 where its enclosure holds 0."""
    low, high = (
        sum((c * ends[(c > 0) == is_upper][v] for v, c in part.terms), part.constant)
        for is_upper in (False, True)
    )
    return 1 if low > 0 else -1 if high < 0 else 0


def atoms_of(formula: And) -> list[Atom]:
    (part,) = formula.parts
    return [p for p in (part.parts if isinstance(part, Or) else (part,)) if isinstance(p, Atom)]


def test_random_comparisons_hold_at_the_same_inputs(tmp_path: Path) -> None:
    seen: Counter[Any] = Counter()
    for number in range(GRAPHS):
        random = Random(f"order {number}")
        graph = Graph(random)
        for _ in range(random.choice([1, 2, 3, 4])):
            graph.grow()
        network = load(graph.model(), tmp_path)
        query, other = comparing(network, random), quotients(network)
        found = None if query is None else by_order(query)
        seen["quotients"] += other is not network
        seen["rewritten"] += found is not query
        count = len(network.input_values)
        for trial in range(4):
            x = [fmpq(random.randint(-2, 2), 1 + trial % 2 * 6) for _ in range(count)]
            ends = evaluate(network, x)
            if other is not network:
                _same_outputs((network, ends), (other, evaluate(other, x)))
            if found is None or found.stated is None:
                continue
            for asked, decided in zip(atoms_of(found.stated), atoms_of(found.unsafe), strict=True):
                assert asked.relation is decided.relation
                assert side(asked, ends) == side(decided, ends), f"graph {number}"
                seen[side(asked, ends)] += 1
    print(f"random orders: {dict(seen)}")
    assert min(seen["quotients"], seen["rewritten"]) >= GRAPHS // 10
    assert min(seen[-1], seen[0], seen[1]) >= 50


def _same_outputs(one: tuple[Network, Ends], two: tuple[Network, Ends]) -> None:
    """Enclosures of the outputs of the same function meet, value by value."""
    starts = [network.offsets[network.outputs[0]] for network, _ in (one, two)]
    for i in range(one[0].sizes[one[0].outputs[0]]):
        first, second = (
            (ends[0][start + i], ends[1][start + i])
            for start, (_, ends) in zip(starts, (one, two), strict=True)
        )
        assert max(first[0], second[0]) <= min(first[1], second[1])
