"""Certified bounds of a network's outputs, by the kernel's own inference and nothing else.

May import: kernel. Must not know: certificates' files, the search.
"""

from __future__ import annotations

import numpy as np
from flint import fmpq

from verifai.kernel import hints
from verifai.kernel.bound import Root, rounded_root
from verifai.kernel.context import Contexts, FormBuilder
from verifai.kernel.eliminate import lower_bounds
from verifai.kernel.errors import InputError
from verifai.kernel.files.certificate import COLUMNS, Proof
from verifai.kernel.network import Affine, Input
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.kernel.query import Query

CHUNK_VALUES = 1 << 18


def output_bounds(query: Query) -> list[tuple[fmpq, fmpq]]:
    """Intervals (lower, upper), one an output; each contains every value reachable from the box.

    One forward interval pass, then one CROWN pass backwards from every layer, in the kernel's
    rounded arithmetic. Of the query only the network and the box count.

    Raises:
        InputError: the box is empty.
        Rejection: a value may exceed what double precision holds.
    """
    if query.is_vacuous:
        raise InputError("the box is empty: a lower end lies above its upper end")
    root, network = rounded_root(query), query.network
    low, high = root.low[None].copy(), root.high[None].copy()
    for node, kind in enumerate(network.nodes):
        users = [user for user in network.nodes if node in user.sources]
        is_asked = node in network.outputs or any(not isinstance(u, Affine) for u in users)
        if is_asked and not isinstance(kind, Input):
            _tighten(root, node, low, high)
    return [
        (exact(float(low[0, value])), exact(float(high[0, value])))
        for value in network.output_values
    ]


def _tighten(root: Root, node: int, low: Array, high: Array) -> None:
    """Intersect the intervals of a node's values, in place, with what CROWN derives for them."""
    where = root.values(node)
    settled = hints.settled(root.network, node, low[:, where], high[:, where])
    values = np.nonzero(~settled[0])[0] + root.network.offsets[node]
    scene = Contexts(root, _no_multipliers(), low, high, np.array([-1]))
    size = max(1, CHUNK_VALUES // max(root.network.sizes))
    for start in range(0, len(values), size):
        part = values[start : start + size]
        count = len(part)
        scene.pick = np.zeros(2 * count, dtype=np.int64)
        builder = FormBuilder(root, 2 * count)
        signs = np.repeat([1.0, -1.0], count)
        builder.units(np.arange(2 * count), np.concatenate([part, part]), signs)
        ends = lower_bounds(root, builder.build(), scene)
        low[0, part] = np.maximum(low[0, part], ends[:count])
        high[0, part] = np.minimum(high[0, part], -ends[count:])


def _no_multipliers() -> Proof:
    """A proof of nothing: every line takes its default slope."""
    empty = {name: np.zeros(0, dtype=np.int64) for name in COLUMNS}
    return Proof(**empty, work=(0, 0))
