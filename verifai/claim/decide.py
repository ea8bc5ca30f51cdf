"""A claim decided: by exact values, by exact algebra, by Z3's word, by the search and the kernel.

A refutation is always an exact counterexample, evaluated by `evaluate`, whoever proposed it.

May import: everything of a claim. Must not know: files, the command line.
"""

from __future__ import annotations

import time
from dataclasses import replace

from flint import fmpq, fmpq_poly

from verifai.claim.algebra import SignFact, TooLarge
from verifai.claim.answer import (
    CERTIFIED,
    DEFINED,
    EXACT,
    PROVED,
    REFUTED,
    SOLVER,
    TOTAL,
    UNKNOWN,
    ClaimAnswer,
)
from verifai.claim.branches import TooMany, branches, denied
from verifai.claim.closing import is_closed, rows_of, samples, univariate
from verifai.claim.evaluate import Mark, Point, is_true, verdict_marks
from verifai.claim.finite import trial, tried
from verifai.claim.parse import parsed
from verifai.claim.points import points
from verifai.claim.shown import explained, values_of
from verifai.claim.surd import Surd
from verifai.claim.term import (
    Applied,
    ClaimStatement,
    Formula,
    Joined,
    Named,
    Sort,
    Truth,
    conditions,
    holds,
    under,
)
from verifai.kernel.errors import InputError
from verifai.symbolic.algebraic import Algebraic

TIMEOUT = 10.0
HARD = ("floor", "mod", "sqrt", "exp", "log", "sin", "cos")


def claim(text: str, *, timeout: float = TIMEOUT) -> ClaimAnswer:
    """Whether a statement is proved, refuted by an exact counterexample, or left open.

    >>> claim("for all real x: sqrt(x^2) = x").counterexample
    {'x': '-1'}

    Args:
        text: as in docs/claims.md, for instance "for all positive real x: x + 1/x >= 2".
        timeout: seconds for a solver or a search, each.

    Returns:
        Its `outcome` is "proved", with what that rests on as `trust`, "refuted", with a
        `counterexample` that was evaluated exactly, or "unknown", with the `reason`.

    Raises:
        InputError: it is no claim; the sentence names the column.
    """
    if not isinstance(text, str):
        raise InputError(f"a claim is text, not {type(text).__name__}")
    start = time.monotonic()
    statement = parsed(text)
    found = _Decision(text, statement, timeout).answer()
    return replace(found, seconds=time.monotonic() - start)


