"""Softmax as quotients: the same function where it is read off, with tight derivatives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper

import verifai as vf
from tests.load.evaluate import evaluate
from tests.load.models import load, model, single
from verifai.kernel.network import Affine, Network, Pwl, Smooth
from verifai.properties.quotients import quotients

SHAPES: list[tuple[tuple[int, ...], int]] = [((1, 3), 1), ((2, 4), 1), ((3, 2), 0), ((2, 3, 4), 1)]


def functions(network: Network) -> list[str]:
    return [node.function for node in network.nodes if isinstance(node, Smooth)]


def agree(network: Network, other: Network) -> None:
    rng = np.random.default_rng(1)
    count = len(network.input_values)
    for _ in range(4):
        x = 3 * rng.normal(size=count)
        for one, two in zip(evaluate(network, x), evaluate(other, x), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_it_is_the_same_function(
    op_type: str, shape: tuple[int, ...], axis: int, tmp_path: Path
) -> None:
    network = load(single(op_type, {"x": list(shape)}, axis=axis), tmp_path)
    made = quotients(network)
    agree(network, made)
    if shape[axis] > 2:
        last = "reciprocal" if op_type == "Softmax" else "log"
        assert functions(made) == ["exp", last]
    assert [made.nodes[i].name for i in made.outputs] == ["y"]
    assert quotients(made) is made


def test_masks_and_softmax_after_softmax(tmp_path: Path) -> None:
    lower = np.where(np.tri(3, dtype=bool), 0, -np.inf).astype(np.float32)
    nodes = [
        helper.make_node("Add", ["x", "m"], ["s"]),
        helper.make_node("Softmax", ["s"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "x"], ["h"]),
        helper.make_node("LogSoftmax", ["h"], ["y"], axis=0),
    ]
    network = load(model(nodes, {"x": [3, 3]}, {"m": lower}), tmp_path)
    made = quotients(network)
    assert functions(made) == ["exp", "reciprocal", "exp", "log"]
    agree(network, made)


def _changed(network: Network, kind: type, which: int, **data: Any) -> Network:
    """The network with other data in one node of a kind."""
    places = [i for i, node in enumerate(network.nodes) if isinstance(node, kind)]
    nodes = list(network.nodes)
    nodes[places[which]] = replace(nodes[places[which]], **data)  # type: ignore[type-var]
    return Network(tuple(nodes), network.outputs)


def test_what_is_no_softmax_stays(tmp_path: Path) -> None:
    """A cut elsewhere, another function, a weight that is not 1, an entry that m leaves out."""
    network = load(single("Softmax", {"x": [1, 3]}), tmp_path)
    assert quotients(network) is not network
    places = [i for i, node in enumerate(network.nodes) if isinstance(node, Pwl)]
    cuts = {tuple(network.nodes[i].slopes.ravel().tolist()): k for k, i in enumerate(places)}  # type: ignore[union-attr]
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    below, rise = cuts[1.0, 0.0], cuts[0.0, 1.0]
    assert rise == len(places) - 1  # the last: the cut of the sum at 1
    exps = [k for k, f in enumerate(functions(network)) if f == "exp"]
    wrong = [
        _changed(network, Pwl, below, knots=-one, anchor=-np.ones(1)),
        _changed(network, Pwl, rise, knots=2 * one, anchor=2 * np.ones(1)),
        _changed(network, Pwl, 0, slopes=np.array([[0.0], [0.5]])),
        _changed(network, Pwl, 0, knots=zero + 1),
        _changed(network, Smooth, exps[0], function="tanh"),
    ]
    for i, node in enumerate(network.nodes):
        if isinstance(node, Affine):
            wrong.append(_shifted(network, i))
    for other in wrong:
        assert quotients(other) is other


def _shifted(network: Network, position: int) -> Network:
    """The network with another bias in one node's first value."""
    nodes, node = list(network.nodes), network.nodes[position]
    assert isinstance(node, Affine)
    bias = node.bias.copy()
    bias[0] += 0.5
    nodes[position] = replace(node, bias=bias)
    return Network(tuple(nodes), network.outputs)


def test_properties_of_classifiers_with_probabilities() -> None:
    """Close copies are equivalent, and raising an input raises the probability that it should."""
    torch.manual_seed(0)

    def classifier() -> torch.nn.Sequential:
        layers = [torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 4)]
        return torch.nn.Sequential(*layers, torch.nn.Softmax(dim=1)).eval()

    first, second = classifier(), classifier()
    second.load_state_dict({k: v.half().float() for k, v in first.state_dict().items()})
    nets = [vf.load(module, torch.zeros(1, 2)) for module in (first, second)]
    query = vf.equivalent(*nets, [(-1, 1)] * 2, tolerance="1/1000")
    assert isinstance(vf.verify(query, timeout=60, workers=1), vf.Verified)
    scores = torch.nn.Linear(2, 3)
    with torch.no_grad():
        scores.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.5], [0.0, 0.0]]))
    net = vf.load(torch.nn.Sequential(scores, torch.nn.Softmax(dim=1)).eval(), torch.zeros(1, 2))
    query = vf.monotone(net, [(-1, 1)] * 2, input=0, output=0)
    assert isinstance(vf.verify(query, timeout=60, workers=1), vf.Verified)
    query = vf.monotone(net, [(-1, 1)] * 2, input=0, output=1)
    assert isinstance(vf.verify(query, timeout=60, workers=1), vf.Falsified)
