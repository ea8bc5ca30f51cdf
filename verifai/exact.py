"""The Python interface to exact mathematics: expressions, SMT, pieces, regions, counts, errors.

Every function imports what it needs when it is called. Results are theorems of exact algebra, not
verdicts; only `ask` gives a verdict, and only the kernel's replay makes it Falsified.

May import: everything below the command line but api. Must not know: terminals.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from verifai.entry import (
    Number,
    choice,
    count,
    flag,
    network,
    number,
    optional,
    query,
    renamed,
    seconds,
    subject,
    takes,
    whole,
)
from verifai.kernel.errors import InputError

if TYPE_CHECKING:
    from verifai.kernel.network import Network
    from verifai.kernel.query import Query
    from verifai.properties.domain import Domain, Ends
    from verifai.symbolic.census import Census
    from verifai.symbolic.expression import Symbolic
    from verifai.symbolic.line import Pieces
    from verifai.symbolic.regions import Lipschitz, Region
    from verifai.verdict import Verdict

SOLVER, DIALECT = choice("z3", "cvc5", "both"), choice("standard", "cvc5")


@takes(query=query, solver=SOLVER, timeout=optional(seconds), certify=flag)
def ask(
    query: Query, solver: str = "both", *, timeout: float | None = None, certify: bool = False
) -> Verdict:
    """Falsified if an SMT solver's model survives exact replay; otherwise Unknown with its words.

    A solver gives no certificate, so that its "unsat" alone never becomes Verified.

    Args:
        query: the decision problem, over the reals.
        solver: "z3", "cvc5", or "both" side by side.
        timeout: seconds for everything; a solver's process is killed when they are over.
        certify: whether to run the search for a certificate once a solver has claimed "unsat".

    Raises:
        InputError: no such solver, its package is missing, a node that none of those asked can
            express, or a query about a float32 program.
    """
    from verifai.ask import ask as ask_solvers
    from verifai.load.float32.network import Float32Network

    if isinstance(query.network, Float32Network):
        raise InputError("SMT solvers are asked about real numbers, not about a float32 program")
    return ask_solvers(query, solver, timeout=timeout, certify=certify)


@takes(net=network, max_size=count)
def to_sympy(net: Network, *, max_size: int = 20_000) -> Symbolic:
    """The outputs of a small network as exact SymPy expressions of its inputs.

    Args:
        net: the network.
        max_size: how many operations the expressions may have.

    Raises:
        InputError: a constant is not rational, or the expressions are too large.
    """
    from verifai.symbolic.expression import to_sympy as express

    return express(net, max_size=max_size)


@takes(subject=subject, dialect=DIALECT)
def to_smtlib(subject: Query | Network, *, dialect: str = "standard") -> str:
    """An SMT-LIB 2 script, satisfiable if and only if the query has a counterexample.

    Args:
        subject: a query, or a network alone, whose script only defines its values.
        dialect: "standard", or "cvc5" with its exponential function, sine and cosine.

    Raises:
        InputError: a node has no counterpart, it is named; or the network is too large.
    """
    from verifai.solvers.smtlib import write_smtlib

    return write_smtlib(subject, is_cvc5=dialect == "cvc5").text


@takes(subject=subject)
def to_z3(subject: Query | Network) -> Any:
    """A z3.Solver that holds the assertions of `to_smtlib`.

    Args:
        subject: a query, or a network alone.

    Raises:
        InputError: a node has no counterpart, it is named; the network is too large; or z3 is
            missing.
    """
    from verifai.solvers.smt import require_solver
    from verifai.solvers.smtlib import write_smtlib

    require_solver("z3")
    import z3

    solver = z3.Solver()
    solver.from_string(write_smtlib(subject).body)
    return solver


@takes(net=network, output=whole, lower=optional(number), upper=optional(number))
def pieces(
    net: Network, *, output: int = 0, lower: Number | None = None, upper: Number | None = None
) -> Pieces:
    """The exact breakpoints, slopes and values of a piecewise-linear network with one input.

    Args:
        net: the network.
        output: the index of the output.
        lower: where the domain starts; None: nowhere.
        upper: where it ends; None: nowhere.

    Raises:
        InputError: more than one input, or a node that is not piecewise linear; it is named.
    """
    from verifai.symbolic.line import pieces as find

    ends = [None if end is None else number(end) for end in (lower, upper)]
    return find(net, output=output, lower=ends[0], upper=ends[1])


@renamed(box="domain")
@takes(net=network)
def regions(net: Network, domain: Domain | Ends) -> Iterator[Region]:
    """The activation regions of a piecewise-linear network in a box, exactly.

    Args:
        net: the network.
        domain: one pair (lower, upper) for each input value, or a `Domain` that is a box.

    Raises:
        InputError: sizes do not fit, a node is not piecewise linear, or there are too many.
    """
    from verifai.properties.domain import box_of
    from verifai.symbolic.regions import regions as find

    return find(net, *box_of(net, domain))


@renamed(box="domain")
@takes(net=network)
def exact_lipschitz(net: Network, domain: Domain | Ends) -> Lipschitz:
    """The exact Lipschitz constant of a piecewise-linear network on a box, in the maximum norm.

    Args:
        net: the network.
        domain: one pair (lower, upper) for each input value, or a `Domain` that is a box.

    Raises:
        InputError: as `regions`.
    """
    from verifai.properties.domain import box_of
    from verifai.symbolic.regions import lipschitz

    return lipschitz(net, *box_of(net, domain))


@takes(query=query)
def counterexamples(query: Query) -> Census:
    """Every counterexample of a query whose inputs are integers: how many, and which.

    Args:
        query: every input is an integer or fixed by its box.

    Raises:
        InputError: an input runs through a continuum, or there is too much to count.
    """
    from verifai.symbolic.census import counterexamples as counted

    return counted(query)
