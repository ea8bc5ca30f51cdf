"""What SMT solvers are asked: a query as SMT-LIB text, as an object of z3, and by solver.

May import: entry, kernel, smtlib; z3 when its object is wanted. Must not know: processes, verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence

from verifai.entry import rules
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.solvers.smtlib import Script, write_smtlib
from verifai.solvers.z3_form import Z3Form, z3_form

DIALECT = rules.choice("standard", "cvc5")


@takes(subject=rules.subject, dialect=DIALECT)
def to_smtlib(subject: Query | Network, *, dialect: str = "standard") -> str:
    """An SMT-LIB 2 script, satisfiable if and only if the query has a counterexample.

    Args:
        subject: a query, or a network alone, whose script only defines its values.
        dialect: "standard", or "cvc5" with its exponential function, sine and cosine.

    Raises:
        InputError: a node has no counterpart, it is named; or the network is too large.
    """
    return write_smtlib(subject, is_cvc5=dialect == "cvc5").text


@takes(subject=rules.subject)
def to_z3(subject: Query | Network) -> Z3Form:
    """The assertions of `to_smtlib` in a z3.Solver, with z3's constants for all values.

    Args:
        subject: a query, or a network alone.

    Returns:
        `solver`, `inputs` and `outputs` in order, `hidden` by the name of the node, `check()`,
        `model()`, and `optimize()` for a z3.Optimize with the same assertions.

    Raises:
        InputError: a node has no counterpart, it is named; the network is too large; or z3 is
            missing.
    """
    return z3_form(subject)


def scripts_for(
    query: Query, solvers: Sequence[str]
) -> tuple[dict[str, Script], dict[str, InputError]]:
    """What each solver is asked of a query, by its name, and why the others cannot be asked.

    Args:
        query: the decision problem.
        solvers: their names.

    Raises:
        InputError: none can be asked, for the node that is named.
    """
    scripts: dict[str, Script] = {}
    refused: dict[str, InputError] = {}
    for name in solvers:
        try:
            scripts[name] = write_smtlib(query, is_cvc5=name == "cvc5")
        except InputError as error:
            refused[name] = error
    if refused and not scripts:
        raise refused[solvers[-1]]
    return scripts, refused
