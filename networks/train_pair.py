"""Train networks and write each twice: as it is, and with its weights rounded to few bits.

    python networks/train_pair.py

writes digits_small.onnx, a 64-16-10 digit classifier, and wave.onnx, a 2-16-16-1 network for
sin(3u)·cos(2v) on [0, 1]², and beside each a copy whose weights and biases are multiples of 2^-k:
k = 16 (`_16bit`: the outputs hardly differ) and, for the wave, k = 4 (`_4bit`: they do).

May import: relu_net, train_digits, torch. Must not know: how two networks are compared.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from relu_net import Layer, save
from torch import nn
from train_digits import DATA, Recipe, accuracy, build, digits, layers, train

RECIPE = Recipe(epochs=40, rate=4e-3, radius=0.05, steps=3, widths=(64, 16, 10))
FINE, COARSE = 16, 4
WAVE_STEPS, WAVE_BATCH = 2000, 256


def rounded(net: list[Layer], bits: int) -> list[Layer]:
    """The layers with every number replaced by the nearest multiple of 2^-bits."""
    scale = float(1 << bits)
    return [
        Layer.of(*(np.round(array.astype(np.float64) * scale) / scale for array in pair))
        for pair in ((layer.weight, layer.bias) for layer in net)
    ]


def wave(steps: int) -> nn.Sequential:
    """A network trained to compute sin(3u)·cos(2v) on the unit square."""
    torch.manual_seed(RECIPE.seed)
    generator = torch.Generator().manual_seed(RECIPE.seed)
    net = build((2, 16, 16, 1))
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x = torch.rand(WAVE_BATCH, 2, generator=generator)
        optimizer.zero_grad()
        nn.functional.mse_loss(net(x), height(x)).backward()
        optimizer.step()
        schedule.step()
    return net


def height(x: torch.Tensor) -> torch.Tensor:
    """The function that the wave approximates, (n, 1) of (n, 2)."""
    return torch.sin(3 * x[:, :1]) * torch.cos(2 * x[:, 1:])


def main() -> None:
    """Train both, say how good they are, write them and their rounded copies."""
    parser = argparse.ArgumentParser(description="Train networks and round copies of them.")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: verifai/data)")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--steps", type=int, default=WAVE_STEPS)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of sums, hence the bytes, must not depend on the machine
    data = digits(RECIPE.seed)
    classifier = train(data, replace(RECIPE, epochs=options.epochs), "cpu")
    share = accuracy(classifier, data.test_images, data.test_labels)
    print(f"digits_small: accuracy {share:.3f} on unseen digits (seed {RECIPE.seed})")
    surface = wave(options.steps)
    grid = torch.cartesian_prod(torch.linspace(0, 1, 101), torch.linspace(0, 1, 101))
    error = float((surface(grid) - height(grid)).abs().max().detach())
    print(f"wave: largest error {error:.4f} on a grid (seed {RECIPE.seed})")
    for name, net, kept in (
        ("digits_small", layers(classifier), (FINE,)),
        ("wave", layers(surface), (FINE, COARSE)),
    ):
        save(net, options.out / f"{name}.onnx")
        for bits in kept:
            save(rounded(net, bits), options.out / f"{name}_{bits}bit.onnx")


if __name__ == "__main__":
    main()
