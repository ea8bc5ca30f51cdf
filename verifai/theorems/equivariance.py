"""Circular convolutions commute with shifts; sets and plain attention with permutations.

May import: the gallery's parts, kernel, properties.
Must not know: how a query is decided, files.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from flint import fmpq

from verifai.kernel.query import Query
from verifai.properties.equivalent import equivalent
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Theorem, Trust, parameter
from verifai.theorems.moved_layers import Case, both_orders
from verifai.theorems.structure import are_same
from verifai.theorems.structure import sizes as sizes_of
from verifai.theorems.symbolic_layers import (
    attention,
    convolution,
    deep_sets,
    exchanges,
    padded,
    strided,
    subsampled,
)

TOKENS = 3
ATTEMPTS = 16  # inputs at which two orders are compared
QUARTER = fmpq(1, 4)
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
        partial(exchanges, sizes.tokens, deep_sets),
    )
    yield Claim(
        "attention",
        f"For 2 to {sizes.tokens} tokens and unspecified functions s and v: attention commutes "
        "with every exchange of neighbours.",
        partial(exchanges, sizes.tokens, attention),
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
