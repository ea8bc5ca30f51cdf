"""Properties that a network is trained to have: the queries, and what a counterexample teaches.

May import: kernel, properties, numpy; torch and sympy on demand. Must not know: how the loop goes
on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import Query
from verifai.properties.approximates import approximates
from verifai.properties.domain import Ends
from verifai.properties.entry import Number, number
from verifai.properties.robust import robust

if TYPE_CHECKING:
    import torch

Queries = Callable[[Network], Query | Sequence[Query]]
Signal = Callable[[int, Array], tuple[Array, Array]]


@dataclass(frozen=True, slots=True)
class TrainingProperty:
    """A property, with the way in which its counterexamples become training data.

    Attributes:
        name: as reports call it.
        queries: from a loaded network to the query, or the queries, that say the property.
        signal: from the number of a query and a counterexample (n,) to inputs (k, n) and their
            targets (k, …): what the network should have said, and where else it should say it.
        loss: from the network's outputs and such targets to a loss, zero where the property
            holds with some margin.
    """

    name: str
    queries: Queries
    signal: Signal
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def robust_property(
    points: Any,
    labels: Sequence[int],
    *,
    eps: Number,
    clip: tuple[Number, Number] | None = None,
    margin: float = 1.0,
) -> TrainingProperty:
    """Around every point the network's answer is the point's label, on an L∞ ball.

    A counterexample teaches its point's label, at itself and at the corner of the ball that it
    points to.

    Args:
        points: (k, n) inputs; floats are the numbers that they are.
        labels: one for each point.
        eps: the radius, in input units.
        clip: least and greatest value that an input can have.
        margin: how far training puts the label's output above the others.

    Raises:
        InputError: not as many labels as points.
    """
    centres = np.asarray(points, dtype=np.float64).reshape(len(labels), -1)
    if len(points) != len(labels):
        raise InputError(f"{len(points)} points with {len(labels)} labels")
    radius = nearest(number(eps))
    ends = None if clip is None else [nearest(number(end)) for end in clip]

    def queries(net: Network) -> list[Query]:
        return [
            robust(net, x, eps=eps, label=int(label), clip=clip)
            for x, label in zip(centres, labels, strict=True)
        ]

    def signal(query: int, found: Array) -> tuple[Array, Array]:
        corner = centres[query] + radius * np.sign(found - centres[query])
        if ends is not None:
            corner = corner.clip(*ends)
        return np.stack([found, corner]), np.array([labels[query]] * 2)

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        own = outputs.gather(1, targets[:, None])
        others = outputs.scatter(1, targets[:, None], -float("inf"))
        return (others - own + margin).clamp(min=0).square().sum(1).mean()

    return TrainingProperty(f"robust within {eps}", queries, signal, loss)


def approximation_property(
    expression: Any,
    ends: Ends,
    *,
    tolerance: Number,
    variables: Sequence[Any] = (),
    parts: int = 4,
    share: float = 0.5,
) -> TrainingProperty:
    """The network stays within a tolerance of a symbolic function on a box.

    A counterexample teaches the function's value there.

    Args:
        expression: a SymPy expression, as `approximates` takes it.
        ends: the box, one pair (lower, upper) for each input value.
        tolerance: how far they may differ, in output units.
        variables: the symbols of the inputs, in order; a network of one input needs none.
        parts: into how many each side of the box is cut; every piece is a query of its own, so
            that one round may find many counterexamples.
        share: training counts errors above this share of the tolerance.

    Raises:
        InputError: the tolerance is not positive, parts is below 1, or share not in [0, 1].
        ImportError: sympy is missing.
    """
    import sympy

    limit = number(tolerance)
    if limit <= fmpq(0) or parts < 1 or not 0 <= share <= 1:
        reason = f"a tolerance {tolerance} of which training uses the share {share}"
        raise InputError(f"{reason}, in {parts} parts")
    allowed = share * nearest(limit)
    sides = [_cut(number(low), number(high), parts) for low, high in ends]
    symbols = list(variables) or sorted(expression.free_symbols, key=str)
    values = sympy.lambdify(symbols, expression, "numpy")

    def queries(net: Network) -> list[Query]:
        return [
            approximates(net, expression, limit, list(piece), variables=variables)
            for piece in product(*sides)
        ]

    def signal(_query: int, found: Array) -> tuple[Array, Array]:
        value = values(*found[: len(symbols)])
        return found[None], np.array([[value]], dtype=np.float64)

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        excess = (outputs - targets).abs() - allowed
        return excess.clamp(min=0).square().sum(1).mean()

    return TrainingProperty(f"within {limit} of {expression}", queries, signal, loss)


def _cut(low: fmpq, high: fmpq, parts: int) -> list[tuple[fmpq, fmpq]]:
    """The interval in so many equal parts."""
    marks = [low + (high - low) * i / parts for i in range(parts + 1)]
    return list(pairwise(marks))
