"""Every radius for one input: known answers first, then the radius that decides the most others.

May import: api, ball, kernel. Must not know: files, processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from verifai.api import search as verify
from verifai.certify.ball import DECIDED, BallAnswer, Balls, Evidence, own
from verifai.kernel.number import rational

Note = Callable[[BallAnswer], None]


@dataclass(frozen=True, slots=True)
class CertifyPlan:
    """What is asked about every input.

    Attributes:
        radii: as exact text, from the smallest to the largest.
        timeout: seconds for each search; None: no limit.
        workers: processes of a search.
    """

    radii: tuple[str, ...]
    timeout: float | None = None
    workers: int = 2


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """An answer that was found before, with its own evidence (None: nothing is known)."""

    found: BallAnswer
    evidence: Evidence


def decide(
    balls: Balls, plan: CertifyPlan, known: Iterable[KnownAnswer], note: Note
) -> tuple[BallAnswer, ...]:
    """An answer for every radius, in their order.

    What is known counts only if the kernel accepts its evidence now. A certificate decides all
    smaller radii, a counterexample all larger ones (it is replayed for each), without a search.

    Args:
        balls: around one input, which the network classifies rightly.
        plan: what is asked.
        known: answers of an earlier run, of these radii or others; where nothing is known that is
            believed.
        note: hears of each answer once it stands.
    """
    decider = _Decider(balls, plan.radii, {}, note)
    for each in known:
        if decider.next() is None:
            break
        if each.evidence is None or not balls.holds(each.found, each.evidence):
            decider.add(each.found)
            decider.spread(each.found, each.evidence)
    while (eps := decider.next()) is not None:
        found = own(eps, verify(balls.query(eps), timeout=plan.timeout, workers=plan.workers))
        decider.add(found)
        decider.spread(found, found.evidence)
    return tuple(decider.answers[eps] for eps in plan.radii)


@dataclass(slots=True)
class _Decider:
    """The answers so far, and what follows from each."""

    balls: Balls
    radii: tuple[str, ...]
    answers: dict[str, BallAnswer]
    note: Note

    def next(self) -> str | None:
        """The middle of the longest run of radii without an answer; None: all have one."""
        runs: list[list[str]] = [[]]
        for eps in self.radii:
            if eps in self.answers:
                runs.append([])
            else:
                runs[-1].append(eps)
        longest = max(runs, key=len)
        return longest[len(longest) // 2] if longest else None

    def add(self, found: BallAnswer) -> None:
        if found.eps in self.radii:
            self.answers[found.eps] = found
            self.note(found)

    def spread(self, found: BallAnswer, evidence: Evidence) -> None:
        """Adds what follows from an answer."""
        if evidence is None:
            return
        size = rational(found.eps)
        for eps in self.radii:
            is_inside = rational(eps) < size
            if is_inside == (found.status == "verified") and not self._is_decided(eps):
                follows = BallAnswer(eps, found.status, found.eps)
                if self._follows(follows, evidence):
                    self.add(follows)

    def _is_decided(self, eps: str) -> bool:
        found = self.answers.get(eps)
        return found is not None and found.status in DECIDED

    def _follows(self, follows: BallAnswer, evidence: Evidence) -> bool:
        if follows.status == "falsified":
            return not self.balls.holds(follows, evidence)
        return not self.balls.follows(follows)  # the certificate was accepted
