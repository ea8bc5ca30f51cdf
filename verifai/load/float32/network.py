"""The float32 semantics of an ONNX file: what a program may compute that rounds at every step.

An operator whose row knows no rounding is refused.

May import: kernel, original, onnx/file, onnx/graph, onnx/operators, onnx/call, onnx/original,
builder, sum, lower/rounding.
Must not know: the command line, queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from verifai.graph.reading import Loaded, read_from, readings_of
from verifai.graph.values import Activation, Constant, Value
from verifai.kernel.errors import InputError
from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.load.errors import LoadError
from verifai.load.float32.builder import Float32Builder
from verifai.load.float32.sum import LARGEST
from verifai.load.lower.rounding import Accuracy
from verifai.load.onnx.call import Call, Lowering
from verifai.load.onnx.file import find, read_model
from verifai.load.onnx.graph import lower
from verifai.load.onnx.operators import ROWS
from verifai.load.onnx.original import OnnxOriginal

MAX_ULP = 1 << 16
_FLOAT = 1  # element type of TensorProto
_OTHER_FLOATS = frozenset([10, 11, 16])  # float16, double, bfloat16
_ULP = 2.0**-23  # of a normal number, relative
_SMALLEST_NORMAL = 2.0**-126

_ALWAYS = (
    "inputs are binary32 numbers: those of the box, or the nearest where an interval holds none",
    "results are binary32, rounded to nearest, subnormal ones kept or flushed to zero",
    "Conv, Gemm, MatMul and the like add products in any order, fused multiply-add or not",
    "a bias, normalization or residual after a sum may be folded into it; nothing else is",
    "not Winograd, FFT or Strassen; not TF32, bfloat16 or float16; no quantization",
    "division is IEEE's; Pow with exponent 2 or 3 multiplies",
)


@dataclass(frozen=True, eq=False, repr=False)
class Float32Network(Loaded):
    """A network with the rounding of float32 programs in its radii.

    Attributes:
        assumptions: about the program, one sentence each.
    """

    assumptions: tuple[str, ...] = ()


def load_float32(path: str | Path, assume_ulp: int | None = None) -> Float32Network:
    """The network of an ONNX file whose values are all that float32 programs may compute.

    Whatever a program under the assumptions computes at float32 inputs, some choice of the errors
    within the network's radii gives the same values at every node.

    Args:
        path: as for `load_onnx`.
        assume_ulp: how many units in the last place smooth operators may be off; None: refuse them.

    Raises:
        LoadError: the file is unreadable, or an operator's rounding is not known; it is named.
    """
    if assume_ulp is not None and not 1 <= assume_ulp <= MAX_ULP:
        raise LoadError(f"an accuracy of {assume_ulp} units in the last place (1 to {MAX_ULP})")
    file = find(path)
    try:
        model = read_model(file)
        _require_float32(model)
        network = lower(model, file.parent, builder=Float32Builder(), apply=_rounding(assume_ulp))
    except LoadError:
        raise
    except (InputError, UnicodeDecodeError) as error:
        raise LoadError(str(error)) from None
    read = read_from(network, OnnxOriginal(file, model, is_changed=False))
    taken = assumptions(assume_ulp)
    return Float32Network(read.nodes, read.outputs, readings_of(read), taken)


def assumptions(assume_ulp: int | None) -> tuple[str, ...]:
    """What is taken for granted about the program that runs the file."""
    said = list(_ALWAYS)
    if assume_ulp is not None:
        kinds = {name: row.rounding.kind for name, row in ROWS.items()}
        names = ", ".join(sorted(n for n, kind in kinds.items() if kind is Accuracy.SMOOTH))
        said.append(f"{names} are off by at most {assume_ulp} units in the last place")
    return tuple(said)


def _require_float32(model: Any) -> None:
    known = {message.name for message in model.graph.initializer}
    for entry in model.graph.input:
        if entry.name not in known and entry.type.tensor_type.elem_type != _FLOAT:
            raise LoadError(f"the input {entry.name!r} is not of type float (float32)")


def _rounding(assume_ulp: int | None) -> Lowering:
    """The lowering of every operator, with results that stray as a float32 program's do."""

    def lowered(call: Call) -> list[Value]:
        builder, row = call.builder, ROWS[call.op_type]
        kind, steps = row.rounding.kind, row.rounding.steps
        if not isinstance(builder, Float32Builder):
            raise TypeError("the float32 semantics needs a Float32Builder")
        _check(call, assume_ulp)
        if kind is Accuracy.EXACT:
            results = list(row.lower(call))
        elif kind is Accuracy.SMOOTH:
            ulp = (assume_ulp or 0) * _ULP * (1 + _ULP)
            results = [_rounded(builder, v, 0, ulp) for v in row.lower(call)]
        else:
            with builder.rounding(steps):
                results = list(row.lower(call))
            results = [_rounded(builder, value, max(steps, 1)) for value in results]
        return [_binary32(call, value) for value in results]

    return lowered


