"""Brackets are printed in decimals between which the exact ends lie."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

import verifai as vf
from verifai.bracket import ExactEnds, shown_ends
from verifai.kernel.number import exact, rational

DATA = Path(vf.__file__).parent / "data"
NUMBERS = st.builds(fmpq, st.integers(-(10**12), 10**12), st.integers(1, 10**12))


@given(NUMBERS, NUMBERS)
def test_what_is_shown_holds_the_ends(first: fmpq, second: fmpq) -> None:
    low, high = sorted((first, second))
    shown = re.fullmatch(r"\[(\S+), (\S+)\]", shown_ends(ExactEnds(low, high)))
    assert shown and all(len(each) < 16 for each in shown.groups())
    assert rational(shown[1]) <= low <= high <= rational(shown[2])


def test_extreme_numbers_are_shown() -> None:
    huge = fmpq(10) ** 400 / 3
    shown = shown_ends(ExactEnds(-huge, 1 / huge))
    assert "e+399" in shown and "e-400" in shown


def test_results_are_short_and_exact() -> None:
    net = vf.load(DATA / "wave.onnx")
    box = [(-1, 1)] * 2
    found = [
        vf.maximize(net, {0: 1}, box, tolerance="1/2"),
        vf.minimize(net, {0: 1}, box, tolerance="1/2"),
        *vf.output_range(net, box, tolerance="1/2"),
        vf.lipschitz(net, box),
        vf.radius(vf.load(DATA / "digits_tanh.onnx"), [0] * 64, tolerance="1/4", clip=(0, 1)),
    ]
    for each in found:
        low, high = each.exact
        assert (low, high) == (each.lower, each.upper)
        assert len(repr(each)) < 80 and repr(each).startswith(type(each).__name__)
        if low is not None and high is not None:
            near = each.decimals
            assert near.lower is not None and near.upper is not None
            assert exact(near.lower) <= low <= high <= exact(near.upper)
            assert near.lower == pytest.approx(float(low.p) / float(low.q), rel=1e-15)
