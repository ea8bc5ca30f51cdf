"""What counterexamples teach, and the losses that properties imply."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from flint import fmpq

import verifai as vf
from tests.train.nets import X, near_parabola, perceptron

POINTS = np.array([[0.5, 0.5], [0.0, 1.0]])


def test_robustness_teaches_the_label_at_the_counterexample_and_at_its_corner() -> None:
    wide = vf.robust_property(POINTS, [1, 0], eps="1/8", clip=(0, 1))
    inputs, targets = wide.signal(1, np.array([0.0625, 0.9375]))
    assert inputs.tolist() == [[0.0625, 0.9375], [0.125, 0.875]]
    assert targets.tolist() == [0, 0]
    inputs, _ = wide.signal(1, np.array([0.0, 1.0]))
    assert inputs[1].tolist() == [0.0, 1.0]


def test_robustness_asks_about_every_point() -> None:
    net = vf.load(perceptron(0, 2, 3, 2).eval(), torch.zeros(1, 2))
    queries = vf.robust_property(POINTS, [1, 0], eps="1/8", clip=(0, 1)).queries(net)
    assert isinstance(queries, list)
    assert [query.lower for query in queries] == [(fmpq(3, 8),) * 2, (fmpq(0), fmpq(7, 8))]


def test_robust_loss_is_zero_with_the_margin_only() -> None:
    wide = vf.robust_property(POINTS, [1, 0], eps="1/8", margin=1.0)
    targets = torch.tensor([1, 1])
    far = torch.tensor([[0.0, 1.0, -5.0], [0.0, 3.0, 2.0]])
    assert wide.loss(far, targets).item() == 0.0
    assert wide.loss(torch.tensor([[0.5, 1.0, 0.0]]), targets[:1]).item() == 0.25


def test_approximation_teaches_the_value_and_forgives_half_the_tolerance() -> None:
    near = near_parabola("1/8")
    inputs, targets = near.signal(0, np.array([0.5]))
    assert (inputs.tolist(), targets.tolist()) == ([[0.5]], [[0.25]])
    outputs = torch.tensor([[0.3125], [0.4375]])
    losses = [near.loss(o[None], torch.tensor([[0.25]])).item() for o in outputs]
    assert losses == [0.0, (0.1875 - 0.0625) ** 2]


def test_approximation_cuts_the_box() -> None:
    net = vf.load(perceptron(0, 1, 3, 1).eval(), torch.zeros(1, 1))
    near = vf.approximation_property(X**2, [(0, 1)], tolerance="1/8", parts=3)
    queries = near.queries(net)
    assert isinstance(queries, list)
    ends = [(query.lower[0], query.upper[0]) for query in queries]
    assert ends == [(fmpq(i, 3), fmpq(i + 1, 3)) for i in range(3)]


def test_bad_properties_are_refused() -> None:
    with pytest.raises(vf.InputError, match=r"tolerance: .* not positive: 0"):
        vf.approximation_property(X, [(0, 1)], tolerance=0)
    with pytest.raises(vf.InputError, match="2 points with 1 labels"):
        vf.robust_property(POINTS, [0], eps="1/8")
