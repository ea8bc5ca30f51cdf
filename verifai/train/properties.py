"""Properties that a network is trained to have: the queries, and what a counterexample teaches.

May import: entry, kernel, properties, numpy; torch and sympy on demand.
Must not know: how the loop goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, entries, number, pair
from verifai.entry.sentences import shown
from verifai.entry.takes import enter, renamed, takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import Query
from verifai.properties.approximates import approximates, symbols_of
from verifai.properties.domain import Domain, Ends, only_box, with_points
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

    def __post_init__(self) -> None:
        enter(
            self,
            name=rules.text,
            queries=rules.function,
            signal=rules.function,
            loss=rules.function,
        )


def _labels(value: Any, what: str) -> list[int]:
    return [rules.whole(label, f"{what}[{i}]") for i, label in enumerate(rules.listed(value, what))]


@takes(points=rules.listed, labels=_labels, clip=rules.optional(pair), margin=rules.real)
def robust_property(
    points: Any,
    labels: Sequence[int] | Any,
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
        InputError: not as many labels as points, points of different sizes, or a negative
            radius.
    """
    if len(points) != len(labels):
        raise InputError(f"{len(points)} points with {len(labels)} labels")
    centres = _centres(points)
    radius = nearest(rules.not_negative(eps, "eps"))
    ends = None if clip is None else [nearest(number(end, "clip")) for end in clip]

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

    return TrainingProperty(f"robust within {number(eps)}", queries, signal, loss)


def _centres(points: list[Any]) -> Array:
    """The points' numbers as doubles, (k, n)."""
    rows = []
    for i, point in enumerate(points):
        each = entries(point, f"points[{i}]") if isinstance(point, Iterable) else [point]
        rows.append([nearest(number(x, f"points[{i}]")) for x in each])
    if len({len(row) for row in rows}) != 1:
        raise InputError("points: all of one size, at least one, are wanted")
    return np.array(rows)


@renamed(ends="domain")
@takes(tolerance=rules.positive, variables=rules.listed, parts=rules.count, share=rules.real)
def approximation_property(
    expression: Any,
    domain: Domain | Ends,
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
        domain: the box, one pair (lower, upper) for each input value, or a `Domain` that is a box.
        tolerance: how far they may differ, in output units.
        variables: the symbols of the inputs, in order; a network of one input needs none.
        parts: into how many each side of the box is cut; every piece is a query of its own, so
            that one round may find many counterexamples.
        share: training counts errors above this share of the tolerance.

    Raises:
        InputError: the tolerance is not positive, parts is below 1, share not in [0, 1], no
            expression, an empty box, or sympy is missing.
    """
    import sympy

    limit = number(tolerance)
    if share > 1:
        raise InputError(f"share: {share:g} of the tolerance is not in [0, 1]")
    allowed = share * nearest(limit)
    region = _box(domain)
    expression, symbols = symbols_of(expression, variables, len(region.lower))
    pairs = zip(region.lower, region.upper, strict=True)
    sides = [_cut(low, high, parts) for low, high in pairs]
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

    return TrainingProperty(f"within {limit} of {shown(expression)}", queries, signal, loss)


def _box(domain: Any) -> Domain:
    """The box, which is not empty."""
    if isinstance(domain, Domain):
        return with_points(only_box(domain))
    found = [pair(end, f"domain[{i}]") for i, end in enumerate(rules.listed(domain, "domain"))]
    lower, upper = (tuple(number(end[k], "domain") for end in found) for k in (0, 1))
    return with_points(Domain(lower, upper))


def _cut(low: fmpq, high: fmpq, parts: int) -> list[tuple[fmpq, fmpq]]:
    """The interval in so many equal parts."""
    marks = [low + (high - low) * i / parts for i in range(parts + 1)]
    return list(pairwise(marks))
