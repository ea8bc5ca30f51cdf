"""What the model that a network was read from computes at an input, in its own arithmetic.

May import: numpy, kernel, graph, original. Must not know: templates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import fmpq

from verifai.graph.reading import readings_of
from verifai.kernel.formula import margins
from verifai.kernel.number import nearest
from verifai.kernel.query import Atom, Formula, Query
from verifai.original.model import CannotRun, Original


def executed(query: Query, inputs: Sequence[fmpq]) -> dict[int, float] | None:
    """The inputs as the model takes them and its outputs, by value; None if it cannot be run.

    Args:
        query: its network knows the one model that it was read from.
        inputs: exact, one for each input value.
    """
    network = query.network
    readings = readings_of(network)
    if len(readings) != 1 or set(readings[0].inputs) != set(network.inputs):
        return None
    (reading,) = readings
    place = dict(zip(query.input_values, inputs, strict=True))
    model: Original = reading.original
    try:
        types = model.types()
        fed = [
            np.array([nearest(place[v]) for v in network.values(i)], dtype=kind).reshape(
                network.nodes[i].shape
            )
            for i, kind in zip(reading.inputs, types, strict=True)
        ]
        outputs = model.run(fed)
    except (CannotRun, ValueError):
        return None
    found: dict[int, float] = {}
    for nodes, arrays in ((reading.inputs, fed), (reading.outputs, outputs)):
        for node, array in zip(nodes, arrays, strict=True):
            flat = np.asarray(array, dtype=np.float64).reshape(-1).tolist()
            if len(flat) == network.sizes[node]:
                found.update(zip(network.values(node), flat, strict=True))
    return found


def shows_violation(query: Query, values: dict[int, float] | None) -> bool | None:
    """Whether the unsafe formula holds of these values; None if it speaks of others.

    Args:
        query: whose formula it is.
        values: what `executed` gave.
    """
    unsafe = query.unsafe if query.stated is None else query.stated
    if values is None or not _mentioned(unsafe) <= values.keys():
        return None
    row = np.zeros(query.network.offsets[-1])
    row[list(values)] = list(values.values())
    return bool(np.isfinite(row).all()) and margins(unsafe, row, row).certain


def _mentioned(formula: Formula) -> set[int]:
    found: set[int] = set()
    todo: list[Formula] = [formula]
    while todo:
        part = todo.pop()
        if isinstance(part, Atom):
            found |= {value for value, _ in part.terms}
        else:
            todo += part.parts
    return found
