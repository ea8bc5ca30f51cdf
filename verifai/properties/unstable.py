"""Which neurons may have both phases on a domain: where differences need the tighter form.

May import: kernel, bounds, patterns, domain. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Sequence

from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import refine
from verifai.bounds.interval import interval
from verifai.graph.patterns import Mask, is_relu
from verifai.kernel.network import Network, Pwl
from verifai.properties.domain import Domain, float_ends


def unstable_neurons(nets: Sequence[Network], region: Domain) -> dict[int, Mask]:
    """For relu nodes, the neurons that may have both phases on a box in one of aligned networks.

    Args:
        nets: aligned networks.
        region: its box is rounded to nearest: what is returned is a hint only.
    """
    lower, upper = float_ends(region)
    found: dict[int, Mask] = {}
    for net in nets:
        compiled = compile_network(net)
        bounds = refine(compiled, interval(compiled, lower[None], upper[None])).bounds
        for position, node in enumerate(net.nodes):
            if isinstance(node, Pwl) and is_relu(node):
                low, high = bounds.lower[node.source][0], bounds.upper[node.source][0]
                mask = (low < 0) & (high > 0)
                found[position] = mask | found[position] if position in found else mask
    return found
