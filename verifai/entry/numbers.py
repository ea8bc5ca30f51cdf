"""Numbers, and lists of them, as people write them: exactly, or not at all.

May import: numpy, python-flint, kernel, sentences. Must not know: which arguments there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
from flint import fmpq, fmpz

from verifai.entry.sentences import first_line, refused
from verifai.kernel.errors import InputError
from verifai.kernel.number import exact, rational

Number = str | int | float | Fraction | fmpq

MAX_LISTED = 1 << 22  # items of a list without a length
MAX_DEPTH = 64  # of nested lists


def number(value: Any, what: str = "") -> fmpq:
    """The exact value: decimal text as written, a float as the dyadic that it is.

    >>> number("0.1"), number(0.5), number(Fraction(1, 3))
    (1/10, 1/2, 1/3)

    Raises:
        InputError: not finite, or none of text, integer, float, Fraction, Decimal, fmpq, a number
            of numpy, and an array or tensor of one such number.
    """
    found = value if isinstance(value, str) else single(value, what)
    try:
        made = _exact(found)
    except InputError as error:
        raise InputError(f"{what}: {error}" if what else str(error)) from None
    if made is None:
        raise refused(what, "a number", value)
    return made


def _exact(value: Any) -> fmpq | None:
    """The exact value; None of what is no number."""
    if isinstance(value, fmpq):
        return value
    if isinstance(value, str):
        return rational(value)
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer | fmpz):
        return fmpq(int(value))
    if isinstance(value, float):
        return exact(value)
    if isinstance(value, np.floating):  # a long double may be no double
        if not np.isfinite(value):
            raise InputError(f"a number that is not finite: {float(value)!r}")
        return fmpq(*value.as_integer_ratio())
    from decimal import Decimal
    from numbers import Rational

    if isinstance(value, Decimal):
        return rational(str(value))
    if isinstance(value, Rational):
        return fmpq(int(value.numerator), int(value.denominator))
    return None


def single(value: Any, what: str) -> Any:
    """The value, taken out of an array or a tensor that holds nothing else."""
    if isinstance(value, np.generic) or not hasattr(value, "__array__"):
        return value
    flat = entries(value, what)
    if len(flat) != 1:
        raise refused(what, "a single number", value)
    return flat[0]


def entries(value: Any, what: str = "", most: int | None = None) -> list[Any]:
    """The entries of nested lists, arrays and tensors, in row-major order.

    Args:
        value: what holds them.
        what: its name.
        most: reading stops where there are more than so many; None: nowhere.

    Raises:
        InputError: it is none of these, or its entries cannot be had.
    """
    if isinstance(value, str | bytes | Mapping | Set) or (
        not hasattr(value, "__array__") and not isinstance(value, Iterable)
    ):
        raise refused(what, "a list or an array of numbers", value)
    if not isinstance(value, list | tuple | range) and not hasattr(value, "__array__"):
        value = rows(value, what, MAX_LISTED if most is None else most)
    found: list[Any] = []
    todo: list[Iterator[Any]] = [iter((value,))]
    while todo:
        if len(todo) > MAX_DEPTH:
            raise InputError(f"{what}: lists nested deeper than {MAX_DEPTH}")
        for item in todo[-1]:
            if hasattr(item, "__array__") and not isinstance(item, np.generic):
                found += _listed(item, what)
            elif isinstance(item, list | tuple | range):
                todo.append(iter(item))
                break
            else:
                found.append(item)
            if most is not None and len(found) > most:
                return found
        else:
            todo.pop()
    return found


def _listed(array: Any, what: str) -> list[Any]:
    """The entries of an array, or of a tensor wherever it is and whatever gradients it needs."""
    try:
        if hasattr(array, "detach"):
            flat = array.detach().cpu().reshape(-1).tolist()
        else:
            flat = np.asarray(array).reshape(-1).tolist()
    except Exception as error:  # torch's own code: sparse, quantized, without storage
        raise InputError(f"{what}: its entries cannot be read ({first_line(error)})") from None
    return list(flat)


def rows(value: Any, what: str, most: int) -> list[Any]:
    """At most `most + 1` items of a list, an array or any other iterable.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, str | bytes | Mapping | Set) or not isinstance(value, Iterable):
        raise refused(what, "a list", value)
    try:
        items = value.detach().cpu().tolist() if hasattr(value, "detach") else value
        return list(islice(items, most + 1))
    except InputError:
        raise
    except Exception:  # an array without axes, a tensor without values, a foreign object's own code
        raise refused(what, "a list", value) from None


def pair(value: Any, what: str, parts: str = "lower, upper") -> tuple[Any, Any]:
    """Two things; `parts` says which.

    Raises:
        InputError: not two.
    """
    try:
        found = rows(value, what, 2)
    except InputError:
        found = []
    if len(found) != 2:
        raise refused(what, f"a pair ({parts})", value)
    return found[0], found[1]
