"""What is found about a claim.

May import: kernel. Must not know: how it was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verifai.kernel.query import Query

PROVED, REFUTED, UNKNOWN = "proved", "refuted", "unknown"
CERTIFIED, EXACT, SOLVER = "certified", "exact", "solver"
DEFINED = "values at which an expression is undefined are left out, as the claim says"
TOTAL = "where an expression is undefined, the claim does not hold"


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """Whether a claim is proved, refuted by an exact counterexample, or left open.

    Attributes:
        text: as it was given.
        reading: how it was understood, in full.
        undefined: what it means that an expression has no value.
        outcome: "proved", "refuted" or "unknown".
        trust: what a proof rests on: "certified" (the kernel), "exact" (algebra without rounding)
            or "solver" (Z3's word); a refutation is always "exact"; "" if unknown.
        reason: how it was decided, or why it was not.
        counterexample: exact values by name; empty but where refuted.
        is_undefined: whether an expression has no value at the counterexample.
        certificate: what the kernel accepted, where it did.
        query: what the certificate is about.
        seconds: what it took.
    """

    text: str
    reading: str
    undefined: str
    outcome: str
    trust: str
    reason: str
    counterexample: Mapping[str, str] = field(default_factory=dict)
    is_undefined: bool = False
    certificate: bytes | None = field(default=None, repr=False)
    query: Query | None = field(default=None, repr=False)
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """The outcome, or "undefined" where it is refuted by values without meaning."""
        return "undefined" if self.is_undefined else self.outcome

    def __str__(self) -> str:
        head = f"{self.outcome} ({self.trust})" if self.trust else self.outcome
        lines = [f"{head}: {self.reading}"]
        if self.counterexample:
            values = ", ".join(f"{name} = {value}" for name, value in self.counterexample.items())
            lines.append(f"  counterexample: {values}")
        lines += [f"  {line}" for line in self.reason.splitlines()]
        if self.undefined:
            lines.append(f"  ({self.undefined})")
        return "\n".join(lines)
