"""A query about a float32 program: its inputs are binary32 numbers and nothing in it overflows.

May import: numpy, python-flint, kernel, float32, sum. Must not know: the command line.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from flint import fmpq

from verifai.kernel.arithmetic import Ends, Rounded
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.forward import Machine
from verifai.kernel.network import Affine, Network
from verifai.kernel.number import above, below, exact
from verifai.kernel.operator import Array
from verifai.kernel.query import Query
from verifai.load.float32.network import Float32Network
from verifai.load.float32.sum import LARGEST

Asked = TypeVar("Asked", bound=Query)


def float32_query(query: Asked) -> Asked:
    """The query with the box's ends at binary32 numbers; as it is if its network is over the reals.

    The inputs that are lost are no binary32 numbers. An interval that holds none (mostly that of
    one decimal) becomes the nearest one, as a program reads it. A second call changes nothing.

    Raises:
        InputError: a value may exceed 2^40 on the box, where overflow is not excluded.
    """
    if not isinstance(query.network, Float32Network):
        return query
    ends = [_inner(low, high) for low, high in zip(query.lower, query.upper, strict=True)]
    lower, upper = (tuple(each[side] for each in ends) for side in (0, 1))
    inner = replace(query, lower=lower, upper=upper, assumptions=query.network.assumptions)
    if not inner.is_vacuous:
        _require_range(inner)
    return inner


def _inner(low: fmpq, high: fmpq) -> tuple[fmpq, fmpq]:
    """The least and greatest binary32 number in an interval, or twice the nearest one."""
    least, greatest = least_binary32(low), -least_binary32(-high)
    if least <= greatest or low > high:
        return least, greatest
    middle = (low + high) / 2
    nearest = least if least - middle <= middle - greatest else greatest
    return nearest, nearest


def least_binary32(value: fmpq) -> fmpq:
    """The least binary32 number that is not below value.

    >>> least_binary32(fmpq(1, 3)) - fmpq(1, 3) < fmpq(1, 2**25)
    True

    Raises:
        InputError: there is none.
    """
    double = above(value)  # binary32 numbers are doubles: none lies between
    with np.errstate(over="ignore"):
        guess = np.float32(double)
    if float(guess) < double:
        guess = np.nextafter(guess, np.float32(np.inf))
    if not np.isfinite(guess):
        raise InputError("an input beyond the range of float32")
    return exact(float(guess))


def _require_range(query: Query) -> None:
    """Return if on the box all values, and the sums of absolute terms, are at most LARGEST.

    Raises:
        InputError: a node's may be larger; it is named.
    """
    network, machine = query.network, Machine(query.network, Rounded())
    try:
        with np.errstate(all="ignore"):
            ends = machine.forward(_boxes(network, query))
    except Rejection as rejection:
        raise InputError(f"values on the box cannot be bounded: {rejection}") from None
    magnitudes: list[Array] = [np.maximum(np.abs(low), np.abs(high)) for low, high in ends]
    for i, node in enumerate(network.nodes):
        sizes = [magnitudes[i]]
        if isinstance(node, Affine):
            sizes.append(machine.size(i, [magnitudes[source] for source in node.sources]))
        if not all((size <= LARGEST).all() for size in sizes):
            raise InputError(
                f"node {node.name!r} may exceed 2^40 on this box: the float32 semantics does not "
                "exclude overflow there"
            )


def _boxes(network: Network, query: Query) -> list[Ends]:
    boxes = []
    for part in network.input_slices:
        low = np.array([below(end) for end in query.lower[part]])
        high = np.array([above(end) for end in query.upper[part]])
        boxes.append((low[None], high[None]))
    return boxes
