"""Train a small digit classifier on scikit-learn's bundled 8×8 digits, made robust by training.

The network is 64-32-32-10 with ReLUs; pixels are grey levels 0 … 16 divided by 16, so they are
exact in binary. Training is adversarial (projected gradient descent inside an L∞ ball around every
image) with weight decay: plain training leaves margins too thin to prove anything at a useful
radius. Everything is seeded; on the CPU the same torch release writes the same bytes again.

    python networks/train_digits.py --device cpu

writes digits_mlp.onnx and digits_test.npz (images as levels, uint8 (40, 64), and labels): the first
forty images that training never saw, whatever the network says about them.

Source: Madry et al., "Towards deep learning models resistant to adversarial attacks" (ICLR 2018).

May import: relu_net, torch_layers, torch, scikit-learn, verifai.files.
Must not know: how robustness is verified.
"""

from __future__ import annotations

import argparse
import io
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from relu_net import Layer, save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.functional import cross_entropy
from torch_layers import interval

from verifai.files import write_atomically

DATA = Path(__file__).parents[1] / "verifai" / "data"
LEVELS = 16
SHIPPED = 40


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the network is trained.

    Attributes:
        radius: the L∞ radius of the attacks in training, in pixel units (1 is white).
        steps: gradient steps of one attack.
        decay: weight decay.
        interval_radius: the radius of the box whose intervals are trained on as well, reached
            half-way through; 0: none.
    """

    seed: int = 0
    epochs: int = 60
    batch: int = 64
    rate: float = 2e-3
    radius: float = 0.1
    steps: int = 5
    decay: float = 1e-4
    interval_radius: float = 0.0
    widths: tuple[int, ...] = (64, 32, 32, 10)


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """Grey levels (n, 64) and labels (n,), split into what is trained on and what is not."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def digits(seed: int) -> Digits:
    """The bundled digits, three quarters of each class for training."""
    bundle = load_digits()
    images, labels = bundle.data.astype(np.uint8), bundle.target.astype(np.uint8)
    parts = train_test_split(images, labels, test_size=0.25, random_state=seed, stratify=labels)
    return Digits(parts[0], parts[2], parts[1], parts[3])


def build(widths: tuple[int, ...]) -> nn.Sequential:
    """An untrained multi-layer perceptron of these widths, ReLUs between its layers."""
    parts: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        parts += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def attack(
    net: nn.Module, x: torch.Tensor, y: torch.Tensor, recipe: Recipe, generator: torch.Generator
) -> torch.Tensor:
    """Images within the recipe's radius of x, in [0, 1], on which the loss is large."""
    noise = torch.rand(x.shape, generator=generator).to(x.device) * 2 - 1
    moved = (x + recipe.radius * noise).clamp(0, 1)
    for _ in range(recipe.steps):
        moved.requires_grad_(True)
        (slope,) = torch.autograd.grad(cross_entropy(net(moved), y), moved)
        moved = moved.detach() + 2.5 * recipe.radius / recipe.steps * slope.sign()
        moved = torch.clamp(moved, x - recipe.radius, x + recipe.radius).clamp(0, 1)
    return moved.detach()


def train(data: Digits, recipe: Recipe, device: str) -> nn.Sequential:
    """The network trained on attacked images only."""
    torch.manual_seed(recipe.seed)
    net = build(recipe.widths).to(device)
    fit(net, data, recipe, device)
    return net


def fit(net: nn.Module, data: Digits, recipe: Recipe, device: str = "cpu") -> None:
    """Train the network, which reads pixels (n, 64), on attacked images only."""
    generator = torch.Generator().manual_seed(recipe.seed)
    x = torch.tensor(data.train_images / LEVELS, dtype=torch.float32, device=device)
    y = torch.tensor(data.train_labels, dtype=torch.int64, device=device)
    optimizer = torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    for epoch in range(recipe.epochs):
        box = recipe.interval_radius * min(1.0, 2 * epoch / recipe.epochs)
        for rows in torch.randperm(len(x), generator=generator).split(recipe.batch):
            moved = attack(net, x[rows], y[rows], recipe, generator)
            optimizer.zero_grad()
            loss = cross_entropy(net(moved), y[rows])
            if box:
                loss = (loss + worst_case(net, x[rows], y[rows], box)) / 2
            loss.backward()
            optimizer.step()
        schedule.step()


def worst_case(net: nn.Module, x: torch.Tensor, y: torch.Tensor, radius: float) -> torch.Tensor:
    """The loss at the worst scores that intervals allow within the radius of x."""
    low, high = (x - radius).clamp(0, 1), (x + radius).clamp(0, 1)
    centre, spread = interval(net, (high + low) / 2, (high - low) / 2)
    own = nn.functional.one_hot(y, centre.shape[1])
    return cross_entropy(centre + spread * (1 - 2 * own), y)


def layers(net: nn.Sequential) -> list[Layer]:
    """The trained numbers, unchanged."""
    dense = [part for part in net.cpu() if isinstance(part, nn.Linear)]
    return [Layer.of(d.weight.detach().numpy(), d.bias.detach().numpy()) for d in dense]


def accuracy(net: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images that get their label, 0 to 1."""
    scores = net(torch.tensor(images / LEVELS, dtype=torch.float32)).detach().numpy()
    return float((scores.argmax(1) == labels).mean())


def main() -> None:
    """Train, say how good the network is, write both files."""
    parser = argparse.ArgumentParser(description="Train the digit classifier of the demo.")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: verifai/data)")
    parser.add_argument("--epochs", type=int, default=Recipe().epochs)
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args()
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)  # the order of sums, hence the bytes, must not depend on the machine
    recipe = Recipe(seed=options.seed, epochs=options.epochs)
    data = digits(recipe.seed)
    net = train(data, recipe, device).cpu()
    save(layers(net), options.out / "digits_mlp.onnx")
    images, labels = data.test_images[:SHIPPED], data.test_labels[:SHIPPED]
    packed = io.BytesIO()
    np.savez_compressed(packed, images=images, labels=labels)
    write_atomically(options.out / "digits_test.npz", packed.getvalue())
    print(f"accuracy {accuracy(net, data.test_images, data.test_labels):.3f} on unseen digits")
    print(options.out / "digits_mlp.onnx")
    print(options.out / "digits_test.npz")


if __name__ == "__main__":
    main()
