"""Circular convolutions commute with shifts; sets and plain attention with permutations.

May import: the gallery's parts, api, properties; sympy, torch on demand.
Must not know: how a query is decided, files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from flint import fmpq

from verifai.api import load
from verifai.kernel.query import Query
from verifai.properties.equivalent import equivalent
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Role, Theorem, parameter

if TYPE_CHECKING:
    import torch

WIDTH = 3  # of every filter
TOKENS = 3
QUARTER = fmpq(1, 4)
STATEMENT = """\
For every weight and every input:
(a) The circular convolution y_i = Σ_k w_k x_{i+k mod n} commutes with the cyclic shift (Sx)_i =
    x_{i-1 mod n}; so does every composition of such layers, biases that do not depend on the place,
    and maps of single values.
(b) Keeping every second value does not commute with the shift, nor does a convolution whose ends
    are padded with zeros.
(c) The layer y_i = f(a x_i + b Σ_j x_j + c) of DeepSets, for any function f, and attention without
    positions, y_i = Σ_j e^{s(x_i, x_j)} v(x_j) / Σ_j e^{s(x_i, x_j)}, for any functions s and v,
    commute with every permutation of the tokens. Attention with positions does not.

Proof. Σ_k w_k (Sx)_{i+k} = Σ_k w_k x_{(i-1)+k}. Sums over all j do not depend on the order of the
x_j, and permutations are products of exchanges of neighbours.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    length: int = parameter(8, "greatest length of the symbolic convolutions", 3, 30)
    tokens: int = parameter(4, "greatest number of symbolic tokens", 2, 8)
    pixels: int = parameter(8, "length of the certified convolution", 3, 64)
    seed: int = parameter(0, "seed of the weights of the certified networks")


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim(
        "convolution",
        f"For n = 3, …, {sizes.length}, filters of width 1 to n with symbolic weights and symbolic "
        "inputs: the circular convolution commutes with the shift.",
        partial(convolution, sizes.length),
    )
    yield Claim(
        "sets",
        f"For 2 to {sizes.tokens} tokens, symbolic weights and an unspecified function f: the "
        "layer of DeepSets commutes with every exchange of neighbours.",
        partial(_tokens, sizes.tokens, deep_sets),
    )
    yield Claim(
        "attention",
        f"For 2 to {sizes.tokens} tokens and unspecified functions s and v: attention commutes "
        "with every exchange of neighbours.",
        partial(_tokens, sizes.tokens, attention),
    )
    yield Claim(
        "subsampled",
        "Keeping every second of four values, for symbolic weights and inputs, commutes with the "
        "shift.",
        subsampled,
        role=Role.CONTROL,
    )
    for name, role, text, posed in _queries(sizes):
        check = partial(_decided, posed)
        yield Claim(name, text, check, posed, role)


def _decided(posed: Callable[[], Query]) -> Finding:
    return evidence.decided(posed())


def convolution(length: int) -> Finding:
    """Both orders for every length and width, as polynomials in weights and inputs."""
    import sympy

    differences = []
    for n in range(3, length + 1):
        x, w = sympy.symbols(f"x:{n}"), sympy.symbols(f"w:{n}")
        for width in range(1, n + 1):
            one = _shifted(_convolved(w[:width], x))
            two = _convolved(w[:width], _shifted(x))
            differences += [a - b for a, b in zip(one, two, strict=True)]
    return evidence.identities(*differences)


