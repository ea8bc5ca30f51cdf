"""The bounds on torch's arrays are numpy's: on its CPU here, on a graphics card where there is one.

What these tests compare runs the same code on both, so a difference is one of `DeviceArray`.
"""

import subprocess
import sys

import numpy as np
import pytest

from tests.bounds.nets import KINDS, curved
from verifai.bounds.arrays import DeviceArray, host
from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import backward, refine, unstable
from verifai.bounds.dual import DualProblem, Rows, gradient
from verifai.bounds.interval import interval
from verifai.bounds.optimize import Ascent, _families, _spans, _start, optimize
from verifai.bounds.smear import gradient_ranges
from verifai.bounds.tighten import tighten
from verifai.graph.nodes import affine, pwl
from verifai.kernel.network import FUNCTIONS, Input, Network
from verifai.kernel.operator import Conv, Dense, Gather

torch = pytest.importorskip("torch")
pytest.importorskip("array_api_compat")

RELATIVE = 1e-12
cuda = pytest.param("cuda", marks=pytest.mark.gpu)
DEVICES = pytest.mark.parametrize("device", ["cpu", cuda])


def folds(seed: int = 0) -> Network:
    """A strided, dilated, grouped convolution, repeating gathers, a radius, few terms a column."""
    rng = np.random.default_rng(seed)
    conv = Conv.of(
        rng.normal(size=(4, 1, 2, 2)), (5, 6), stride=(2, 1), dilation=(1, 2), groups=2,
        padding=((1, 0), (0, 1)),
    )  # fmt: skip
    width = conv.size(60)
    order = rng.integers(-1, width, size=20)
    few = np.zeros((32, 6))
    few[rng.integers(32, size=12), np.repeat(np.arange(6), 2)] = 0.5
    nodes = (
        Input("x", (2, 5, 6)),
        affine("c", (width,), ((0, conv),), bias=rng.normal(size=width), radius=1e-4),
        pwl("zig", (width,), 1, [-0.5, 0.0, 0.75], [1.0, -0.5, 0.25, 2.0], 0.25),
        affine("g", (20,), ((2, Gather.of(width, order, scale=-1.5)),), divisor=3.0),
        pwl("abs", (20,), 3, [0.0], [-1.0, 1.0]),
        affine("one", (6,), ((4, Gather.of(20, [0, 0, 3, 3, -1, 5])),)),
        pwl("hat", (6,), 5, [0.1], [0.5, -0.5]),
        affine("few", (32,), ((6, Dense.of(few)),)),
        affine("out", (3,), ((7, Dense.of(rng.normal(size=(3, 32)))),), bias=rng.normal(size=3)),
    )
    return Network(nodes, (8,))


CASES = [*KINDS, folds, *(lambda seed, f=f: curved(f, seed=seed) for f in FUNCTIONS)]
NAMES = ["dense", "residual_conv", "mixed", "waves", "head", "folds", *FUNCTIONS]
EVERY = pytest.mark.parametrize("kind", CASES, ids=NAMES)


class Both:
    """One network compiled for numpy and for a device, and the same boxes on both."""

    def __init__(self, kind, device, width=0.5, count=7, dtype=np.float64):
        if device == "cuda" and not torch.cuda.is_available():
            pytest.skip("no CUDA device")
        network, rng = kind(1), np.random.default_rng(5)
        self.here = compile_network(network, dtype)
        self.there = compile_network(network, dtype, device)
        size = len(network.input_values)
        middle, half = rng.normal(size=(count, size)), width * rng.uniform(size=(count, size))
        self.boxes = (middle - half).astype(dtype), (middle + half).astype(dtype)
        self.last = len(network.nodes) - 1
        self.forms = rng.normal(size=(count, network.sizes[self.last])).astype(dtype)

    def runs(self):
        """(network, lower, upper) here and there."""
        yield self.here, *self.boxes
        yield self.there, *(self.there.place(end) for end in self.boxes)