def _rounded(builder: Float32Builder, value: Value, steps: int, slack: float = 0.0) -> Value:
    """A result that is not a rounded sum yet: rounded by itself."""
    if isinstance(value, Constant) or value.node in builder.rounded_nodes:
        return value
    return builder.rounded(value, steps=steps, slack=slack)


def _check(call: Call, assume_ulp: int | None) -> None:
    """LoadError unless the operator's rounding is known, for these constants."""
    name, rounding = call.op_type, ROWS[call.op_type].rounding
    if rounding.kind is Accuracy.UNKNOWN:
        raise call.refuse("its float32 rounding is not known here")
    if rounding.kind is Accuracy.SMOOTH and assume_ulp is None:
        raise call.refuse("its float32 rounding must be declared (--assume-ulp K)")
    constants = [value for value in call.inputs if isinstance(value, Constant)]
    for constant in constants:
        if constant.array.dtype == object or not _is_binary32(constant.array, name == "Cast"):
            raise call.refuse(f"the constant {constant.name!r} holds numbers that are no float32")
        is_summed = rounding.kind is not Accuracy.EXACT and not constant.is_integer
        if is_summed and not (np.abs(constant.array) <= LARGEST).all():
            raise call.refuse(f"the constant {constant.name!r} holds numbers above 2^40")
    if name == "Cast" and len(constants) < len(call.inputs) and call.integer("to", 0) != _FLOAT:
        raise call.refuse("a cast to a type other than float32")
    whole = sum(constant.is_integer for constant in constants)
    if rounding.of_integers and whole < len(call.inputs):
        raise call.refuse("its float32 rounding is known for constant integers only")
    if name == "Pow":
        _check_power(call, constants)
    if name == "BatchNormalization":
        _check_variance(call)


def _check_power(call: Call, constants: list[Constant]) -> None:
    exponents = {float(v) for constant in constants for v in constant.array.ravel()}
    if len(constants) != 1 or call.inputs[-1] is not constants[0] or not exponents <= {2.0, 3.0}:
        raise call.refuse("its float32 rounding is known for the exponents 2 and 3")


def _check_variance(call: Call) -> None:
    epsilon = call.number("epsilon", 1e-5)
    if not (call.real(4).astype(np.float64) + epsilon >= 1 / LARGEST).all():
        raise call.refuse("a variance plus epsilon below 2^-40")


def _is_binary32(array: Array, is_cast: bool) -> bool:
    """Whether the numbers are binary32, infinities among them (or integers, or to be cast)."""
    if array.dtype.kind != "f" or is_cast:
        return True
    with np.errstate(over="ignore"):
        return bool((array == array.astype(np.float32)).all())


def _binary32(call: Call, value: Value) -> Value:
    """A result; a constant is what float32 arithmetic gives, where that is known."""
    if isinstance(value, Activation) or value.is_integer:
        return value
    array = value.array
    rounding = ROWS[call.op_type].rounding
    if rounding.kind is Accuracy.EXACT and array.dtype != object and _is_binary32(array, False):
        return value
    if not rounding.folds or not _OTHER_FLOATS.isdisjoint(call.types):
        raise call.refuse("the float32 value of this constant is not known here")
    wide = array if array.dtype != object else np.array([nearest(v) for v in array.ravel()])
    wide = wide.reshape(array.shape)
    narrow = wide.astype(np.float32).astype(np.float64)  # 53 ≥ 2·24 + 2 bits: as if rounded once
    size = np.abs(narrow)
    if not ((size <= LARGEST) & ((size >= 2 * _SMALLEST_NORMAL) | (wide == 0))).all():
        raise call.refuse("a constant that float32 cannot hold without overflow or underflow")
    return Constant(narrow, value.name)