def _convolved(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    n = len(x)
    return [sum(w[k] * x[(i + k) % n] for k in range(len(w))) for i in range(n)]


def _shifted(x: Sequence[Any]) -> list[Any]:
    return [x[-1], *x[:-1]]


def deep_sets(x: Sequence[Any]) -> list[Any]:
    """f(a x_i + b Σ x_j + c) for every i."""
    import sympy

    a, b, c = sympy.symbols("a b c")
    f = sympy.Function("f")
    return [f(a * each + b * sum(x) + c) for each in x]


def attention(x: Sequence[Any]) -> list[Any]:
    """The mean of v(x_j) with weights e^{s(x_i, x_j)}, for every i."""
    import sympy

    s, v = sympy.Function("s"), sympy.Function("v")
    found = []
    for query in x:
        weights = [sympy.exp(s(query, key)) for key in x]
        total = sum(w * v(each) for w, each in zip(weights, x, strict=True))
        found.append(total / sum(weights))
    return found


def _tokens(most: int, layer: Callable[[Sequence[Any]], list[Any]]) -> Finding:
    """The layer before and behind every exchange of neighbours."""
    import sympy

    differences = []
    for count in range(2, most + 1):
        x = list(sympy.symbols(f"x:{count}"))
        for i in range(count - 1):
            one, two = layer(_exchanged(x, i)), _exchanged(layer(x), i)
            differences += [a - b for a, b in zip(one, two, strict=True)]
    return evidence.identities(*differences)


def _exchanged(x: list[Any], i: int) -> list[Any]:
    return [*x[:i], x[i + 1], x[i], *x[i + 2 :]]


def subsampled() -> Finding:
    """Every second value of four: the two orders, and an input at which they differ."""
    import sympy

    x = list(sympy.symbols("x:4"))
    one, two = _shifted(x[::2]), _shifted(x)[::2]
    differences = [sympy.expand(a - b) for a, b in zip(one, two, strict=True)]
    if all(d == 0 for d in differences):
        return evidence.exact(True)
    point = dict(zip(x, (1, 0, 0, 0), strict=True))
    here = [[each.subs(point) for each in side] for side in (one, two)]
    said = (
        f"x = (1, 0, 0, 0): first kept, then shifted {here[0]}; first shifted, then kept {here[1]}"
    )
    return evidence.exact(here[0] == here[1], counterexample=said)


Posed = tuple[str, Role, str, Callable[[], Query]]


def _queries(sizes: Parameters) -> Iterator[Posed]:
    """The statements about torch modules: name, role, text, query."""
    n = sizes.pixels

    def posed(
        kind: str, shape: tuple[int, ...], half: fmpq, tolerance: fmpq
    ) -> Callable[[], Query]:
        return partial(commutes, kind, shape, sizes.seed, half, tolerance)

    thousandth = fmpq(1, 1000)
    yield (
        "network-convolution",
        Role.CLAIM,
        f"A circular torch Conv1d on {n} values commutes with torch.roll on [-1, 1]^{n}, exactly.",
        posed("circular", (1, 1, n), fmpq(1), fmpq(0)),
    )
    yield (
        "network-relu",
        Role.CLAIM,
        "A circular Conv1d and a ReLU on 4 values commute with torch.roll on [-1, 1]^4 to 1/1000.",
        posed("relu", (1, 1, 4), fmpq(1), thousandth),
    )
    yield (
        "network-sets",
        Role.CLAIM,
        f"A DeepSets layer on {TOKENS} tokens commutes with exchanging the first two to 1/1000.",
        posed("sets", (1, TOKENS, 1), fmpq(1), thousandth),
    )
    yield (
        "network-attention",
        Role.CLAIM,
        "Softmax attention on 2 tokens commutes with their exchange on [-1/4, 1/4]^2 to 1/100.",
        posed("attention", (1, 2, 1), QUARTER, fmpq(1, 100)),
    )
    yield (
        "zero-padding",
        Role.CONTROL,
        f"A Conv1d on {n} values, padded with zeros, commutes with torch.roll to 1/1000.",
        posed("zeros", (1, 1, n), fmpq(1), thousandth),
    )
    yield (
        "stride",
        Role.CONTROL,
        "A circular Conv1d of stride 2 on 8 values commutes with torch.roll to 1/1000.",
        posed("strided", (1, 1, 8), fmpq(1), thousandth),
    )
    yield (
        "positions",
        Role.CONTROL,
        "The attention with the position added to every token commutes with the exchange.",
        posed("positions", (1, 2, 1), QUARTER, fmpq(1, 100)),
    )


def commutes(kind: str, shape: tuple[int, ...], seed: int, half: fmpq, tolerance: fmpq) -> Query:
    """Do layer and movement commute on [-half, half]^n, to the tolerance?"""
    import torch

    layer = _layer(kind, seed)
    nets = [load(_moved(layer, first, shape), torch.zeros(shape)) for first in (True, False)]
    ends = [(-half, half)] * torch.zeros(shape).numel()
    return equivalent(nets[0], nets[1], ends, tolerance=tolerance)


def _moved(layer: torch.nn.Module, is_first: bool, shape: tuple[int, ...]) -> torch.nn.Module:
    """The layer with a shift (of a signal) or an exchange (of tokens), before or behind it."""
    import torch

    def move(x: torch.Tensor) -> torch.Tensor:
        if shape[1] == 1:
            return torch.roll(x, 1, -1)
        return x[:, [1, 0, *range(2, shape[1])]]

    class Moved(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            moved: torch.Tensor = self.layer(move(x)) if is_first else move(self.layer(x))
            return moved

    return Moved().eval()


def _layer(kind: str, seed: int) -> torch.nn.Module:
    """A layer with weights that are multiples of 1/8 in [-1, 1], drawn by Python's generator."""
    import torch

    class Sets(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.own, self.others = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.own(x) + self.others(x.sum(1, keepdim=True)))

    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = (torch.nn.Linear(1, 1) for _ in range(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if kind == "positions":
                x = x + torch.arange(x.shape[1], dtype=x.dtype)[:, None]
            scores = self.query(x) @ self.key(x).transpose(-1, -2)
            mean: torch.Tensor = torch.softmax(scores, -1) @ self.value(x)
            return mean

    def conv(channels: int, stride: int = 1) -> torch.nn.Module:
        mode: Literal["zeros", "circular"] = "zeros" if kind == "zeros" else "circular"
        half = WIDTH // 2
        return torch.nn.Conv1d(1, channels, WIDTH, stride=stride, padding=half, padding_mode=mode)

    if kind in ("attention", "positions"):
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


THEOREM = Theorem(
    name="equivariance",
    title="circular convolutions commute with shifts, sets and attention with permutations",
    statement=STATEMENT,
    proposal="symbolic layers; torch modules with drawn weights, before and behind a movement",
    source="Zaheer et al., Deep sets (2017); Vaswani et al., Attention is all you need (2017)",
    defaults=Parameters(),
    claims=claims,
)
