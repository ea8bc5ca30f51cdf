"""Runs a theorem: every claim checked, every control refuted, or it has failed.

May import: claim. Must not know: any particular theorem, files, terminals.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verifai.kernel.errors import InputError
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Theorem, Trust, require_within


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A claim, what its check found, and the seconds that posing and checking it took."""

    claim: Claim
    finding: Finding
    seconds: float

    @property
    def problem(self) -> str:
        """Why the theorem fails on this claim; "" if it does not."""
        found = self.finding
        if self.claim.role is Role.MEASUREMENT:
            wrong = found.outcome not in (Outcome.MEASURED, Outcome.PROVED)
            return f"{self.claim.name}: {found.outcome.value}" if wrong else ""
        if found.trust is Trust.SAMPLED:
            return f"{self.claim.name}: floating point decides nothing"
        if self.claim.role is Role.CLAIM:
            if found.outcome is not Outcome.PROVED:
                return f"{self.claim.name}: {found.outcome.value}, not proved"
            if found.trust is Trust.CERTIFIED and found.certificate is None:
                return f"{self.claim.name}: said to be certified without a certificate"
            return ""
        if found.outcome is not Outcome.REFUTED:
            return f"control {self.claim.name}: {found.outcome.value}, not refuted"
        if found.trust is Trust.SOLVER or not found.counterexample:
            return f"control {self.claim.name}: refuted without an exact counterexample"
        return ""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A theorem with its parameters and all results."""

    theorem: Theorem[Any]
    parameters: Any
    results: tuple[Checked, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the theorem fails; empty if every claim holds and every control is refuted."""
        found = [result.problem for result in self.results if result.problem]
        for role in (Role.CLAIM, Role.CONTROL):
            if not any(result.claim.role is role for result in self.results):
                found.append(f"no {role.value} was checked")
        return tuple(found)

    @property
    def holds(self) -> bool:
        """Whether every claim is proved and every control refuted."""
        return not self.problems

    @property
    def seconds(self) -> float:
        """What all checks took."""
        return sum(result.seconds for result in self.results)

    @property
    def trust(self) -> dict[Trust, int]:
        """How many findings rest on what, measurements left out."""
        kinds = [r.finding.trust for r in self.results if r.claim.role is not Role.MEASUREMENT]
        return {trust: kinds.count(trust) for trust in Trust if trust in kinds}


def run(
    theorem: Theorem[Any],
    parameters: Any = None,
    *,
    told: Callable[[Checked], None] | None = None,
) -> Report:
    """Checks all claims of a theorem.

    Args:
        theorem: one of the registry.
        parameters: an instance of its dataclass; None: the defaults.
        told: called with every result as it comes.

    Raises:
        InputError: a parameter outside its limits, or two claims of one name.
        ImportError: a package that a check needs is missing.
    """
    chosen = theorem.defaults if parameters is None else parameters
    require_within(chosen)
    results: list[Checked] = []
    start = time.perf_counter()
    for claim in theorem.claims(chosen):
        if any(result.claim.name == claim.name for result in results):
            raise InputError(f"theorem {theorem.name}: two claims are called {claim.name!r}")
        finding = claim.check()
        results.append(Checked(claim, finding, time.perf_counter() - start))
        start = time.perf_counter()
        if told is not None:
            told(results[-1])
    return Report(theorem, chosen, tuple(results))
