"""Affine and piecewise-linear nodes from numbers and lists, which are broadcast to what nodes hold.

May import: numpy, the kernel. Must not know: graphs, files.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from verifai.kernel.errors import InputError
from verifai.kernel.network import Affine, Pwl
from verifai.kernel.operator import Array, Operator, floats


def affine(
    name: str,
    shape: tuple[int, ...],
    terms: tuple[tuple[int, Operator], ...],
    *,
    bias: Any = 0.0,
    divisor: Any = None,
    radius: Any = None,
) -> Affine:
    """An affine node; bias, divisor and radius may be numbers or broadcast to `shape`.

    Raises:
        InputError: an entry is not finite, or shapes do not broadcast.
    """
    size = math.prod(shape)

    def spread(what: str, array: Any) -> Array:
        values = floats(f"node {name!r}: {what}", array)
        try:
            flat = values if values.shape == (size,) else np.broadcast_to(values, shape).reshape(-1)
        except ValueError:
            raise InputError(
                f"node {name!r}: {what} of shape {values.shape}, not {shape}"
            ) from None
        return floats(what, flat)

    return Affine(
        name,
        tuple(shape),
        terms,
        spread("bias", bias),
        None if divisor is None else spread("divisor", divisor),
        None if radius is None else spread("radius", radius),
    )


def pwl(
    name: str, shape: tuple[int, ...], source: int, knots: Any, slopes: Any, anchor: Any = 0.0
) -> Pwl:
    """A piecewise-linear node; knots (K,) or (K, n), slopes one more, anchor a number or (n,).

    Raises:
        InputError: an entry is not finite or the lengths differ.
    """
    arrays = [
        floats(f"node {name!r}: {what}", a) for what, a in (("knots", knots), ("slopes", slopes))
    ]
    arrays = [a.reshape(len(a), -1) if a.ndim else a.reshape(1, 1) for a in arrays]
    last = floats(f"node {name!r}: anchor", anchor).reshape(-1)
    columns = max(a.shape[-1] for a in (*arrays, last))
    try:
        k, s = (floats("data", np.broadcast_to(a, (len(a), columns))) for a in arrays)
        return Pwl(
            name, tuple(shape), source, k, s, floats("data", np.broadcast_to(last, (columns,)))
        )
    except ValueError:
        raise InputError(f"node {name!r}: knots, slopes and anchor of different widths") from None


def relu(name: str, shape: tuple[int, ...], source: int) -> Pwl:
    """max(0, x), elementwise."""
    return pwl(name, shape, source, [0.0], [0.0, 1.0])
