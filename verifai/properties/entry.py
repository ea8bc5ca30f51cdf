"""How people's points, boxes and outputs enter a query: exactly, or not at all.

May import: entry, kernel. Must not know: any particular property.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flint import fmpq

from verifai.entry import rules
from verifai.entry.numbers import MAX_LISTED, entries, number, pair, rows
from verifai.entry.sentences import numbered, refused, shown
from verifai.kernel.errors import InputError
from verifai.kernel.network import Network


def point(network: Network, x: Any, what: str = "x") -> list[fmpq]:
    """The exact entries of x (nested lists, an array or a tensor), one for each input value.

    Raises:
        InputError: an entry is no number, or there are too many or too few.
    """
    wanted = len(network.input_values)
    single = isinstance(x, str) or not (isinstance(x, Iterable) or hasattr(x, "__array__"))
    found = [x] if single else entries(x, what, max(wanted, MAX_LISTED))
    if len(found) != wanted:
        raise InputError(f"{what}: {len(found)} numbers for a network of {wanted} inputs")
    return [number(entry, what if single else f"{what}[{i}]") for i, entry in enumerate(found)]


def ends_of(
    network: Network, ends: Iterable[tuple[Any, Any]], what: str = "box"
) -> tuple[list[fmpq], list[fmpq]]:
    """The lower and the upper ends of a box given as one pair for each input value.

    Raises:
        InputError: an end is no number, or there are too many or too few pairs.
    """
    wanted = len(network.input_values)
    found = rows(ends, what, max(wanted, MAX_LISTED))
    if len(found) != wanted:
        if not any(_is_pair(entry) for entry in found):
            raise refused(what, "one pair (lower, upper) for each input", ends)
        raise InputError(f"{what}: {len(found)} pairs for a network of {wanted} inputs")
    pairs = [_pair(entry, f"input {i} of {what}") for i, entry in enumerate(found)]
    return [low for low, _ in pairs], [high for _, high in pairs]


def _is_pair(entry: Any) -> bool:
    try:
        return bool(pair(entry, ""))
    except InputError:
        return False


def _pair(entry: Any, what: str) -> tuple[fmpq, fmpq]:
    """The two ends of one input's interval."""
    low, high = pair(entry, what)
    return number(low, what), number(high, what)


def output_value(network: Network, index: Any, what: str = "output") -> int:
    """The value number of the output with this index; InputError if there is none."""
    values, place = network.output_values, rules.whole(index, what)
    if not 0 <= place < len(values):
        raise InputError(f"no {what} {shown(place)}: the network has {numbered(len(values))}")
    return values[place]
