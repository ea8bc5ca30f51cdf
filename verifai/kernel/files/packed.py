"""Codes of a certificate without their many defaults: which are given, and those alone.

May import: numpy, errors, operator. Must not know: what codes mean.
"""

from __future__ import annotations

import numpy as np

from verifai.kernel.errors import Rejection
from verifai.kernel.operator import Array

DEFAULT_CODE = 255
MAX_CODES = 1 << 28
PACKED = {"code_mask": "u1", "code": "u1"}


def unpacked_codes(arrays: dict[str, Array], rows: int) -> Array:
    """The matrix of codes (rows, columns) whose packed form is among these arrays.

    Raises:
        Rejection: "table", where the arrays are not what `packed_codes` makes of any matrix.
    """
    mask, code = arrays.get("code_mask"), arrays.get("code", np.zeros(0, dtype=np.uint8))
    if mask is None or "codes" in arrays:
        raise Rejection("table", "codes both packed and not, or without their mask")
    if mask.shape[1] != (rows + 7) // 8 or len(mask) * rows > MAX_CODES:
        raise Rejection("table", f"a mask of shape {mask.shape} for {rows} rows of codes")
    given = np.unpackbits(mask, axis=1, count=rows).view(bool)
    if (np.packbits(given, axis=1) != mask).any():
        raise Rejection("table", "bits behind the mask's last row")
    if int(given.sum()) != len(code) or (code == DEFAULT_CODE).any():
        raise Rejection("table", f"{len(code)} codes for {int(given.sum())} bits, or default ones")
    codes = np.full((rows, len(mask)), DEFAULT_CODE, dtype=np.uint8)
    codes.T[given] = code
    return codes
