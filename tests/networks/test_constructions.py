"""The constructed networks compute what they claim, in exact arithmetic and in onnxruntime."""

from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from parity import parity_layers
from relu_net import Layer, save, to_network, to_onnx
from yarotsky import yarotsky_layers

from verifai.kernel.network import Affine, Network, Pwl
from verifai.kernel.operator import Dense

DATA = Path(__file__).parents[2] / "verifai" / "data"


def exact_layers(layers: list[Layer], x: list[Fraction]) -> list[Fraction]:
    """The layers' value at x, by definition and without rounding."""
    for number, layer in enumerate(layers, start=1):
        rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        y = [
            sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), Fraction(b))
            for row, b in rows
        ]
        x = y if number == len(layers) else [max(v, Fraction(0)) for v in y]
    return x


def exact_network(net: Network, x: list[Fraction]) -> list[Fraction]:
    """The kernel graph's value at x, where its nodes are one dense term each or a ReLU."""
    for node in net.nodes[1:]:
        if isinstance(node, Affine):
            ((_, operator),) = node.terms
            assert isinstance(operator, Dense)
            assert node.divisor is None and node.radius is None
            rows = zip(operator.weight.tolist(), node.bias.tolist(), strict=True)
            x = [
                sum((Fraction(w) * v for w, v in zip(r, x, strict=True)), Fraction(b))
                for r, b in rows
            ]
        else:
            assert isinstance(node, Pwl)
            assert node.knots.tolist() == [[0]] and node.slopes.tolist() == [[0], [1]]
            x = [max(v, Fraction(0)) for v in x]
    return x


def run(model: onnx.ModelProto, points: list[list[float]]) -> list[float]:
    """onnxruntime's output at every point."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return [
        float(session.run(None, {"x": np.array([point], dtype=np.float32)})[0][0, 0])
        for point in points
    ]


@pytest.mark.parametrize("bits", [2, 3, 5, 8])
def test_parity_on_every_bit_vector(bits: int) -> None:
    layers = parity_layers(bits)
    net, vectors = to_network(layers), list(product((0, 1), repeat=bits))
    expected = [sum(vector) % 2 for vector in vectors]
    exact = [[Fraction(b) for b in vector] for vector in vectors]
    assert [exact_layers(layers, x) for x in exact] == [[r] for r in expected]
    assert [exact_network(net, x) for x in exact] == [[r] for r in expected]
    assert run(to_onnx(layers, "parity"), [list(map(float, v)) for v in vectors]) == expected


@pytest.mark.parametrize("bits", [100, 1000])
def test_parity_of_every_sum_of_many_bits(bits: int) -> None:
    layers = parity_layers(bits)
    assert len(layers) == (bits - 1).bit_length() + 1
    values = np.tri(bits + 1, bits, -1)  # row i has i ones; all numbers are small integers
    for layer in layers[:-1]:
        values = np.maximum(values @ layer.weight.T.astype(float) + layer.bias, 0)
    values = values @ layers[-1].weight.T.astype(float) + layers[-1].bias
    assert values[:, 0].tolist() == [ones % 2 for ones in range(bits + 1)]


@pytest.mark.parametrize("depth", [1, 2, 4, 6])
def test_yarotsky_interpolates_the_square(depth: int) -> None:
    layers, worst = yarotsky_layers(depth), Fraction(1, 4 ** (depth + 1))
    net, cells = to_network(layers), 2**depth
    for i in range(4 * cells + 1):  # four points in a cell: its ends, its middle, its quarters
        x = Fraction(i, 4 * cells)
        (value,) = exact_layers(layers, [x])
        assert exact_network(net, [x]) == [value]
        error = value - x * x
        # on a cell of width h the interpolation of x² errs by (x - left)(right - x)
        assert error == Fraction(i % 4, 4 * cells) * Fraction(4 - i % 4, 4 * cells)
        assert 0 <= error <= worst
        assert (error == worst) == (i % 4 == 2)


def test_yarotsky_in_float32_is_exact_at_short_dyadics() -> None:
    layers = yarotsky_layers(4)
    points = [i / 64 for i in range(65)]
    expected = [float(exact_layers(layers, [Fraction(p)])[0]) for p in points]
    assert run(to_onnx(layers, "yarotsky"), [[p] for p in points]) == expected


@pytest.mark.parametrize(
    ("name", "layers"),
    [("parity_8", parity_layers(8)), ("yarotsky_4", yarotsky_layers(4))],
)
def test_shipped_file_is_what_the_script_writes(
    name: str, layers: list[Layer], tmp_path: Path
) -> None:
    save(layers, tmp_path / f"{name}.onnx")
    written = onnx.load(tmp_path / f"{name}.onnx")
    shipped = onnx.load(DATA / f"{name}.onnx")
    assert shipped.graph == written.graph


def test_numbers_that_float32_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="float32"):
        Layer.of([[0.1]], [0])
    with pytest.raises(ValueError, match="float32"):
        Layer.of([[1]], [2**24 + 1])


@pytest.mark.parametrize("bits", [0, 1, 1 << 21])
def test_parity_of_too_few_or_too_many_bits_is_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="bits"):
        parity_layers(bits)


@pytest.mark.parametrize("depth", [0, 61])
def test_yarotsky_depth_out_of_range_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="depth"):
        yarotsky_layers(depth)
