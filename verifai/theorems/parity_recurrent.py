"""A recurrence of two neurons computes the parity of bit strings of every length.

May import: the gallery's parts, kernel; sympy, torch on demand. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from flint import fmpq

from verifai.kernel.number import exact, nearest
from verifai.kernel.query import Query
from verifai.theorems import evidence
from verifai.theorems.claim import Claim, CoqProof, Finding, Role, Theorem, parameter
from verifai.theorems.construction import Layer, layers_of, relu_network
from verifai.theorems.parity_fold import near_bits

if TYPE_CHECKING:
    import torch

Cell = tuple[tuple[tuple[fmpq, ...], fmpq], ...]  # what reads (y, x): two neurons, and the output
HALF = fmpq(1, 2)
LENGTH = 8  # of the strings trained on
STATEMENT = """\
The recurrence  y ↦ relu(y + x) - 2 relu(y + x - 1),  from y = 0, reads bits x one after the other
and holds their parity after each, at every length. (As a state: the two neurons; y is read off
them.) For inputs within δ of bits it is within n·δ of the parity after n of them, as |.| has slope
1. A feed-forward ReLU network of one real input decides parity on no unbounded set of integers
(theorem parity_integers), and one that reads n bits has been made for that n: here one cell of two
neurons serves all lengths.

Proof. Induction over the length: for y and x in {0, 1}, y + x = 2 k + r gives the output r, of
which the next step depends only. A cell that was trained to be right up to some length need not go
on.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    seed: int = parameter(0, "of the trained cell's first weights")
    steps: int = parameter(100, "steps of Adam", 1, 100_000)
    longest: int = parameter(200, "length up to which the trained cell is watched", 9, 2000)


