"""Torch modules arrive as the functions they are in evaluation mode."""

import numpy as np
import pytest
from flint import fmpq

import verifai as vf
from verifai.kernel.network import Network
from verifai.kernel.number import exact
from verifai.kernel.replay import evaluate
from verifai.proof.network import encode_network

torch = pytest.importorskip("torch")


def module() -> "torch.nn.Module":
    torch.manual_seed(0)
    layers = [torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2)]
    return torch.nn.Sequential(*layers).eval()


def test_a_module_computes_what_torch_computes() -> None:
    net = vf.load(module(), torch.zeros(1, 3))
    rng = np.random.default_rng(0)
    for x in rng.normal(size=(5, 3)).astype(np.float32):
        wanted = module()(torch.tensor(x[None])).detach().numpy()[0]
        low, high = evaluate(net, [exact(float(v)) for v in x])
        got = [float(v.p) / float(v.q) for v in low[-2:]]
        assert (low == high).all()
        np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_weights_are_exact() -> None:
    linear = torch.nn.Linear(1, 1).eval()
    with torch.no_grad():
        linear.weight.fill_(0.1)
        linear.bias.fill_(0.0)
    net = vf.load(linear, torch.zeros(1, 1))
    assert evaluate(net, [exact(1.0)])[0][-1] == exact(float(np.float32(0.1)))


def test_what_cannot_be_loaded_says_why() -> None:
    with pytest.raises(vf.InputError, match="training mode"):
        vf.load(module().train(), torch.zeros(1, 3))
    part = module()
    part[1].train()
    with pytest.raises(vf.InputError, match="1 is in training mode"):
        vf.load(part, torch.zeros(1, 3))
    with pytest.raises(vf.InputError, match="example input"):
        vf.load(module())
    with pytest.raises(vf.InputError, match="neither a path nor a torch module: int"):
        vf.load(3, torch.zeros(1, 3))
    with pytest.raises(vf.InputError, match="weights alone are no network"):
        vf.load(torch.nn.Linear(2, 1).state_dict())


def values(net: Network, *inputs: float) -> list[fmpq]:
    low, high = evaluate(net, [exact(x) for x in inputs])
    assert (low == high).all()
    return list(low[-net.sizes[net.outputs[0]] :])


def test_numbers_of_the_code_are_the_doubles_they_are() -> None:
    slope = vf.load(torch.nn.LeakyReLU(0.1).eval(), torch.zeros(1, 1))
    assert values(slope, -1.0) == [-exact(0.1)]
    mean = vf.load(torch.nn.AdaptiveAvgPool1d(1).eval(), torch.zeros(1, 1, 3))
    assert values(mean, 1.0, 0.0, 0.0) == [fmpq(1, 3)]
    shift = torch.nn.Hardsigmoid().eval()
    assert values(vf.load(shift, torch.zeros(1, 1)), 1.0) == [fmpq(2, 3)]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_every_width_are_exact(kind: "torch.dtype") -> None:
    linear = torch.nn.Linear(1, 1, bias=False).to(kind).eval()
    with torch.no_grad():
        linear.weight.fill_(0.1)
    net = vf.load(linear, torch.zeros(1, 1, dtype=kind))
    assert values(net, 1.0) == [exact(float(torch.tensor(0.1, dtype=kind)))]


def test_a_program_is_the_network_of_its_module() -> None:
    example = torch.zeros(1, 3)
    program = torch.export.export(module(), (example,))
    once = encode_network(vf.load(program))
    assert once == encode_network(vf.load(module(), example))
    assert once == encode_network(vf.load(program.run_decompositions({})))


def test_inputs_and_outputs_keep_their_names_and_order() -> None:
    class Two(torch.nn.Module):
        def forward(self, left: "torch.Tensor", right: "torch.Tensor", scale: float) -> object:
            return {"sum": left + right, "scaled": right * scale, "left": left}

    net = vf.load(Two().eval(), (torch.zeros(2), torch.zeros(1), 0.5))
    assert [net.nodes[i].name for i in net.inputs] == ["left", "right"]
    assert [net.nodes[i].shape for i in net.outputs] == [(2,), (1,), (2,)]
    low, _ = evaluate(net, [exact(v) for v in (1.0, 2.0, 4.0)])
    by_output = [low[net.offsets[i] : net.offsets[i + 1]].tolist() for i in net.outputs]
    assert by_output == [[5, 6], [2], [1, 2]]


def test_the_nodes_of_a_network_are_called_as_in_the_program() -> None:
    net = vf.load(module(), torch.zeros(1, 3))
    assert [node.name for node in net.nodes] == ["input", "linear", "relu", "linear_1"]


def test_a_module_is_verified() -> None:
    net = vf.load(module(), torch.zeros(1, 3))
    verdict = vf.verify(vf.in_range(net, [(-1, 1)] * 3, upper=100, output=0), timeout=120)
    assert isinstance(verdict, vf.Verified)


def test_a_rational_constant_is_added_exactly() -> None:
    class Shifted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            return x + self.c / 3 - (self.c / 7)

    net = vf.load(Shifted().eval(), torch.zeros(1, 3))
    low, high = evaluate(net, [fmpq(0)] * 3)
    assert low[-3:].tolist() == high[-3:].tolist() == [fmpq(4, 21), fmpq(8, 21), fmpq(4, 7)]


def test_layer_norm_keeps_the_double_epsilon_exact() -> None:
    """Three times 1e-5 is no double: the variance must not take the rounded product over three."""
    net = vf.load(torch.nn.LayerNorm(3).eval(), torch.zeros(1, 3))
    low, high = evaluate(net, [fmpq(2)] * 3)
    root = next(i for i, n in enumerate(net.nodes) if getattr(n, "function", "") == "sqrt")
    at = net.offsets[net.nodes[root].sources[0]]
    assert low[at] == high[at] == exact(1e-5)
