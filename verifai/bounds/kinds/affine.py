"""Affine nodes: values, intervals, and coefficients handed on.

May import: numpy, maps, bands, kernel. Must not know: networks, nonlinear nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from verifai.bounds.bands import BandMap
from verifai.bounds.kinds.protocol import Pair
from verifai.bounds.maps import Array, Map
from verifai.kernel.network import Affine
from verifai.kernel.operator import Operator

AnyMap = Map | BandMap


class Adder(Protocol):
    """What receives coefficients for a node."""

    def __call__(self, source: int, a: Array, /) -> None:
        """Adds coefficients a (B, n) to those on node source."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """An affine node: y = scale·(Σ map(x) + bias), give or take radius·(Σ |map|(|x|) + |bias|)."""

    terms: tuple[tuple[int, AnyMap], ...]
    magnitudes: tuple[tuple[int, AnyMap], ...]
    bias: Array  # (n,), already scaled
    scale: Array | None  # (n,), None: ones
    radius: Array | None  # (n,), already scaled
    size: Array  # (n,), |bias| before it is scaled
    is_biased: bool

    @staticmethod
    def of(
        node: Affine, dtype: npt.DTypeLike, mapped: Callable[[Operator, npt.DTypeLike], AnyMap]
    ) -> Linear:
        """The node in floats, its operators as maps."""
        terms = tuple((source, mapped(operator, dtype)) for source, operator in node.terms)
        divisor = 1.0 if node.divisor is None else node.divisor
        radius = None if node.radius is None else (node.radius / divisor).astype(dtype)
        return Linear(
            terms,
            tuple((source, a_map.absolute()) for source, a_map in terms),
            (node.bias / divisor).astype(dtype),
            None if node.divisor is None else (1.0 / node.divisor).astype(dtype),
            radius,
            np.abs(node.bias).astype(dtype),
            bool(node.bias.any()),
        )

    def value(self, values: Sequence[Array], rows: int) -> Array:
        """The node's values (rows, n) at those of all nodes before it, radius left out."""
        if not self.terms:
            return np.tile(self.bias, (rows, 1))
        (source, a_map), *others = self.terms
        total = a_map.push(values[source])
        for source, a_map in others:
            total = total + a_map.push(values[source])
        return (total if self.scale is None else total * self.scale) + self.bias

    def image(
        self, lower: Sequence[Array], upper: Sequence[Array], rows: int, slack: Array | None
    ) -> Pair:
        """The interval (rows, n), from those of all nodes before it.

        Args:
            lower: their lower ends.
            upper: their upper ends.
            rows: how many boxes.
            slack: how far values may lie from their formula, None without a radius.
        """
        middle = [(lower[source] + upper[source]) / 2 for source, _ in self.terms]
        half = [(upper[source] - lower[source]) / 2 for source, _ in self.terms]
        centre = np.tile(self.bias, (rows, 1))
        spread = np.zeros_like(centre)
        scale = 1.0 if self.scale is None else self.scale
        for (_, a_map), point in zip(self.terms, middle, strict=True):
            centre += a_map.push(point) * scale
        for (_, a_map), radius in zip(self.magnitudes, half, strict=True):
            spread += a_map.push(radius) * scale
        if slack is not None:
            spread += slack
        return centre - spread, centre + spread

    def pull(self, a: Array, add: Adder) -> None:
        """Hands the coefficients on the node's values on to its sources."""
        a = a if self.scale is None else a * self.scale
        for source, a_map in self.terms:
            add(source, a_map.pull(a))
