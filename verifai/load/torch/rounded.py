"""Constants made of constants: exact here, rounded by the program.

May import: numpy, values, call; torch when called. Must not know: graphs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from verifai.graph.values import Constant
from verifai.kernel.number import exact
from verifai.kernel.operator import Array
from verifai.load.torch.call import AtenCall

_ONCE = frozenset(
    f"aten.{name}.{kind}" for name in ("add", "div", "mul", "sub") for kind in ("Scalar", "Tensor")
)  # rounded once, to the nearest float
_EXACT = "abs amax amin max maximum min minimum neg sign"
_NEVER = frozenset({"aten.where.self", *(f"aten.{name}.default" for name in _EXACT.split())})


def is_rounded(made: Any, call: AtenCall, *, is_moved: bool) -> bool:
    """Whether the program may have other numbers than the exact constants that were made.

    Args:
        made: the result, or several.
        call: the operator.
        is_moved: whether it only moves entries, or is computed by torch itself.

    Raises:
        LoadError: a number is too large for its type, so that the program has infinity.
    """
    results = made if isinstance(made, tuple) else (made,)
    arrays = [v.array for v in results if isinstance(v, Constant) and not v.is_integer]
    if not arrays or call.rounded or is_moved or call.op_type in _NEVER:
        return bool(arrays and call.rounded)
    given = [v.array for v in call.arguments.values() if isinstance(v, Constant)]
    given += [np.array(float(v)) for v in call.arguments.values() if isinstance(v, int | float)]
    equal = [_is_equal(array, call) for array in (*given, *arrays)]  # looks at all for infinity
    return not (all(equal) and call.op_type in _ONCE and "alpha" not in call.given)


def _is_equal(array: Array, call: AtenCall) -> bool:
    """Whether all numbers are such as the type of the result has."""
    import torch

    if array.dtype == object:
        end = exact(float(torch.finfo(call.dtype).max))
        is_large, is_equal = any(abs(entry) > end for entry in array.ravel()), False
    else:
        given = array.astype(np.float64)
        near = torch.from_numpy(given).to(call.dtype).double().numpy()
        is_large = bool((np.isinf(near) & np.isfinite(given)).any())
        is_equal = bool((near == given).all())
    if is_large:
        raise call.refuse(f"a constant too large for {call.dtype}: it would be infinite")
    return is_equal
