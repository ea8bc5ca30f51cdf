"""Train two small networks that score credit: one monotone by construction, one left free.

The inputs (1, 3) are income, debt and age, each scaled to [0, 1]; the true score is
tanh(2·income - 3·debt/2) + 3/10·sin(3·age), and both networks see the same noisy answers. More
income should never lower the score. The monotone network (3-12-12-1) cannot do that: a hidden value
carries a sign, +1 or -1, and every weight on a way from the income has the sign of the product of
its two ends, so that all ways together only raise the score. The free one (3-24-24-1) follows the
noise.

    python networks/train_credit.py

Source: the signs are those of J. Sill, "Monotonic networks" (NIPS 1997), with both signs allowed
in a layer.

May import: relu_net, train_digits, torch. Must not know: how monotonicity is verified.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from relu_net import save
from torch import Tensor, nn
from train_digits import DATA, build, layers

SEED, STEPS, SAMPLES, RATE, NOISE = 0, 3000, 200, 1e-2, 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Inputs (n, 3) and their noisy scores (n, 1)."""

    inputs: Tensor
    answers: Tensor


def score(x: Tensor) -> Tensor:
    """The true score (n, 1) of income, debt and age (n, 3)."""
    income, debt, age = x[:, :1], x[:, 1:2], x[:, 2:]
    return torch.tanh(2 * income - 1.5 * debt) + 0.3 * torch.sin(3 * age)


def sample(count: int, seed: int) -> Scores:
    """Random applicants and what was observed of them."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(count, 3, generator=generator)
    return Scores(x, score(x) + NOISE * torch.randn(count, 1, generator=generator))


def direct(net: nn.Sequential) -> None:
    """Flip weights in place so that the first input can only raise the output.

    The first half of each hidden layer carries +1, the second half -1. Debt and age act freely on
    the first layer; from there on they share the ways of the income.
    """
    dense = [part for part in net if isinstance(part, nn.Linear)]
    before = torch.tensor([1.0])
    for layer in dense:
        after = torch.ones(layer.out_features)
        if layer is not dense[-1]:
            after[len(after) // 2 :] = -1
        wanted = after[:, None] * before[None, :]
        with torch.no_grad():
            reached = layer.weight[:, : len(before)]
            reached.copy_((reached * wanted).clamp(min=0) * wanted)
        before = after


def train(widths: tuple[int, ...], steps: int, is_monotone: bool) -> nn.Sequential:
    """A network trained on the noisy scores; a monotone one is put right after every step."""
    torch.manual_seed(SEED)
    net, data = build(widths), sample(SAMPLES, SEED)
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(net(data.inputs), data.answers).backward()
        optimizer.step()
        schedule.step()
        if is_monotone:
            direct(net)
    return net


def main() -> None:
    """Train both, say how good they are, write both files."""
    parser = argparse.ArgumentParser(description="Train a monotone and a free credit scorer.")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: verifai/data)")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of sums, hence the bytes, must not depend on the machine
    fresh = sample(4000, SEED + 1)
    for name, widths, is_monotone in (
        ("credit_monotone", (3, 12, 12, 1), True),
        ("credit_free", (3, 24, 24, 1), False),
    ):
        net = train(widths, options.steps, is_monotone)
        path = options.out / f"{name}.onnx"
        save(layers(net), path)
        error = float((net(fresh.inputs) - score(fresh.inputs)).detach().square().mean().sqrt())
        print(f"{path}: root mean square error {error:.3f} on unseen applicants (seed {SEED})")


if __name__ == "__main__":
    main()
