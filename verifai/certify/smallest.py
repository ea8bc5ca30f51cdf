"""The smallest change of an input that violates a property, between two ends.

In L∞ the ends are distances; in L0 they are how many inputs change. The lower end is certified, the
upper one is what an exact counterexample needs.

May import: entry, kernel, properties, verdict, bracket. Must not know: files, terminals.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from flint import fmpq

from verifai.api import ready
from verifai.api import search as verify
from verifai.bracket import Bracketed
from verifai.certify.bracket import SHARE, DistanceBracket
from verifai.entry import rules
from verifai.entry.numbers import Number
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.number import nearest, rational
from verifai.kernel.query import Query
from verifai.kernel.statement import readable
from verifai.properties.entry import point
from verifai.verdict import Counterexample, Falsified, Unknown, Verified
from verifai.verify import confirm

NORMS = ("linf", "l0")
MOST_SUBSETS = 1 << 13  # choices of inputs that are searched one after the other
Proof = tuple[Query, bytes]


@dataclass(frozen=True, slots=True, repr=False)
class SmallestChange(Bracketed):
    """How little must change for the property to fail: at least `lower`, at most `upper`.

    Attributes:
        norm: "linf" (the largest change of an input) or "l0" (how many inputs change).
        lower: smaller changes leave the property true: in L∞ those of at most `lower`, in L0 those
            of fewer inputs. Zero, without proofs, where nothing was proved.
        upper: what `counterexample` changes, exactly; None: none is known.
        status: "converged" (the ends meet, up to the tolerance), or why they do not.
        proofs: queries with their certificates, which together prove `lower`: in L∞ one of a ball,
            in L0 one for every choice of inputs that change.
    """

    norm: str
    lower: fmpq
    upper: fmpq | None
    status: str
    counterexample: Counterexample | None = None
    proofs: tuple[Proof, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        """Both ends, and the status."""
        upper = "unknown" if self.upper is None else f"{nearest(self.upper):.6g}"
        what = "inputs change" if self.norm == "l0" else "is the largest change of an input"
        return f"between {nearest(self.lower):.6g} and {upper} {what} ({self.status})"


@takes(
    query=rules.query,
    norm=rules.choice(*NORMS),
    tolerance=rules.positive,
    timeout=rules.optional(rules.seconds),
)
def smallest_change(
    query: Query,
    x: Any,
    *,
    norm: str = "linf",
    tolerance: Number = "1/1000",
    timeout: float | None = None,
) -> SmallestChange:
    """How near to x the property of a query fails first, as far as can be proved and found.

    Args:
        query: the property and where it is to hold; changes stay in its domain.
        x: the input that is changed, one number an input; it lies in the query's box.
        norm: "linf": the largest change of one input; "l0": how many inputs change.
        tolerance: in L∞ how near the two ends are to come, in input units.
        timeout: seconds for everything; None: no limit.

    Raises:
        InputError: sizes do not fit, or x lies outside of the query's box.
        Misread: a model that the query was read from gives something else at a point.
    """
    centre = tuple(point(query.network, x))
    for i, (low, c, high) in enumerate(zip(query.lower, centre, query.upper, strict=True)):
        if not low <= c <= high:
            where = f"{readable(low)} to {readable(high)}"
            raise InputError(f"x[{i}] is {readable(c)}, outside of the query's box: {where}")
    found = confirm(ready(query), centre)
    if found is not None:
        zero = fmpq(0)
        return SmallestChange(norm, zero, zero, "converged", found.counterexample)
    if norm == "l0":
        return _Counted(query, centre).run(timeout)
    ends = [*query.lower, *query.upper]
    far = max((abs(a - b) for a, b in zip(ends, centre * 2, strict=True)), default=fmpq(0))
    search = DistanceBracket(_Boxes(query, centre), centre, rational(str(tolerance)), far)
    search.run(timeout)
    proofs = () if search.proof is None else (search.proof,)
    status = "converged: the property holds everywhere" if search.is_over else search.status
    return SmallestChange(norm, search.lower, search.upper, status, search.counterexample, proofs)


@dataclass(frozen=True, slots=True)
class _Boxes:
    """The query on the part of its box that is near a point."""

    query: Query
    centre: tuple[fmpq, ...]

    def __call__(self, eps: str) -> Query:
        radius, query = rational(eps), self.query
        lower = (max(l, c - radius) for l, c in zip(query.lower, self.centre, strict=True))
        upper = (min(u, c + radius) for u, c in zip(query.upper, self.centre, strict=True))
        return replace(query, lower=tuple(lower), upper=tuple(upper))


class _Counted:
    """How many inputs must change."""

    def __init__(self, query: Query, centre: tuple[fmpq, ...]) -> None:
        self.query, self.centre = query, centre
        self.lower = 0  # changes at least, by the proofs
        self.proofs: tuple[Proof, ...] = ()
        self.best: Counterexample | None = None
        self.reason = ""

    def run(self, timeout: float | None) -> SmallestChange:
        """Fewer changes from above; from below, one more at a time is proved not to do."""
        end = None if timeout is None else time.monotonic() + timeout
        first = verify(self.query, timeout=_share(end))
        if isinstance(first, Verified):
            more = fmpq(len(self.centre) + 1)
            status = "converged: the property holds everywhere"
            return SmallestChange(
                "l0", more, None, status, None, ((self.query, first.certificate),)
            )
        if isinstance(first, Falsified):
            self.best = self._fewer(first.counterexample, end)
        else:
            self.reason = first.reason
        self._rise(end)
        return self._found()

    def _fewer(self, found: Counterexample, end: float | None) -> Counterexample:
        """A counterexample none of whose changes can be taken back alone, as far as time allows."""
        order = sorted(self._changed(found), key=lambda i: abs(found.inputs[i] - self.centre[i]))
        for i in order:
            if end is not None and time.monotonic() > end:
                break
            if i in self._changed(found):
                kept = self._changed(found) - {i}
                again = self._within(kept, found, end)
                found = found if again is None else again
        return found

    def _within(
        self, kept: set[int], found: Counterexample, end: float | None
    ) -> Counterexample | None:
        """A counterexample that changes no other inputs: the same without the rest, or another."""
        sides = zip(found.inputs, self.centre, strict=True)
        back = tuple(x if i in kept else c for i, (x, c) in enumerate(sides))
        confirmed = confirm(ready(self.query), back)
        if confirmed is not None:
            return confirmed.counterexample
        fixed = self._fixed(kept)
        verdict = verify(fixed, timeout=_share(end))
        return verdict.counterexample if isinstance(verdict, Falsified) else None

    def _fixed(self, kept: set[int]) -> Query:
        """The query where only these inputs change."""
        lower, upper = (
            tuple(end[i] if i in kept else c for i, c in enumerate(self.centre))
            for end in (self.query.lower, self.query.upper)
        )
        return replace(self.query, lower=lower, upper=upper)

    def _changed(self, found: Counterexample) -> set[int]:
        pairs = enumerate(zip(found.inputs, self.centre, strict=True))
        return {i for i, (x, c) in pairs if x != c}

    def _rise(self, end: float | None) -> None:
        """Proves, for one change more at a time, that no inputs of that number do."""
        size = len(self.centre)
        while self.best is None or self.lower < len(self._changed(self.best)):
            count = math.comb(size, self.lower)
            if count > MOST_SUBSETS:
                self.reason = f"{self.lower} of {size} inputs can be chosen in {count} ways"
                return
            proofs = []
            for kept in combinations(range(size), self.lower):
                asked = self._fixed(set(kept))
                verdict = verify(asked, timeout=_share(end))
                if isinstance(verdict, Falsified):
                    self.best = verdict.counterexample
                    return
                if isinstance(verdict, Unknown):
                    spent = f"the time is spent on changes of {self.lower} inputs"
                    self.reason = spent if verdict.is_timeout else verdict.reason
                    return
                proofs.append((asked, verdict.certificate))
            self.proofs, self.lower = tuple(proofs), self.lower + 1

    def _found(self) -> SmallestChange:
        upper = None if self.best is None else fmpq(len(self._changed(self.best)))
        lower = fmpq(self.lower)
        status = "converged" if upper is not None and upper <= lower else self.reason
        return SmallestChange("l0", lower, upper, status, self.best, self.proofs)


def _share(end: float | None) -> float | None:
    """Seconds for one search."""
    return None if end is None else max(0.0, end - time.monotonic()) / SHARE
