"""Shrunk networks: fewer neurons and no sparse matrices, and the same function exactly."""

from pathlib import Path
from random import Random

import numpy as np
import onnx
import pytest
from flint import fmpq
from onnx import helper

import verifai as vf
from tests.load.models import model
from verifai.graph.nodes import affine, pwl, relu
from verifai.graph.tie import shrunk
from verifai.kernel.arithmetic import Exact
from verifai.kernel.forward import Machine
from verifai.kernel.network import Affine, Input, Network, Node, Pwl
from verifai.kernel.operator import Array, Dense, Gather

MAXIMUM = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])  # before four ReLUs
HALVES = np.array([[0.5, -0.5, 0.5, 0.5]])


def neurons(network: Network) -> int:
    sizes = zip(network.nodes, network.sizes, strict=True)
    return sum(size for node, size in sizes if isinstance(node, Pwl))


def evaluate(network: Network, points: list[list[fmpq]]) -> list[list[fmpq]]:
    """The outputs, exactly."""
    rows = [np.array([[*x, None]], dtype=object)[:, :-1] for x in points]
    ends = Machine(network, Exact()).forward([(row, row) for row in rows])
    assert all((ends[i][0] == ends[i][1]).all() for i in network.outputs)
    return [ends[i][0][0].tolist() for i in network.outputs]


def same(first: Network, second: Network, seed: int) -> None:
    """Both give the same outputs at random rational points."""
    random = Random(seed)
    for _ in range(4):
        points = [
            [fmpq(random.randrange(-40, 41), random.randrange(1, 9)) for _ in range(first.sizes[i])]
            for i in first.inputs
        ]
        assert evaluate(first, points) == evaluate(second, points)


def tied_rows(random: Random, rows: int, columns: int) -> tuple[Array, Array]:
    """Rows with biases, many of them again or negated."""
    weight = np.zeros((rows, columns))
    bias = np.zeros(rows)
    for i in range(rows):
        if i and random.random() < 0.6:
            j, sign = random.randrange(i), random.choice([1.0, -1.0])
            weight[i], bias[i] = sign * weight[j], sign * bias[j]
        else:
            weight[i] = [random.choice([-2.0, -1.0, 0.0, 0.5, 1.5]) for _ in range(columns)]
            bias[i] = random.choice([0.0, 0.0, 0.25, -1.0])
    return weight, bias


def random_network(seed: int) -> Network:
    """Layers with ties, read by the next layer and sometimes by the output too."""
    random = Random(seed)
    nodes: list[Node] = [Input("x", (3,))]
    last, skips, width = 0, list[int](), 3
    for k in range(random.randrange(1, 4)):
        rows = random.randrange(2, 9)
        weight, bias = tied_rows(random, rows, width)
        nodes.append(affine(f"z{k}", (rows,), ((last, Dense.of(weight)),), bias=bias))
        nodes.append(relu(f"r{k}", (rows,), len(nodes) - 1))
        last, width = len(nodes) - 1, rows
        if random.random() < 0.5:
            skips.append(last)
    terms = []
    for source in sorted({*skips, last}):
        read = tied_rows(random, int(np.prod(nodes[source].shape)), 2)[0].T
        terms.append((source, Dense.of(read)))
    divisor = random.choice([None, 3.0])
    nodes.append(affine("y", (2,), tuple(terms), bias=np.array([1.0, -0.5]), divisor=divisor))
    return Network(tuple(nodes), (len(nodes) - 1,))


@pytest.mark.parametrize("seed", range(60))
def test_the_function_stays_the_same(seed: int) -> None:
    network = random_network(seed)
    less = shrunk(network)
    assert neurons(less) <= neurons(network)
    assert [less.nodes[i].name for i in less.outputs] == ["y"]
    same(network, less, seed)


def test_most_networks_with_ties_lose_neurons() -> None:
    smaller = [neurons(shrunk(n)) < neurons(n) for n in map(random_network, range(60))]
    assert sum(smaller) > 50


