"""The loop of training and verification: it ends verified, or says why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import verifai as vf
from tests.train.nets import FAST, near_parabola, perceptron, samples
from verifai.kernel.network import Affine, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import Query


def test_what_the_first_network_violates_is_certified_of_a_later_one() -> None:
    told: list[vf.Round] = []
    net = perceptron(0, 1, 8, 1)
    report = vf.train_until_verified(
        net, near_parabola(), samples(), options=FAST, progress=told.append
    )
    assert report.is_verified, str(report)
    assert len(report.rounds) >= 2
    assert tuple(told) == report.rounds
    first, *_, last = report.rounds
    assert first.counterexamples and not first.is_verified and last.is_verified
    assert last.learned == sum(len(r.counterexamples) for r in report.rounds)
    assert len(report.certificates) == len(report.queries) == 2
    for query, certificate in zip(report.queries, report.certificates, strict=True):
        vf.check(query, certificate, exact=True)
    for (x,) in first.counterexamples:
        assert 0 <= x <= 1


def test_the_certified_network_has_the_weights_that_were_trained() -> None:
    net = perceptron(0, 1, 8, 1)
    report = vf.train_until_verified(
        net, near_parabola("3"), samples(), options=replace(FAST, epochs=1)
    )
    weights = [
        op.weight
        for node in report.network.nodes
        if isinstance(node, Affine)
        for _, op in node.terms
        if isinstance(op, Dense)
    ]
    wanted = [p.detach().numpy() for p in net.parameters() if p.ndim == 2]
    assert all(w.dtype == np.float32 for w in wanted)
    assert len(weights) == len(wanted)
    for got, want in zip(weights, wanted, strict=True):
        assert (got == want.astype(np.float64)).all()
    assert not net.training


def test_equal_seeds_give_equal_rounds() -> None:
    reports = [
        vf.train_until_verified(
            perceptron(1, 1, 8, 1), near_parabola(), samples(), options=replace(FAST, rounds=2)
        )
        for _ in range(2)
    ]
    one, two = ([(r.loss, r.counterexamples) for r in report.rounds] for report in reports)
    assert one == two


def test_impossible_property_ends_with_the_rounds() -> None:
    report = vf.train_until_verified(
        perceptron(0, 1, 2, 1),
        near_parabola("1/1000000"),
        samples(),
        options=replace(FAST, rounds=2, epochs=5, retrain_epochs=5),
    )
    assert not report.is_verified
    assert report.reason == "the budget of 2 rounds is spent"
    assert report.certificates == ()
    assert len(report.rounds) == 2


def test_spent_time_is_no_verdict() -> None:
    report = vf.train_until_verified(
        perceptron(0, 1, 8, 1),
        near_parabola("1/100"),
        samples(),
        options=replace(FAST, timeout=0.0, epochs=5),
    )
    assert not report.is_verified
    assert "time budget of 0 s" in report.reason
    assert len(report.rounds) == 1


def test_several_properties_are_learned_together() -> None:
    points = np.array([[0.25, 0.5], [0.5, 0.25], [0.75, 0.25]])
    labels = [0, 1, 1]
    wide = vf.robust_property(points, labels, eps="1/16", clip=(0, 1))

    def queries(net: Network) -> Query:
        return vf.in_range(net, [(0, 1)] * 2, lower=-8, upper=8)

    bounded = replace(wide, name="bounded", queries=queries)
    data = torch.tensor(points, dtype=torch.float32), torch.tensor(labels)
    report = vf.train_until_verified(perceptron(3, 2, 8, 2), [wide, bounded], data, options=FAST)
    assert report.is_verified, str(report)
    names = [answer.property_name for answer in report.rounds[-1].answers]
    assert names == ["robust within 1/16"] * 3 + ["bounded"]


def test_data_that_do_not_fit_are_refused() -> None:
    x, y = samples()
    with pytest.raises(vf.InputError, match="6 training inputs with 5 targets"):
        vf.train_until_verified(perceptron(0, 1, 2, 1), near_parabola(), (x, y[:5]), options=FAST)


def test_property_that_asks_nothing_is_refused() -> None:
    silent = replace(near_parabola(), queries=lambda _net: [])
    for properties, said in ((silent, "asks nothing"), ([], "no property")):
        with pytest.raises(vf.InputError, match=said):
            vf.train_until_verified(
                perceptron(0, 1, 2, 1), properties, samples(), options=replace(FAST, epochs=1)
            )


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"batch": 0}, {"rate": -1.0}, {"weight": -1.0}])
def test_options_name_what_is_wrong(wrong: dict[str, int]) -> None:
    with pytest.raises(vf.InputError, match=next(iter(wrong))):
        replace(FAST, **wrong)


@pytest.mark.gpu
def test_training_on_a_gpu_is_verified_on_the_processor() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    report = vf.train_until_verified(
        perceptron(0, 1, 8, 1), near_parabola(), samples(), options=replace(FAST, device="cuda")
    )
    assert report.is_verified, str(report)
    assert report.device == "cuda"
