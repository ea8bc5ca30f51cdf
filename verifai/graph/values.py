"""What a tensor of the file is while its graph is lowered: a constant, or a view of a kernel node.

Selections (reshape, transpose, slice, pad with zeros, …) only rearrange the array of a constant or
the index of a view, so both are treated by the same numpy functions and cost no node.

May import: numpy, kernel, memory. Must not know: files, operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from verifai.kernel.errors import InputError
from verifai.kernel.operator import MAX_SIZE, Array
from verifai.memory import claim

MAX_AXES = 16
_BYTES_A_VALUE = 64  # of a node: its index, bias and scale, and what reading it takes


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Numbers known from the file: bool, an integer type, float64, or rationals (dtype object).

    Attributes:
        name: the tensor it came from, for messages.
    """

    array: Array
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor."""
        return self.array.shape

    @property
    def is_integer(self) -> bool:
        """Whether its type is an integer type or bool."""
        return self.array.dtype.kind in "biu"


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """Values that depend on the input: entry i is value index[i] of a node, or 0 where it is -1."""

    node: int
    index: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor."""
        return self.index.shape


@dataclass(frozen=True, slots=True, eq=False)
class Masked(Activation):
    """Values of which some are minus infinity: those where `hidden` is true.

    Only what knows about it (Softmax) may read one.
    """

    hidden: npt.NDArray[np.bool_]


Value = Constant | Activation
V = TypeVar("V", bound=Value)


def finite(value: V) -> V:
    """The value itself.

    Raises:
        InputError: it is a constant that holds NaN or infinity.
    """
    is_float = isinstance(value, Constant) and value.array.dtype.kind == "f"
    if isinstance(value, Constant) and is_float and not np.isfinite(value.array).all():
        raise InputError(f"the tensor {value.name!r} holds NaN or infinity")
    return value


def rearranged(value: Value, rearrange: Callable[[Array], Any]) -> Value:
    """The value with its entries moved, repeated or dropped by a numpy function.

    Raises:
        InputError: the result has too many axes.
    """
    array = np.asarray(rearrange(value.array if isinstance(value, Constant) else value.index))
    check_axes(array.shape)
    if isinstance(value, Constant):
        return Constant(array, value.name)
    return Activation(value.node, array)


def check_size(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape itself.

    Raises:
        InputError: a negative length, more entries than a node or the memory holds, or more than
            MAX_AXES axes.
    """
    size = math.prod(max(n, 1) for n in shape)
    if any(length < 0 for length in shape) or size > MAX_SIZE:
        raise InputError(f"a tensor of shape {shape} (at most {MAX_SIZE} values)")
    claim(_BYTES_A_VALUE * size, f"the values of a tensor of shape {shape}")
    return check_axes(shape)


def check_axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape itself; InputError if it has more than MAX_AXES axes."""
    if len(shape) > MAX_AXES:
        raise InputError(f"a tensor with {len(shape)} axes (at most {MAX_AXES})")
    return shape


def broadcast_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which all broadcast.

    Raises:
        InputError: they do not, or the result is too large.
    """
    try:
        return check_size(np.broadcast_shapes(*shapes))
    except ValueError:
        raise InputError(f"shapes that do not broadcast: {', '.join(map(str, shapes))}") from None


def axis_of(axis: int, rank: int) -> int:
    """The axis counted from the front.

    Raises:
        InputError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise InputError(f"axis {axis} of a tensor with {rank} axes")
    return axis % rank
