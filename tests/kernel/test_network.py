"""A network numbers its values through, and says which are inputs and outputs."""

from __future__ import annotations

import pytest

from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, affine
from verifai.kernel.operator import Gather
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
