"""Piecewise-linear networks of one input, exactly: breakpoints, slopes and values.

May import: entry, python-flint, kernel, cells. Must not know: expressions, queries.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.sentences import shown
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.statement import readable
from verifai.symbolic.cells import cells


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers from lower to upper; None: without end."""

    lower: fmpq | None
    upper: fmpq | None

    def range(self, factors: Sequence[fmpq], constant: fmpq) -> tuple[fmpq | None, fmpq | None]:
        """The least and the greatest value of factors[0]·x + constant; None where unbounded."""
        (a,) = factors
        if a == 0:
            return constant, constant
        ends = [None if x is None else a * x + constant for x in (self.lower, self.upper)]
        return (ends[0], ends[1]) if a > 0 else (ends[1], ends[0])

    def cut(self, factors: Sequence[fmpq], constant: fmpq) -> Interval:
        """The part where factors[0]·x + constant ≤ 0; the factor is not zero."""
        end = -constant / factors[0]
        return Interval(self.lower, end) if factors[0] > 0 else Interval(end, self.upper)


@dataclass(frozen=True)
class Pieces:
    """A continuous, piecewise-linear function of one variable.

    Attributes:
        lower, upper: ends of the domain; None: without end.
        breakpoints: where the slope changes, strictly increasing.
        slopes: between them, one more than breakpoints; neighbours differ.
        offset: the function's value at 0 if the first piece went on to there.
    """

    lower: fmpq | None
    upper: fmpq | None
    breakpoints: tuple[fmpq, ...]
    slopes: tuple[fmpq, ...]
    offset: fmpq

    @cached_property
    def constants(self) -> tuple[fmpq, ...]:
        """For every piece, in order, t in slope·x + t."""
        found = [self.offset]
        for k, x in enumerate(self.breakpoints):
            found.append(found[-1] + (self.slopes[k] - self.slopes[k + 1]) * x)
        return tuple(found)

    @property
    def values(self) -> tuple[fmpq, ...]:
        """The function at its breakpoints."""
        return tuple(self(x) for x in self.breakpoints)

    @property
    def last_breakpoint(self) -> fmpq | None:
        """From there on the function is affine; None if it is affine everywhere."""
        return self.breakpoints[-1] if self.breakpoints else None

    def __call__(self, x: Number) -> fmpq:
        """The exact value at x.

        Raises:
            InputError: x is no number, or lies outside of the domain.
        """
        x = number(x, "x")
        below = self.lower is not None and x < self.lower
        if below or (self.upper is not None and x > self.upper):
            raise InputError(f"x: {readable(x)} lies outside of the domain")
        k = bisect_left(self.breakpoints, x)
        return self.slopes[k] * x + self.constants[k]


@takes(
    net=rules.network,
    output=rules.whole,
    lower=rules.optional(number),
    upper=rules.optional(number),
)
def pieces(
    net: Network, *, output: int = 0, lower: Number | None = None, upper: Number | None = None
) -> Pieces:
    """The exact pieces of one output of a piecewise-linear network with one input.

    Args:
        net: the network.
        output: the index of the output.
        lower: where the domain starts; None: nowhere.
        upper: where it ends; None: nowhere.

    Raises:
        InputError: more than one input, no such output, an empty domain, or a node that is not
            piecewise linear; it is named.
    """
    if len(net.input_values) != 1:
        raise InputError("pieces are those of a network with one input: see regions")
    if not 0 <= output < len(net.output_values):
        raise InputError(f"no output {shown(output)}")
    low, high = (None if end is None else number(end) for end in (lower, upper))
    if low is not None and high is not None and not low < high:
        raise InputError(f"a domain from {readable(low)} to {readable(high)}")
    found = [
        (part.cell, part.jacobian[output][0], part.offset[output])
        for part in cells(net, Interval(low, high))
    ]
    ordered = sorted(found, key=lambda part: _start(part[0]))
    breakpoints, slopes = list[fmpq](), [ordered[0][1]]
    for cell, slope, _ in ordered[1:]:
        if slope != slopes[-1] and cell.lower is not None:
            breakpoints.append(cell.lower)
            slopes.append(slope)
    return Pieces(low, high, tuple(breakpoints), tuple(slopes), ordered[0][2])


def _start(interval: Interval) -> tuple[bool, fmpq]:
    """Orders intervals from left to right."""
    return interval.lower is not None, interval.lower or fmpq(0)