def layers(factor: float = -2.0) -> list[Layer]:
    """The cell that reads (y, x); `factor` replaces -2."""
    return [([[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0]), ([[1.0, factor]], [0.0])]


def step_query(factor: float = -2.0) -> Query:
    """Is the cell's output exactly r for bits y + x = 2 k + r? The bits are y and x."""
    return near_bits_exactly(factor)


def near_bits_exactly(factor: float) -> Query:
    """The query about two bits without offsets, at distance 0."""
    from dataclasses import replace

    from verifai.kernel.query import And
    from verifai.theorems.distance import beyond, output

    query = near_bits(relu_network(layers(factor)), fmpq(0))
    r = query.network.value(3, 0)
    unsafe = And((beyond({output(query.network): 1, r: -1}, fmpq(0)),))
    return replace(query, unsafe=unsafe)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield evidence.to_decide(
        "step",
        "For all bits y, x with y + x = 2 k + r the exported cell gives exactly r.",
        step_query,
    )
    yield Claim(
        "strings",
        "All 2^10 strings of 10 bits, and one of a thousand, by exact evaluation of the cell.",
        strings,
    )
    yield evidence.to_decide(
        "factor",
        "The same of the cell relu(y + x) - (2 - 2^-20) relu(y + x - 1).",
        partial(step_query, -2.0 + 2.0**-20),
        role=Role.CONTROL,
    )
    yield Claim(
        "trained",
        f"A cell of the same shape, trained on all strings of {LENGTH} bits, is right up to length "
        f"{sizes.longest}, on ones and on a one with zeros behind.",
        partial(trained_fails, sizes),
        role=Role.CONTROL,
    )


def values(cell: Cell, bits: Sequence[int]) -> Iterator[fmpq]:
    """y after every bit, exactly."""
    first, second, last = cell
    y = fmpq(0)
    for bit in bits:
        neurons = [max(fmpq(0), w[0] * y + w[1] * bit + b) for w, b in (first, second)]
        y = last[0][0] * neurons[0] + last[0][1] * neurons[1] + last[1]
        yield y


def is_right(cell: Cell, bits: Sequence[int]) -> int | None:
    """The first length at which y > 1/2 is not the parity; None if it always is."""
    odd = 0
    for length, (bit, y) in enumerate(zip(bits, values(cell, bits), strict=True), 1):
        odd ^= bit
        if (y > HALF) != bool(odd):
            return length
    return None


@cache
def constructed() -> Cell:
    """The exact numbers of the exported cell."""
    hidden, last = layers_of(relu_network(layers()))
    return (*hidden, *last)


def strings() -> Finding:
    """Each value must be exactly the parity."""
    source = random.Random(0)
    every = [[n >> k & 1 for k in range(10)] for n in range(1 << 10)]
    for bits in (*every, [source.randint(0, 1) for _ in range(1000)]):
        odd = 0
        for bit, y in zip(bits, values(constructed(), bits), strict=True):
            odd ^= bit
            if y != odd:
                return evidence.exact(False, counterexample=f"{bits}: {y}")
    return evidence.exact(True, f"{len(every) + 1} strings")


def fitted(sizes: Parameters) -> Cell:
    """Adam on all strings, the cell's first weights the constructed ones with noise."""
    import torch

    torch.set_num_threads(1)  # the order of sums must not depend on the machine
    strings = torch.tensor(
        [[n >> k & 1 for k in range(LENGTH)] for n in range(1 << LENGTH)]
    ).float()
    parity = strings.cumsum(1) % 2
    generator = torch.Generator().manual_seed(sizes.seed)
    start = ([[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0], [1.0, -2.0], [0.0])
    weights = [torch.tensor(each) for each in start]
    weights = [
        (w + 0.1 * torch.randn(w.shape, generator=generator)).requires_grad_() for w in weights
    ]
    optimizer = torch.optim.Adam(weights, 1e-2)
    for _ in range(sizes.steps):
        optimizer.zero_grad()
        loss = ((_unrolled(weights, strings) - parity) ** 2).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    w, b, v, c = (each.detach().double().tolist() for each in weights)
    neurons = [(tuple(map(exact, row)), exact(bias)) for row, bias in zip(w, b, strict=True)]
    return (*neurons, (tuple(map(exact, v)), exact(c[0])))


def _unrolled(weights: Sequence[torch.Tensor], strings: torch.Tensor) -> torch.Tensor:
    import torch

    w, b, v, c = weights
    y, found = torch.zeros(len(strings)), []
    for bits in strings.T:
        y = torch.relu(torch.stack([y, bits], 1) @ w.T + b) @ v + c[0]
        found.append(y)
    return torch.stack(found, 1)


def trained_fails(sizes: Parameters) -> Finding:
    """Right on all strings of training; the first length of a string of ones that is not."""
    cell = fitted(sizes)
    wrong = [n for n in range(1 << LENGTH) if is_right(cell, [n >> k & 1 for k in range(LENGTH)])]
    tails = {"ones": [1] * sizes.longest, "a one and zeros": [1, *[0] * (sizes.longest - 1)]}
    found = {name: is_right(cell, bits) for name, bits in tails.items()}
    learned = f"wrong on {len(wrong)} of {1 << LENGTH} strings of {LENGTH} bits"
    for name, length in found.items():
        if length is not None:
            bits = tails[name][:length]
            y = nearest(list(values(cell, bits))[-1])
            said = f"{name}, {length} bits: y ≈ {y:.6g}, though the parity is {sum(bits) % 2}"
            return evidence.exact(False, learned, counterexample=said)
    return evidence.exact(True, learned)


THEOREM = Theorem(
    name="parity_recurrent",
    title="a recurrence of two neurons computes parity at every length",
    statement=STATEMENT,
    proposal="the cell, exported by torch; a cell of the same shape trained on short strings",
    source="the construction is elementary; Hochreiter, Schmidhuber (1997) on what is learned",
    defaults=Parameters(),
    claims=claims,
    proved=CoqProof(
        "ParityRecurrent.v",
        "parity_recurrent",
        "for bit strings of every length the recurrence holds their parity, and for inputs within "
        "δ of n bits something within n·δ of it",
    ),
    example="""\
bits   1   1   0   1
y + x  1   2   0   1
y      1   0   0   1      2 becomes relu(2) - 2 relu(1) = 0; everything else stays""",
)
