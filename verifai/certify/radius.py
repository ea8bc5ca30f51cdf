"""The largest ball around an input in which nothing changes the answer, between two ends.

The lower end is certified; the upper one is the exact distance of a counterexample. What searches
leave undecided stays between them, and more is tried on both sides of it.

May import: api, entry, kernel, properties, verdict, ball. Must not know: files, terminals.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from verifai.api import ready
from verifai.api import search as verify
from verifai.certify.ball import Balls, Classifier, Clip
from verifai.entry import rules
from verifai.entry.numbers import Number, pair
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest, rational, text
from verifai.kernel.query import Query
from verifai.properties.entry import output_value
from verifai.verdict import Counterexample, Falsified, Unknown, Verified
from verifai.verify import confirm

FIRST = 16  # tolerances: the radius that is tried first
PARTS = 4  # of a tolerance, which radii are multiples of
SHARE = 4  # of the time that is left a search may take one
MOST_PROBES = 64
HALVINGS = 12  # of the way from an input to a counterexample


@dataclass(frozen=True, slots=True)
class Radius:
    """A bracket of the largest radius at which the answer stays.

    Attributes:
        label: the answer.
        lower: at this radius nothing in the ball changes the answer: `certificate` proves `query`.
            Zero, without a certificate, where no ball was certified.
        upper: the exact L∞ distance of `counterexample` from the input; None: none is known.
        status: "converged" (the ends are within the tolerance), or why they are not.
    """

    label: int
    lower: fmpq
    upper: fmpq | None
    status: str
    query: Query | None = None
    certificate: bytes | None = None
    counterexample: Counterexample | None = None

    def __str__(self) -> str:
        """Both ends as decimals, and the status."""
        upper = "unknown" if self.upper is None else f"{nearest(self.upper):.6g}"
        return f"radius between {nearest(self.lower):.6g} and {upper} ({self.status})"


@takes(
    net=rules.network,
    label=rules.optional(rules.whole),
    clip=rules.optional(pair),
    tolerance=rules.positive,
    timeout=rules.optional(rules.seconds),
)
def radius(
    net: Network,
    x: Any,
    label: int | None = None,
    *,
    clip: Clip = None,
    tolerance: Number = "1/1000",
    timeout: float | None = None,
) -> Radius:
    """How far every input may change (L∞) with the answer sure to stay: certified, and refuted.

    Args:
        net: the network.
        x: the input, as `robust` takes it.
        label: the index of the right output; None: the network's exact answer at x.
        clip: least and greatest value an input can have, for instance (0, 1).
        tolerance: how near the two ends are to come, in input units.
        timeout: seconds for everything; None: no limit.

    Raises:
        InputError: sizes do not fit, or no output is strictly the largest at x.
        Misread: a model that the network was read from gives something else at a point.
    """
    classifier = Classifier(net, clip)
    balls = classifier.around(x, 0)
    answer = balls.answer
    if label is not None:
        output_value(net, label, "label")
    if answer is None and label is None:
        raise InputError("no output is strictly the largest at x: give a label")
    right = answer if label is None else label
    if right is None or right != answer:
        return _at_once(Balls(classifier, balls.centre, right or 0))
    search = _Bracket(
        Balls(classifier, balls.centre, right), rules.positive(tolerance, "tolerance")
    )
    search.run(timeout)
    return search.found()


def _at_once(balls: Balls) -> Radius:
    """The radius where the input itself has another answer, or a tie."""
    found = confirm(ready(balls.query("0")), balls.centre)
    if found is None:
        return Radius(balls.label, fmpq(0), None, "it is open what the network answers at x")
    counterexample = found.counterexample
    return Radius(balls.label, fmpq(0), fmpq(0), "converged", counterexample=counterexample)


class _Bracket:
    """Both ends, and the undecided part between them."""

    def __init__(self, balls: Balls, tolerance: fmpq) -> None:
        self.balls, self.tolerance = balls, tolerance
        self.grain = tolerance / PARTS
        self.lower = fmpq(0)
        self.upper: fmpq | None = None
        self.open: tuple[fmpq, fmpq] | None = None  # the least and the greatest undecided radius
        self.proof: tuple[Query, bytes] | None = None
        self.counterexample: Counterexample | None = None
        self.reason = ""
        self.most = self._most()

    def _most(self) -> fmpq | None:
        """The radius from which on `clip` leaves the ball as it is; None: there is none."""
        words = self.balls.classifier.clip_words
        if words is None:
            return None
        count, centre = len(self.balls.centre), self.balls.centre
        ends = [[rational(each) for each in end] for end in words]
        sides = [end * count if len(end) == 1 else end for end in ends]
        far = (abs(c - e) for side in sides for c, e in zip(centre, side, strict=True))
        return max(far, default=None)

    def run(self, timeout: float | None) -> None:
        """Searches until the ends are near, or the time is over."""
        end = None if timeout is None else time.monotonic() + timeout
        for _ in range(MOST_PROBES):
            probe = self.next()
            if probe is None:
                return
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                self.reason = f"the time budget of {timeout:g} s is spent"
                return
            self.probe(probe, None if left is None else left / SHARE)
        self.reason = f"after {MOST_PROBES} searches the ends are still apart"

    def next(self) -> fmpq | None:
        """The radius that is tried next; None: the ends are as near as they will come."""
        if self.upper is None and self.open is None:
            if self.most is not None and self.lower >= self.most:
                return None
            wider = max(2 * self.lower, FIRST * self.tolerance)
            return wider if self.most is None else min(wider, self.most)
        parts = [(self.lower, self.open[0] if self.open else self.upper)]
        if self.open:
            parts.append((self.open[1], self.upper or self._beyond()))
        sized = [(b - a, a, b) for a, b in parts if b is not None and b - a > self.tolerance]
        if not sized:
            return None
        _, low, high = max(sized, key=lambda part: part[0])
        return ((low + high) / 2 / self.grain).floor() * self.grain

    def _beyond(self) -> fmpq | None:
        """How far out a counterexample is looked for where none is known."""
        if self.open is None:
            return None
        return 8 * self.open[0] if self.most is None else self.most + 2 * self.tolerance

    def probe(self, eps: fmpq, timeout: float | None) -> None:
        """Searches one ball and moves an end, or widens what is undecided."""
        query = self.balls.query(text(eps))
        verdict = verify(query, timeout=timeout)
        if isinstance(verdict, Verified):
            self.lower, self.proof = eps, (query, verdict.certificate)
            if self.open and self.open[1] <= eps:
                self.open = None
            elif self.open and self.open[0] <= eps:
                self.open = (eps, self.open[1])
        elif isinstance(verdict, Falsified):
            self._refuted(verdict.counterexample)
        else:
            self._undecided(eps, verdict)

    def _refuted(self, found: Counterexample) -> None:
        found, far = self._nearer(found)
        self.upper, self.counterexample = far, found
        if self.open and self.open[0] >= far:
            self.open = None
        elif self.open and self.open[1] >= far:
            self.open = (self.open[0], far)

    def _nearer(self, found: Counterexample) -> tuple[Counterexample, fmpq]:
        """A counterexample nearer to the input, on the way to this one, and its exact distance."""
        centre, away = self.balls.centre, found.inputs
        far, low, high = self._far(away), fmpq(0), fmpq(1)
        for _ in range(HALVINGS):
            if (high - low) * far <= self.tolerance or high * far - self.lower <= self.tolerance:
                break
            share = (low + high) / 2
            inputs = [c + share * (x - c) for c, x in zip(centre, away, strict=True)]
            nearer = confirm(ready(self.balls.query(text(share * far))), inputs)
            if nearer is None:
                low = share
            else:
                high, found = share, nearer.counterexample
        return found, self._far(found.inputs)

    def _far(self, inputs: Sequence[fmpq]) -> fmpq:
        pairs = zip(inputs, self.balls.centre, strict=True)
        return max((abs(a - b) for a, b in pairs), default=fmpq(0))

    def _undecided(self, eps: fmpq, verdict: Unknown) -> None:
        low, high = self.open or (eps, eps)
        self.open, self.reason = (min(low, eps), max(high, eps)), verdict.reason

    def found(self) -> Radius:
        """The bracket as it is."""
        query, certificate = self.proof or (None, None)
        is_near = self.upper is not None and self.upper - self.lower <= self.tolerance
        if self.upper is None and self.most is not None and self.lower >= self.most:
            status = "converged: nothing that clip allows changes the answer"
        else:
            status = "converged" if is_near else self.reason or "undecided"
        return Radius(
            self.balls.label,
            self.lower,
            self.upper,
            status,
            query,
            certificate,
            self.counterexample,
        )
