"""A bracket of the least distance at which something happens: proved below, exact above.

Balls around a centre are searched. What searches leave undecided stays between the ends, and more
is tried on both sides of it.

May import: api, kernel, verdict. Must not know: what the balls are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from flint import fmpq

from verifai.api import ready
from verifai.api import search as verify
from verifai.kernel.number import text
from verifai.kernel.query import Query
from verifai.verdict import Counterexample, Falsified, Unknown, Verified
from verifai.verify import confirm

FIRST = 16  # tolerances: the distance that is tried first
PARTS = 4  # of a tolerance, which distances are multiples of
SHARE = 4  # of the time that is left a search may take one
MOST_PROBES = 64
HALVINGS = 12  # of the way from the centre to a counterexample


class DistanceBracket:
    """Both ends, and the undecided part between them.

    Attributes:
        lower: nothing happens in the ball of this radius, by `proof`.
        upper: the exact L∞ distance of `counterexample`; None: none is known.
        most: from this radius on the balls stay as they are; None: they grow for ever.
    """

    def __init__(
        self,
        ball: Callable[[str], Query],
        centre: Sequence[fmpq],
        tolerance: fmpq,
        most: fmpq | None = None,
    ) -> None:
        """Nothing is known yet.

        Args:
            ball: the query of a radius, which is given as exact text.
            centre: of all balls; what comes first among the inputs of their queries.
            tolerance: how near the two ends are to come.
            most: as the attribute.
        """
        self.ball, self.centre, self.tolerance, self.most = ball, centre, tolerance, most
        self.grain = tolerance / PARTS
        self.lower = fmpq(0)
        self.upper: fmpq | None = None
        self.open: tuple[fmpq, fmpq] | None = None  # the least and the greatest undecided radius
        self.proof: tuple[Query, bytes] | None = None
        self.counterexample: Counterexample | None = None
        self.reason = ""

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
        query = self.ball(text(eps))
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
        centre, away = self.centre, found.inputs
        far, low, high = self._far(away), fmpq(0), fmpq(1)
        for _ in range(HALVINGS):
            if (high - low) * far <= self.tolerance or high * far - self.lower <= self.tolerance:
                break
            share = (low + high) / 2
            inputs = [c + share * (x - c) for c, x in zip(centre, away, strict=True)]
            nearer = confirm(ready(self.ball(text(share * far))), inputs)
            if nearer is None:
                low = share
            else:
                high, found = share, nearer.counterexample
        return found, self._far(found.inputs)

    def _far(self, inputs: Sequence[fmpq]) -> fmpq:
        pairs = zip(inputs, self.centre, strict=True)
        return max((abs(a - b) for a, b in pairs), default=fmpq(0))

    def _undecided(self, eps: fmpq, verdict: Unknown) -> None:
        low, high = self.open or (eps, eps)
        self.open, self.reason = (min(low, eps), max(high, eps)), verdict.reason

    @property
    def is_near(self) -> bool:
        """Whether the ends are within the tolerance."""
        return self.upper is not None and self.upper - self.lower <= self.tolerance

    @property
    def is_over(self) -> bool:
        """Whether nothing happens however far one goes."""
        return self.upper is None and self.most is not None and self.lower >= self.most

    @property
    def status(self) -> str:
        """Why the ends are apart, or "converged"."""
        return "converged" if self.is_near or self.is_over else self.reason or "undecided"