class _Decision:
    """One claim, and the ways to decide it, in order."""

    def __init__(self, text: str, statement: ClaimStatement, timeout: float) -> None:
        self.statement, self.timeout = statement, timeout
        self.notes: list[str] = []
        is_partial = bool(conditions(Joined("and", (statement.premise, statement.conclusion))))
        meaning = DEFINED if statement.where_defined else TOTAL if is_partial else ""
        self.blank = ClaimAnswer(text, statement.reading, meaning, UNKNOWN, "", "")
        self.denied: Formula = denied(statement)

    def answer(self) -> ClaimAnswer:
        """The first of the ways that decides."""
        ways = (self.by_values, self.by_points, self.by_algebra, self.by_line)
        for way in (*ways, self.by_solver, self.by_search):
            found = way()
            if found is not None:
                return self.warned(found)
        reason = "\n".join(self.notes) or "neither algebra nor a solver decides it"
        return replace(self.blank, reason=reason)

    def proved(self, trust: str, reason: str) -> ClaimAnswer:
        """It holds."""
        return replace(self.blank, outcome=PROVED, trust=trust, reason=reason)

    def warned(self, found: ClaimAnswer) -> ClaimAnswer:
        """The answer; a proof says if there are no values of which it speaks."""
        statement = self.statement
        assumed = holds(statement.premise)
        if found.outcome == PROVED and not isinstance(assumed, Truth) and self.is_void(assumed):
            return replace(found, reason=f"VACUOUS, no values meet the premise: {found.reason}")
        return found

    def is_void(self, formula: Formula) -> bool:
        """Whether algebra shows that nothing meets the formula."""
        try:
            found = branches(formula)
            return all(is_closed(rows_of(each, self.statement.variables)) for each in found)
        except (TooMany, TooLarge):
            return False

    def refuted(self, point: Point | None) -> ClaimAnswer | None:
        """It does not hold at this point, if exact evaluation says so."""
        if point is None or is_true(self.statement, point) is not False:
            return None
        marks = verdict_marks(self.statement, point)
        return replace(
            self.blank,
            outcome=REFUTED,
            trust=EXACT,
            reason=explained(self.statement, point),
            counterexample=values_of(self.statement, point),
            is_undefined=Mark.FALSE not in marks,
        )

    def by_values(self) -> ClaimAnswer | None:
        """Finitely many values decide."""
        found = trial(self.statement)
        if found is None:
            return None
        answer = tried(self.statement, found)
        if answer is True:
            return self.proved(EXACT, found.reason)
        return None if answer is None else self.refuted(answer)  # type: ignore[arg-type]

    def by_points(self) -> ClaimAnswer | None:
        """Simple values, and drawn ones: false somewhere goes before undefined somewhere."""
        undefined = None
        for point in points(self.statement.variables):
            found = self.refuted(point) if is_true(self.statement, point) is False else None
            if found is not None and not found.is_undefined:
                return found
            undefined = undefined or found
        return undefined

    def by_algebra(self) -> ClaimAnswer | None:
        """Every branch of the negation contradicts itself."""
        self.rows: list[list[SignFact]] = []
        try:
            found = branches(self.denied)
            self.rows = [rows_of(branch, self.statement.variables) for branch in found]
        except (TooMany, TooLarge):
            self.notes.append("too large for exact algebra")
            return None
        if all(map(is_closed, self.rows)):
            return self.proved(EXACT, f"exact algebra: its denial fails ({len(found)} cases)")
        return None

    def by_line(self) -> ClaimAnswer | None:
        """One real variable: a value of every cell on which no polynomial changes its sign."""
        if len(self.statement.variables) != 1 or not self.rows:
            return None
        (variable,) = self.statement.variables
        parts = [*under(self.denied)]
        if any(isinstance(each, Applied) and each.function in HARD for each in parts):
            return None
        polys = [row.poly for rows in self.rows for row in rows if not row.poly.is_constant()]
        try:
            cells = samples([_in_one(poly) for poly in polys])
        except TooLarge:
            return None
        if variable.sort is Sort.INTEGER:
            return self._whole(variable, cells)
        for cell in sorted(cells, key=lambda each: isinstance(each, Algebraic)):
            point = {variable: Surd.of(cell) if isinstance(cell, Algebraic) else cell}
            found = self.refuted(point)
            if found is not None:
                return found
        return self.proved(EXACT, f"exact: one value of each of {len(cells)} cells tried")

    def _whole(self, variable: Named, cells: list[fmpq | Algebraic]) -> ClaimAnswer | None:
        """An integer: all between the outermost roots, one beyond each."""
        ends = [cell for cell in cells if not isinstance(cell, Algebraic)]
        low, high = int(min(ends).floor()) - 1, int(max(ends).ceil()) + 1
        if high - low > 10_000:
            return None
        for value in sorted(range(low, high + 1), key=abs):
            found = self.refuted({variable: fmpq(value)})
            if found is not None:
                return found
        return self.proved(
            EXACT, f"exact: all integers from {low} to {high} tried, no roots beyond"
        )

    def by_solver(self) -> ClaimAnswer | None:
        """Z3: its unsat is its word, its model is evaluated exactly."""
        from verifai.claim.smt import asked

        try:
            reply = asked(self.denied, self.statement.variables, self.timeout)
        except ImportError:
            self.notes.append("z3 was not asked: pip install 'verifai-nn[smt]'")
            return None
        if reply.said == "unsat":
            stronger = self.by_search()
            return stronger or self.proved(SOLVER, "z3 says that its denial is unsatisfiable")
        found = self.refuted(reply.point)
        if found is None:
            said = "z3 gives a model that exact evaluation does not confirm"
            self.notes.append(reply.reason or said)
        return found

    def by_search(self) -> ClaimAnswer | None:
        """The claim as a query on the box that the premise gives."""
        from verifai.claim.certified import searched

        try:
            reply = searched(self.statement, self.denied, self.timeout)
        except ImportError:
            self.notes.append("the search was not asked: pip install 'verifai-nn[symbolic]'")
            return None
        if reply.certificate is not None:
            reason = f"a certificate of {reply.leaves} leaves, accepted by the kernel"
            found = self.proved(CERTIFIED, reason)
            return replace(found, certificate=reply.certificate, query=reply.query)
        return self.refuted(reply.point)


def _in_one(poly: object) -> fmpq_poly:
    used = [i for i, degree in enumerate(poly.degrees()) if degree]  # type: ignore[attr-defined]
    return univariate(poly, used[0])  # type: ignore[arg-type]
