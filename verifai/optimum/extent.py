"""The least value of a form, and the range of every output, between certified ends.

Both are greatest values: the least of a form is minus the greatest of its negative.

May import: entry, kernel, properties, maximize. Must not know: how a query is decided.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flint import fmpq

from verifai.bracket import Bracketed
from verifai.entry import rules
from verifai.entry.numbers import Number, number
from verifai.entry.sentences import shown
from verifai.entry.takes import takes
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import nearest
from verifai.kernel.query import Query
from verifai.optimum.maximize import Form, Maximum, maximize
from verifai.properties.domain import Domain, Ends
from verifai.properties.entry import output_value

LEAST = 0.25  # seconds that an end gets however little time is left


@dataclass(frozen=True, slots=True, repr=False)
class Minimum(Bracketed):
    """The least value lies in [lower, upper].

    Attributes:
        lower: proved; None if nothing was.
        upper: attained, or undercut by less than its enclosure shows, at `point`.
        point: an exact input in the domain.
        query: what the certificate proves: nowhere in the domain is the form below `lower`.
        certificate: what the kernel accepted for it.
        status: "converged" if upper - lower is at most the tolerance, else why it is not.
    """

    lower: fmpq | None
    upper: fmpq
    point: tuple[fmpq, ...]
    query: Query | None = field(repr=False)
    certificate: bytes | None = field(repr=False)
    status: str

    @property
    def is_converged(self) -> bool:
        """Whether the bracket is as narrow as was asked."""
        return self.status == "converged"


@dataclass(frozen=True, slots=True, repr=False)
class OutputRange(Bracketed):
    """What one output can be on a domain: certainly inside [lower, upper].

    Attributes:
        output: its index.
        least: the bracket of its least value.
        greatest: the bracket of its greatest value.
    """

    output: int
    least: Minimum
    greatest: Maximum

    @property
    def lower(self) -> fmpq | None:
        """Never is the output below it; None if nothing was proved."""
        return self.least.lower

    @property
    def upper(self) -> fmpq | None:
        """Never is the output above it; None if nothing was proved."""
        return self.greatest.upper

    @property
    def is_converged(self) -> bool:
        """Whether both ends are as near to attained values as was asked."""
        return self.least.is_converged and self.greatest.is_converged

    def __str__(self) -> str:
        """The certified range, and what of it is attained."""
        lower, upper = (
            "unknown" if end is None else f"{nearest(end):.9g}" for end in (self.lower, self.upper)
        )
        inner = f"{nearest(self.least.upper):.9g} to {nearest(self.greatest.lower):.9g}"
        return f"output {self.output} within [{lower}, {upper}]; attained from {inner}"


@takes(
    net=rules.network,
    tolerance=number,
    timeout=rules.optional(rules.seconds),
    workers=rules.processes,
)
def minimize(
    net: Network,
    form: Form,
    domain: Domain | Ends,
    *,
    tolerance: Number = "1e-6",
    timeout: float | None = None,
    workers: int = 2,
) -> Minimum:
    """A certified bracket of the least value of a form on a domain; everything as in `maximize`.

    Raises:
        InputError: as `maximize`.
    """
    factors = form if isinstance(form, Mapping) else {rules.whole(form, "output"): 1}
    minus = {index: -number(factor, "form") for index, factor in factors.items()}
    found = maximize(net, minus, domain, tolerance=tolerance, timeout=timeout, workers=workers)
    return Minimum(
        None if found.upper is None else -found.upper,
        -found.lower,
        found.point,
        found.query,
        found.certificate,
        found.status,
    )


@takes(
    net=rules.network,
    outputs=rules.optional(rules.listed),
    tolerance=number,
    timeout=rules.optional(rules.seconds),
    workers=rules.processes,
)
def output_range(
    net: Network,
    domain: Domain | Ends,
    *,
    outputs: Sequence[int] | None = None,
    tolerance: Number = "1e-6",
    timeout: float | None = None,
    workers: int = 2,
) -> list[OutputRange]:
    """What every output can be on a domain: certified ends, and exact points that come near them.

    Args:
        net: the network.
        domain: the box, one pair (lower, upper) for each input value, or a `Domain`.
        outputs: the indices of outputs; None: all.
        tolerance: how far a certified end may lie from an attained value, in output units.
        timeout: seconds for everything, of which what is left is shared by the ends that are still
            to be found; None: no limit.
        workers: processes.

    Returns:
        A range for each output, in order; an end is None where no time was enough to prove one.

    Raises:
        InputError: sizes do not fit, there is no such output, the tolerance is not positive, or the
            domain holds no point (or none was found in time), or the network stands for programs.
    """
    asked = range(len(net.output_values)) if outputs is None else outputs
    if not len(asked):
        raise InputError(f"outputs: one index at least is wanted, not {shown(outputs)}")
    for index in asked:
        output_value(net, index)
    clock = _Clock(timeout, 2 * len(asked))
    found = []
    for index in asked:
        least = minimize(
            net, index, domain, tolerance=tolerance, timeout=clock.next(), workers=workers
        )
        greatest = maximize(
            net, index, domain, tolerance=tolerance, timeout=clock.next(), workers=workers
        )
        found.append(OutputRange(index, least, greatest))
    return found


class _Clock:
    """Shares what is left of the time among what is still to be done."""

    def __init__(self, timeout: float | None, parts: int) -> None:
        self.end = None if timeout is None else time.monotonic() + timeout
        self.parts = parts

    def next(self) -> float | None:
        """Seconds for the next part."""
        self.parts -= 1
        if self.end is None:
            return None
        return max(LEAST, (self.end - time.monotonic()) / (self.parts + 1))
