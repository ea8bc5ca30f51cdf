"""The largest ball around an input in which nothing changes the answer, between two ends.

The lower end is certified; the upper one is the exact distance of a counterexample. What searches
leave undecided stays between them, and more is tried on both sides of it.

May import: api, entry, kernel, properties, verdict, ball. Must not know: files, terminals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flint import fmpq

from verifai.api import ready
from verifai.bracket import Bracketed
from verifai.certify.ball import Balls, Classifier, Clip
from verifai.certify.bracket import DistanceBracket
from verifai.entry import rules
from verifai.entry.numbers import Number, pair
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest, rational
from verifai.kernel.query import Query
from verifai.properties.entry import output_value
from verifai.verdict import Counterexample
from verifai.verify import confirm


@dataclass(frozen=True, slots=True, repr=False)
class Radius(Bracketed):
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
    around = Balls(classifier, balls.centre, right)
    near = rules.positive(tolerance, "tolerance")
    search = DistanceBracket(around.query, around.centre, near, _most(around))
    search.run(timeout)
    return _found(right, search)


def _at_once(balls: Balls) -> Radius:
    """The radius where the input itself has another answer, or a tie."""
    found = confirm(ready(balls.query("0")), balls.centre)
    if found is None:
        return Radius(balls.label, fmpq(0), None, "it is open what the network answers at x")
    counterexample = found.counterexample
    return Radius(balls.label, fmpq(0), fmpq(0), "converged", counterexample=counterexample)


def _most(balls: Balls) -> fmpq | None:
    """The radius from which on `clip` leaves the ball as it is; None: there is none."""
    words = balls.classifier.clip_words
    if words is None:
        return None
    count, centre = len(balls.centre), balls.centre
    ends = [[rational(each) for each in end] for end in words]
    sides = [end * count if len(end) == 1 else end for end in ends]
    far = (abs(c - e) for side in sides for c, e in zip(centre, side, strict=True))
    return max(far, default=None)


def _found(label: int, search: DistanceBracket) -> Radius:
    """The bracket as it is."""
    query, certificate = search.proof or (None, None)
    status = search.status
    if search.is_over:
        status = "converged: nothing that clip allows changes the answer"
    return Radius(
        label, search.lower, search.upper, status, query, certificate, search.counterexample
    )
