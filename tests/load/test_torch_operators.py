"""Torch modules become networks that compute what torch and their ONNX files compute."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.load.evaluate import evaluate
from verifai.kernel.network import Network
from verifai.load.onnx.read import load_onnx
from verifai.load.torch.module import load_torch_module
from verifai.load.torch.operators import ROWS, page

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
ROOT = Path(__file__).parents[2]

Example = tuple[Any, ...]  # a module and its example inputs


class Does(nn.Module):  # type: ignore[misc,name-defined]
    """A module that is one function, with parameters if it needs any."""

    def __init__(self, function: Callable[..., Any], **tensors: Any) -> None:
        super().__init__()
        self.function = function
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs, **dict(self.named_buffers()))


class Residual(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(3)
        self.two = nn.Conv2d(3, 3, 1)

    def forward(self, x: Any) -> Any:
        return F.relu(x + self.two(F.relu(self.norm(self.one(x)))))


class SelfAttention(nn.Module):  # type: ignore[misc,name-defined]
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.options = options

    def forward(self, x: Any) -> Any:
        return self.attention(x, x, x, **{"need_weights": False, **self.options})[0]


def rows(*shape: int) -> Any:
    return torch.zeros(1, *shape)


def image(channels: int = 2, size: int = 6) -> Any:
    return torch.zeros(1, channels, size, size)


def causal(x: Any) -> Any:
    return F.scaled_dot_product_attention(x, 2 * x, x - 1, is_causal=True)


def masked(x: Any, bias: Any) -> tuple[Any, ...]:
    scores = x @ x.transpose(-1, -2)
    later = torch.ones(3, 3).triu(1) > 0
    by_choice = scores.masked_fill(later, float("-inf")).softmax(-1)
    return by_choice @ x, torch.softmax(scores + bias, dim=1)


def by_hand(x: Any, mask: Any) -> Any:
    scores = x @ x.transpose(-1, -2) / math.sqrt(x.shape[-1])
    return torch.softmax(scores, dim=-1) @ x * mask


def in_place(x: Any) -> Any:
    y = x.clone()
    y[:, 0] = 1.5
    y[:, 1] += x[:, 2]
    y.mul_(0.25).relu_()
    return y


def moves(x: Any) -> Any:
    y = torch.cat([x.flip(-1), torch.roll(x, 1, 2)], dim=1)[:, [3, 0, 1], ::2]
    return y.unfold(3, 2, 2).permute(0, 4, 1, 3, 2).tril() + y.repeat(1, 1, 2, 1).sum()


def reductions(x: Any) -> tuple[Any, ...]:
    means = x.mean(1), x.mean(), x.sum((2, 3), keepdim=True), x.var(1), x.var()
    return *means, x.amax(2), x.max(1)[0], x.min(), x.amin((1, 2)), x.cumsum(1), x.norm(p=1, dim=1)


def layers(*parts: Any) -> Any:
    return nn.Sequential(*parts)


CASES: dict[str, Callable[[], Example]] = {
    "mlp": lambda: (layers(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)), rows(3)),
    "a batch": lambda: (layers(nn.Linear(3, 5), nn.LeakyReLU(0.1)), torch.zeros(4, 3)),
    "no batch": lambda: (nn.Linear(3, 5), torch.zeros(3)),
    "no bias": lambda: (layers(nn.Linear(3, 4, bias=False), nn.PReLU(4)), rows(3)),
    "cnn": lambda: (
        layers(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(),
               nn.Linear(27, 2)), image()),
    "residual": lambda: (Residual(), image(3)),
    "1-d": lambda: (layers(nn.Conv1d(2, 4, 3, groups=2), nn.BatchNorm1d(4), nn.MaxPool1d(2)),
                    rows(2, 8)),
    "3-d": lambda: (layers(nn.Conv3d(1, 2, 2), nn.AvgPool3d(2), nn.MaxPool3d(2)),
                    rows(1, 5, 5, 5)),
    "dilated": lambda: (nn.Conv2d(2, 2, 3, dilation=2, padding="same"), image()),
    "circular": lambda: (nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), image()),
    "reflected": lambda: (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), image()),
    "transposed": lambda: (
        nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2), image()),
    "pools": lambda: (layers(nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, 1, 1)), image()),
    "ceiling": lambda: (layers(nn.MaxPool2d(2, ceil_mode=True),
                               nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)),
                        image(2, 7)),
    "adaptive": lambda: (nn.AdaptiveAvgPool2d((2, 3)), image(2, 6)),
    "global": lambda: (layers(nn.AdaptiveAvgPool2d(1), nn.Flatten()), image()),
    "up and down": lambda: (layers(nn.Upsample(scale_factor=2), nn.PixelUnshuffle(3),
                                   nn.PixelShuffle(3)), image()),
    "padded": lambda: (layers(nn.ConstantPad2d((1, 0, 2, -1), 0.5), nn.ZeroPad2d(1),
                              nn.ReplicationPad2d(1)), image()),
    "unfold": lambda: (nn.Unfold(2, padding=1, stride=2), image()),
    "layer norm": lambda: (layers(nn.Linear(3, 6), nn.LayerNorm(6)), rows(3)),
    "group norm": lambda: (layers(nn.GroupNorm(2, 4), nn.ReLU()), image(4)),
    "instance norm": lambda: (nn.InstanceNorm2d(2, affine=True), image()),
    "attention": lambda: (SelfAttention(), rows(3, 4)),
    "causal": lambda: (Does(causal), rows(2, 3, 4)),
    "masked": lambda: (
        Does(masked, bias=torch.tensor([[0.0, 1.0, -math.inf], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]])),
        rows(3, 4)),
    "masked attention": lambda: (
        SelfAttention(attn_mask=torch.tensor([[0.0, 1.0, -math.inf]] * 3)), rows(3, 4)),
    "masked weights": lambda: (
        SelfAttention(attn_mask=torch.ones(3, 3).triu(1) > 0, need_weights=True), rows(3, 4)),
    "by hand": lambda: (Does(by_hand, mask=torch.eye(3)[:, :1]), rows(3, 4)),
    "transformer": lambda: (
        nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, activation="gelu"), rows(3, 4)),
    "pre-norm": lambda: (
        nn.TransformerEncoderLayer(4, 2, 6, batch_first=True, norm_first=True), rows(3, 4)),
    "in place": lambda: (Does(in_place), rows(3, 2)),
    "moves": lambda: (Does(moves), rows(2, 4, 4)),
    "reductions": lambda: (Does(reductions), image()),
    "two inputs": lambda: (Does(lambda x, y: (x @ y, torch.where(torch.eye(2) > 0, x, 1) - y)),
                           torch.zeros(2, 2), torch.zeros(2, 2)),
    "bilinear": lambda: (nn.Bilinear(2, 3, 2), rows(2), rows(3)),
    "weight norm": lambda: (nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), rows(3)),
    "shared": lambda: (Does(lambda x: (x, torch.stack([x, -x]).max(0)[0], x)), rows(2)),
    "lstm cell": lambda: (nn.LSTMCell(2, 3), rows(2)),
    "gru": lambda: (nn.GRU(2, 3, batch_first=True), rows(3, 2)),
    "einsum": lambda: (Does(lambda x: torch.einsum("bij,bkj->bik", x, x)), rows(3, 2)),
    "constants": lambda: (
        Does(lambda x, c: x * torch.arange(3) + c.softmax(0) * torch.linspace(0, 1, 3) - c / 4,
             c=torch.tensor([0.1, 0.2, 0.3])), rows(3)),
    "embedding": lambda: (
        Does(lambda x, t: F.embedding(torch.tensor([2, 0]), t) + x,
             t=torch.tensor([[0.1], [0.2], [0.3]])), rows(2, 1)),
}  # fmt: skip
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(F, name) for name in (
        "relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish",
        "softplus", "hardswish", "hardsigmoid", "logsigmoid", "softsign", "tanhshrink",)},
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "elu 1/3": lambda x: F.elu(x, 1 / 3),
    "celu 0.7": lambda x: F.celu(x, 0.7),
    "softplus 3": lambda x: F.softplus(x, beta=3),
    "softmax": lambda x: torch.softmax(x, 1),
    "log softmax": lambda x: F.log_softmax(x, 0),
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "clamp": lambda x: x.clamp(min=-0.5) + x.clamp(max=0.25).clamp_min(-2),
    "arithmetic": lambda x: torch.sub(x, x.abs(), alpha=3) / 7 + 1 / (x**2 + 1) - x.sign(),
    "roots": lambda x: (x * x + 1).sqrt() + (x**4 + 0.5).rsqrt() + (x.abs() + 1) ** -1,
    "waves": lambda x: x.sin() * x.cos() + x.erf() + x.exp() - (x * x + 1).log(),
    "log1p": lambda x: x.abs().log1p() - x.exp(),
    "extremes": lambda x: torch.maximum(x, 0.3 * x) + torch.minimum(x, torch.tensor(0.2)),
    "normalize": lambda x: F.normalize(x + 3, dim=1),
    "glu": lambda x: F.glu(x, dim=1),
}  # fmt: skip
# the exporter fails, masks with infinities, or gives two outputs one name
NOT_EXPORTED = {"causal", "transformer", "pre-norm", "shared", "bilinear"} | {
    "masked", "masked attention", "masked weights"}  # fmt: skip
# ONNX files may not hold the operators that the exporter makes of them
NOT_IN_ONNX = {"norms of numbers", "gru", "up and down", "choices", "in place"}


def every_activation(x: Any) -> dict[str, Any]:
    return {name: function(x) for name, function in ACTIVATIONS.items()}


def choices(x: Any) -> tuple[Any, ...]:
    y = x.flip(1)
    steps = (x > 0.5) & (y <= 0.25) | ~(x >= y)
    signs = (x < y, x == x.abs(), x != x.abs())
    numbers = (torch.where(sign, x, 2 * y) for sign in signs)
    counted = (x > 0).sum(1, keepdim=True)
    return (
        steps.float(),
        counted * x,
        F.softshrink(x),
        F.hardshrink(x),
        F.threshold(x, 0.3, 0.0),
        *numbers,
    )


def norms_of_numbers(x: Any) -> tuple[Any, ...]:
    number = x.sum() - 9
    norms = [torch.linalg.vector_norm(number, order) for order in (1, 2, math.inf)]
    return (*norms, number.amax(), number.mean(), number.sum())


CASES["norms of numbers"] = lambda: (Does(norms_of_numbers), torch.zeros(2, 2))
CASES["choices"] = lambda: (Does(choices), torch.zeros(2, 4))
CASES["activations"] = lambda: (Does(every_activation), torch.zeros(2, 4))


def built(name: str) -> tuple[Any, Example]:
    """The module in evaluation mode, with parameters and statistics drawn at random."""
    torch.manual_seed(len(name))
    module, *inputs = CASES[name]()
    for key, tensor in module.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif key.endswith(("running_mean", "bias", "weight")):
            tensor.normal_(std=0.6)
    return module.eval(), tuple(inputs)


@cache
def loaded(name: str) -> Network:
    return load_torch_module(*built(name))


def points(network: Network) -> list[list[Any]]:
    random = np.random.default_rng(7)
    shapes = [network.nodes[i].shape for i in network.inputs]
    return [[random.normal(size=s).astype(np.float32) for s in shapes] for _ in range(3)]


def results_of(module: Any, arrays: list[Any]) -> list[Any]:
    with torch.no_grad():
        found = module(*(torch.from_numpy(array).double() for array in arrays))
    flat = torch.utils._pytree.tree_leaves(found)
    return [tensor.numpy() for tensor in flat]


@pytest.mark.parametrize("name", CASES)
def test_the_network_computes_what_torch_computes(name: str) -> None:
    network, double = loaded(name), built(name)[0].double()
    for arrays in points(network):
        wanted = results_of(double, arrays)
        results = evaluate(network, *arrays)
        for result, expected in zip(results, wanted, strict=True):
            assert result.shape == expected.shape
            np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sorted(CASES.keys() - NOT_EXPORTED - NOT_IN_ONNX))
def test_the_network_agrees_with_that_of_the_onnx_file(name: str, tmp_path: Path) -> None:
    module, inputs = built(name)
    path = tmp_path / "module.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, inputs, path, dynamo=False, do_constant_folding=False,
                          opset_version=17)  # fmt: skip
    network, other = loaded(name), load_onnx(path)
    for arrays in points(network):
        for mine, theirs in zip(evaluate(network, *arrays), evaluate(other, *arrays), strict=True):
            assert mine.shape == theirs.shape
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def test_the_documented_table_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "torch-operators.md").read_text("utf-8") == page()


def test_every_row_names_an_operator_of_torch_and_a_function_of_ours() -> None:
    for name, row in ROWS.items():
        _, operator, overload = name.split(".")
        assert hasattr(getattr(torch.ops.aten, operator), overload), name
        assert callable(row.function())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nearest_neighbours_are_those_of_the_entries_type(dtype: str) -> None:
    x = torch.tensor([[[1.0, 2.0]]], dtype=getattr(torch, dtype))
    module = Does(lambda x: F.interpolate(x, size=82)).eval()  # 41·(2/82) is 1 for some types
    (result,) = evaluate(load_torch_module(module, x), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(result, module(x).double().numpy())
