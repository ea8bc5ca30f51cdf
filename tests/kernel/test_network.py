"""A network numbers its values through, and says which are inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Input, Network, Node, Product, Pwl, Sign, Smooth, Square
from verifai.kernel.operator import MAX_SIZE, Dense, Gather
from verifai.kernel.replay import evaluate


def network() -> Network:
    """Inputs x of 2 and z of 3 values with y = -x between them, and the outputs z, y."""
    term = (0, Gather.of(2, None, -1.0))
    nodes = (Input("x", (1, 2)), affine("y", (2,), (term,)), Input("z", (3,)))
    return Network(nodes, (2, 1))


def test_inputs_in_the_order_of_nodes_and_outputs_in_their_own() -> None:
    net = network()
    assert net.input_values == (0, 1, 4, 5, 6)
    assert net.output_values == (4, 5, 6, 2, 3)
    assert net.values(1) == (2, 3)
    assert net.values() == ()


def test_slices_of_a_point_are_its_input_nodes() -> None:
    net = network()
    assert net.input_slices == (slice(0, 2), slice(2, 5))
    low, high = evaluate(net, [10, 11, 12, 13, 14])
    assert low.tolist() == high.tolist() == [10, 11, -10, -11, 12, 13, 14]


def test_a_point_needs_a_number_for_every_input_value() -> None:
    with pytest.raises(InputError, match="4 numbers for 5 inputs"):
        evaluate(network(), [1, 2, 3, 4])


def test_a_value_has_an_owner_and_an_owner_its_values() -> None:
    net = network()
    pairs = [(node, index) for node in range(3) for index in range(net.sizes[node])]
    assert [net.value(node, index) for node, index in pairs] == list(range(7))
    assert [net.owner(value) for value in range(7)] == pairs
    assert [net.describe(value) for value in (0, 2, 6)] == ["x[0]", "y[0]", "z[2]"]


@pytest.mark.parametrize(("node", "index"), [(0, -1), (0, 2), (1, -1), (2, 3), (-1, 0), (3, 0)])
def test_a_value_that_a_node_does_not_have_is_none_of_its_neighbours(node: int, index: int) -> None:
    with pytest.raises(InputError, match="no value"):
        network().value(node, index)


@pytest.mark.parametrize("outputs", [(), (-1,), (3,), (0, 3), (2, -3)])
def test_outputs_are_nodes(outputs: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="output"):
        Network(network().nodes, outputs)


def test_no_nodes_and_two_of_one_name_are_no_network() -> None:
    with pytest.raises(InputError, match="needs nodes"):
        Network((), (0,))
    with pytest.raises(InputError, match="the same name"):
        Network((Input("x", (1,)), relu("x", (1,), 0)), (1,))


@pytest.mark.parametrize("shape", [(0,), (2, 0), (-1, -2), (-2,), (MAX_SIZE, 2), (MAX_SIZE + 1,)])
def test_a_shape_has_positive_lengths_and_not_too_many_values(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="has shape"):
        Network((Input("x", shape),), (0,))


def vector(*numbers: float) -> np.ndarray:
    return np.array(numbers)


def columns(knots: object, slopes: object, anchor: object) -> Pwl:
    return Pwl("y", (3,), 0, np.array(knots), np.array(slopes), np.array(anchor))


ONE_COLUMN = [[0.0]], [[0.0], [1.0]], [0.0]
MISFITS: dict[str, tuple[Callable[[], Node], str]] = {
    "a narrow term": (lambda: affine("y", (2,), ((0, Gather.of(3)),)), "terms of"),
    "a wide term": (lambda: affine("y", (4,), ((0, Gather.of(3)),)), "terms of"),
    "one of two terms": (
        lambda: affine("y", (3,), ((0, Gather.of(3)), (0, Dense.of(np.ones((2, 3)))))),
        "terms of",
    ),
    "a term on other sources": (lambda: affine("y", (3,), ((0, Gather.of(4)),)), "a gather from"),
    "a term on fewer sources": (lambda: affine("y", (2,), ((0, Gather.of(2)),)), "a gather from"),
    "a weight that does not divide": (
        lambda: affine("y", (2,), ((0, Dense.of(np.ones((2, 2)))),)),
        "a dense weight",
    ),
    "a bias": (lambda: Affine("y", (3,), ((0, Gather.of(3)),), vector(1.0)), "terms of"),
    "a divisor": (
        lambda: Affine("y", (3,), ((0, Gather.of(3)),), vector(1, 1, 1), divisor=vector(2.0)),
        "terms of",
    ),
    "a radius": (
        lambda: Affine("y", (3,), ((0, Gather.of(3)),), vector(1, 1, 1), radius=vector(2, 2)),
        "terms of",
    ),
    "a divisor that is 0": (
        lambda: affine("y", (3,), ((0, Gather.of(3)),), divisor=[1.0, 0.0, 1.0]),
        "divisor",
    ),
    "a divisor that is a half": (
        lambda: affine("y", (3,), ((0, Gather.of(3)),), divisor=[1.0, 1.5, 1.0]),
        "divisor",
    ),
    "a radius below 0": (
        lambda: affine("y", (3,), ((0, Gather.of(3)),), radius=[0.0, 0.0, -1.0]),
        "a negative radius",
    ),
    "a narrow relu": (lambda: relu("y", (2,), 0), "values for shape"),
    "a wide relu": (lambda: relu("y", (4,), 0), "values for shape"),
    "a sign": (lambda: Sign("y", (2,), 0), "values for shape"),
    "a square": (lambda: Square("y", (4,), 0), "values for shape"),
    "a smooth function": (lambda: Smooth("y", (2,), 0, "exp"), "values for shape"),
    "a product's left side": (lambda: Product("y", (3,), 1, 0), "values for shape"),
    "a product's right side": (lambda: Product("y", (3,), 0, 1), "values for shape"),
    "no knots": (
        lambda: columns(np.zeros((0, 1)), [[1.0]], [0.0]),
        "knots and slopes of wrong shape",
    ),
    "knots of two columns": (
        lambda: columns([[0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]], [0.0, 0.0]),
        "knots and slopes of wrong shape",
    ),
    "as many slopes as knots": (
        lambda: columns([[0.0], [1.0]], [[0.0], [1.0]], [0.0]),
        "knots and slopes of wrong shape",
    ),
    "slopes of three columns": (
        lambda: columns([[0.0]], [[0.0] * 3, [1.0] * 3], [0.0]),
        "knots and slopes of wrong shape",
    ),
    "an anchor of three columns": (
        lambda: columns([[0.0]], [[0.0], [1.0]], [0.0] * 3),
        "knots that do not increase",
    ),
    "knots in one place": (
        lambda: pwl("y", (3,), 0, [0.0, 0.0], [0.0, 1.0, 2.0]),
        "knots that do not increase",
    ),
    "no function": (lambda: Smooth("y", (3,), 0, "gelu"), "no function 'gelu'"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_node_whose_data_do_not_fit_is_refused(name: str) -> None:
    """It reads x of 3 values, or n of one."""
    make, reason = MISFITS[name]
    before = Input("x", (3,)), Input("n", (1,))
    Network((*before, columns(*ONE_COLUMN)), (2,))
    with pytest.raises(InputError, match=reason):
        Network((*before, make()), (2,))


def test_constants_of_an_affine_node_stay_where_they_are_given() -> None:
    node = affine("y", (2, 2), (), bias=[[1.0], [2.0]], divisor=[1.0, 3.0], radius=0.5)
    assert node.bias.tolist() == [1, 1, 2, 2]
    assert node.divisor is not None and node.divisor.tolist() == [1, 3, 1, 3]
    assert node.radius is not None and node.radius.tolist() == [0.5] * 4
    low, high = evaluate(Network((Input("x", (1,)), node), (1,)), [0])
    assert [2 * float(q) for q in low[1:]] == [1, 1 / 3, 2, 2 / 3]
    assert [2 * float(q) for q in high[1:]] == [3, 1, 6, 2]
    with pytest.raises(InputError, match="bias of shape"):
        affine("y", (2, 2), (), bias=[1.0, 2.0, 3.0])
