"""Replay: what a network does at one exact input, and whether that violates the property.

May import: everything of the kernel but the checker. Must not know: how the input was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Exact, Pause, never
from verifai.kernel.binary64 import require_binary64
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.formula import margins
from verifai.kernel.forward import Machine
from verifai.kernel.network import Network
from verifai.kernel.operator import Array
from verifai.kernel.query import And, Query


@dataclass(frozen=True, slots=True)
class Replay:
    """What exact evaluation at a point found.

    Attributes:
        violates: True or False for certain, None if constants or functions that are not rational
            leave it open.
        in_domain: whether the point lies in the box, on integers where asked, and in the domain.
        margin: at least so far the unsafe formula holds, in output units.
        outputs: (lower, upper) of every output value, equal where evaluation is exact.
    """

    violates: bool | None
    in_domain: bool
    margin: fmpq
    outputs: tuple[tuple[fmpq, fmpq], ...]


def evaluate(network: Network, inputs: Sequence[fmpq], pause: Pause = never) -> tuple[Array, Array]:
    """Enclosures (lower, upper) of all values of the network at an exact input; (N,) of rationals.

    Raises:
        InputError: the number of inputs is wrong, or a function is undefined there.
    """
    return _evaluate(Machine(network, Exact(pause)), inputs)


def _evaluate(machine: Machine, inputs: Sequence[fmpq]) -> tuple[Array, Array]:
    network = machine.network
    expected = len(network.input_values)
    if len(inputs) != expected:
        raise InputError(f"{len(inputs)} numbers for {expected} inputs")
    entries = machine.ar.rationals([fmpq(q) for q in inputs])[None]
    parts = [entries[:, part] for part in network.input_slices]
    try:
        ends = machine.forward([(part, part) for part in parts])
    except Rejection as rejection:
        raise InputError(f"at this input {rejection.reason}") from None
    low, high = (np.concatenate([e[side][0] for e in ends]) for side in (0, 1))
    return low, high


class Replayer:
    """One query prepared for replaying many points."""

    def __init__(self, query: Query, pause: Pause = never) -> None:
        """Prepares the network's exact rationals; `pause` is called now and then.

        Raises:
            Unable: this process does not compute in binary64.
        """
        require_binary64()
        self.query, self.machine = query, Machine(query.network, Exact(pause))

    def replay(self, inputs: Sequence[fmpq]) -> Replay:
        """Evaluates the network at an exact input and compares with domain and property.

        Raises:
            InputError: the number of inputs is wrong, or a function is undefined there.
        """
        query = self.query
        low, high = _evaluate(self.machine, inputs)
        box = zip(query.lower, inputs, query.upper, strict=True)
        whole = zip(query.input_values, inputs, strict=True)
        inside = all(l <= x <= u for l, x, u in box)
        inside &= all(x.q == 1 for v, x in whole if v in query.integers)
        inside &= margins(And(query.domain), low, high).certain
        margin, _, certain, possible = margins(query.unsafe, low, high)
        violates = (True if certain else None) if possible and inside else False
        outputs = tuple((low[v], high[v]) for v in query.network.output_values)
        return Replay(violates, inside, margin, outputs)


def replay(query: Query, inputs: Sequence[fmpq]) -> Replay:
    """Evaluates the query's network at an exact input, once; see `Replayer`."""
    return Replayer(query).replay(inputs)
