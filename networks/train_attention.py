"""Train a one-block attention classifier that looks up a value by its key.

The input is three tokens of four numbers in [-1, 1]: a key, a value, and two that do not matter.
The class is 1 if the token with the largest key has a positive value, else 0. No token knows the
answer alone: the block must attend to the largest key.

One head of width four: A = softmax(Q Kᵀ/2), y = x + (A V) W + b, then the mean over the tokens and
a dense-relu-dense head of eight hidden values. The input is (1, 3, 4), the output the two scores.

    python networks/train_attention.py

Source: A. Vaswani et al., "Attention is all you need" (NeurIPS 2017).

May import: onnx_writer, torch. Must not know: how ranges are verified.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from onnx_writer import OnnxWriter
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

DATA = Path(__file__).parents[1] / "verifai" / "data"
TOKENS, WIDTH, HIDDEN, CLASSES = 3, 4, 8, 2
GAP = 0.2  # how far the two largest keys, and the value and zero, are apart at least
SEED, STEPS, BATCH, RATE, DECAY = 0, 3000, 256, 1e-2, 1e-3


class Attention(nn.Module):
    """softmax(Q Kᵀ/√d) V with an output projection, a residual, the mean, and a small head."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)  # a bias there would change nothing
        self.value = nn.Linear(WIDTH, WIDTH)
        self.project = nn.Linear(WIDTH, WIDTH)
        self.hidden = nn.Linear(WIDTH, HIDDEN)
        self.score = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """The scores (batch, 2) of sequences (batch, 3, 4)."""
        alike = self.query(x) @ self.key(x).transpose(1, 2) / WIDTH**0.5
        mixed = x + self.project(alike.softmax(2) @ self.value(x))
        scores: Tensor = self.score(self.hidden(mixed.mean(1)).relu())
        return scores


def sequences(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random sequences with clear answers, and the answers."""
    x = torch.rand(4 * count, TOKENS, WIDTH, generator=generator) * 2 - 1
    order = x[:, :, 0].sort(1, descending=True)
    found = x[torch.arange(len(x)), order.indices[:, 0], 1]
    clear = (order.values[:, 0] - order.values[:, 1] >= GAP) & (found.abs() >= GAP)
    return x[clear][:count], (found[clear] > 0).long()[:count]


def train(steps: int) -> Attention:
    """The network, trained on fresh sequences at every step."""
    torch.manual_seed(SEED)
    generator, net = torch.Generator().manual_seed(SEED), Attention()
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x, y = sequences(BATCH, generator)
        optimizer.zero_grad()
        cross_entropy(net(x), y).backward()
        optimizer.step()
        schedule.step()
    return net


def export(net: Attention) -> OnnxWriter:
    """The graph: MatMul and Add for each projection, Softmax over the last axis."""
    writer = OnnxWriter((1, TOKENS, WIDTH))

    def project(source: str, layer: nn.Linear, name: str) -> str:
        weight = writer.constant(f"W_{name}", layer.weight.detach().numpy().T)
        result = writer.node("MatMul", f"{name}_linear", source, weight)
        if layer.bias is None:
            return result
        bias = writer.constant(f"b_{name}", layer.bias.detach().numpy())
        return writer.node("Add", name, result, bias)

    query, key = project("x", net.query, "query"), project("x", net.key, "key")
    turned = writer.node("Transpose", "key_turned", key, perm=[0, 2, 1])
    raw = writer.node("MatMul", "products", query, turned)
    scaled = writer.node("Mul", "scaled", raw, writer.constant("scale", WIDTH**-0.5))
    weights = writer.node("Softmax", "attention", scaled, axis=-1)
    mixed = writer.node("MatMul", "mixed", weights, project("x", net.value, "value"))
    total = writer.node("Add", "residual", "x", project(mixed, net.project, "projected"))
    pooled = writer.node("ReduceMean", "pooled", total, axes=[1], keepdims=0)
    hidden = writer.node("Relu", "relu", project(pooled, net.hidden, "hidden"))
    writer.dense(1, hidden, net.score.weight.detach().numpy(), net.score.bias.detach().numpy(), "y")
    return writer


def main() -> None:
    """Train, say how good the network is, write the file."""
    parser = argparse.ArgumentParser(description="Train a one-block attention classifier.")
    parser.add_argument("--out", type=Path, default=DATA, help="folder (default: verifai/data)")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of sums, hence the bytes, must not depend on the machine
    net = train(options.steps)
    path = options.out / "attention.onnx"
    export(net).save(path, CLASSES)
    x, y = sequences(4000, torch.Generator().manual_seed(SEED + 1))
    share = float((net(x).argmax(1) == y).float().mean())
    print(f"{path}: accuracy {share:.3f} on unseen sequences (seed {SEED})")


if __name__ == "__main__":
    main()
