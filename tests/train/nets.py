"""A small training task: a perceptron that is to stay near a parabola."""

from __future__ import annotations

from itertools import pairwise

import sympy
import torch

import verifai as vf

X = sympy.Symbol("x")
FAST = vf.TrainingOptions(
    epochs=60, retrain_epochs=60, rounds=12, query_timeout=120, weight=10, workers=1, device="cpu"
)


def perceptron(seed: int, *widths: int) -> torch.nn.Sequential:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for before, after in pairwise(widths):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def samples(count: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.linspace(0.2, 0.8, count)[:, None]
    return x, x**2


def near_parabola(tolerance: str = "1/8") -> vf.TrainingProperty:
    return vf.approximation_property(X**2, [(0, 1)], tolerance=tolerance, parts=2)
