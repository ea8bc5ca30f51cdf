"""A ReLU network computes the parity of n bits, also of inputs that are only near bits.

May import: the gallery's parts, graph, kernel, symbolic. Must not know: files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from flint import fmpq

from verifai.graph.attach import attach
from verifai.graph.formulas import atom
from verifai.graph.graph import Graph
from verifai.kernel.network import Input, Network
from verifai.kernel.query import And, Or, Query, Relation
from verifai.symbolic.census import counterexamples
from verifai.theorems import evidence
from verifai.theorems.claim import (
    Claim,
    CoqInstance,
    CoqProof,
    Finding,
    Role,
    Table,
    Theorem,
    parameter,
)
from verifai.theorems.construction import Recipe, exported, relu_network, trained
from verifai.theorems.parity_fold import (
    HALF,
    clamp_layers,
    clamp_query,
    fold_query,
    largest_delta,
    layers,
    tight_query,
)
from verifai.theorems.parity_proof import layout, records

SHORT = 10  # leaves for each bit that a certificate may have
STATEMENT = """\
Let n ≥ 2. The fold t ↦ relu(t) - 2 relu(t - h) maps [0, 2h] onto [0, h] and keeps parity where h is
even; so folding the sum of n bits at h = 2^(d-1), ..., 2, 1 with d = ⌈log2 n⌉ leaves its parity: a
ReLU network of d hidden layers with two neurons each and integer weights.

It stays right near bits: for all b in {0,1}^n and all real x with |x_i - b_i| ≤ δ, δ < 1/(2n), the
output differs from the parity of b by less than 1/2. (Every fold has slopes 1 and -1, so it differs
by n·δ at most.) At δ = 1/(2n) it differs by 1/2 at most, and somewhere by exactly 1/2.

Larger δ costs larger weights: the clamp c(x) = relu(W x - (W - 1)/2) - relu(W x - (W + 1)/2) maps
all x within δ = 1/2 - 1/(2W) of a bit to that bit exactly; so with a clamp of weights W in front of
each input the network is exact for every δ ≤ 1/2 - 1/(2W). Nothing with smaller slope can: what is
0 at δ and 1 at 1 - δ has slope 1/(1 - 2δ) = W on average between them.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    bits: int = parameter(64, "bits of the large network", 2, 256)
    small: int = parameter(16, "bits of the small network and the controls", 2, 64)
    clamp: int = parameter(16, "the weight W of the clamp", 2, 1 << 20)
    trained: int = parameter(10, "greatest number of bits for which networks are trained", 0, 12)
    seed: int = parameter(0, "of trained networks")
    steps: int = parameter(400, "steps of Adam", 1, 100_000)


def short_proof(query: Query, bits: int, delta: fmpq) -> Finding:
    """The certificate by hand, as the kernel judges it, if it is short."""
    k, r = (query.network.value(i, 0) for i in (2, 3))
    tree = list(records(layout(query.network, k, r, bits, delta)))
    leaves = sum(type(record).__name__ == "Close" for record in tree)
    if leaves > SHORT * bits:
        return evidence.exact(False, counterexample=f"{leaves} leaves for {bits} bits")
    return evidence.accepted(query, tree)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    for bits in sorted({sizes.small, sizes.bits}):
        text = (
            f"{bits} bits, Σ b = 2k + r: the output is closer than 1/2 to r for all inputs within "
            f"δ = (1 - 2^-20)/{2 * bits} of b; the certificate has at most {SHORT * bits} leaves."
        )
        yield _by_hand(f"bits-{bits}", text, fold_query, bits, largest_delta(bits))
    bits = sizes.small
    text = (
        f"{bits} bits: at δ = 1/{2 * bits} the output is at most 1/2 away from r; nothing is left "
        f"to spare, and the certificate still has at most {SHORT * bits} leaves."
    )
    yield _by_hand(f"tight-{bits}", text, tight_query, bits, fmpq(1, 2 * bits))
    text = f"W = {sizes.clamp}: the clamp maps every x within 1/2 - 1/(2W) of b in {{0, 1}} to b."
    yield evidence.to_decide("clamp", text, partial(clamp_query, sizes.clamp))
    yield evidence.to_decide(
        "delta",
        f"{sizes.small} bits with δ = 1/{2 * sizes.small}.",
        partial(fold_query, sizes.small, fmpq(1, 2 * sizes.small)),
        role=Role.CONTROL,
    )
    beyond = fmpq(1, 2 * sizes.small) * (1 + fmpq(1, 1 << 20))
    yield evidence.to_decide(
        "tight-delta",
        f"{sizes.small} bits with δ = (1 + 2^-20)/{2 * sizes.small}, at most 1/2 away.",
        partial(tight_query, sizes.small, beyond),
        role=Role.CONTROL,
    )
    yield evidence.to_decide(
        "sign",
        f"{sizes.small} bits with δ = 0, the last fold being relu(t) + 2 relu(t - 1).",
        partial(fold_query, sizes.small, fmpq(0), last=2.0),
        role=Role.CONTROL,
    )
    if sizes.trained:
        text = "The exact number of bit vectors whose parity trained networks get wrong."
        yield Claim("trained", text, partial(train, sizes), role=Role.MEASUREMENT)


