"""Whether this process computes in binary64 as SPEC.md assumes; if not, nothing is judged in it.

Any library may flush subnormal numbers to zero or change the rounding of a whole thread. Operands
and results are given as bits, so that what is compared does not depend on what is tested.

May import: the standard library, numpy, errors, operator. Must not know: networks, certificates.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from verifai.kernel.errors import Unable
from verifai.kernel.operator import Array

COPIES = 19  # of every operand: full vectors of every width, and a rest
SIZE = 24  # of the matrices


def _double(exponent: int, fraction: int = 0) -> int:
    """The bits of 2^exponent·(1 + fraction/2^52)."""
    return (exponent + 1023 << 52) + fraction


ONE, TWO, THREE, LEAST = _double(0), _double(1), _double(1, 1 << 51), 1
NORMAL, MINUS = _double(-1022), 1 << 63
CASES: tuple[tuple[str, tuple[int, ...], int], ...] = (
    ("add", (ONE, _double(-53)), ONE),  # a tie, to even: downwards
    ("add", (ONE + 1, _double(-53)), ONE + 2),  # and upwards
    ("add", (MINUS | ONE, MINUS | _double(-53)), MINUS | ONE),
    ("add", (ONE, _double(-53, 1)), ONE + 1),  # just above the tie
    ("add", (ONE, _double(-53, 1 << 41)), ONE + 1),  # once, not first to 64 bits
    ("add", (LEAST, LEAST), 2),
    ("subtract", (ONE, _double(-54)), ONE),
    ("subtract", (ONE, _double(-54, 1)), ONE - 1),
    ("subtract", (NORMAL + 1, NORMAL), LEAST),  # gradual underflow
    ("subtract", (2, LEAST), LEAST),
    ("multiply", (ONE + 1, ONE + 1), ONE + 2),
    ("multiply", (ONE + 1, THREE), THREE + 2),
    ("multiply", (NORMAL, _double(-1)), NORMAL >> 1),
    ("multiply", (LEAST, ONE), LEAST),
    ("divide", (ONE, THREE), 0x3FD5555555555555),
    ("divide", (TWO, THREE), 0x3FE5555555555555),
    ("divide", (NORMAL, TWO), NORMAL >> 1),
    ("divide", (LEAST, LEAST), ONE),
    ("sqrt", (TWO,), 0x3FF6A09E667F3BCD),
    ("sqrt", (THREE,), 0x3FFBB67AE8584CAA),
    ("sqrt", (LEAST,), _double(-537)),
    ("rint", (_double(-1),), 0),
    ("rint", (_double(0, 1 << 51),), TWO),
)
ARRAYS: dict[str, Callable[..., Array]] = {
    name: getattr(np, name) for name in ("add", "subtract", "multiply", "divide", "sqrt", "rint")
}
NUMBERS: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "sqrt": math.sqrt,
    "rint": lambda x: float(round(x)),
}
PRODUCT: Callable[[Any, Any], Any] = operator.matmul


def require_binary64() -> None:
    """Returns if this thread rounds to nearest, underflows gradually, and multiplies matrices so.

    Raises:
        Unable: it does not; the first operation that is wrong is named.
    """
    with np.errstate(all="ignore"):
        for name, operands, want in CASES:
            arrays = [np.full(COPIES, bits, dtype=np.uint64).view(np.float64) for bits in operands]
            numbers = [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in operands]
            many = np.asarray(ARRAYS[name](*arrays)).view(np.uint64)
            (one,) = struct.unpack("<Q", struct.pack("<d", NUMBERS[name](*numbers)))
            if one != want or (many != want).any():
                _refuse(f"{name} of {', '.join(x.hex() for x in numbers)} is not what it must be")
        short = np.full(COPIES, LEAST, dtype=np.uint32).view(np.float32).astype(np.float64)
        if (short.view(np.uint64) != _double(-149)).any():
            _refuse("subnormal numbers of binary32 are lost")
        _require_products()


def _require_products() -> None:
    """Products whose every sum is exact in binary64, and in no shorter format."""
    column, row = np.arange(SIZE)[:, None], np.arange(SIZE)[None]
    left = (column * 7919 + row * 104729 + 1) * 2654435761 % (1 << 23) - (1 << 22)
    right = (column * 15485863 + row * 6700417 + 1) * 2654435761 % (1 << 23) - (1 << 22)
    a, b, want = left.astype(np.float64), right.astype(np.float64), (left @ right).tolist()
    each = [PRODUCT(a, b).tolist(), PRODUCT(b.T, a.T).T.tolist()]
    each.append([PRODUCT(a, b[:, j]).tolist() for j in range(SIZE)])
    if each != [want, want, [list(entries) for entries in zip(*want, strict=True)]]:
        _refuse("a matrix product of integers is not exact")
    for x, y, bits in ((NORMAL, _double(-1), NORMAL >> 1), (ONE + 1, ONE + 1, ONE + 2)):
        thin = np.full((SIZE, 1), x, dtype=np.uint64).view(np.float64)
        flat = np.full((1, SIZE), y, dtype=np.uint64).view(np.float64)
        if (np.ascontiguousarray(PRODUCT(thin, flat)).view(np.uint64) != bits).any():
            _refuse("a matrix product does not round to nearest, or loses subnormal numbers")


def _refuse(what: str) -> None:
    raise Unable(
        f"this process does not compute in binary64 as IEEE 754 says ({what}): some library has "
        "changed its rounding or flushes subnormal numbers to zero; nothing is judged in it"
    )
