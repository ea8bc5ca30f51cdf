"""Lipschitz constants from L∞ to L∞, between two certified ends.

‖y(x') - y(x)‖∞ ≤ L·‖x' - x‖∞ holds on a convex domain just if no row of the Jacobian has an
absolute sum above L there (almost everywhere; `graph.derivative` says why its values at knots
do no harm). The slopes of all nonlinear nodes are bounded first: globally by what the functions
allow, on a box by the kernel's own derivation. Then the Jacobian, a network whose inputs are those
slopes, is bounded by the kernel in the same way. On a box both can be done at once and exactly: the
absolute row sum is an output of a network in x, to be maximised by branch-and-bound.

The lower end is a difference quotient of two exact points, which the kernel evaluated.

Source: Jordan and Dimakis 2020, Exactly Computing the Local Lipschitz Constant of ReLU Networks.
May import: kernel, properties, jacobian, maximize, steep. Must not know: files, the command line.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from flint import fmpq

from verifai.bracket import Bracketed
from verifai.entry import rules
from verifai.entry.numbers import Number
from verifai.entry.takes import renamed, takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.query import Query
from verifai.optimum.jacobian import norms, slopes_anywhere, slopes_on, steepness
from verifai.optimum.maximize import maximize
from verifai.optimum.steep import steepest
from verifai.properties.domain import Domain, Ends, domain_of, only_box

FAR = 4  # the samples of a global constant lie in a box with these ends


@dataclass(frozen=True, slots=True, repr=False)
class LipschitzBound(Bracketed):
    """The Lipschitz constant from L∞ to L∞ lies in [lower, upper].

    Attributes:
        lower: the difference quotient of `points`, exact.
        upper: no pair of points of the domain has a greater quotient.
        points: two exact inputs; None where all outputs are constant.
        certificates: for each output the query and the certificate that prove `upper`, where
            branch-and-bound did; else empty, and the kernel derived it in rounded arithmetic with
            all errors counted.
    """

    lower: fmpq
    upper: fmpq
    points: tuple[tuple[fmpq, ...], tuple[fmpq, ...]] | None
    certificates: tuple[tuple[Query, bytes], ...] = field(default=(), repr=False)


@renamed(ends="domain", tol="tolerance")
@takes(
    net=rules.network,
    tolerance=rules.optional(rules.positive),
    timeout=rules.optional(rules.seconds),
)
def lipschitz(
    net: Network,
    domain: Domain | Ends | None = None,
    *,
    tolerance: Number | None = None,
    timeout: float | None = None,
) -> LipschitzBound:
    """A certified bracket of the Lipschitz constant (L∞ to L∞), on a box or everywhere.

    Args:
        net: the network.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain` that is a box;
            None: all of space.
        tolerance: on a box, how close the upper end is to be to the supremum of the Jacobian's
            norm, by branch-and-bound; None: one pass of bounds.
        timeout: seconds for the branch-and-bound; None: no limit.

    Returns:
        The bracket; the lower end is found by sampling and may be far off.

    Raises:
        InputError: sizes do not fit, the box is empty, a node has no derivative, a tolerance
            without a box, (without a box) a function whose slopes have no bound, or slopes or
            values on the box that may exceed every bound.
    """
    if domain is None:
        if tolerance is not None:
            raise InputError("branch-and-bound on the Lipschitz constant needs a box")
        count = len(net.input_values)
        around = Domain((fmpq(-FAR),) * count, (fmpq(FAR),) * count)
        upper = max(norms(net, slopes_anywhere(net), np.eye(count)))
        lower, points = steepest(net, around, ())
        return LipschitzBound(lower, upper, points)
    region = only_box(domain_of(net, domain, allow_empty=True))
    ends = list(zip(region.lower, region.upper, strict=True))
    if any(low > high for low, high in ends):
        raise InputError("the box is empty: a lower end lies above its upper end")
    moving = [low < high for low, high in ends]
    if not any(moving):
        return LipschitzBound(fmpq(0), fmpq(0), None)
    directions = np.eye(len(ends))[moving]
    most = norms(net, slopes_on(net, region), directions)
    starts: list[tuple[fmpq, ...]] = []
    proofs: list[tuple[Query, bytes]] = []
    if tolerance is not None:
        steep, limit = steepness(net, directions), timeout
        for output, norm in enumerate(most):
            start = time.perf_counter()
            share = None if limit is None else limit / (len(most) - output)
            found = maximize(steep, output, region, tolerance=tolerance, timeout=share)
            starts.append(found.point)
            if found.upper is not None and found.upper < norm:
                most[output] = found.upper
            if found.query is not None and found.certificate is not None:
                proofs.append((found.query, found.certificate))
            limit = None if limit is None else limit - (time.perf_counter() - start)
    lower, points = steepest(net, region, starts)
    return LipschitzBound(lower, max(most), points, tuple(proofs))
