"""Train perceptrons on the digits with other activations than ReLU: sigmoid, tanh, and sign.

Input (1, 64): grey levels divided by 16. The smooth ones are 64-24-16-10 and trained on attacked
images like train_digits. The one with signs is 64-32-10: its 32 hidden values are -1, 0 or 1, so
that its answer is constant wherever no hidden value changes its sign; the gradient passes straight
through them.

    python networks/train_digits_mlp.py

May import: train_digits, torch_layers, onnx_writer, torch. Must not know: how networks are
verified.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from onnx_writer import OnnxWriter
from torch import nn
from torch_layers import Export, Sign
from train_digits import DATA, Recipe, accuracy, digits, fit

RECIPE = Recipe(epochs=60, radius=0.05, steps=3, interval_radius=1 / 100)
Plan = tuple[Callable[[], nn.Module], tuple[int, ...], Recipe]
NETWORKS: dict[str, Plan] = {
    "sigmoid": (nn.Sigmoid, (64, 24, 16, 10), replace(RECIPE, rate=1e-2)),
    "tanh": (nn.Tanh, (64, 24, 16, 10), replace(RECIPE, rate=5e-3)),
    "sign": (Sign, (64, 32, 10), replace(RECIPE, rate=5e-3, interval_radius=0.0)),
}


def perceptron(activation: Callable[[], nn.Module], widths: tuple[int, ...]) -> nn.Sequential:
    """An untrained multi-layer perceptron of these widths, the activation between its layers."""
    parts: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        parts += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*parts[:-1])


def main() -> None:
    """Train all three, say how good they are, write the files."""
    parser = argparse.ArgumentParser(description="Train digit classifiers without ReLUs.")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: verifai/data)")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of sums, hence the bytes, must not depend on the machine
    data = digits(RECIPE.seed)
    for name, (activation, widths, plan) in NETWORKS.items():
        recipe = replace(plan, epochs=options.epochs)
        torch.manual_seed(recipe.seed)
        net = perceptron(activation, widths)
        fit(net, data, recipe)
        path = options.out / f"digits_{name}.onnx"
        writer = OnnxWriter((1, 64))
        Export(writer).layers(net)
        writer.save(path, 10)
        share = accuracy(net, data.test_images, data.test_labels)
        print(f"{path}: accuracy {share:.3f} on unseen digits (seed {recipe.seed})")


if __name__ == "__main__":
    main()
