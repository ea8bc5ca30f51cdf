"""Torch modules arrive as the functions they are in evaluation mode."""

import numpy as np
import pytest

import verifai as vf
from verifai.kernel.number import exact
from verifai.kernel.replay import evaluate

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
