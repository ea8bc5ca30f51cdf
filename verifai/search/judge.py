"""Which boxes a clause is refuted on, given lower bounds of its atoms; and the records that say so.

May import: numpy, clauses, record. Must not know: how bounds are found, how boxes are split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from verifai.proof.record import Block, Choose, Close, Record
from verifai.search.clauses import Array, Clause, Problem

Indices = npt.NDArray[np.int64]
MARGIN = (
    1e-9  # what a bound must exceed, relative to its constant, to survive the kernel's rounding
)


@dataclass(frozen=True, slots=True)
class Directed:
    """Forms that must be ≤ 0 for the formula to hold: each atom, and equalities backwards too.

    Attributes:
        atom: the atom of each form, (D,).
        sign: 1, or -1 for an equality read backwards, (D,).
        forms: coefficients by node, (D, n).
        constant: (D,).
        margin: what a lower bound must exceed to count as a refutation, (D,).
        strict: which must be < 0, so that a bound of 0 refutes them, (D,).
        caution: times the usual margin; above 1 where the kernel once said no.
    """

    atom: Indices
    sign: Array
    forms: dict[int, Array]
    constant: Array
    margin: Array
    strict: npt.NDArray[np.bool_]
    caution: float = 1.0


def directed(problem: Problem, clause: Clause, caution: float = 1.0) -> Directed:
    """The forms of all atoms of a clause and those nested in it; margins times `caution`."""
    numbers = clause.every_atom()
    back = [n for n in numbers if problem.rows[n].free]
    atom = np.array(numbers + back, dtype=np.int64)
    sign = np.array([1.0] * len(numbers) + [-1.0] * len(back))
    forms = {node: sign[:, None] * a[atom] for node, a in problem.forms.items()}
    forms = {node: a for node, a in forms.items() if a.any()}
    constant = sign * problem.constant[atom]
    margin = caution * MARGIN * (1 + np.abs(constant))
    strict = np.array([problem.rows[n].strict for n in atom.tolist()], dtype=bool)
    return Directed(atom, sign, forms, constant, margin, strict, caution)


@dataclass(frozen=True, slots=True)
class Judge:
    """A clause with its directed forms.

    Attributes:
        rows: how a close record names each atom: from the path's start or (nested) its end.
    """

    clause: Clause
    directed: Directed
    rows: dict[int, int]

    def value(self, bounds: Array) -> tuple[Array, Indices]:
        """How far each box is refuted (it is where positive), and by which form.

        Args:
            bounds: lower bounds of all forms less their margins, (B, D).
        """
        return self._value(self.clause, bounds)

    def _columns(self, clause: Clause) -> Indices:
        return np.flatnonzero(np.isin(self.directed.atom, clause.atoms))

    def _value(self, clause: Clause, bounds: Array) -> tuple[Array, Indices]:
        every = np.arange(len(bounds))
        best, which = np.full(len(bounds), -np.inf), np.zeros(len(bounds), dtype=np.int64)
        if clause.closing is not None:
            return -best, which
        columns = self._columns(clause)
        if len(columns):
            place = bounds[:, columns].argmax(axis=1)
            best, which = bounds[every, columns[place]], columns[place]
        for alternatives in clause.ors:
            parts = [self._value(part, bounds) for part in alternatives]
            values, forms = np.stack([p[0] for p in parts]), np.stack([p[1] for p in parts])
            worst = values.argmin(axis=0)
            better = values[worst, every] > best
            best = np.where(better, values[worst, every], best)
            which = np.where(better, forms[worst, every], which)
        return best, which

    def records(self, bounds: Array) -> tuple[Record, ...]:
        """The records that refute the clause on a box with these bounds, (D,)."""
        found: list[Record] = []
        self._records(self.clause, bounds, list(self.clause.ors), found)
        return tuple(found)

    def _records(
        self, clause: Clause, bounds: Array, ors: list[tuple[Clause, ...]], found: list[Record]
    ) -> None:
        if clause.closing is not None:
            found.append(Close(self.closing(clause, clause.closing)))
            return
        columns = self._columns(clause)
        best = int(columns[bounds[columns].argmax()]) if len(columns) else -1
        if best >= 0 and bounds[best] > 0:
            found.append(
                Close(Block(((self._row(clause, best), float(self.directed.sign[best])),)))
            )
            return
        for which, alternatives in enumerate(ors):
            if all(self._value(part, bounds[None])[0][0] > 0 for part in alternatives):
                found.append(Choose(which, len(alternatives)))
                for part in alternatives:
                    rest = ors[:which] + ors[which + 1 :] + list(part.ors)
                    self._records(part, bounds, rest, found)
                return
        raise ValueError("records of a box that is not refuted")

    def _row(self, clause: Clause, form: int) -> int:
        return self._name(clause, int(self.directed.atom[form]))

    def _name(self, clause: Clause, atom: int) -> int:
        if atom in self.rows:
            return self.rows[atom]
        return clause.atoms.index(atom) - len(clause.atoms)

    def closing(self, clause: Clause, block: Block) -> Block:
        """The block that closes an alternative, in the path's names of rows."""
        return block._replace(rows=tuple((self._name(clause, a), w) for a, w in block.rows))
