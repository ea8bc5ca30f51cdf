"""Circular convolutions commute with shifts; sets and plain attention with permutations.

May import: the gallery's parts, api, properties; sympy, torch on demand.
Must not know: how a query is decided, files.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from flint import fmpq

from verifai.api import load
from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.properties.equivalent import equivalent
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Theorem, Trust, parameter
from verifai.theorems.structure import are_same
from verifai.theorems.structure import sizes as sizes_of

if TYPE_CHECKING:
    import torch

WIDTH = 3  # of every filter
TOKENS = 3
ATTEMPTS = 16  # inputs at which two orders are compared
ONE, QUARTER = fmpq(1), fmpq(1, 4)
STATEMENT = """\
For every weight and every input:
(a) The circular convolution y_i = Σ_k w_k x_{i+k mod n} commutes with the cyclic shift (Sx)_i =
    x_{i-1 mod n}; so does every composition of such layers, biases that do not depend on the place,
    and maps of single values.
(b) A convolution whose ends are padded with zeros commutes with the shift if and only if every tap
    but the centre is 0. Keeping every second value of a circular convolution does not commute with
    the shift; it takes the shift by 2 to the shift by 1.
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
        "padded",
        f"For n = 3, …, {sizes.length} and symbolic filters of odd width up to n, centred, zeros "
        "beyond the ends: it commutes with the cyclic shift if and only if every tap but the "
        "centre is 0.",
        partial(padded, sizes.length),
    )
    yield Claim(
        "strided",
        f"For even n up to {sizes.length}: keeping every second value of a symbolic circular "
        "convolution takes a shift by 2 to a shift by 1.",
        partial(strided, sizes.length),
    )
    yield Claim(
        "subsampled",
        "Keeping every second of four values, for symbolic weights and inputs, commutes with the "
        "shift.",
        subsampled,
        role=Role.CONTROL,
    )
    yield evidence.to_decide(
        "network-convolution",
        f"A circular torch Conv1d on {sizes.pixels} values commutes with torch.roll on "
        f"[-1, 1]^{sizes.pixels}, exactly.",
        partial(commutes, Case("circular", (1, 1, sizes.pixels)), sizes.seed),
    )
    for name, text, case in structural(sizes):
        yield Claim(name, text, partial(by_structure, case, sizes.seed))
    for name, text, case in broken(sizes):
        posed = partial(commutes, case, sizes.seed)
        yield Claim(name, text, partial(by_structure, case, sizes.seed), posed, Role.CONTROL)


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


