"""Neighbourhoods that are no box: who is in them, what is proved and refuted on them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from tests.properties.nets import mlp, random_mlp
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input
from verifai.kernel.replay import evaluate
from verifai.properties.around import Neighbourhood

DATA = Path(vf.__file__).parent / "data"
SUM = mlp([[[1.0, 1.0], [0.0, 0.0]]], [[0.0, 1.0]])  # x + y against 1
ORIGIN = [0, 0]


def verdict(query: vf.Query) -> str:
    return vf.verify(query, timeout=20).status


@pytest.mark.parametrize(
    ("ball", "reach"),
    [(vf.l1_ball, fmpq(1)), (vf.l2_ball, fmpq(707107, 10**6))],
)
def test_the_radius_at_which_a_line_is_reached_is_exact(ball: Any, reach: fmpq) -> None:
    """x + y = 1 is at distance 1 of the origin in L1, √½ in L2, ½ in L∞."""
    near = ball(SUM, ORIGIN, reach * fmpq(999, 1000))
    assert verdict(near.robust(1)) == "verified"
    far = vf.verify(ball(SUM, ORIGIN, reach * fmpq(1001, 1000)).robust(1), timeout=20)
    assert isinstance(far, vf.Falsified)
    x, y = ball(SUM, ORIGIN, reach * fmpq(1001, 1000)).inputs_at(far.counterexample.inputs)
    assert x + y >= 1
    assert verdict(vf.robust(SUM, ORIGIN, eps=reach * fmpq(999, 1000), label=1)) == "falsified"


def test_a_tie_at_the_very_edge_of_an_l1_ball_counts() -> None:
    assert verdict(vf.l1_ball(SUM, ORIGIN, 1).robust(1)) == "falsified"


def test_clip_cuts_the_balls() -> None:
    for ball in (vf.l1_ball, vf.l2_ball):
        assert verdict(ball(SUM, ORIGIN, 10, clip=(-1, "1/4")).robust(1)) == "verified"
        with pytest.raises(InputError, match="the domain is empty"):
            ball(SUM, [2, 2], "1/2", clip=(0, 1))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("power", [1, 2])
def test_counterexamples_lie_in_the_ball_and_proofs_hold_on_points(seed: int, power: int) -> None:
    rng = np.random.default_rng(seed)
    net = random_mlp([3, 5, 2], seed)
    centre, eps = (
        [fmpq(int(n), 8) for n in rng.integers(-8, 9, 3)],
        fmpq(int(rng.integers(1, 9)), 4),
    )
    ball = (vf.l1_ball, vf.l2_ball)[power - 1](net, centre, eps)
    label = int(rng.integers(2))
    found = vf.verify(ball.robust(label), timeout=30)
    if isinstance(found, vf.Falsified):
        inputs = ball.inputs_at(found.counterexample.inputs)
        away = sum((abs(a - b) ** power for a, b in zip(inputs, centre, strict=True)), fmpq(0))
        assert away <= eps**power
        outputs = evaluate(net, inputs)[0][-2:]
        assert outputs[label] <= outputs[1 - label]
        return
    assert isinstance(found, vf.Verified)
    for _ in range(200):
        change = rng.normal(size=3)
        change *= float(eps.p) / float(eps.q) * rng.random() / np.linalg.norm(change, power)
        inputs = [c + fmpq(round(d * 2**20), 2**20) for c, d in zip(centre, change, strict=True)]
        outputs = evaluate(net, inputs)[0][-2:]
        assert outputs[label] > outputs[1 - label]


def digits() -> tuple[vf.Network, Any]:
    images = np.load(DATA / "digits_test.npz")
    return vf.load(DATA / "digits_small.onnx"), images[images.files[0]] / 16


def at(region: Neighbourhood, inputs: Any) -> list[fmpq]:
    return [evaluate(region.net, inputs)[0][v] for v in region.net.output_values]


def test_light_makes_the_image_it_says() -> None:
    net, images = digits()
    region = vf.lighting(net, images[0], brightness=("-1/8", "1/8"), contrast=("1/2", "3/2"))
    light = [fmpq(1, 8), fmpq(3, 2)]
    exact = [max(fmpq(0), min(fmpq(1), c * light[1] + light[0])) for c in region.centre]
    assert list(region.inputs_at(light)) == exact
    outputs = evaluate(net, exact)[0]
    assert at(region, light) == [outputs[v] for v in net.output_values]
    assert list(region.inputs_at([fmpq(0), fmpq(1)])) == list(region.centre)


def test_light_is_verified_and_refuted_with_the_second_reader() -> None:
    net, images = digits()
    little = vf.lighting(net, images[0], brightness=("-1/10", "1/10"), contrast=("9/10", "11/10"))
    found = vf.verify(little.robust(), timeout=20)
    assert isinstance(found, vf.Verified)
    assert re.search(r"was run in onnxruntime .* and agrees", found.statement)
    much = vf.lighting(net, images[0], brightness=("-1/2", "1/2"), contrast=("1/10", 2))
    refuted = vf.verify(much.robust(), timeout=20)
    assert isinstance(refuted, vf.Falsified)
    inputs = much.inputs_at(refuted.counterexample.inputs)
    assert all(0 <= value <= 1 for value in inputs)


def test_a_patch_is_free_and_the_rest_is_not() -> None:
    shape = (1, 2, 4, 4)
    regions = [patched(shape, threshold) for threshold in (14.5, 14.0)]  # 24 quarters and 8 ones
    region, net = regions[0], regions[0].net
    free = np.array(region.domain.lower).reshape(shape) != np.array(region.domain.upper).reshape(
        shape
    )
    assert free.sum() == 8
    assert free[0, :, 1:3, 2:4].all()
    assert [verdict(each.robust(1)) for each in regions] == ["verified", "falsified"]
    with pytest.raises(InputError, match="a patch of 2 × 2 at 3, 0"):
        vf.patch(net, np.zeros(shape), (3, 0), (2, 2))
    with pytest.raises(InputError, match="no image"):
        vf.patch(SUM, ORIGIN, (0, 0), (1, 1))


def patched(shape: tuple[int, ...], threshold: float) -> Neighbourhood:
    """The sum of all pixels against a threshold."""
    line = mlp([[[1.0] * 32, [0.0] * 32]], [[0.0, threshold]])
    net = vf.Network((Input("image", shape), *line.nodes[1:]), line.outputs)
    return vf.patch(net, np.full(shape, 0.25), (1, 2), (2, 2))


def test_hidden_layers_and_other_formulas() -> None:
    net = mlp([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])  # relu(x)
    ball = vf.l1_ball(net, ORIGIN, 1)
    (y,) = vf.layer(ball.net, ball.net.nodes[ball.net.outputs[0]].name)
    assert verdict(ball.never(vf.atom({y: 1}, ">", 1))) == "verified"
    assert verdict(ball.never(vf.atom({y: 1}, ">=", 1))) == "falsified"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vf.l1_ball(SUM, ORIGIN, -1), "a negative radius: -1"),
        (lambda: vf.l2_ball(SUM, [1], 1), "x: 1 numbers for a network of 2 inputs"),
        (lambda: vf.l1_ball(SUM, ORIGIN, 1).robust(2), "no label 2: the network has 2"),
        (lambda: vf.l1_ball(SUM, ORIGIN, 1).robust(1, target=1), "no other output"),
        (lambda: vf.lighting(SUM, ORIGIN, brightness=(1, 0)), "brightness: 1 to 0 holds nothing"),
        (lambda: vf.lighting(SUM, ORIGIN, clip=(0, "1/3")), "clip: two doubles in order"),
        (lambda: vf.lighting(SUM, [0, 16]), r"x\[1\] is 16, outside of 0 to 1: does clip fit"),
        (lambda: vf.l1_ball(SUM, ORIGIN, 1).never(3), "unsafe: a formula"),
    ],
)
def test_mistakes_are_named(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
