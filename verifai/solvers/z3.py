"""Z3, asked in this process.

May import: z3, python-flint, kernel numbers, smt, smtlib. Must not know: networks.
"""

from __future__ import annotations

from typing import Any

import z3
from flint import fmpq

from verifai.solvers.smt import EngineReply, Status
from verifai.solvers.smtlib import Script

DIGITS = 20  # of the interval around an irrational value


class Z3:
    """The engine `z3`."""

    name = "z3"

    def check(self, script: Script) -> EngineReply:
        """Z3's answer to a script, with intervals around the model's inputs."""
        solver = z3.Solver()
        try:
            solver.from_string(script.body)
            answer = solver.check()
        except z3.Z3Exception as error:
            return EngineReply(Status.UNKNOWN, reason=f"z3 failed: {error}")
        if answer == z3.unsat:
            return EngineReply(Status.UNSAT)
        if answer != z3.sat:
            return EngineReply(Status.UNKNOWN, reason=solver.reason_unknown())
        model = solver.model()
        known = {f"|{each.name()}|": model[each] for each in model.decls()}
        return EngineReply(Status.SAT, tuple(_ends(known.get(name)) for name in script.inputs))


def _ends(value: Any) -> tuple[fmpq, fmpq]:
    """An interval around a value; one that the model leaves open can be anything, so zero."""
    if value is None:
        return fmpq(0), fmpq(0)
    if z3.is_algebraic_value(value):
        near, reach = _rational(value.approx(DIGITS)), fmpq(1, 10**DIGITS)
        return near - reach, near + reach
    exact = _rational(value)
    return exact, exact


def _rational(value: Any) -> fmpq:
    if z3.is_int_value(value):
        return fmpq(value.as_long())
    return fmpq(value.numerator_as_long(), value.denominator_as_long())
