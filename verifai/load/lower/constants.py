"""What is known without the input: constants as exact numbers, combined entry by entry.

May import: numpy, kernel, values, builder, rational. Must not know: formats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from verifai.graph.builder import Builder
from verifai.graph.rational import check_exact, narrow, objects, rationals
from verifai.graph.values import Constant, Value, broadcast_shape, finite
from verifai.kernel.errors import InputError
from verifai.kernel.operator import Array

Mask = npt.NDArray[np.bool_]


def reals(constant: Constant) -> Array:
    """The numbers as float64 or rationals."""
    array = constant.array
    return narrow(rationals(array)) if constant.is_integer else array


def known(value: Value, what: str) -> Array:
    """A value's numbers, as float64 or rationals.

    Args:
        value: what must be a constant.
        what: that it is, for messages.

    Raises:
        InputError: it depends on the input, or as `finite`.
    """
    if not isinstance(value, Constant):
        raise InputError(f"{what} must be a constant, but it depends on the input")
    return reals(finite(value))


def unmasked(value: Value) -> tuple[Value, Mask]:
    """The value with 0 for minus infinity, and where that was; only constants hold it.

    Raises:
        InputError: as `finite`, for all else.
    """
    if isinstance(value, Constant) and value.array.dtype.kind == "f":
        hidden = np.asarray(np.isneginf(value.array))
        return finite(Constant(np.where(hidden, 0.0, value.array), value.name)), hidden
    return value, np.zeros(value.shape, dtype=bool)


def folded(builder: Builder, operation: Callable[..., Any], *constants: Constant) -> Constant:
    """operation on every entry, with broadcasting; integers keep their type.

    Raises:
        InputError: an integer overflows its type, or integers meet reals.
    """
    types = {str(c.array.dtype) if c.is_integer else "real" for c in constants}
    if len(types) != 1 or "bool" in types:
        raise InputError(f"constants of types {', '.join(sorted(types))}")
    lengths = broadcast_shape(*(c.shape for c in constants))
    builder.spend(check_exact(math.prod(lengths)))
    integer = constants[0].is_integer
    exact = [c.array.astype(object) if integer else rationals(c.array) for c in constants]
    columns = (np.broadcast_to(array, lengths).ravel() for array in exact)
    result = objects((operation(*row) for row in zip(*columns, strict=True)), lengths)
    array = as_type(result, constants[0].array.dtype) if integer else narrow(result)
    return Constant(array, constants[0].name)


def as_type(values: Array, dtype: Any) -> Array:
    """Integer objects as an integer type.

    Raises:
        InputError: one does not fit.
    """
    limits = np.iinfo(dtype)
    if not all(limits.min <= value <= limits.max for value in values.ravel()):
        raise InputError(f"an integer that does not fit {np.dtype(dtype)}")
    return values.astype(dtype)


def per_channel(error: Array, axes: int) -> Array:
    """The largest relative error of every output channel, to broadcast over the spatial axes."""
    worst: Array = error.reshape(len(error), -1).max(axis=1)
    return worst.reshape(-1, *(1,) * axes)
