"""A network or a query as objects of z3: its values by name, a solver, and an optimiser.

May import: z3 on demand, kernel, smtlib. Must not know: processes, verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.solvers.smtlib import write_smtlib


@dataclass(frozen=True, slots=True)
class Z3Form:
    """What z3 is given; conditions of one's own may be added to the solver.

    Attributes:
        solver: a z3.Solver that defines all values, and for a query asserts domain and unsafe
            formula: it is satisfiable if and only if there is a counterexample.
        inputs, outputs: z3's constants, one a value, in order.
        hidden: those of every other node, by its name.
    """

    solver: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    hidden: Mapping[str, tuple[Any, ...]]
    body: str = field(repr=False, default="")

    def check(self) -> Any:
        """What the solver says: z3.sat, z3.unsat or z3.unknown."""
        return self.solver.check()

    def model(self) -> Any:
        """The solver's model, behind `check` with the answer z3.sat."""
        return self.solver.model()

    def optimize(self) -> Any:
        """A z3.Optimize with the same assertions, to which objectives may be added.

        What was added to the solver by hand is not in it.
        """
        import z3

        found = z3.Optimize()
        found.from_string(self.body)
        return found


def z3_form(subject: Query | Network) -> Z3Form:
    """The objects of a query, or of a network alone.

    Raises:
        InputError: a node has no counterpart, it is named; or the network is too large.
        ImportError: z3 is not installed.
    """
    import z3

    query = subject if isinstance(subject, Query) else None
    network = subject.network if isinstance(subject, Query) else subject
    script = write_smtlib(subject)
    solver = z3.Solver()
    solver.from_string(script.body)
    whole = frozenset[int]() if query is None else query.integers
    constants = [
        (z3.Int if value in whole else z3.Real)(symbol.strip("|"))
        for value, symbol in enumerate(script.symbols)
    ]
    shown = {*network.inputs, *network.outputs}
    hidden = {
        node.name: tuple(constants[network.offsets[i] : network.offsets[i + 1]])
        for i, node in enumerate(network.nodes)
        if i not in shown
    }
    inputs, outputs = (
        tuple(constants[value] for value in values)
        for values in (network.input_values, network.output_values)
    )
    return Z3Form(solver, inputs, outputs, hidden, script.body)
