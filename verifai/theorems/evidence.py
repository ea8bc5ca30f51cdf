"""Findings, made right after what they rest on: the kernel's word, exact algebra, a solver's word.

May import: kernel, proof, api, verify, claim; sympy and z3 on demand.
Must not know: any particular theorem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flint import fmpq

from verifai.api import check
from verifai.api import search as verify
from verifai.kernel.errors import Rejection
from verifai.kernel.number import nearest
from verifai.kernel.query import Query
from verifai.proof.files import Files
from verifai.proof.record import assemble
from verifai.theorems.claim import Claim, Finding, Outcome, Role, Trust
from verifai.verdict import Counterexample, Falsified, Verified

if TYPE_CHECKING:
    from verifai.proof.record import Record

TIMEOUT = 60.0  # seconds for one query
LONG = 24  # characters of an exact number beyond which its decimal is shown as well


def to_decide(
    name: str,
    text: str,
    pose: Callable[[], Query],
    *,
    role: Role = Role.CLAIM,
    timeout: float = TIMEOUT,
) -> Claim:
    """The claim that a query has no counterexample, which the search is to decide."""
    return Claim(name, text, lambda: decided(pose(), timeout=timeout), pose, role)


def decided(query: Query, *, timeout: float = TIMEOUT) -> Finding:
    """What the search finds and the kernel confirms about a query."""
    verdict = verify(query, timeout=timeout)
    if isinstance(verdict, Verified):
        effort, size = verdict.effort, len(verdict.certificate)
        detail = f"{effort.leaves} leaves, {size} bytes, checked in {effort.check_seconds:.2f} s"
        return Finding(
            Outcome.PROVED,
            Trust.CERTIFIED,
            detail,
            query=query,
            certificate=verdict.certificate,
        )
    if isinstance(verdict, Falsified):
        shown = words_of(query, verdict.counterexample)
        return Finding(Outcome.REFUTED, Trust.CERTIFIED, counterexample=shown, query=query)
    return Finding(Outcome.OPEN, Trust.CERTIFIED, str(verdict), query=query)


def accepted(query: Query, records: Iterable[Record]) -> Finding:
    """What the kernel says to a certificate that is written by hand.

    Args:
        query: the statement.
        records: the tree in preorder.
    """
    data = Files.of(query).certificate(assemble(records))
    try:
        found = check(query, data)
    except Rejection as rejection:
        return Finding(Outcome.OPEN, Trust.CERTIFIED, f"rejected: {rejection}", query=query)
    detail = f"{found.leaves} leaves, {len(data)} bytes, written by hand"
    return Finding(Outcome.PROVED, Trust.CERTIFIED, detail, query=query, certificate=data)


def replayed(query: Query, inputs: Sequence[fmpq]) -> Finding:
    """Refuted if the kernel's replay shows a violation at this exact input, else open."""
    from verifai.verify import confirm

    found = confirm(query, inputs)
    if found is None:
        return Finding(Outcome.OPEN, Trust.CERTIFIED, "no violation at this input", query=query)
    shown = words_of(query, found.counterexample)
    return Finding(Outcome.REFUTED, Trust.CERTIFIED, counterexample=shown, query=query)


def exact(holds: bool, detail: str = "", *, counterexample: str = "") -> Finding:
    """What exact algebra decided; a counterexample belongs to what does not hold."""
    outcome = Outcome.PROVED if holds else Outcome.REFUTED
    return Finding(outcome, Trust.EXACT, detail, "" if holds else counterexample)


def measured(detail: str, **shown: Any) -> Finding:
    """Exact numbers about given networks; `shown` may be a table or a plot."""
    return Finding(Outcome.MEASURED, Trust.EXACT, detail, **shown)


def identities(*differences: Any) -> Finding:
    """Proved if SymPy expands every difference to zero."""
    import sympy

    left = [d for d in map(sympy.expand, differences) if d != 0]
    shown = "; ".join(map(str, left))
    return exact(
        not left, f"{len(differences)} identities expanded to 0", counterexample=f"{shown} ≠ 0"
    )


def unsatisfiable(constraints: Sequence[Any], detail: str = "") -> Finding:
    """A statement whose negation is these constraints, as far as Z3 is believed."""
    import z3

    solver = z3.Solver()
    solver.add(*constraints)
    answer = solver.check()
    said = f"z3 says {answer}" + (f" ({detail})" if detail else "")
    if answer == z3.unsat:
        return Finding(Outcome.PROVED, Trust.SOLVER, said)
    if answer == z3.sat:
        return Finding(Outcome.REFUTED, Trust.SOLVER, said, str(solver.model()))
    return Finding(Outcome.OPEN, Trust.SOLVER, said)


def together(*findings: Finding) -> Finding:
    """The weakest of several findings of equal trust, with all that they say.

    Raises:
        ValueError: no findings, or different trust: say them one by one.
    """
    if len({finding.trust for finding in findings}) != 1:
        raise ValueError("findings of different trust are not one finding")
    order = [Outcome.REFUTED, Outcome.OPEN, Outcome.PROVED, Outcome.MEASURED]
    worst = min(findings, key=lambda finding: order.index(finding.outcome))
    return replace(worst, detail="\n".join(f.detail for f in findings if f.detail))


def words_of(query: Query, found: Counterexample) -> str:
    """The exact input, the outputs there and by how much the property is violated."""
    names = [query.network.describe(value) for value in query.input_values]
    pairs = zip(names, found.inputs, strict=True)
    point = ", ".join(f"{name} = {shown(x)}" for name, x in pairs)
    outputs = ", ".join(shown(low) for low, _ in found.outputs)
    return f"{point}: output {outputs}, violated by {shown(found.margin)}"


def shown(value: fmpq) -> str:
    """The exact number; with its decimal where it is long.

    >>> shown(fmpq(1, 3)), shown(fmpq(1, 3**60)).split()[1]
    ('1/3', '(≈')
    """
    text = str(value)
    if len(text) <= LONG:
        return text
    return f"{text} (≈ {nearest(value):.10g})"
