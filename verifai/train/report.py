"""What the loop of training and verification may spend, and what it says about every round.

May import: entry, kernel, verdict. Must not know: torch, how networks are trained or verified.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flint import fmpq

from verifai.entry import rules
from verifai.entry.takes import enter
from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.verdict import Falsified, Unknown, Verdict, Verified


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """Budgets and recipe of `train_until_verified`; times in seconds.

    Attributes:
        rounds: how often the network is trained and verified at most.
        timeout: for all rounds together; None: no limit.
        query_timeout: for each query of a round.
        epochs: passes over the data in the first round.
        retrain_epochs: passes in each later round.
        rate: learning rate of Adam at the beginning of a round; it falls to zero (cosine).
        batch: examples a step; counterexamples come on top, at most as many.
        weight: what the loss at counterexamples counts, that at the data being 1.
        device: where torch trains; None: CUDA if there is a device, else the processor.
        seed: of the order of examples; the module's first weights are the caller's.
        workers: processes of the search.
    """

    rounds: int = 20
    timeout: float | None = None
    query_timeout: float = 30.0
    epochs: int = 200
    retrain_epochs: int = 100
    rate: float = 1e-2
    batch: int = 256
    weight: float = 1.0
    device: str | None = None
    seed: int = 0
    workers: int = 2

    def __post_init__(self) -> None:
        enter(
            self, rounds=rules.count, epochs=rules.count, batch=rules.count, workers=rules.processes
        )
        enter(
            self,
            retrain_epochs=rules.index,
            seed=rules.index,
            rate=rules.real,
            weight=rules.real,
            query_timeout=rules.real,
        )
        enter(self, timeout=rules.optional(rules.seconds), device=rules.optional(rules.text))


@dataclass(frozen=True, slots=True)
class Answered:
    """One query of a round: which property asked it, and the verdict."""

    property_name: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Round:
    """One turn of the loop: trained, exported, verified.

    Attributes:
        number: from 1.
        loss: on the data, the mean over the round's last pass.
        counterexample_loss: the same on the counterexamples; 0 where there were none.
        learned: inputs that counterexamples of earlier rounds became, with which it was trained.
        answers: a verdict for every query of every property, in order.
        train_seconds, verify_seconds: what the two halves took.
    """

    number: int
    loss: float
    counterexample_loss: float
    learned: int
    answers: tuple[Answered, ...]
    train_seconds: float
    verify_seconds: float

    @property
    def counterexamples(self) -> tuple[tuple[fmpq, ...], ...]:
        """The exact inputs that violate a property of this round's network."""
        verdicts = (answer.verdict for answer in self.answers)
        return tuple(v.counterexample.inputs for v in verdicts if isinstance(v, Falsified))

    def count(self, kind: type[Any]) -> int:
        """How many queries got a verdict of this kind."""
        return sum(isinstance(answer.verdict, kind) for answer in self.answers)

    @property
    def is_verified(self) -> bool:
        """Whether every query was verified."""
        return self.count(Verified) == len(self.answers)

    def __str__(self) -> str:
        counts = ", ".join(
            f"{self.count(kind)} {kind.__name__.lower()}" for kind in (Verified, Falsified, Unknown)
        )
        return (
            f"round {self.number}: loss {self.loss:.3g}, {self.learned} inputs learned from "
            f"counterexamples; {counts} ({self.train_seconds:.1f} s + {self.verify_seconds:.1f} s)"
        )


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """How the loop ended.

    Attributes:
        rounds: every turn, in order.
        reason: why it stopped, in words.
        network: the exact network of the last round, which its verdicts are about.
        queries: the queries of the last round, in the order of its answers.
        seed: the seed of the options.
        device: where it was trained.
    """

    rounds: tuple[Round, ...]
    reason: str
    network: Network = field(repr=False)
    queries: tuple[Query, ...] = field(repr=False)
    seed: int
    device: str

    @property
    def is_verified(self) -> bool:
        """Whether the last network has all properties, certified."""
        return self.rounds[-1].is_verified

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The certificates of the last round, one a query; empty unless all are verified."""
        if not self.is_verified:
            return ()
        verdicts = (answer.verdict for answer in self.rounds[-1].answers)
        return tuple(v.certificate for v in verdicts if isinstance(v, Verified))

    def __str__(self) -> str:
        last = f"{self.reason} (seed {self.seed}, trained on {self.device})"
        return "\n".join([*map(str, self.rounds), last])
