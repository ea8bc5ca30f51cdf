"""How people's numbers and outputs enter a query: exactly, or not at all.

May import: kernel. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.network import Network
from verifai.kernel.number import exact, rational

Number = str | int | float | Fraction | fmpq


def number(value: Any) -> fmpq:
    """The exact value: decimal text as written, a float as the dyadic that it is.

    >>> number("0.1"), number(0.5), number(Fraction(1, 3))
    (1/10, 1/2, 1/3)

    Raises:
        InputError: not finite, or none of text, integer, float, Fraction and fmpq.
    """
    if isinstance(value, fmpq):
        return value
    if isinstance(value, str):
        return rational(value)
    if isinstance(value, Fraction):
        return fmpq(value.numerator, value.denominator)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return fmpq(int(value))
    if isinstance(value, float | np.floating):
        return exact(float(value))
    raise InputError(f"not a number: {value!r}")


def point(network: Network, x: Any) -> list[fmpq]:
    """The exact entries of x (nested lists or an array), one for each input value in order.

    Raises:
        InputError: an entry is no number, or there are too many or too few.
    """
    entries = np.array(x, dtype=object).reshape(-1) if not isinstance(x, np.ndarray) else x.ravel()
    wanted = sum(network.sizes[i] for i in network.inputs)
    if len(entries) != wanted:
        raise InputError(f"{len(entries)} numbers for a network of {wanted} inputs")
    return [number(entry) for entry in entries]


def box(network: Network, ends: Iterable[tuple[Any, Any]]) -> tuple[list[fmpq], list[fmpq]]:
    """The lower and the upper ends of a box given as one pair for each input value.

    Raises:
        InputError: an end is no number, or there are too many or too few pairs.
    """
    pairs = [_pair(i, entry) for i, entry in enumerate(ends)]
    wanted = sum(network.sizes[i] for i in network.inputs)
    if len(pairs) != wanted:
        raise InputError(f"{len(pairs)} pairs for a network of {wanted} inputs")
    return [low for low, _ in pairs], [high for _, high in pairs]


def _pair(index: int, entry: Any) -> tuple[fmpq, fmpq]:
    """The two ends of one input's interval."""
    try:
        low, high = entry
    except (TypeError, ValueError):
        raise InputError(
            f"input {index} of a box: a pair of ends is wanted, not {entry!r}"
        ) from None
    return number(low), number(high)


def output_values(network: Network) -> list[int]:
    """The numbers of all output values, in order."""
    return [
        value
        for node in network.outputs
        for value in range(network.offsets[node], network.offsets[node] + network.sizes[node])
    ]


def output_value(network: Network, index: int) -> int:
    """The value number of the output with this index; InputError if there is none."""
    values = output_values(network)
    if not isinstance(index, int | np.integer) or isinstance(index, bool):
        raise InputError(f"the index of an output is wanted, not {index!r}")
    if not 0 <= index < len(values):
        raise InputError(f"no output {index}: the network has {len(values)}")
    return values[index]
