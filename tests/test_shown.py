"""What verifai promises of networks of every kind: certified verdicts of both kinds."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import verifai as vf
from verifai.bounds.compiled import compile_network
from verifai.kernel.query import Query

DATA = Path(vf.__file__).parent / "data"
TOKENS = [0.2, -0.4, -0.8, -0.9, 0.6, 0.7, 0.2, 0.4, 0.1, 0.8, 0.6, -0.9]
RADIUS = Fraction("0.05")


def digit(number: int) -> tuple[list[Fraction], int]:
    """Pixels in [0, 1] and the label of a shipped digit."""
    kept = np.load(DATA / "digits_test.npz")
    pixels = [Fraction(int(k), 16) for k in kept["images"][number].ravel()]
    return pixels, int(kept["labels"][number])


def certified(query: Query, verdict: vf.Verdict) -> None:
    """The verdict is Verified, and the kernel accepts its certificate once more."""
    assert isinstance(verdict, vf.Verified), verdict
    assert not verdict.vacuous
    vf.check(query, verdict.certificate)


KINDS = ["digits_residual", "digits_maxpool", "digits_sigmoid", "digits_tanh", "digits_sign"]


@pytest.mark.parametrize("name", KINDS)
def test_digit_networks_have_verdicts_of_both_kinds(name: str) -> None:
    net = vf.load(DATA / f"{name}.onnx")
    pixels, label = digit(1)
    query = vf.robust(net, pixels, eps="1/50", label=label, clip=(0, 1))
    certified(query, vf.verify(query, timeout=120, workers=1))
    pixels, label = digit(0)
    query = vf.robust(net, pixels, eps="1/8", label=label, clip=(0, 1))
    verdict = vf.verify(query, timeout=120, workers=1)
    assert isinstance(verdict, vf.Falsified), verdict
    assert verdict.counterexample.margin >= 0


def test_the_range_of_an_attention_block_is_known_within_a_factor_of_two() -> None:
    """And a property of it is verified whose tightening is falsified."""
    net = vf.load(DATA / "attention.onnx")
    centre = [Fraction(str(x)) for x in TOKENS]
    box = [(x - RADIUS, x + RADIUS) for x in centre]
    rng = np.random.default_rng(0)
    moves = np.concatenate([rng.uniform(-1, 1, (4000, 12)), rng.choice([-1.0, 1.0], (4000, 12))])
    points = np.array(TOKENS) + float(RADIUS) * moves
    seen = compile_network(net).forward(points)[net.outputs[0]]
    for k, (low, high) in enumerate(vf.bounds(net, box)):
        ends = float(low.p) / float(low.q), float(high.p) / float(high.q)
        assert ends[0] <= seen[:, k].min() <= seen[:, k].max() <= ends[1]
        assert ends[1] - ends[0] <= 2 * np.ptp(seen[:, k])
    most = Fraction(float(seen[:, 1].max()))
    query = vf.in_range(net, box, upper=most + Fraction(1, 4), output=1)
    certified(query, vf.verify(query, timeout=120, workers=1))
    query = vf.in_range(net, box, upper=most - Fraction(1, 100), output=1)
    assert isinstance(vf.verify(query, timeout=120, workers=1), vf.Falsified)


def test_rounded_weights_are_equivalent_up_to_a_tolerance_and_not_below_it() -> None:
    kept, rounded = (vf.load(DATA / f"{name}.onnx") for name in ("wave", "wave_16bit"))
    box = [(-1, 1)] * len(kept.input_values)
    query = vf.equivalent(kept, rounded, box, tolerance="1/1000")
    certified(query, vf.verify(query, timeout=120, workers=2))
    rng = np.random.default_rng(1)
    points = rng.uniform(-1, 1, (20000, len(box)))
    values = [compile_network(n).forward(points)[n.outputs[0]] for n in (kept, rounded)]
    distance = Fraction(float(np.abs(values[0] - values[1]).max())) * Fraction(99, 100)
    query = vf.equivalent(kept, rounded, box, tolerance=distance)
    assert isinstance(vf.verify(query, timeout=120, workers=1), vf.Falsified)


def test_a_monotone_network_is_verified_with_margin_zero() -> None:
    net, free = (vf.load(DATA / f"credit_{kind}.onnx") for kind in ("monotone", "free"))
    box = [(0, 1)] * len(net.input_values)
    query = vf.monotone(net, box, input=0)
    certified(query, vf.verify(query, timeout=120, workers=1))
    query = vf.monotone(free, box, input=0)
    assert isinstance(vf.verify(query, timeout=120, workers=1), vf.Falsified)
