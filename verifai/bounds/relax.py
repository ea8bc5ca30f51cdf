"""The lines of any nonlinear node.

May import: numpy, compiled, interval, lines, curved. Must not know: elimination, optimisation.
"""

from __future__ import annotations

from verifai.bounds.compiled import Compiled
from verifai.bounds.curved import curved_lines
from verifai.bounds.interval import Bounds
from verifai.bounds.lines import Envelope, pwl_lines
from verifai.bounds.maps import Array
from verifai.kernel.network import Affine, Input, Pwl


def relax(compiled: Compiled, bounds: Bounds, node: int, slopes: Array | None = None) -> Envelope:
    """The lines of a nonlinear node over each box.

    Args:
        compiled: the network.
        bounds: intervals of the node's sources.
        node: which node.
        slopes: lower slopes of a piecewise-linear node, (B, n), NaN meaning default.

    Raises:
        ValueError: the node is linear.
    """
    kind = compiled.network.nodes[node]
    if isinstance(kind, Affine | Input):
        raise ValueError(f"node {node} is linear")
    if isinstance(kind, Pwl):
        low, high = bounds.lower[kind.source], bounds.upper[kind.source]
        return pwl_lines(compiled.pieces[node], low, high, slopes)
    return curved_lines(compiled, bounds, node)
