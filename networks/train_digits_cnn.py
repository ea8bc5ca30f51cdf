"""Train two small convolutional digit classifiers: one with a residual block, one with max pooling.

Both read (1, 1, 8, 8) pixels, grey levels divided by 16. The residual network is
conv-bn-relu, a block relu(x + conv-bn-relu-conv-bn(x)), and a linear head: 288 ReLUs. The pooling
network is conv-relu-pool twice and a linear head.

Training is adversarial, as in train_digits, with a second loss on the intervals that a box around
each image reaches, so that bounds start close to what is true.

    python networks/train_digits_cnn.py

May import: train_digits, torch_layers, onnx_writer, torch. Must not know: how networks are
verified.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from onnx_writer import OnnxWriter
from torch import nn
from torch_layers import Export, Residual
from train_digits import DATA, Recipe, accuracy, digits, fit

RECIPE = Recipe(epochs=30, rate=4e-3, radius=0.05, steps=3, interval_radius=1 / 80)


def residual_network(channels: int = 6) -> nn.Sequential:
    """An untrained residual classifier: the stem halves the image, the block keeps its size."""

    def convolution() -> list[nn.Module]:
        layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        return [layer, nn.BatchNorm2d(channels)]

    stem = nn.Conv2d(1, channels, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(stem, nn.BatchNorm2d(channels), nn.ReLU()),
        Residual(*convolution(), nn.ReLU(), *convolution()),
        nn.ReLU(),
        *(nn.Flatten(), nn.Linear(channels * 16, 10)),
    )


def pooling_network(channels: int = 6) -> nn.Sequential:
    """An untrained classifier with two max-pooling layers: 8×8, 4×4, 2×2."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(8 * channels, 10)),
    )


def main() -> None:
    """Train both, say how good they are, write both files."""
    parser = argparse.ArgumentParser(description="Train convolutional digit classifiers.")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: verifai/data)")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of sums, hence the bytes, must not depend on the machine
    recipe = replace(RECIPE, epochs=options.epochs)
    data = digits(recipe.seed)
    for name, build in (("residual", residual_network), ("maxpool", pooling_network)):
        torch.manual_seed(recipe.seed)
        net = build()
        fit(net, data, recipe)
        net.eval()
        path = options.out / f"digits_{name}.onnx"
        writer = OnnxWriter((1, 1, 8, 8))
        Export(writer).layers(net)
        writer.save(path, 10)
        share = accuracy(net, data.test_images, data.test_labels)
        print(f"{path}: accuracy {share:.3f} on unseen digits (seed {recipe.seed})")


if __name__ == "__main__":
    main()
