"""Layers written to ONNX compute what torch computes; intervals hold what their boxes reach."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from onnx_writer import OnnxWriter  # noqa: E402
from torch import nn  # noqa: E402
from torch_layers import Export, Residual, Sign, interval  # noqa: E402


def network(activation: nn.Module) -> nn.Sequential:
    """A network of every layer that is known, with arbitrary statistics."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(2)
    norm.running_mean = torch.tensor([0.3, -0.2])
    norm.running_var = torch.tensor([0.5, 2.0])
    net = nn.Sequential(
        nn.Conv2d(1, 2, 4, stride=2, padding=1),
        norm,
        Residual(nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(2, 2, 1)),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(8, 5),
        activation,
        nn.Linear(5, 3),
    )
    return net.eval()


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Sigmoid(), nn.Tanh(), Sign()], ids=repr)
def test_file_computes_what_torch_computes(activation: nn.Module, tmp_path: Path) -> None:
    net = network(activation)
    writer = OnnxWriter((1, 1, 8, 8))
    Export(writer).layers(net)
    writer.save(tmp_path / "net.onnx", 3)
    session = onnxruntime.InferenceSession(
        tmp_path / "net.onnx", providers=["CPUExecutionProvider"]
    )
    for image in torch.rand(20, 1, 1, 8, 8):
        (found,) = session.run(None, {"x": image.numpy()})
        np.testing.assert_allclose(found, net(image).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Sigmoid(), nn.Tanh()], ids=repr)
def test_interval_holds_what_the_box_reaches(activation: nn.Module) -> None:
    net, centre = network(activation), torch.rand(1, 1, 8, 8)
    middle, radius = interval(net, centre, torch.full_like(centre, 0.1))
    corners = centre + 0.1 * torch.randint(-1, 2, (500, 1, 8, 8))
    assert ((net(corners) - middle).abs() <= radius + 1e-5).all()
    point, width = interval(net, centre, torch.zeros_like(centre))
    assert torch.allclose(point, net(centre), atol=1e-5)
    assert float(width.detach().abs().max()) < 1e-5


def test_sign_lets_gradients_of_small_values_through() -> None:
    x = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0], requires_grad=True)
    y = Sign()(x)
    y.sum().backward()
    assert y.tolist() == [-1, -1, 0, 1, 1]
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(TypeError, match="GELU"):
        Export(OnnxWriter((1, 4))).layers(nn.Sequential(nn.GELU()))
    with pytest.raises(TypeError, match="Sign"):
        interval(Sign(), torch.zeros(1), torch.zeros(1))
