"""Asking SMT solvers: their models are replayed by the kernel, their "unsat" stays a claim.

May import: kernel, solvers, verdict, verify. Must not know: files, the command line.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

from verifai.kernel.errors import InputError
from verifai.kernel.query import Query
from verifai.solvers.smt import NAMES, SolverAnswer, Status, race, require_solver
from verifai.solvers.smtlib import Script, write_smtlib
from verifai.verdict import Effort, Unknown, Verdict
from verifai.verify import Options, confirm, verify


def ask(
    query: Query, solver: str = "both", *, timeout: float | None = None, certify: bool = False
) -> Verdict:
    """Falsified if a solver's model survives exact replay; otherwise Unknown with what was said.

    A solver gives no certificate: its "unsat" never becomes Verified, unless `certify` lets the
    search look for a certificate after such a claim.

    Args:
        query: the decision problem.
        solver: "z3", "cvc5", or "both" side by side.
        timeout: seconds for everything; a solver's process is killed when they are over.
        certify: whether to run the search for a certificate once a solver has claimed "unsat".

    Raises:
        InputError: no such solver, its package is missing, or a node that none of those asked
            can express; it is named.
    """
    start = time.perf_counter()
    names = NAMES if solver == "both" else (solver,)
    for name in names:
        require_solver(name)
    scripts, refused = _scripts(query, names)
    heard = [f"{name} cannot be asked ({why})" for name, why in refused.items()]
    is_late, is_claimed = False, False
    with closing(race(scripts, timeout)) as answers:
        for answer in answers:
            effort = Effort(time.perf_counter() - start)
            if answer.status is Status.SAT:
                falsified = confirm(query, answer.inputs, effort=effort)
                if falsified is not None:
                    return falsified
            heard.append(_words(answer))
            is_late |= answer.is_timeout
            if answer.status is Status.UNSAT:
                is_claimed = True
                break
    spent = time.perf_counter() - start
    left = None if timeout is None else timeout - spent
    if is_claimed and certify and (left is None or left > 0):
        return _with_claim(verify(query, Options(timeout=left)), heard[-1])
    return Unknown("; ".join(heard), is_late and not is_claimed, effort=Effort(spent))


def _scripts(query: Query, names: tuple[str, ...]) -> tuple[dict[str, Script], dict[str, str]]:
    """What each solver is asked, and why the others cannot be; InputError if none can."""
    scripts: dict[str, Script] = {}
    refused: dict[str, str] = {}
    for name in names:
        try:
            scripts[name] = write_smtlib(query, is_cvc5=name == "cvc5")
        except InputError as error:
            if len(refused) + 1 == len(names):
                raise
            refused[name] = str(error)
    return scripts, refused


def _words(answer: SolverAnswer) -> str:
    if answer.status is Status.UNSAT:
        return f"claimed unsat by {answer.solver}, without a certificate"
    if answer.status is Status.SAT:
        return f"the counterexample of {answer.solver} did not survive exact replay"
    return f"{answer.solver}: {answer.reason}"


def _with_claim(verdict: Verdict, claim: str) -> Verdict:
    """The search's verdict; where it knows nothing, what the solver claimed as well."""
    if isinstance(verdict, Unknown):
        return replace(verdict, reason=f"{claim}; the search: {verdict.reason}")
    return verdict
