"""Nodes under construction: names never clash, copies read other nodes, the rest stays."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from verifai.graph.builder import ONE, Builder
from verifai.graph.graph import Graph, Rewriting, rewired, unique
from verifai.graph.nodes import affine, relu
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Input, Network, Node, Product, Pwl, Sign, Smooth, Square
from verifai.kernel.operator import Gather

SAME = Gather.of(2)
NODES: list[Node] = [
    Input("x", (2,)),
    affine("a", (2,), ((0, SAME), (1, SAME), (0, SAME)), bias=[1.0, 2.0]),
    relu("r", (2,), 1),
    Sign("s", (2,), 1),
    Square("q", (2,), 1),
    Product("p", (2,), 0, 1),
    Smooth("t", (2,), 1, "tanh"),
]


@pytest.mark.parametrize("node", NODES, ids=lambda node: type(node).__name__)
@pytest.mark.parametrize("name", [None, "other"])
def test_rewired_nodes_differ_in_sources_and_name_alone(node: Node, name: str | None) -> None:
    made = rewired(node, {0: 5, 1: 7}, name)
    assert made.sources == tuple({0: 5, 1: 7}[source] for source in node.sources)
    assert made.name == (name or node.name)
    back = rewired(made, {5: 0, 7: 1}, node.name)
    for each in fields(node):
        if each.name != "terms":
            assert getattr(back, each.name) is getattr(node, each.name)
    if isinstance(node, Affine) and isinstance(back, Affine):
        assert back.terms == node.terms


def test_every_kind_of_node_is_rewired() -> None:
    assert {type(node) for node in NODES} == set(Node.__args__)


def test_a_source_without_a_place_is_no_copy() -> None:
    with pytest.raises(KeyError):
        rewired(NODES[1], {0: 5})


def test_names_get_primes_and_are_taken() -> None:
    taken = {"a", "a'"}
    assert [unique(stem, taken) for stem in ("a", "b", "b", "a")] == ["a''", "b", "b'", "a'''"]
    assert taken == {"a", "a'", "a''", "a'''", "b", "b'"}


def test_a_graph_names_what_it_adds() -> None:
    graph = Graph([Input("x", (2,))])
    ones = graph.constant("x", np.ones(2))
    total = graph.total("x", [(0, 2.0), (ones, -1.0)], 3.0)
    made = [graph.squared("y", total), graph.times("y", 0, total), graph.function("y", 0, "exp")]
    net = graph.network((total, *made))
    assert [node.name for node in net.nodes] == ["x", "x'", "x''", "y", "y'", "y''"]
    assert net.sizes == (2,) * 6


def test_a_builder_goes_on_where_a_network_ends() -> None:
    net = Network((Input("x", (2,)), relu("sum/2", (2,), 0)), (1,))
    builder = Builder(net.nodes)
    builder.prefix = "sum"
    view = builder.linear([(builder.relu(builder.lift(builder.input("z", (2,)))), ONE)])
    names = [node.name for node in builder.network((view.node,)).nodes]
    assert len(set(names)) == len(names) == 5
    assert names[:3] == ["x", "sum/2", "z"]


def test_a_node_is_called_once_by_what_it_is_as_a_whole() -> None:
    builder = Builder()
    x = builder.input("x", (2, 3))
    y = builder.relu(x)
    builder.call("input", x)
    builder.call("turned", Activation(y.node, y.index.T))
    builder.call("part", Activation(y.node, y.index[:1]))
    builder.call("rows", Activation(y.node, y.index.reshape(3, 2)))
    builder.call("again", y)
    assert [(node.name, node.shape) for node in builder.nodes] == [("x", (2, 3)), ("rows", (3, 2))]


def test_what_is_not_replaced_is_kept_behind_what_is() -> None:
    net = Network((Input("x", (2,)), relu("y", (2,), 0), Square("z", (2,), 1)), (2, 1))
    graph = Rewriting(net)
    graph.keep(0)
    negative = graph.total("y", [(0, -1.0)])
    graph.places[1] = graph.add(Pwl("y", (2,), negative, *_relu_data()))
    graph.keep(2)
    made = Network(tuple(graph.nodes), graph.outputs())
    assert [node.name for node in made.nodes] == ["x", "y'", "y", "z"]
    assert made.outputs == (3, 2)
    assert made.nodes[3].sources == (2,)


def _relu_data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    node = relu("r", (2,), 0)
    return node.knots, node.slopes, node.anchor


def test_a_network_of_two_nodes_of_one_name_is_refused() -> None:
    graph = Graph([Input("x", (2,))])
    graph.add(replace(NODES[0], shape=(3,)))
    with pytest.raises(InputError, match="same name"):
        graph.network((0,))