def padded(length: int) -> Finding:
    """No difference with the centre alone; and every other tap is a coefficient of a difference."""
    import sympy

    for n in range(3, length + 1):
        x = sympy.symbols(f"x:{n}")
        for width in range(3, n + 1, 2):
            taps = sympy.symbols(f"w:{width}")
            one, two = _shifted(_padded(taps, x)), _padded(taps, _shifted(x))
            gaps = [sympy.expand(a - b) for a, b in zip(one, two, strict=True)]
            others = [w for k, w in enumerate(taps) if k != width // 2]
            found = {gap.coeff(each) for gap in gaps for each in x}
            if any(gap.subs(dict.fromkeys(others, 0)) != 0 for gap in gaps):
                return evidence.exact(False, counterexample=f"n = {n}: the centre tap alone")
            free = [w for w in others if not {w, -w} & found]
            if free:
                return evidence.exact(False, counterexample=f"n = {n}: {free} may be anything")
    return evidence.exact(True, "every tap but the centre is the coefficient of some x_j alone")


def _padded(w: Sequence[Any], x: Sequence[Any]) -> list[Any]:
    n, half = len(x), len(w) // 2
    taps = [(k - half, each) for k, each in enumerate(w)]
    return [sum(each * x[i + k] for k, each in taps if 0 <= i + k < n) for i in range(n)]


def strided(length: int) -> Finding:
    """Both orders for every even length, as polynomials."""
    import sympy

    differences = []
    for n in range(4, length + 1, 2):
        x, w = sympy.symbols(f"x:{n}"), sympy.symbols(f"w:{WIDTH}")
        one = _shifted(_convolved(w, x)[::2])
        two = _convolved(w, _shifted(_shifted(x)))[::2]
        differences += [a - b for a, b in zip(one, two, strict=True)]
    return evidence.identities(*differences)


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


def structural(sizes: Parameters) -> Iterator[tuple[str, str, Case]]:
    """The torch layers that commute: name, text, case."""
    n = sizes.pixels
    yield (
        "network-relu",
        f"A circular torch Conv1d and a ReLU on {n} values commute with torch.roll on R^{n}.",
        Case("relu", (1, 1, n)),
    )
    yield (
        "network-stride",
        f"A circular Conv1d of stride 2 on {2 * n} values takes a roll by 2 to a roll by 1.",
        Case("strided", (1, 1, 2 * n), shift=2),
    )
    yield (
        "network-sets",
        f"A DeepSets layer on {TOKENS} tokens commutes with exchanging the first two.",
        Case("sets", (1, TOKENS, 1)),
    )
    yield (
        "network-attention",
        "Softmax attention on 2 tokens commutes with their exchange, on R^2.",
        Case("attention", (1, 2, 1)),
    )
    yield (
        "network-quotient",
        (
            f"Attention, softmax as a quotient, on {TOKENS} tokens commutes with exchanging "
            "the first two."
        ),
        Case("quotient", (1, TOKENS, 1)),
    )


def broken(sizes: Parameters) -> Iterator[tuple[str, str, Case]]:
    """The torch layers that do not commute: name, text, case."""
    n = sizes.pixels
    yield (
        "zero-padding",
        f"A Conv1d on {n} values, padded with zeros, commutes with torch.roll.",
        Case("zeros", (1, 1, n)),
    )
    yield (
        "stride",
        "A circular Conv1d of stride 2 on 8 values commutes with torch.roll.",
        Case("strided", (1, 1, 8)),
    )
    yield (
        "positions",
        "The attention with 1/1024 of the position added to every token commutes with it.",
        Case("attention", (1, 2, 1), QUARTER, 2.0**-10),
    )
    yield (
        "positions-sets",
        "The DeepSets layer with 1/4096 of the position added to every token commutes with it.",
        Case("sets", (1, TOKENS, 1), positions=2.0**-12),
    )


def both_orders(case: Case, seed: int) -> tuple[Network, Network]:
    """The networks that torch exports of the layer with the movement in front, and behind."""
    import torch

    layer = _layer(case, seed)
    first, second = (
        load(_moved(layer, is_first, case), torch.zeros(case.shape)) for is_first in (True, False)
    )
    return first, second


def commutes(case: Case, seed: int) -> Query:
    """Do layer and movement commute on the box, exactly?"""
    first, second = both_orders(case, seed)
    ends = [(-case.half, case.half)] * math.prod(case.shape)
    return equivalent(first, second, ends, tolerance=fmpq(0))


def by_structure(case: Case, seed: int) -> Finding:
    """Equal everywhere because it is one expression; or an exact input at which it is not."""
    first, second = both_orders(case, seed)
    if are_same(first, second):
        atoms = ", ".join(f"{count} {kind}" for kind, count in sizes_of(first).items())
        return evidence.exact(True, f"both orders are one expression ({atoms})")
    return differing(case, seed)


def differing(case: Case, seed: int) -> Finding:
    """Replays rational inputs until the two orders differ at one."""
    query = commutes(case, seed)
    source = random.Random(seed)
    found = Finding(Outcome.OPEN, Trust.CERTIFIED, "no input was tried")
    for _ in range(ATTEMPTS):
        steps = [source.randint(-64, 64) for _ in range(math.prod(case.shape))]
        found = evidence.replayed(query, [case.half * step / 64 for step in steps])
        if found.outcome is Outcome.REFUTED:
            break
    return found


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


THEOREM = Theorem(
    name="equivariance",
    title="circular convolutions commute with shifts, sets and attention with permutations",
    statement=STATEMENT,
    proposal="symbolic layers; torch modules with drawn weights, before and behind a movement",
    source="Zaheer et al., Deep sets (2017); Vaswani et al., Attention is all you need (2017)",
    defaults=Parameters(),
    claims=claims,
    example="""\
y_i = x_i + 2 x_{i+1} on a circle of 3: (1, 0, 0) gives (1, 0, 2). The shifted input (0, 1, 0) gives
(2, 1, 0), which is (1, 0, 2) shifted. With zeros beyond the end (0, 0, 1) gives (0, 2, 1), shifted
(1, 0, 2); but the shifted input (1, 0, 0) gives (1, 0, 0).""",
)
