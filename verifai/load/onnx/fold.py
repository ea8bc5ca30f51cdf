"""Operators on constants only: shape arithmetic and what exporters leave unfolded, all exact.

Sources: the operators' pages of the ONNX standard, opset 7 and later.
May import: numpy, kernel, values, rational, call. Must not know: protobuf, nodes.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flint import fmpq

from verifai.graph.rational import check_exact, narrow, objects, rationals, truncated
from verifai.graph.values import Constant, Value, broadcast_shape, check_size
from verifai.kernel.operator import Array
from verifai.load.lower.constants import as_type, folded, reals
from verifai.load.onnx.call import Call, Lowering

_TYPES: Mapping[int, Any] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    4: np.uint16,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
    12: np.uint32,
    13: np.uint64,
}  # of TensorProto.DataType
_FLOAT, _DOUBLE = 1, 11
_HALF = fmpq(1, 2)


def constant(call: Call) -> list[Value]:
    """Constant: the one attribute that is given."""
    if len(call.attributes) != 1:
        raise call.refuse("not exactly one value")
    name, value = next(iter(call.attributes.items()))
    call.ignore(name)
    if name == "value" and isinstance(value, Constant):
        return [value]
    if name in ("value_float", "value_floats") and isinstance(value, float | tuple):
        return [Constant(np.array(value, dtype=np.float64), call.name)]
    if name in ("value_int", "value_ints") and isinstance(value, int | tuple):
        return [Constant(np.array(value, dtype=np.int64), call.name)]
    raise call.refuse(f"a value of kind {name!r}")


def constant_of_shape(call: Call) -> list[Value]:
    """ConstantOfShape: one number (0 if left out) everywhere."""
    shape, fill = check_size(call.integers(0)), call.tensor("value")
    value = np.zeros((), dtype=np.float64) if fill is None else fill.array
    if value.size != 1:
        raise call.refuse(f"{value.size} values to fill with")
    return [Constant(np.broadcast_to(value.reshape(()), shape), call.name)]


def shape(call: Call) -> list[Value]:
    """Shape: all lengths, or those from start to end."""
    lengths = call.value(0).shape
    start, end = call.integer("start", 0), call.integer("end", len(lengths))
    return [Constant(np.array(lengths[start:end], dtype=np.int64), call.name)]


def size(call: Call) -> list[Value]:
    """Size: the number of entries."""
    return [Constant(np.array(math.prod(call.value(0).shape), dtype=np.int64), call.name)]


def cast(call: Call) -> list[Value]:
    """Cast: constants to any type (floats to integers truncate), values to float or double."""
    call.ignore("saturate", "round_mode")
    return [_as_element_type(call, call.value(0), call.integer("to", 0))]


def cast_like(call: Call) -> list[Value]:
    """CastLike: a cast to the element type of the second input."""
    call.ignore("saturate", "round_mode")
    call.value(1)
    return [_as_element_type(call, call.value(0), call.type_of(1))]


def _as_element_type(call: Call, x: Value, to: int) -> Value:
    own = call.type_of(0)
    if to == own or (own, to) == (_FLOAT, _DOUBLE):
        return x
    if not isinstance(x, Constant):
        if to not in (_FLOAT, _DOUBLE):
            raise call.refuse(f"values that depend on the input cast to element type {to}")
        return x
    if to not in _TYPES:
        raise call.refuse(f"a cast to element type {to}")
    dtype = np.dtype(_TYPES[to])
    if dtype.kind == "b":
        return Constant(x.array != 0, x.name)
    if dtype.kind != "f":
        call.builder.spend(x.array.size)
        whole = (truncated(v) for v in rationals(call.constant(0).array).ravel())
        return Constant(as_type(objects(whole, x.shape), dtype), x.name)
    if x.array.dtype == object:
        raise call.refuse(f"the constant {x.name!r}, which is no float, cast to {dtype}")
    return Constant(x.array.astype(dtype).astype(np.float64), x.name)


def range_(call: Call) -> list[Value]:
    """Range: start, start + delta, … before limit."""
    ends = [call.constant(i) for i in range(3)]
    start, limit, delta = (rationals(end.array).ravel() for end in ends)
    if not len(start) == len(limit) == len(delta) == 1 or not delta[0]:
        raise call.refuse("start, limit and delta are not three numbers, the last other than 0")
    count = max(0, -_floor((start[0] - limit[0]) / delta[0]))
    call.builder.spend(check_exact(count))
    values = objects((start[0] + i * delta[0] for i in range(count)), (count,))
    if not ends[0].is_integer:
        return [Constant(narrow(values), call.name)]
    return [Constant(as_type(objects(map(int, values), (count,)), ends[0].array.dtype), call.name)]


def _floor(value: fmpq) -> int:
    return int(value.p) // int(value.q)


def mod(call: Call) -> list[Value]:
    """Mod: with the sign of the divisor, or of the dividend for fmod."""
    x, y = call.constant(0), call.constant(1)
    if not reals(y).all():
        raise call.refuse(f"the divisor {y.name!r} holds zero")
    if not call.flag("fmod"):
        if not x.is_integer and call.opset < 28:
            raise call.refuse("reals need fmod = 1")
        return [folded(call.builder, lambda a, b: a - b * _floor(fmpq(a) / fmpq(b)), x, y)]
    return [folded(call.builder, _fmod, x, y)]


def _fmod(a: Any, b: Any) -> Any:
    quotient = abs(fmpq(a) / fmpq(b))
    rest = abs(a) - abs(b) * _floor(quotient)
    return -rest if a < 0 else rest


def _rounded(value: Any) -> Any:
    """The nearest integer, the even one of two."""
    low = _floor(value)
    rest = value - low
    return fmpq(low + 1 if rest > _HALF or (rest == _HALF and low % 2 == 1) else low)


def _unary(operation: Callable[[Any], Any]) -> Lowering:
    def lowering(call: Call) -> list[Value]:
        x = call.constant(0)
        return [x if x.is_integer else folded(call.builder, operation, x)]

    return lowering


def _comparison(operation: Callable[[Any, Any], bool]) -> Lowering:
    def lowering(call: Call) -> list[Value]:
        x, y = call.constant(0), call.constant(1)
        call.builder.spend(check_exact(math.prod(broadcast_shape(x.shape, y.shape))))
        a, b = np.broadcast_arrays(rationals(x.array), rationals(y.array))
        truths = [bool(operation(p, q)) for p, q in zip(a.ravel(), b.ravel(), strict=True)]
        return [Constant(np.array(truths, dtype=bool).reshape(a.shape), call.name)]

    return lowering


def _logic(operation: Callable[..., Array]) -> Lowering:
    def lowering(call: Call) -> list[Value]:
        values = [call.constant(i).array for i in range(len(call.inputs))]
        if any(array.dtype.kind != "b" for array in values):
            raise call.refuse("an operand that is not of type bool")
        broadcast_shape(*(array.shape for array in values))
        return [Constant(np.asarray(operation(*values)), call.name)]

    return lowering


ceiling = _unary(lambda v: fmpq(-_floor(-v)))
floor = _unary(lambda v: fmpq(_floor(v)))
nearest_integer = _unary(_rounded)
equal, greater, less = (_comparison(each) for each in (operator.eq, operator.gt, operator.lt))
greater_or_equal, less_or_equal = _comparison(operator.ge), _comparison(operator.le)
conjunction, disjunction = _logic(np.logical_and), _logic(np.logical_or)
exclusive_disjunction, negation = _logic(np.logical_xor), _logic(np.logical_not)
