"""Torch layers with a shift or an exchange in front of them, and behind.

May import: api, kernel; torch. Must not know: claims, how a query is decided, files.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from flint import fmpq

from verifai.api import load
from verifai.kernel.network import Network

if TYPE_CHECKING:
    import torch

WIDTH = 3  # of every filter
ONE = fmpq(1)


@dataclass(frozen=True, slots=True)
class Case:
    """A torch layer and the movement that it may commute with.

    Attributes:
        kind: which layer.
        shape: of its input: (1, 1, n) for a signal, (1, tokens, 1) for tokens.
        half: the box of a query is [-half, half]^n.
        positions: this times its position is added to every token.
        shift: by how many places a signal is moved in front of the layer.
        shift_behind: and behind it.
    """

    kind: str
    shape: tuple[int, ...]
    half: fmpq = ONE
    positions: float = 0.0
    shift: int = 1
    shift_behind: int = 1


def both_orders(case: Case, seed: int) -> tuple[Network, Network]:
    """The networks that torch exports of the layer with the movement in front, and behind."""
    import torch

    layer = _layer(case, seed)
    first, second = (
        load(_moved(layer, is_first, case), torch.zeros(case.shape)) for is_first in (True, False)
    )
    return first, second


def _moved(layer: torch.nn.Module, is_first: bool, case: Case) -> torch.nn.Module:
    """The layer with a shift (of a signal) or an exchange (of tokens), before or behind it."""
    import torch

    by = case.shift if is_first else case.shift_behind

    def move(x: torch.Tensor) -> torch.Tensor:
        if case.shape[1] == 1:
            return torch.roll(x, by, -1)
        return x[:, [1, 0, *range(2, case.shape[1])]]

    class Moved(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            moved: torch.Tensor = self.layer(move(x)) if is_first else move(self.layer(x))
            return moved

    return Moved().eval()


def _layer(case: Case, seed: int) -> torch.nn.Module:
    """A layer with weights that are multiples of 1/8 in [-1, 1], drawn by Python's generator."""
    import torch

    kind = case.kind

    def placed(x: torch.Tensor) -> torch.Tensor:
        if not case.positions:
            return x
        return x + case.positions * torch.arange(x.shape[1], dtype=x.dtype)[:, None]

    class Sets(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.own, self.others = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = placed(x)
            return torch.relu(self.own(x) + self.others(x.sum(1, keepdim=True)))

    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = (torch.nn.Linear(1, 1) for _ in range(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = placed(x)
            scores = self.query(x) @ self.key(x).transpose(-1, -2)
            if kind == "quotient":
                powers = torch.exp(scores)
                weights = powers / powers.sum(-1, keepdim=True)
            else:
                weights = torch.softmax(scores, -1)
            mean: torch.Tensor = weights @ self.value(x)
            return mean

    def conv(channels: int, stride: int = 1) -> torch.nn.Module:
        mode: Literal["zeros", "circular"] = "zeros" if kind == "zeros" else "circular"
        half = WIDTH // 2
        return torch.nn.Conv1d(1, channels, WIDTH, stride=stride, padding=half, padding_mode=mode)

    if kind in ("attention", "quotient"):
        made: torch.nn.Module = Attention()
    elif kind == "sets":
        made = Sets()
    elif kind == "relu":
        made = torch.nn.Sequential(conv(1), torch.nn.ReLU())
    else:
        made = conv(2, 2 if kind == "strided" else 1)
    source = random.Random(seed)
    with torch.no_grad():
        for values in made.parameters():
            drawn = [
                source.choice([k for k in range(-8, 9) if k]) / 8 for _ in range(values.numel())
            ]
            values.copy_(torch.tensor(drawn).reshape(values.shape))
    return made
