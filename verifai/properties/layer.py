"""Layers of a network by name.

May import: kernel, entry. Must not know: formulas, any particular property.
"""

from __future__ import annotations

from difflib import get_close_matches

from verifai.entry import rules
from verifai.entry.sentences import shown
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network

NEAR = 5  # names that are shown where one is not known


@takes(net=rules.network, name=rules.text)
def layer(net: Network, name: str) -> tuple[int, ...]:
    """The values of the layer of this name, in order (row-major): what atoms speak about.

    >>> from verifai.graph.nodes import relu
    >>> from verifai.kernel.network import Input
    >>> net = Network((Input("x", (2,)), relu("hidden", (2,), 0)), (1,))
    >>> layer(net, "hidden")
    (2, 3)

    Args:
        net: the network.
        name: that of an input, an output or a hidden node, as statements and `inspect` show it.

    Raises:
        InputError: there is none; names like it are shown.
    """
    if name not in net.positions:
        near = get_close_matches(name, net.positions, NEAR, 0) or list(net.positions)[:NEAR]
        raise InputError(f"no layer {shown(name)}; the network has {', '.join(near)}, …")
    return net.values(net.positions[name])
