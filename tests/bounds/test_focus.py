"""What is left of a network inside a box has the same bounds as the whole."""

import numpy as np
import pytest

from tests.bounds.nets import KINDS
from verifai.bounds import tighten as tightening
from verifai.bounds.arrays import host
from verifai.bounds.bands import banded
from verifai.bounds.compiled import Compiled, compile_network
from verifai.bounds.crown import backward, refine, relaxed
from verifai.bounds.focus import focus
from verifai.bounds.interval import Bounds, interval
from verifai.bounds.maps import ConvMap, as_map
from verifai.bounds.optimize import Ascent
from verifai.bounds.tighten import neighbours, tighten
from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Conv, Dense


def image_network(seed: int = 0, bias: float = -1.0) -> Network:
    """Two convolutions on an image, most of whose neurons are dead on small boxes."""
    rng = np.random.default_rng(seed)
    first = Conv.of(
        rng.normal(size=(4, 2, 3, 3)) / 4, (12, 12), stride=(2, 2), padding=((1, 1), (1, 1))
    )
    second = Conv.of(rng.normal(size=(6, 4, 3, 3)) / 4, (6, 6), padding=((1, 1), (1, 1)))
    nodes = (
        Input("x", (2, 12, 12)),
        affine("a", (4, 6, 6), ((0, first),), bias=bias * rng.uniform(size=(4, 1, 1))),
        relu("b", (4, 6, 6), 1),
        affine("c", (6, 6, 6), ((2, second),), bias=bias * rng.uniform(size=(6, 1, 1))),
        relu("d", (6, 6, 6), 3),
        affine("out", (3,), ((4, Dense.of(rng.normal(size=(3, 216)) / 8)),)),
    )
    return Network(nodes, (5,))


def box(compiled: Compiled, width: float, seed: int = 1) -> Bounds:
    """Interval bounds of one random box."""
    size = compiled.width
    middle = np.random.default_rng(seed).uniform(-1, 1, (1, size))
    return interval(compiled, *(compiled.place(middle + s * width / 2) for s in (-1, 1)))


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("kind", [image_network, *KINDS])
def test_planes_of_the_part_are_those_of_the_whole(kind, device) -> None:
    if device is not None:
        pytest.importorskip("array_api_compat.torch")
    compiled = compile_network(kind(0), device=device)
    bounds = refine(compiled, box(compiled, 0.3)).bounds
    last = len(compiled.network.nodes) - 1
    part = focus(compiled, bounds, {last: np.array([0])})
    form = compiled.zeros(1, compiled.sizes[last])
    form[0, 0] = 1
    whole = backward(compiled, relaxed(compiled, bounds), {last: form})
    smaller = part.compiled
    ours = backward(smaller, relaxed(smaller, part.bounds(bounds)), {last: part.array(last, form)})
    assert host(ours.value) == pytest.approx(host(whole.value), rel=1e-12)
    assert host(ours.coefficients) == pytest.approx(host(whole.coefficients), abs=1e-12)


def test_dead_neurons_are_left_out_and_only_they() -> None:
    compiled = compile_network(image_network())
    bounds = refine(compiled, box(compiled, 0.1)).bounds
    part = focus(compiled, bounds, {5: np.arange(3)})
    alive = bounds.upper[3][0] > 0
    assert 0 < alive.sum() < 216
    assert sorted(part.kept[4].tolist()) == np.flatnonzero(alive).tolist()
    assert part.compiled.sizes[0] == compiled.sizes[0]


def test_a_neuron_sees_its_patch_of_the_image() -> None:
    compiled = compile_network(image_network())
    bounds = box(compiled, 4.0)
    part = focus(compiled, bounds, {3: np.array([14])}, whole_inputs=False)
    assert part.compiled.sizes[2] <= 9 * 4
    assert 0 < part.compiled.sizes[0] <= 2 * 7 * 7
    assert part.compiled.sizes[3] == 1


def test_a_node_nobody_needs_is_a_constant() -> None:
    eye = Dense.of(np.eye(2))
    nodes = (
        Input("x", (2,)),
        affine("a", (2,), ((0, eye),)),
        relu("b", (2,), 1),
        affine("c", (2,), ((0, eye),)),
        relu("d", (2,), 3),
        affine("e", (2,), ((4, eye),)),
    )
    compiled = compile_network(Network(nodes, (5,)))
    bounds = box(compiled, 4.0)
    part = focus(compiled, bounds, {5: np.arange(2)})
    assert [len(k) for k in part.kept[1:3]] == [0, 0]
    small = refine(part.compiled, part.bounds(bounds)).bounds
    assert small.lower[5].tolist() == bounds.lower[5].tolist()


def test_a_part_of_a_convolution_is_that_of_its_matrix() -> None:
    rng = np.random.default_rng(0)
    conv = Conv.of(
        rng.normal(size=(4, 3, 3, 2)), (7, 5), stride=(2, 1), dilation=(1, 2), groups=2,
        padding=((1, 0), (2, 1)),
    )  # fmt: skip
    a_map = as_map(conv)
    assert isinstance(a_map, ConvMap)
    size = conv.size(6 * 35)
    rows, columns = rng.permutation(size)[: size // 2], rng.permutation(6 * 35)[:50]
    whole = a_map.pull(np.eye(size))
    assert np.array_equal(a_map.matrix(rows, columns), whole[np.ix_(rows, columns)])


def test_bands_are_the_matrix() -> None:
    rng = np.random.default_rng(0)
    weight = np.zeros((90, 300))
    for row in range(90):
        weight[row, 3 * row : 3 * row + 20] = rng.normal(size=20)
    weight[40:70] = 0
    bands = banded(weight)
    assert bands is not None
    x, a = rng.normal(size=(5, 300)), rng.normal(size=(5, 90))
    assert bands.push(x) == pytest.approx(x @ weight.T)
    assert bands.pull(a) == pytest.approx(a @ weight)
    assert bands.absolute().pull(np.abs(a)) == pytest.approx(np.abs(a) @ np.abs(weight))
    assert sum(band.weight.size for band in bands.bands) < weight.size / 2


def test_a_full_matrix_has_no_bands() -> None:
    assert banded(np.ones((90, 300))) is None


def test_neighbours_are_all_values_once_and_near_each_other() -> None:
    index = np.flatnonzero(np.random.default_rng(0).uniform(size=8 * 16 * 16) < 0.3)
    groups = neighbours((8, 16, 16), index)
    assert sorted(np.concatenate(groups).tolist()) == index.tolist()
    for group in groups:
        rows = group % 256 // 16
        assert len(group) <= tightening.PATCH and np.ptp(rows) < 8


def test_bounds_found_patch_by_patch_are_those_of_the_whole(monkeypatch) -> None:
    compiled = compile_network(image_network(bias=0.0))
    bounds, ascent = box(compiled, 0.5), Ascent(steps=4)
    monkeypatch.setattr(tightening, "LEAST_WORK", np.inf)
    whole, _ = tighten(compiled, bounds, ascent=ascent)
    monkeypatch.setattr(tightening, "LEAST_WORK", 0.0)
    parts, records = tighten(compiled, bounds, ascent=ascent)
    for node in (1, 3):
        assert parts.bounds.lower[node] == pytest.approx(whole.bounds.lower[node], abs=1e-6)
        assert parts.bounds.upper[node] == pytest.approx(whole.bounds.upper[node], abs=1e-6)
    used = [r for r in records if r.node == 3]
    assert used and all(r.lower_codes[2].shape == (len(r.neurons), 144) for r in used)