def maximum(width: int = 2) -> Network:
    pre, post = np.kron(np.eye(width // 2), MAXIMUM), np.kron(np.eye(width // 2), HALVES)
    nodes = (
        Input("x", (width,)),
        affine("z", (2 * width,), ((0, Dense.of(pre)),)),
        relu("r", (2 * width,), 1),
        affine("y", (width // 2,), ((2, Dense.of(post)),)),
    )
    return Network(nodes, (3,))


def test_a_maximum_of_two_needs_one_neuron() -> None:
    less = shrunk(maximum())
    assert neurons(less) == 1
    for a, b in ((-1, 2), (3, -5), (4, 4)):
        assert evaluate(less, [[fmpq(a), fmpq(b)]]) == [[fmpq(max(a, b))]]


def test_wide_maxima_need_no_matrices() -> None:
    network = maximum(128)
    less = shrunk(network)
    assert neurons(less) == 64
    operators = [op for node in less.nodes if isinstance(node, Affine) for _, op in node.terms]
    assert all(isinstance(operator, Gather) for operator in operators)
    same(network, less, 0)


def test_a_layer_whose_weights_do_not_add_up_exactly_stays() -> None:
    nodes = list(maximum().nodes)
    nodes[3] = affine("y", (1,), ((2, Dense.of([[1.0, 1e-30, 1.0, 1e-30]])),))
    network = Network(tuple(nodes), (3,))
    assert neurons(shrunk(network)) == 4
    same(network, shrunk(network), 1)


@pytest.mark.parametrize(
    "change",
    [
        {1: affine("z", (4,), ((0, Dense.of(MAXIMUM)),), radius=1e-3)},
        {1: affine("z", (4,), ((0, Dense.of(MAXIMUM)),), divisor=3.0)},
        {2: pwl("r", (4,), 1, [0.0], [0.25, 1.0])},
        {2: pwl("r", (4,), 1, [0.5], [0.0, 1.0])},
        {3: affine("y", (1,), ((2, Dense.of(HALVES)),), radius=1e-3)},
        {3: affine("y", (4,), ((2, Gather.of(4)),))},
        {3: pwl("y", (4,), 2, [1.0], [1.0, 0.0], 1.0)},
    ],
)
def test_what_has_no_ties_that_count_stays(change: dict[int, Node]) -> None:
    nodes = list(maximum().nodes)
    for i, node in change.items():
        nodes[i] = node
    network = Network(tuple(nodes), (3,))
    assert [type(node) for node in shrunk(network).nodes] == [type(node) for node in nodes]
    assert neurons(shrunk(network)) == neurons(network)


@pytest.mark.parametrize("output", [1, 2])
def test_hidden_values_that_are_asked_for_stay(output: int) -> None:
    network = Network(maximum().nodes, (3, output))
    less = shrunk(network)
    assert neurons(less) == 4
    assert less.outputs == network.outputs


def test_neurons_that_nothing_depends_on_are_kept_as_they_are() -> None:
    nodes = list(maximum().nodes)
    nodes[3] = affine("y", (1,), ((2, Dense.of([[0.0] * 4])),), bias=2.0)
    network = Network(tuple(nodes), (3,))
    same(network, shrunk(network), 2)


def test_matrices_of_few_terms_become_selections_only_where_that_pays() -> None:
    weight = np.zeros((40, 64))
    weight[np.arange(40), np.arange(40)] = 2.0
    weight[:, 50] += 0.5

    def operators(weight: Array) -> list[object]:
        nodes = (Input("x", (64,)), affine("y", (len(weight),), ((0, Dense.of(weight)),)))
        network = Network(nodes, (1,))
        same(network, shrunk(network), 3)
        (node,) = (n for n in shrunk(network).nodes if isinstance(n, Affine))
        return [type(operator) for _, operator in node.terms]

    assert operators(weight) == [Gather, Gather]
    weight[7, :5] = 1.0
    assert operators(weight) == [Dense]
    assert operators(np.zeros((3, 64))) == [Gather]


@pytest.mark.parametrize("version", [1, 2])
def test_files_are_shrunk_for_queries_and_read_as_they_are_otherwise(
    tmp_path: Path, version: int
) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["s"]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("MatMul", ["r", "b"], ["y"]),
    ]
    weights = {"a": MAXIMUM.T.astype(np.float32), "b": HALVES.T.astype(np.float32)}
    file, claim = tmp_path / "max.onnx", tmp_path / "claim.vnnlib"
    onnx.save(model(nodes, {"x": [1, 2]}, weights), file)
    box = [("X", i, sign, end) for i in range(2) for sign, end in ((">=", -1), ("<=", 2))]
    if version == 1:
        names = "".join(f"(declare-const {v} Real)\n" for v in ("X_0", "X_1", "Y_0"))
        box_text = "".join(f"(assert ({s} {x}_{i} {e}))\n" for x, i, s, e in box)
        claim.write_text(f"{names}{box_text}(assert (> Y_0 2))\n")
    else:
        box_text = "".join(f"(assert ({s} X[0,{i}] {e}.0))\n" for _, i, s, e in box)
        claim.write_text(
            "(vnnlib-version <2.0>)\n(declare-network f (declare-input X float32 [1,2])"
            f"(declare-output Y float32 [1,1]))\n{box_text}(assert (> Y[0,0] 2.0))\n"
        )
    assert neurons(vf.load(file)) == 4
    assert neurons(vf.load(file, shrink=True)) == 1
    query = vf.query_from(file, claim)
    assert neurons(query.network) == 1
    assert isinstance(vf.verify(query), vf.Verified)
