"""cvc5, asked in this process.

May import: cvc5, python-flint, kernel numbers, smt, smtlib. Must not know: networks.
"""

from __future__ import annotations

from typing import Any

import cvc5
from flint import fmpq

from verifai.kernel.number import rational
from verifai.solvers.smt import EngineReply, Status
from verifai.solvers.smtlib import Script


class Cvc5:
    """The engine `cvc5`."""

    name = "cvc5"

    def check(self, script: Script) -> EngineReply:
        """cvc5's answer to a script, with intervals around the model's inputs."""
        solver = cvc5.Solver(cvc5.TermManager())
        solver.setOption("produce-models", "true")
        parser = cvc5.InputParser(solver)
        try:
            parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script.body, "script")
            symbols = parser.getSymbolManager()
            while not (command := parser.nextCommand()).isNull():
                said = command.invoke(solver, symbols)
                if str(said).startswith("(error"):
                    return EngineReply(Status.UNKNOWN, reason=f"cvc5 failed: {said.strip()}")
            answer = solver.checkSat()
        except RuntimeError as error:
            return EngineReply(Status.UNKNOWN, reason=f"cvc5 failed: {error}")
        if answer.isUnsat():
            return EngineReply(Status.UNSAT)
        if not answer.isSat():
            return EngineReply(Status.UNKNOWN, reason=str(answer.getUnknownExplanation()))
        declared = {f"|{each.getSymbol()}|": each for each in symbols.getDeclaredTerms()}
        inputs = (solver.getValue(declared[name]) for name in script.inputs)
        return EngineReply(Status.SAT, tuple(map(_ends, inputs)))


def _ends(value: Any) -> tuple[fmpq, fmpq]:
    """An interval around a value."""
    if value.isRealAlgebraicNumber():
        ends = (value.getRealAlgebraicNumberLowerBound(), value.getRealAlgebraicNumberUpperBound())
        low, high = (rational(str(end.getRealValue())) for end in ends)
        return low, high
    exact = value.getIntegerValue() if value.isIntegerValue() else value.getRealValue()
    known = rational(str(exact))
    return known, known
