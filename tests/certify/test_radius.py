"""The radius of an input: a certified end, an exact counterexample, and what lies between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from verifai.certify import bracket as module
from verifai.graph.nodes import affine
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.replay import replay

DATA = Path(vf.__file__).parent / "data"
DIGITS = vf.load(DATA / "digits_mlp.onnx")
with np.load(DATA / "digits_test.npz") as file:
    X, Y = file["images"] / 16, file["labels"].tolist()
THIRD = fmpq(1, 3)


def plane(*weights: list[float]) -> Network:
    """A linear network."""
    weight = Dense.of(np.array(weights, dtype=float))
    count = len(weights[0])
    return Network((Input("x", (count,)), affine("y", (len(weights),), ((0, weight),))), (1,))


def stands(found: vf.Radius, x: list[Any], label: int) -> None:
    """Both ends are what they are said to be."""
    assert found.label == label
    if found.certificate is not None:
        assert found.query is not None
        assert vf.check(found.query, found.certificate).leaves >= 1
        sides = zip(found.query.lower, found.query.upper, strict=True)
        assert max(high - low for low, high in sides) <= 2 * found.lower
    else:
        assert found.lower == 0
    if found.counterexample is not None:
        assert found.upper is not None
        inputs = found.counterexample.inputs
        exact = [fmpq(*value.as_integer_ratio()) for value in x]
        assert max(abs(a - b) for a, b in zip(inputs, exact, strict=True)) == found.upper
        assert found.lower <= found.upper


@pytest.mark.parametrize("tolerance", ["1/10", "1/1000"])
def test_of_a_linear_network_it_is_known(tolerance: str) -> None:
    found = vf.radius(plane([1, 0], [0, 1]), [1.0, 0.5], tolerance=tolerance)
    stands(found, [1.0, 0.5], 0)
    assert found.status == "converged" and found.upper is not None
    assert found.lower < fmpq(1, 4) <= found.upper
    assert found.upper - found.lower <= fmpq(*map(int, tolerance.split("/")))
    assert "radius between 0.2" in str(found) and "(converged)" in str(found)


@pytest.mark.parametrize("i", [0, 3])
def test_of_a_digit(i: int) -> None:
    found = vf.radius(DIGITS, X[i], Y[i], clip=(0, 1), tolerance="1/200", timeout=120)
    stands(found, X[i].tolist(), Y[i])
    assert found.status == "converged" and found.lower > 0 and found.counterexample is not None
    assert found.upper is not None
    query = vf.robust(DIGITS, X[i], eps=found.upper, label=Y[i], clip=(0, 1))
    assert replay(query, found.counterexample.inputs).violates


def test_a_wrong_label_has_no_radius() -> None:
    found = vf.radius(DIGITS, X[0], (Y[0] + 1) % 10)
    stands(found, X[0].tolist(), (Y[0] + 1) % 10)
    assert (found.lower, found.upper, found.status) == (0, 0, "converged")
    tie = vf.radius(plane([1, 0], [1, 0]), [1.0, 0.5], 0)
    assert (tie.lower, tie.upper) == (0, 0)
    with pytest.raises(vf.InputError, match="give a label"):
        vf.radius(plane([1, 0], [1, 0]), [1.0, 0.5])


def test_clip_may_leave_nothing_that_changes_the_answer() -> None:
    net = plane([1, 0], [0, 0])
    found = vf.radius(net, [1.0, 0.5], clip=("1/2", 2))
    stands(found, [1.0, 0.5], 0)
    assert found.upper is None and found.lower == fmpq(3, 2)
    assert "nothing that clip allows" in found.status
    wider = vf.radius(net, [1.0, 0.5], clip=([0, 0], [2, 2]))
    stands(wider, [1.0, 0.5], 0)
    assert wider.upper == 1 and wider.status == "converged"


def test_without_time_the_bracket_is_honest() -> None:
    found = vf.radius(DIGITS, X[0], Y[0], timeout=0)
    assert (found.lower, found.upper, found.certificate) == (0, None, None)
    assert "time budget" in found.status and "unknown" in str(found)


def test_what_is_undecided_stays_between_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches of radii between 1/5 and 3/10 know nothing; the true radius is 1/4."""
    search, asked = module.verify, []

    def vague(query: vf.Query, **how: Any) -> vf.Verdict:
        eps = (query.upper[0] - query.lower[0]) / 2
        asked.append(eps)
        if fmpq(1, 5) <= eps <= fmpq(3, 10):
            return vf.Unknown("too hard")
        return search(query, **how)

    monkeypatch.setattr(module, "verify", vague)
    found = vf.radius(plane([1, 0], [0, 1]), [1.0, 0.5], tolerance="1/100")
    stands(found, [1.0, 0.5], 0)
    assert found.status == "too hard" and found.upper is not None
    assert fmpq(1, 5) - fmpq(2, 100) <= found.lower < fmpq(1, 5)
    assert fmpq(1, 4) <= found.upper <= fmpq(3, 10) + fmpq(2, 100)
    assert len(asked) < 60


def test_a_network_that_never_changes_its_answer_is_given_up() -> None:
    found = vf.radius(plane([0, 0], [0, 0]), [1.0, 0.5], 0, tolerance="1/8")
    assert found.upper == 0
    sure = Network(
        (
            Input("x", (1,)),
            affine("y", (2,), ((0, Dense.of(np.zeros((2, 1)))),), bias=np.array([1.0, 0.0])),
        ),
        (1,),
    )
    found = vf.radius(sure, [0.0], tolerance="1/8")
    assert (
        found.upper is None
        and found.lower > 10**6
        and found.certificate is not None
        and found.status != "converged"
    )
