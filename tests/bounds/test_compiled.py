"""Compiled networks compute what the kernel's operators mean, and their gradients are right."""

import numpy as np
import pytest

from tests.bounds.nets import KINDS, residual_conv
from verifai.bounds.compiled import compile_network
from verifai.bounds.maps import as_map
from verifai.kernel.network import Affine
from verifai.kernel.operator import Conv, Gather


class _Floats:
    """The kernel's operators in plain float64, as their oracle."""

    def zeros(self, rows, columns):
        return np.zeros((rows, columns))

    def lift(self, array):
        return array

    def matmul(self, left, right):
        return left @ right


CONVS = (
    (Conv.of(np.arange(18.0).reshape(2, 3, 3), (7,), padding=((2,), (0,)), stride=(2,))),
    (Conv.of(np.arange(32.0).reshape(4, 2, 2, 2), (4, 5), groups=2, dilation=(1, 2))),
    (Conv.of(np.arange(16.0).reshape(1, 2, 2, 2, 2), (3, 3, 2))),
)


@pytest.mark.parametrize(
    "operator",
    [
        *CONVS,
        *(Gather.of(9, np.arange(-1, 30) % 10 - 1, factor) for factor in (1.0, -0.5)),
        *(op for k in KINDS for n in k(3).nodes if isinstance(n, Affine) for _, op in n.terms),
    ],
)
def test_maps_agree_with_the_kernels_operators(operator):
    rng = np.random.default_rng(0)
    fast, inputs = as_map(operator), getattr(operator, "inputs", None)
    if isinstance(operator, Conv):
        inputs = operator.channels * int(np.prod(operator.spatial))
    inputs = inputs or operator.weight.shape[1]
    x, a = rng.normal(size=(3, inputs)), rng.normal(size=(3, operator.size(inputs)))
    np.testing.assert_allclose(fast.push(x), operator.push(_Floats(), x), atol=1e-12)
    np.testing.assert_allclose(fast.pull(a), operator.pull(_Floats(), a), atol=1e-12)
    magnitude = operator.mapped(np.abs).push(_Floats(), x)
    np.testing.assert_allclose(fast.absolute().push(x), magnitude, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_gradient_agrees_with_finite_differences(kind, seed):
    network = kind(seed)
    compiled, rng = compile_network(network), np.random.default_rng(seed)
    points = rng.normal(size=(2, len(network.input_values)))
    smooth = [i for i, node in enumerate(network.nodes) if node.name not in ("sign", "out")]
    smooth += [] if kind is KINDS[2] else [len(network.nodes) - 1]
    seeds = {i: rng.normal(size=(2, network.sizes[i])) for i in smooth}
    slope = compiled.gradient(compiled.forward(points), seeds)
    step = 1e-6 * rng.normal(size=points.shape)

    def total(where):
        values = compiled.forward(where)
        return sum((a * values[i]).sum(axis=1) for i, a in seeds.items())

    change = (total(points + step) - total(points - step)) / 2
    np.testing.assert_allclose((slope * step).sum(axis=1), change, atol=1e-11, rtol=1e-4)


def test_direct_nodes_are_those_affine_in_independent_inputs():
    compiled = compile_network(residual_conv())
    assert compiled.direct == {0, 1}
    assert compiled.preactivations == (1, 3, 6)
    assert compile_network(KINDS[2](0)).direct == {0, 1, 2}


def test_float32_stays_float32():
    compiled = compile_network(residual_conv(), np.float32)
    assert all(v.dtype == np.float32 for v in compiled.forward(np.zeros((2, 40), np.float32)))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        ((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
        ((4, 4), (2, 2), ((1, 1), (1, 1)), (1, 1)),
        ((3, 2), (2, 3), ((1, 0), (0, 2)), (1, 1)),
        ((2, 2), (3, 3), ((0, 0), (0, 0)), (1, 1)),
        ((1, 5), (1, 2), ((0, 2), (0, 1)), (1, 1)),
        ((3, 2), (2, 1), ((1, 2), (0, 1)), (1, 2)),
    ],
)
def test_pull_of_a_convolution_is_the_transpose_of_its_push(
    kernel, stride, padding, dilation
) -> None:
    rng = np.random.default_rng(0)
    conv = Conv.of(
        rng.normal(size=(4, 3, *kernel)), (7, 8), stride=stride, padding=padding,
        dilation=dilation, groups=2,
    )  # fmt: skip
    a_map, size = as_map(conv), 6 * 56
    matrix = a_map.push(np.eye(size))
    assert a_map.pull(np.eye(matrix.shape[1])) == pytest.approx(matrix.T)
    assert a_map.absolute().pull(np.eye(matrix.shape[1])) == pytest.approx(np.abs(matrix.T))