def assert_same(here, there, relative=RELATIVE):
    assert isinstance(there, DeviceArray)
    assert there.dtype == here.dtype
    there = host(there)
    np.testing.assert_array_equal(np.isfinite(here), np.isfinite(there))
    known = np.isfinite(here)
    scale = np.abs(here[known]).max(initial=1.0) if here.dtype != bool else 0
    np.testing.assert_allclose(there[known], here[known], rtol=relative, atol=relative * scale)


def assert_bounds(here, there):
    for a, b in zip((*here.lower, *here.upper), (*there.lower, *there.upper), strict=True):
        assert_same(a, b)


def assert_lines(here, there):
    for node, lines in here.lines.items():
        other = there.lines[node]
        pairs = [*zip(lines.lower, other.lower, strict=True), (lines.above, other.above)]
        pairs += zip(lines.upper, other.upper, strict=True)
        assert (lines.below is None) == (other.below is None)
        for a, b in pairs if lines.below is None else [*pairs, (lines.below, other.below)]:
            assert_same(np.asarray(a), b)


@DEVICES
@EVERY
def test_interval_and_crown_are_numpys(kind, device):
    both = Both(kind, device)
    first, second = (interval(net, low, high) for net, low, high in both.runs())
    assert_bounds(first, second)
    here, there = (
        refine(net, b, images=True) for net, b in ((both.here, first), (both.there, second))
    )
    assert_bounds(here.bounds, there.bounds)
    assert_lines(here, there)
    for node in both.here.preactivations:
        open_here = unstable(both.here, here.bounds, node)
        np.testing.assert_array_equal(host(unstable(both.there, there.bounds, node)), open_here)
    every, constant = np.array([0, 0, 3, 6, 2, 1, 4]), np.arange(7.0)
    options = {"boxes": every, "constant": constant}
    plane = backward(both.here, here, {both.last: both.forms}, **options)
    other = backward(
        both.there,
        there,
        {both.last: both.there.place(both.forms)},
        **{key: both.there.place(each) for key, each in options.items()},
    )
    for name in ("value", "coefficients", "constant"):
        assert_same(getattr(plane, name), getattr(other, name))


@DEVICES
@EVERY
def test_values_and_gradients_are_numpys(kind, device):
    both = Both(kind, device)
    values, slopes, ranges = [], [], []
    for net, low, high in both.runs():
        forms = {both.last: net.place(both.forms)}
        values.append(net.forward((low + high) / 2))
        slopes.append(net.gradient(values[-1], forms))
        ranges.append(gradient_ranges(net, interval(net, low, high), forms))
    for here, there in zip(*values, strict=True):
        assert_same(here, there)
    assert_same(*slopes)
    for here, there in zip(*ranges, strict=True):
        assert_same(here, there)


@DEVICES
@EVERY
def test_optimised_bounds_are_numpys_and_hold(kind, device):
    """Only the start is compared: steps divide by gradients' sizes, which may be mere rounding."""
    both, found, climbed = Both(kind, device), [], []
    forms = np.stack([both.forms, 0.5 - both.forms], axis=1)
    for net, low, high in both.runs():
        relaxation = refine(net, interval(net, low, high))
        rows = Rows({both.last: net.place(forms)}, net.place(np.ones((7, 2))))
        masks = {n: unstable(net, relaxation.bounds, n) for n in net.preactivations}
        for steps, into in ((0, found), (4, climbed)):
            ascent = Ascent(steps=steps, curved=True)
            into.append(optimize(net, relaxation, rows, splits=masks, ascent=ascent))
    here, there = found
    assert_same(here.value, there.value)
    assert_same(here.plane.coefficients, there.plane.coefficients)
    assert here.codes.keys() == there.codes.keys()
    for node, codes in here.codes.items():
        np.testing.assert_array_equal(codes, host(there.codes[node]))
    value, weights = host(climbed[1].value), host(climbed[1].point.weights)
    assert (value >= here.value - 1e-9).all()
    assert (value > here.value + 1e-6).any() == (climbed[0].value > here.value + 1e-6).any()
    for share in np.random.default_rng(3).uniform(size=(50, *both.boxes[0].shape)):
        points = both.boxes[0] + share * (both.boxes[1] - both.boxes[0])
        values = both.here.forward(points)[both.last]
        mixed = (np.einsum("mkn,mn->mk", forms, values) + 1) * weights
        assert (value <= mixed.sum(axis=1) + 1e-9).all()


