"""The greatest value of a linear form of the outputs on a domain, between two certified ends.

The lower end is attained at an exact point that the kernel evaluated; the upper end is the
threshold of a query ("the form exceeds it somewhere") whose certificate the kernel accepted. Each
query moves one end: where it is falsified its counterexample lies higher than any point so far.

May import: kernel, bounds, search, properties, verify. Must not know: files, the command line.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from flint import fmpq

from verifai.alarm import alarm
from verifai.bounds.compiled import Compiled, compile_network
from verifai.bracket import Bracketed
from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.takes import renamed, takes
from verifai.graph.formulas import atom, conjunction
from verifai.graph.reading import require_function
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import exact, nearest
from verifai.kernel.query import And, Query, Relation
from verifai.kernel.replay import Replayer
from verifai.properties.domain import Domain, Ends, domain_of, query_on
from verifai.properties.entry import output_value
from verifai.search.attack.ascent import AttackEffort, attack
from verifai.search.attack.witness import Witnesses
from verifai.search.budget import Meter, Options, Stopped
from verifai.verdict import Falsified, Unknown, Verified
from verifai.verify import verify

CLIMB_SECONDS = 0.3  # of one attempt to raise the lower end without proof
GROWTH = 16  # by which the distance to the next threshold changes
TRIED = 5  # points of an attempt that are evaluated exactly
SHARE = 0.3  # of the time left goes into one query
HINT = fmpq(11, 10)  # times what a search that ran out of time had left open
MIN_SLICE = 0.2  # seconds below which no query is posed
TOO_NARROW = fmpq(5, 4)  # an upper end within this factor of what could not be proved stays

Form = int | Mapping[int, Number]


@dataclass(frozen=True, slots=True, repr=False)
class Maximum(Bracketed):
    """The greatest value lies in [lower, upper].

    Attributes:
        lower: attained, or exceeded by less than its enclosure shows, at `point`.
        upper: proved; None if nothing was.
        point: an exact input in the domain.
        query: what the certificate proves: nowhere in the domain does the form exceed `upper`.
        certificate: what the kernel accepted for it.
        status: "converged" if upper - lower is at most the tolerance, else why it is not.
    """

    lower: fmpq
    upper: fmpq | None
    point: tuple[fmpq, ...]
    query: Query | None = field(repr=False)
    certificate: bytes | None = field(repr=False)
    status: str

    @property
    def is_converged(self) -> bool:
        """Whether the bracket is as narrow as was asked."""
        return self.status == "converged"


@renamed(ends="domain", tol="tolerance")
@takes(
    net=rules.network,
    tolerance=number,
    timeout=rules.optional(rules.seconds),
    workers=rules.processes,
)
def maximize(
    net: Network,
    form: Form,
    domain: Domain | Ends,
    *,
    tolerance: Number = "1e-6",
    timeout: float | None = None,
    workers: int = 2,
) -> Maximum:
    """A certified bracket of the greatest value of a form on a domain.

    Args:
        net: the network.
        form: the index of an output, or coefficients by output: {0: 1, 3: "-0.5"}.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`.
        tolerance: how wide the bracket may be, in output units; positive.
        timeout: seconds; None: no limit.
        workers: processes.

    Returns:
        The bracket; wider than `tolerance` only if time ran out or the search could not decide.

    Raises:
        InputError: sizes do not fit, the form has no terms, the tolerance is not positive, or the
            domain holds no point (or none was found in time), or the network stands for programs.
    """
    require_function(net)
    terms, width = _terms(net, form), number(tolerance)
    if width <= 0:
        raise InputError(f"a tolerance of {width}, which is not positive")
    region = domain_of(net, domain)
    meter = Meter(Options(timeout=timeout, workers=workers))
    try:
        with alarm(meter.grace, meter.late):
            climber = _Climber(net, terms, region, meter)
    except Stopped:
        raise InputError(f"no point was evaluated exactly in {timeout:g} s") from None
    bracket = _Bracket(climber, width)
    with suppress(Stopped), alarm(meter.grace, meter.late):
        climber.climb()
        bracket.close()
    return bracket.found()


def _terms(net: Network, form: Form) -> dict[int, fmpq]:
    pairs = form.items() if isinstance(form, Mapping) else [(form, 1)]
    terms = dict[int, fmpq]()
    for index, factor in pairs:
        value = output_value(net, index)
        terms[value] = terms.get(value, fmpq(0)) + number(factor, "form")
    terms = {value: factor for value, factor in terms.items() if factor != 0}
    if not terms:
        raise InputError("a form without terms")
    return terms


class _Climber:
    """The lower end: the best exact point so far."""

    def __init__(
        self,
        net: Network,
        terms: dict[int, fmpq],
        region: Domain,
        meter: Meter,
    ) -> None:
        self.net, self.terms, self.region = net, terms, region
        self.deadline, self.workers, self.seed = meter.deadline, meter.options.workers, 0
        self.compiled: Compiled = compile_network(net, pause=meter.watch)
        self.replayer = Replayer(query_on(net, region, And(())), meter.watch)
        self.point = self._first()
        self.lower = self._value(self.point)

    def _first(self) -> tuple[fmpq, ...]:
        """Some point of the domain.

        Raises:
            InputError: there is none, or none was found.
        """
        query = self.replayer.query
        middle = [nearest((l + u) / 2) for l, u in zip(query.lower, query.upper, strict=True)]
        inputs = tuple(Witnesses(query, self.compiled).repair(np.array(middle)))
        if self.is_inside(inputs):
            return inputs
        if not query.domain:
            raise InputError("the box holds no point")
        found = verify(query, self.options(1.0))
        if isinstance(found, Verified):
            raise InputError("the domain holds no point")
        if isinstance(found, Unknown):
            raise InputError(f"no point of the domain was found ({found.reason})")
        return found.counterexample.inputs

    def is_inside(self, inputs: tuple[fmpq, ...]) -> bool:
        """Whether an exact point lies in the domain."""
        return self.replayer.replay(inputs).in_domain

    def options(self, share: float) -> Options:
        """Budgets of one query: a share of the time that is left."""
        left = self.deadline - time.perf_counter()
        limit = None if math.isinf(left) else max(MIN_SLICE, share * left)
        return Options(timeout=limit, workers=self.workers)

    @property
    def is_over(self) -> bool:
        """Whether no time is left for another query."""
        return time.perf_counter() + MIN_SLICE > self.deadline

    def query(self, threshold: fmpq) -> Query:
        """Whether the form exceeds the threshold anywhere."""
        minus = {value: -factor for value, factor in self.terms.items()}
        above = atom(minus, threshold, Relation.LESS)
        return query_on(self.net, self.region, conjunction([above]))

    def _value(self, inputs: tuple[fmpq, ...]) -> fmpq:
        """At most the form's value at an exact point of the domain."""
        outputs = self.replayer.replay(inputs).outputs
        ends = dict(zip(self.net.output_values, outputs, strict=True))
        return sum((c * ends[v][0 if c > 0 else 1] for v, c in self.terms.items()), fmpq(0))

    def offer(self, inputs: tuple[fmpq, ...]) -> None:
        """Takes a point of the domain if it is higher than the best so far."""
        value = self._value(inputs)
        if value > self.lower:
            self.lower, self.point = value, inputs

    def climb(self) -> None:
        """Raises the lower end by gradient ascent until an attempt gains nothing."""
        while not self.is_over:
            before, query = self.lower, self.query(self.lower)
            until = min(self.deadline, time.perf_counter() + CLIMB_SECONDS)
            effort = AttackEffort(rounds=4, deadline=until, seed=self.seed)
            self.seed += 1
            points = list(attack(self.compiled, query, effort))
            if not points:
                return
            witnesses = Witnesses(query, self.compiled)
            margins = witnesses.unsafe.margins(self.compiled.forward(np.array(points)))
            for k in np.argsort(-margins, kind="stable")[:TRIED]:
                inputs = tuple(witnesses.repair(points[k]))
                if self.is_inside(inputs):
                    self.offer(inputs)
            if nearest(self.lower - before) <= 1e-9 * (1 + abs(nearest(before))):
                return


class _Bracket:
    """Both ends, and the search for the next threshold."""

    def __init__(self, climber: _Climber, width: fmpq) -> None:
        self.climber, self.width = climber, width
        self.upper: fmpq | None = None
        self.proof: tuple[Query, bytes] | None = None
        self.blocked: fmpq | None = None  # a threshold that could not be decided in its time
        self.reason = "the time is spent"

    def close(self) -> None:
        """Poses queries until the bracket is narrow enough or time is up."""
        gap = self.width
        while not self._is_done():
            if self.climber.is_over:
                break
            threshold = self._next(gap)
            if threshold is None:
                break
            asked = self.climber.query(threshold)
            verdict = verify(asked, self.climber.options(SHARE))
            if isinstance(verdict, Verified):
                self.upper, self.proof = threshold, (asked, verdict.certificate)
            elif isinstance(verdict, Falsified):
                self.climber.offer(verdict.counterexample.inputs)
                self.climber.climb()
                gap = gap * GROWTH
            else:
                if not verdict.is_timeout:
                    self.reason = verdict.reason
                self.blocked = threshold
                gap = max(gap * GROWTH, self._hint(threshold, verdict) - self.climber.lower)

    def found(self) -> Maximum:
        """Both ends as they are."""
        status = "converged" if self._is_done() else self.reason
        query, certificate = self.proof or (None, None)
        lower, point = self.climber.lower, self.climber.point
        return Maximum(lower, self.upper, point, query, certificate, status)

    def _hint(self, threshold: fmpq, verdict: Unknown) -> fmpq:
        """A threshold that the search had nearly proved when its time was over."""
        bound = verdict.bound
        return threshold if bound is None or bound >= 0 else threshold - exact(bound) * HINT

    def _is_done(self) -> bool:
        return self.upper is not None and self.upper - self.climber.lower <= self.width

    def _next(self, gap: fmpq) -> fmpq | None:
        """The next threshold to decide; None if none is worth its time."""
        lower = self.climber.lower
        if self.upper is None:
            return lower + gap
        reach = self.upper - lower
        aim = lower + max(self.width, reach / GROWTH)
        if self.blocked is None or self.blocked <= lower:
            return aim
        if reach <= TOO_NARROW * (self.blocked - lower):
            return None
        return max(aim, (self.blocked + self.upper) / 2)
