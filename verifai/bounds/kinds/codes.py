"""Lower slopes of piecewise-linear values as certificates hold them: codes of one byte.

May import: numpy, maps, pieces. Must not know: networks, certificates.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from verifai.bounds.kinds.pieces import Span
from verifai.bounds.maps import Array

Codes = npt.NDArray[np.uint8]
CODES = 128  # a lower slope's code q means left + q/128·(right - left)
DEFAULT_CODE = 255


def codes_of(touched: Span, slopes: Array) -> Codes:
    """The codes nearest to lower slopes: 0 … 128; 255 without a knot inside or where it is NaN."""
    width = touched.right - touched.left
    usable = touched.is_split & ~np.isnan(slopes)
    wide = usable & (width != 0)
    share = np.where(wide, slopes - touched.left, 0) / np.where(wide, width, 1)
    codes = np.rint(np.clip(share, 0, 1) * CODES)
    return np.where(usable, codes, DEFAULT_CODE).astype(np.uint8)


def slopes_of(touched: Span, codes: Codes) -> Array:
    """The lower slopes that codes mean, NaN for default."""
    share = codes.astype(touched.left.dtype) / CODES
    slopes = touched.left + share * (touched.right - touched.left)
    return np.where(codes == DEFAULT_CODE, np.nan, slopes)