@DEVICES
@EVERY
def test_the_dual_and_its_gradient_are_numpys(kind, device):
    both, found = Both(kind, device), []
    for net, low, high in both.runs():
        rng = np.random.default_rng(9)
        relaxation = refine(net, interval(net, low, high))
        rows = Rows({both.last: net.place(both.forms[:2])}, net.place(np.ones(2)), premises=1)
        masks = {n: unstable(net, relaxation.bounds, n) for n in net.preactivations}
        problem = DualProblem(
            net, relaxation, rows, 7, _spans(net, relaxation), masks, _families(net, relaxation)
        )
        point = _start(problem, net.place(rng.uniform(size=(7, 2))))
        for table in (point.slopes, point.shares, point.multipliers):
            for key, array in table.items():
                table[key] = array + net.place(rng.normal(size=array.shape) / 8)
        seen = {}
        plane, lines = problem.plane(point, seen)
        gradients, sizes = gradient(problem, point, plane, lines, seen)
        found.append([plane.value, plane.coefficients, *gradients, *sizes.values()])
    for here, there in zip(*found, strict=True):
        assert_same(here, there, 1e-10)


@DEVICES
@EVERY
def test_bounds_with_slopes_of_their_own_are_numpys(kind, device):
    both, found = Both(kind, device, count=1), []
    for net, low, high in both.runs():
        how = Ascent(steps=0)
        found.append(tighten(net, interval(net, low, high), ascent=how, images=True))
    assert_bounds(found[0][0].bounds, found[1][0].bounds)
    for here, there in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(here.neurons, host(there.neurons))


@DEVICES
def test_single_precision_stays_single(device):
    both = Both(KINDS[1], device, dtype=np.float32)
    low, high = (both.there.place(end) for end in both.boxes)
    tight = refine(both.there, interval(both.there, low, high)).bounds
    assert {a.dtype for a in (*tight.lower, *tight.upper)} == {np.dtype(np.float32)}
    exact = refine(both.here, interval(both.here, *both.boxes)).bounds
    for here, there in zip(exact.lower, tight.lower, strict=True):
        np.testing.assert_allclose(host(there), here, rtol=1e-3, atol=1e-3)


def test_an_array_does_not_come_back_unasked():
    array = compile_network(KINDS[0](1), device="cpu").zeros(2, 3)
    with pytest.raises(TypeError, match="host"):
        np.asarray(array)
    assert host(array).shape == (2, 3)
    assert host(np.ones(2)).sum() == 2


def test_what_numpy_functions_are_unknown_is_said():
    array = compile_network(KINDS[0](1), device="cpu").zeros(2, 3)
    with pytest.raises(TypeError):
        np.add.reduce(array)
    with pytest.raises(AttributeError):
        np.unwrap(array)


def test_a_device_that_is_not_there_is_named():
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(ValueError, match=missing):
        compile_network(KINDS[0](1), device=missing)


def test_numpys_path_imports_neither_torch_nor_array_api_compat():
    program = (
        "import sys\n"
        "from verifai.bounds.compiled import compile_network\n"
        "from verifai.graph.nodes import relu\n"
        "from verifai.kernel.network import Input, Network\n"
        "net = compile_network(Network((Input('x', (1,)), relu('z', (1,), 0)), (1,)))\n"
        "assert net.zeros(2).sum() == 0\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'array_api_compat')))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
