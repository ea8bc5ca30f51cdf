"""One input of a data set: its queries, what decides them, and what evidence is worth.

A proof for a ball is a proof for every ball inside it, a counterexample in a ball is one in every
ball around it. Whether balls lie in each other is compared on the queries themselves.

May import: api, entry, kernel, properties, proof, verdict. Must not know: files, processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from flint import fmpq

from verifai.api import check, ready
from verifai.entry.numbers import entries, number
from verifai.entry.sentences import EmptyDomain
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.network import Network
from verifai.kernel.number import rational, text
from verifai.kernel.query import And, Query
from verifai.kernel.replay import Replayer
from verifai.kernel.statement import readable
from verifai.original.look import Misread
from verifai.properties.entry import point
from verifai.properties.robust import robust
from verifai.verdict import Falsified, Unknown, Verdict, Verified
from verifai.verify import confirm

SCALE = "let clip hold every input, or scale the inputs, as --scale 1/255 does"
LONG = 12  # characters of a radius, beyond which a decimal is shown
DECIDED = ("verified", "falsified")
Clip = tuple[Any, Any] | None  # least and greatest value of inputs
Evidence = bytes | tuple[fmpq, ...] | None  # a certificate, or the inputs of a counterexample


@dataclass(frozen=True, slots=True)
class BallAnswer:
    """What is known about one input at one radius.

    Attributes:
        eps: the radius, as exact text.
        status: "verified", "falsified", "unknown" or "timeout".
        by: the radius whose certificate or counterexample decides it; its own, or another.
        evidence: the certificate or the counterexample's exact inputs; None where `by` is another
            radius, nothing is known, or a folder keeps it.
        reason: why nothing is known.
        seconds: what deciding it took.
    """

    eps: str
    status: str
    by: str
    evidence: Evidence = None
    reason: str = ""
    seconds: float = 0.0


class Classifier:
    """A network prepared for exact answers at many inputs."""

    def __init__(self, net: Network, clip: Clip) -> None:
        """Prepares the network; `clip` is what inputs can be, as for `robust`."""
        self.net, self.clip = net, clip
        self._zeros = (fmpq(0),) * len(net.input_values)

    @cached_property
    def clip_words(self) -> list[list[str]] | None:
        """The exact ends of what inputs can be."""
        if self.clip is None:
            return None
        single = (isinstance(end, str) or not hasattr(end, "__iter__") for end in self.clip)
        ends = (
            [end] if one else entries(end, "clip")
            for end, one in zip(self.clip, single, strict=True)
        )
        words = [[text(number(each, "clip")) for each in end] for end in ends]
        count = len(self.net.input_values)
        for end in words:
            if len(end) not in (1, count):
                raise InputError(f"clip: {len(end)} numbers for {count} inputs")
        return words

    @cached_property
    def _replayer(self) -> Replayer:
        return Replayer(Query(self.net, self._zeros, self._zeros, And(())))

    def answer(self, inputs: Sequence[fmpq]) -> int | None:
        """The index of the output that is strictly the largest for certain; None: none is."""
        outputs = self._replayer.replay(inputs).outputs
        best = max(range(len(outputs)), key=lambda i: outputs[i][0])
        rivals = (high for i, (_, high) in enumerate(outputs) if i != best)
        return best if all(high < outputs[best][0] for high in rivals) else None

    def around(self, x: Any, label: int) -> Balls:
        """The balls around one input."""
        return Balls(self, tuple(point(self.net, x)), label)


class Balls:
    """The balls around one input, whose label is to stay strictly the largest output."""

    def __init__(self, classifier: Classifier, centre: tuple[fmpq, ...], label: int) -> None:
        """Nothing is decided yet."""
        self.classifier, self.centre, self.label = classifier, centre, label
        self._queries: dict[str, Query] = {}

    @cached_property
    def answer(self) -> int | None:
        """What the network answers at the centre."""
        return self.classifier.answer(self.centre)

    def query(self, eps: str) -> Query:
        """Whether another output reaches the label's in the ball.

        Raises:
            InputError: the ball has no point.
        """
        if eps not in self._queries:
            net, clip = self.classifier.net, self.classifier.clip
            try:
                asked = robust(net, self.centre, eps=eps, label=self.label, clip=clip)
            except EmptyDomain as error:
                raise InputError(f"{error.found}; {SCALE}") from None
            self._queries[eps] = asked
        return self._queries[eps]

    def holds(self, found: BallAnswer, evidence: Evidence) -> str:
        """Why the evidence does not decide what is said of a ball; empty if it does.

        The kernel reads the certificate, or replays the counterexample, now.

        Args:
            found: what is said.
            evidence: the certificate of the ball `found.by`, or a counterexample.
        """
        if found.status == "falsified" and isinstance(evidence, tuple):
            return self._unconfirmed(found.eps, evidence)
        if found.status != "verified" or not isinstance(evidence, bytes):
            return "there is no evidence"
        return self.follows(found) or self.rejected(found.by, evidence)

    def _unconfirmed(self, eps: str, inputs: tuple[fmpq, ...]) -> str:
        """Why the inputs are no counterexample in a ball; empty if they are one."""
        try:
            confirmed = confirm(ready(self.query(eps)), inputs)
        except Misread:
            raise
        except InputError as error:  # too few numbers, or where a function is undefined
            return str(error)
        return "the input does not violate the property" if confirmed is None else ""

    def rejected(self, eps: str, certificate: bytes) -> str:
        """Why the kernel does not accept the certificate for a ball; empty if it does."""
        try:
            check(self.query(eps), certificate)
        except Rejection as rejection:
            return str(rejection)
        return ""

    def follows(self, found: BallAnswer) -> str:
        """Why a proof of the ball `found.by` is none of the ball itself; empty if it is one."""
        if includes(self.query(found.by), self.query(found.eps)):
            return ""
        return f"the ball of radius {found.by} does not contain it"


def includes(larger: Query, smaller: Query) -> bool:
    """Whether a proof of the one is a proof of the other: it differs in the box, which is larger.

    Both must be about the very same network.
    """
    if replace(smaller, lower=larger.lower, upper=larger.upper) != larger:
        return False
    below = all(a <= b for a, b in zip(larger.lower, smaller.lower, strict=True))
    return below and all(a >= b for a, b in zip(larger.upper, smaller.upper, strict=True))


def own(eps: str, verdict: Verdict) -> BallAnswer:
    """The verdict of a search on the ball itself."""
    evidence: Evidence = None
    if isinstance(verdict, Verified):
        evidence = verdict.certificate
    elif isinstance(verdict, Falsified):
        evidence = verdict.counterexample.inputs
    reason = verdict.reason if isinstance(verdict, Unknown) else ""
    spent = round(verdict.effort.seconds, 6)
    return BallAnswer(eps, verdict.status, eps, evidence, reason, spent)


def radii(texts: Sequence[str]) -> tuple[str, ...]:
    """The radii from the smallest to the largest, each once.

    >>> radii(["1/10", "0.02", "1/50"])
    ('1/50', '1/10')
    """
    return tuple(text(eps) for eps in sorted({rational(each) for each in texts}))


def shown(eps: str) -> str:
    """A radius to read: exact where that is short."""
    return eps if len(eps) <= LONG else readable(rational(eps))