def _by_hand(
    name: str, text: str, posed: Callable[[int, fmpq], Query], bits: int, delta: fmpq
) -> Claim:
    """The claim that a query has a certificate by hand."""

    def check() -> Finding:
        return short_proof(posed(bits, delta), bits, delta)

    return Claim(name, text, check, partial(posed, bits, delta))


def vectors(bits: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """All bit vectors, (2^n, n)."""
    return (np.arange(1 << bits)[:, None] >> np.arange(bits) & 1).astype(np.float64)


def wrong_query(net: Network) -> Query:
    """Does the net say odd (y > 1/2) exactly where the bits' sum is odd? A fold says which is."""
    bits = net.sizes[net.inputs[0]]
    graph = Graph((Input("bits", (1, bits)),))
    said = attach(graph, net, [0], "net/")[net.outputs[0]]
    fold = relu_network(layers(bits))
    truth = attach(graph, fold, [0], "fold/")[fold.outputs[0]]
    whole = Network(tuple(graph.nodes), (said,))
    y, r = whole.value(said, 0), whole.value(truth, 0)
    one = fmpq(1)
    unsafe = Or(
        (
            And((atom({y: -one}, HALF, Relation.LESS), atom({r: one}, -HALF))),
            And((atom({y: one}, -HALF), atom({r: -one}, HALF))),
        )
    )
    ends = tuple(fmpq(0) for _ in range(bits)), tuple(one for _ in range(bits))
    return Query(whole, *ends, And((unsafe,)), (), frozenset(range(bits)))


def fitted(bits: int, seed: int, steps: int) -> Network:
    """A network with one hidden layer of 2n neurons, trained on all bit vectors."""
    every = vectors(bits)
    recipe = Recipe((bits, 2 * bits, 1), seed, steps, rate=2e-2)
    return exported(trained(recipe, every, every.sum(axis=1, keepdims=True) % 2), bits)


def train(sizes: Parameters) -> Finding:
    """For every number of bits one trained network: how many of all inputs it gets wrong."""
    rows = []
    for bits in range(2, sizes.trained + 1):
        census = counterexamples(wrong_query(fitted(bits, sizes.seed, sizes.steps)))
        first = next(iter(census), None)
        example = "" if first is None else "".join(str(b) for b in first)
        rows.append((str(bits), str(len(census)), str(1 << bits), example))
    headings = ("bits", "wrong", "of", "for example")
    table = Table(headings, tuple(rows))
    return evidence.measured(f"seed {sizes.seed}, {sizes.steps} steps of Adam", table=table)


THEOREM = Theorem(
    name="parity_bits",
    title="folding the sum of n bits computes their parity, also within 1/(2n) of bits",
    statement=STATEMENT,
    proposal="the folds, exported by torch; a certificate by hand that splits on the sum of the "
    "bits; networks trained by Adam on all bit vectors",
    source="Telgarsky, Benefits of depth in neural networks, COLT 2016 (the fold)",
    defaults=Parameters(),
    claims=claims,
    example="""\
n = 4, bits 1 0 1 1: the sum is 3. Fold at 2: 3 becomes 4 - 3 = 1. Fold at 1: 1 stays. Parity 1.
    t      0 1 2 3 4
    at 2   0 1 2 1 0
    at 1   0 1 0 1 0""",
    proved=CoqProof(
        "ParityBits.v",
        "parity_bits",
        "for every n the folded sum is the parity of bits exactly; it is within n·δ of it for "
        "inputs within δ of bits, hence less than 1/2 off for δ < 1/(2n); at δ = 1/(2n) it is "
        "exactly 1/2 off somewhere; with clamps of weight W ≥ 1 it is exact for δ ≤ 1/2 - 1/(2W), "
        "and no clamp of smaller slope does that",
        (
            *(
                CoqInstance(f"parity_net {n}", partial(relu_network, layers(n)))
                for n in (2, 3, 16, 64)
            ),
            CoqInstance("clamped_net 16 1", partial(relu_network, clamp_layers(16))),
        ),
    ),
)
