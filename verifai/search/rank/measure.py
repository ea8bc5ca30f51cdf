"""Where a pre-activation can be split, and what its relaxation costs a bound.

A split helps where the lines of the nonlinear nodes that read the value leave a gap, and as much as
the bound's coefficients on those nodes weigh the gap.
Source: Bunel et al. 2020 (BaBSR); Shi et al. 2024, branching for general nonlinearities.

May import: numpy, bounds, kernel.network, gap, protocol. Must not know: trees, records.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verifai.bounds.compiled import Compiled
from verifai.bounds.crown import Relaxed
from verifai.bounds.maps import Array
from verifai.search.rank.gap import LEAST
from verifai.search.rank.protocol import Gaps

NARROW = 1e-7  # relative; intervals of curved nodes that are left as they are
STEP = 2.0**-30  # a sign is split this far from zero, whose own value it does not share
CENTRAL = 0.15  # of the width, within which of its ends an inflection point is no place to split

Proposal = tuple[Array, Array, Array]  # per source value: gap below, gap above, where to split


def measured(
    compiled: Compiled, relaxation: Relaxed, seen: Mapping[int, Array]
) -> tuple[Gaps, Array]:
    """What each value's relaxation costs the bound, and where to split it.

    Args:
        compiled: the network.
        relaxation: bounds and the lines in use, over M boxes.
        seen: the bound's coefficients on nonlinear nodes, (M, n) by node.

    Returns:
        Gaps (M, N) of all values, and where to split them, NaN where nothing can be split.
    """
    net, count = compiled.network, len(relaxation.bounds)
    most, coefficients, gap_below, gap_above = np.zeros((4, count, net.offsets[-1]))
    at = np.full(most.shape, np.nan)
    for i, node in enumerate(net.nodes):
        kind = compiled.kinds.get(i)
        if kind is None:
            continue
        ends = relaxation.bounds.ends(node.sources)
        below, above = kind.gaps(ends, relaxation.lines[i])
        a = seen.get(i, np.zeros(1))
        for source, pair in zip(node.sources, ends, strict=True):
            place = kind.split(*pair)
            cost = np.maximum(a, 0) * below + np.maximum(-a, 0) * above
            score = np.where(np.isnan(place), 0.0, cost + LEAST)
            where = slice(net.offsets[source], net.offsets[source + 1])
            better = score > most[:, where]
            for table, new in (
                (most, score),
                (coefficients, a),
                (gap_below, below),
                (gap_above, above),
                (at, place),
            ):
                np.copyto(table[:, where], new, where=better)
    return Gaps(coefficients, gap_below, gap_above), at
