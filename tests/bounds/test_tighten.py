"""Bounds of hidden values, tightened one by one, hold and are reproduced by their codes."""

import numpy as np
import pytest

from tests.bounds.nets import KINDS
from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import backward, refine, relaxed
from verifai.bounds.interval import interval
from verifai.bounds.kinds.codes import slopes_of
from verifai.bounds.kinds.pieces import span
from verifai.bounds.optimize import Ascent
from verifai.bounds.tighten import tighten

EPS = 1e-9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_tightened_bounds_hold_and_are_no_looser_than_crown(kind, seed):
    network = kind(seed)
    compiled, rng = compile_network(network), np.random.default_rng(seed)
    middle = rng.normal(size=(1, len(network.input_values)))
    lower, upper = middle - 0.6, middle + 0.6
    root = interval(compiled, lower, upper)
    plain = refine(compiled, root).bounds
    result, records = tighten(compiled, root, ascent=Ascent(steps=10))
    gain = 0.0
    for node in compiled.preactivations:
        low, high = result.bounds.lower[node], result.bounds.upper[node]
        before = (plain.upper[node] - plain.lower[node]).sum()
        gain += before - (high - low).sum()
        values = compiled.forward(rng.uniform(lower, upper, size=(500, lower.shape[1])))[node]
        assert (low - EPS <= values).all()
        assert (values <= high + EPS).all()
    assert gain >= -EPS
    assert gain > 0 or kind is not KINDS[0]
    assert {record.node for record in records} <= set(compiled.preactivations)


def test_each_values_codes_reproduce_its_bounds():
    network = KINDS[0](2)
    compiled = compile_network(network)
    lower, upper = -np.ones((1, 3)), np.ones((1, 3))
    result, records = tighten(compiled, interval(compiled, lower, upper))
    assert len(records) >= 2
    for record in records:
        for k, neuron in enumerate(record.neurons):
            for sign, value, codes in (
                (1.0, record.lower[k], record.lower_codes),
                (-1.0, -record.upper[k], record.upper_codes),
            ):
                slopes = {}
                for node, table in codes.items():
                    source = compiled.pieces[node].source
                    ends = result.bounds.lower[source], result.bounds.upper[source]
                    touched = span(compiled.pieces[node], *ends)
                    slopes[node] = slopes_of(touched, table[[k]])
                form = np.zeros((1, compiled.sizes[record.node]))
                form[0, neuron] = sign
                again = relaxed(compiled, result.bounds, slopes)
                plane = backward(compiled, again, {record.node: form})
                assert plane.value[0] == pytest.approx(value, abs=1e-9)


def test_several_boxes_are_refused():
    compiled = compile_network(KINDS[0](0))
    with pytest.raises(ValueError, match="2 boxes"):
        tighten(compiled, interval(compiled, np.zeros((2, 3)), np.ones((2, 3))))
