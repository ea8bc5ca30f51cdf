"""Constants made of constants: exact here, rounded by a program, and what may not be asked of them.

Where an operator jumps (Floor, a comparison, a cast to integers), the program's constant may lie on
the other side, and then the program computes something else at every input.

May import: numpy, python-flint, kernel, rational, values,
lower/rounding, errors; it is handed messages of protobuf.
Must not know: how operators are lowered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flint import fmpq

from verifai.graph.rational import rationals
from verifai.graph.values import Constant, Value
from verifai.kernel.number import exact
from verifai.load.errors import LoadError
from verifai.load.lower.rounding import Accuracy, Rounding

_WIDTHS: dict[int, type[np.floating[Any]]] = {1: np.float32, 10: np.float16, 11: np.float64}
_FLOATS = frozenset({0, 1, 10, 11, 16})  # element types; 0 is one that is not known
_JUMPS = frozenset({"Ceil", "Floor", "Mod", "Range", "Round", "Sign"})
_BOOL = 9
_STEPS = frozenset({"Cast", "Ceil", "Floor", "Round"})  # they jump at integers, or half-way
_SHAPES = frozenset({"Dropout", "Shape", "Size"})  # they make whole numbers of a shape alone


_TINY = exact(2.0**-100)  # below it a relative error says nothing


def check_jump(
    node: Any, made: Sequence[int], errors: Mapping[str, float], values: Mapping[str, Value]
) -> None:
    """Return if no constant that a program rounds decides on which side of a jump it falls.

    Args:
        node: the operator.
        made: the element types of its results.
        errors: how far off the program's constants may be, relatively; others are exact.
        values: the tensors.

    Raises:
        LoadError: one does.
    """
    kind = node.op_type
    is_jump = kind in _JUMPS or (kind not in _SHAPES and any(t not in _FLOATS for t in made))
    asked = node.input[1:] if kind == "Pow" else node.input if is_jump else ()
    for name in asked:
        value, error = values.get(name), errors.get(name, 0.0)
        is_step = kind in _STEPS and _BOOL not in made and math.isfinite(error)
        if is_step and isinstance(value, Constant) and not _is_near(value, error, kind):
            continue
        if error:
            raise LoadError(
                f"it jumps, and the program rounds the constant {name!r}, which is made of "
                "constants: store it as the number it is (onnxruntime's basic optimisation does)"
            )


def _is_near(value: Constant, error: float, kind: str) -> bool:
    """Whether an entry is so near a jump that the program's may lie on the other side."""
    shift = fmpq(1, 2) if kind == "Round" else fmpq(0)
    for entry in rationals(value.array).ravel():
        place = entry + shift
        distance = min(place - place.floor(), place.ceil() - place)
        if abs(entry) < _TINY or distance <= 2 * exact(error) * abs(entry):
            return True
    return False


def error_of(
    value: Constant, node: Any, type_: int, rounding: Rounding, errors: Mapping[str, float]
) -> float:
    """How far off the number of a program may be from the exact constant, relatively.

    Args:
        value: what the operator makes of constants.
        node: the operator.
        type_: the element type of the result.
        rounding: how the operator rounds.
        errors: the same of its inputs, where they are not exact.

    Raises:
        LoadError: the number is too large for its type, so that the program has infinity.
    """
    given, kind = sum(errors.get(name, 0.0) for name in node.input), node.op_type
    if value.is_integer or kind in _STEPS - {"Cast"}:
        return 0.0
    if rounding.kind is Accuracy.EXACT and not rounding.of_integers:
        return math.inf if given and kind == "Cast" else given
    step = _step(value, type_)
    if not rounding.folds or (given and kind not in ("Div", "Mul")):
        return math.inf
    return (given + step) * 1.01


def _step(value: Constant, type_: int) -> float:
    """The relative error of one rounding to the element type; 0 where every entry is of it."""
    width = _WIDTHS.get(type_)
    if width is None:
        return math.inf
    if value.array.dtype == object:
        end = exact(float(np.finfo(width).max))
        is_large, is_equal = any(abs(entry) > end for entry in value.array.ravel()), False
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            near = value.array.astype(width).astype(np.float64)
        is_large = bool((np.isinf(near) & np.isfinite(value.array)).any())
        is_equal = bool((near == value.array).all())
    if is_large:
        raise LoadError(f"a constant too large for its type, {np.dtype(width)}: it would be inf")
    return 0.0 if is_equal else float(np.finfo(width).eps)
