"""A long enough prompt brings back what training made unlikely.

May import: the gallery's parts; python-flint, sympy on demand. Must not know: files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from flint import arb, fmpq

from verifai.theorems import evidence
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Table, Theorem, Trust, parameter

STATEMENT = """\
Let a language model be a mixture P = α P₋ + (1 - α) P₊ of a bad and a good one, 0 < α < 1, and let
every sentence of a prompt raise log P₋/P₊ by at least β > 0. Then a prompt of
    n ≥ [log((1 - α)/α) + log((1 - ε)/ε)]/β
sentences makes the posterior weight of P₋ at least 1 - ε, 0 < ε < 1; so every behaviour B has
    P(B | prompt) ≥ (1 - ε) P₋(B | prompt).
However small α was made, it only adds log(1/α)/β sentences.

Proof. The posterior odds are α/(1 - α)·P₋(prompt)/P₊(prompt) ≥ α/(1 - α)·e^{β n} ≥ (1 - ε)/ε, and
odds of (1 - ε)/ε are a weight of 1 - ε. The rest of the mixture is not negative.
"""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sizes."""

    models: int = parameter(5, "pairs of Markov models", 1, 50)
    states: int = parameter(3, "their states", 2, 6)
    seed: int = parameter(0, "of the models")


def posterior(alpha: fmpq, odds: fmpq) -> fmpq:
    """The weight of P₋ after a prompt with these likelihood odds."""
    return alpha * odds / (alpha * odds + 1 - alpha)


def claims(sizes: Parameters) -> Iterator[Claim]:
    """The claims, in order."""
    yield Claim("odds", "Odds of (1 - ε)/ε are a weight of 1 - ε, and more odds are more.", odds)
    yield Claim(
        "length",
        "Odds of 2 a sentence, α = ε = 1/9: 6 sentences give exactly 8/9.",
        partial(doubles, 6, fmpq(8, 9)),
    )
    yield Claim(
        "shorter",
        "5 sentences give 8/9 as well.",
        partial(doubles, 5, fmpq(8, 9)),
        role=Role.CONTROL,
    )
    yield Claim(
        "markov",
        f"{sizes.models} pairs of Markov models with {sizes.states} states, α = ε = 1/100: prompts "
        "of the stated length, each step where odds rise most, bring the posterior to 1 - ε, and "
        "every next state's probability to (1 - ε) P₋ at least.",
        partial(markov, sizes),
    )
    yield Claim(
        "no-margin",
        "P(B | prompt) ≥ P₋(B | prompt) for every B, without the factor 1 - ε.",
        no_margin,
        role=Role.CONTROL,
    )


def odds() -> Finding:
    """The weight at the odds o = α/(1 - α)·ratio is o/(1 + o), with slope 1/(1 + o)²."""
    import sympy

    e, o = sympy.symbols("epsilon o")
    weight = o / (1 + o)
    return evidence.identities(
        sympy.cancel(weight.subs(o, (1 - e) / e) - (1 - e)),
        sympy.cancel(sympy.diff(weight, o) - 1 / (1 + o) ** 2),
    )


def doubles(length: int, wanted: fmpq) -> Finding:
    """Exact posteriors."""
    found = posterior(fmpq(1, 9), fmpq(2) ** length)
    return evidence.exact(found >= wanted, f"{found}", counterexample=f"the weight is {found}")


def _rows(states: int, source: random.Random) -> list[list[fmpq]]:
    drawn = [[source.randint(1, 9) for _ in range(states)] for _ in range(states)]
    return [[fmpq(x, sum(row)) for x in row] for row in drawn]


def _length(alpha: fmpq, epsilon: fmpq, least: fmpq) -> int:
    """The least whole number of sentences that the bound allows, β = log of the least odds."""
    total = arb((1 - alpha) / alpha).log() + arb((1 - epsilon) / epsilon).log()
    quotient = total / arb(least).log()
    whole = quotient.upper().ceil().unique_fmpz()
    if whole is None:
        raise ValueError("the length is known to no whole number")
    return int(whole)


def prompt(bad: Sequence[Sequence[fmpq]], good: Sequence[Sequence[fmpq]], n: int) -> list[int]:
    """States from 0 on, each the one whose odds are greatest."""
    path = [0]
    for _ in range(n):
        here = path[-1]
        path.append(max(range(len(bad)), key=lambda j: bad[here][j] / good[here][j]))
    return path


def markov(sizes: Parameters) -> Finding:
    """Greedy prompts: the greatest odds are more than 1 in each state whose rows differ."""
    source, small = random.Random(sizes.seed), fmpq(1, 100)
    rows: list[tuple[str, ...]] = []
    while len(rows) < sizes.models:
        bad, good = _rows(sizes.states, source), _rows(sizes.states, source)
        least = min(
            max(b / g for b, g in zip(*pair, strict=True)) for pair in zip(bad, good, strict=True)
        )
        if least == 1:
            continue
        n = _length(small, small, least)
        path, ratio = prompt(bad, good, n), fmpq(1)
        for a, b in pairwise(path):
            ratio *= bad[a][b] / good[a][b]
        weight = posterior(small, ratio)
        mixed = [
            weight * b + (1 - weight) * g
            for b, g in zip(bad[path[-1]], good[path[-1]], strict=True)
        ]
        kept = all(m >= (1 - small) * b for m, b in zip(mixed, bad[path[-1]], strict=True))
        if weight < 1 - small or not kept:
            said = f"odds {least}, length {n}: weight {evidence.shown(weight)}"
            return evidence.exact(False, counterexample=said)
        rows.append((str(least), str(n), evidence.shown(1 - weight).split("(")[-1].rstrip(")")))
    table = Table(("least odds e^β", "sentences", "weight left to P₊"), tuple(rows))
    return Finding(Outcome.PROVED, Trust.EXACT, f"seed {sizes.seed}", table=table)


def no_margin() -> Finding:
    """B certain under P₋ and impossible under P₊."""
    weight = posterior(fmpq(1, 9), fmpq(2) ** 6)
    said = f"P₋(B) = 1, P₊(B) = 0 and the weight {weight}: P(B) = {weight} < 1"
    return evidence.exact(weight >= 1, counterexample=said)


THEOREM = Theorem(
    name="alignment_limit",
    title="a prompt of length [log((1-α)/α) + log((1-ε)/ε)]/β brings back the unaligned model",
    statement=STATEMENT,
    proposal="prompts that raise the odds most, of drawn Markov models",
    source="Wolf, Wies, Avnery, Levine, Shashua, Fundamental limitations of alignment in large "
    "language models (2023), arXiv:2304.11082",
    defaults=Parameters(),
    claims=claims,
    example="""\
α = 1/9: the bad model has odds 1 : 8. Each sentence doubles them: 2 : 8, 4 : 8, 8 : 8, 16 : 8, 32
: 8, and after six 64 : 8 = 8 : 1, a weight of 8/9. [log 8 + log 8]/log 2 = 6, as stated.""",
)
