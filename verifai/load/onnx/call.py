"""One operator of an ONNX file as its lowering sees it, and the row that says what it means.

A call remembers what was read of it: an attribute or input that a lowering overlooks is an error,
so that nothing of the file is silently ignored.

May import: numpy, kernel, values, builder; lower/constants, named, rounding.
Must not know: protobuf, which operators there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from verifai.graph.builder import Builder
from verifai.graph.values import Activation, Constant, Masked, Value, finite
from verifai.kernel.operator import Array
from verifai.load.errors import LoadError
from verifai.load.lower.constants import reals
from verifai.load.lower.named import named
from verifai.load.lower.rounding import Rounding

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Constant
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """An operator with its inputs lowered.

    Attributes:
        name: the node's name, or that of its first output.
        op_type: its kind.
        opset: the version of the operator set that gives the kind its meaning.
        inputs: None where an optional one is left out.
        outputs: how many outputs it has.
        attributes: as the file gives them.
        builder: where the nodes go.
        types: element types of the inputs as in the file, as far as they are known.
        seen: what was read so far.
    """

    name: str
    op_type: str
    opset: int
    inputs: tuple[Value | None, ...]
    outputs: int
    attributes: Mapping[str, Attribute]
    builder: Builder
    types: tuple[int, ...] = ()
    seen: set[str | int] = field(default_factory=set)

    def refuse(self, reason: str) -> LoadError:
        """The error to raise when the operator cannot be lowered."""
        return LoadError(reason, node=self.name, op_type=self.op_type)

    def check_agreed(self, is_agreed: bool, reason: str) -> None:
        """LoadError for what files mean by no agreement of the standard and onnxruntime."""
        if not is_agreed:
            raise self.refuse(f"{reason}: the ONNX standard and onnxruntime differ in this")

    def ignore(self, *names: str) -> None:
        """Attributes that have no influence on what is computed."""
        self.seen.update(names)

    def check_all_read(self) -> None:
        """LoadError if an attribute or input was not read."""
        for name in self.attributes:
            if name not in self.seen:
                raise self.refuse(f"the attribute {name!r} is not understood here")
        for place, value in enumerate(self.inputs):
            if value is not None and place not in self.seen:
                raise self.refuse(f"the input {place + 1} is not understood here")

    def has(self, place: int) -> bool:
        """Whether the input is given."""
        return place < len(self.inputs) and self.inputs[place] is not None

    def value(self, place: int) -> Value:
        """An input; LoadError if it is left out."""
        self.seen.add(place)
        value = self.inputs[place] if place < len(self.inputs) else None
        if value is None:
            raise self.refuse(f"the input {place + 1} is missing")
        if isinstance(value, Masked):
            raise self.refuse(
                f"the input {place + 1} holds minus infinity, which only Softmax reads"
            )
        return value

    def maskable(self, place: int) -> Value:
        """An input, which may be minus infinity in places."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if isinstance(value, Masked):
            self.seen.add(place)
            return value
        return self.value(place)

    def type_of(self, place: int) -> int:
        """The element type of an input; 0 where it is not known."""
        return self.types[place] if place < len(self.types) else 0

    def activation(self, place: int) -> Activation:
        """An input as a view of a node."""
        return self.builder.lift(self.finite(place))

    def finite(self, place: int) -> Value:
        """An input; LoadError if it is a constant that holds NaN or infinity."""
        return finite(self.value(place))

    def constant(self, place: int) -> Constant:
        """An input that must be known from the file."""
        value = self.finite(place)
        if not isinstance(value, Constant):
            raise self.refuse(
                f"the input {place + 1} must be a constant, but it depends on the input"
            )
        return value

    def real(self, place: int) -> Array:
        """A constant input as reals (float64 or rationals)."""
        return reals(self.constant(place))

    def integers(self, place: int) -> tuple[int, ...]:
        """A constant input as a list of integers."""
        constant = self.constant(place)
        if not constant.is_integer:
            raise self.refuse(f"the tensor {constant.name!r} must hold integers")
        return tuple(int(n) for n in constant.array.ravel())

    def _attribute(self, name: str, kind: type[T]) -> T | None:
        self.seen.add(name)
        value = self.attributes.get(name)
        if value is not None and not isinstance(value, kind):
            raise self.refuse(f"the attribute {name!r} has the wrong type")
        return value

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self._attribute(name, int)
        return default if value is None else value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """An attribute that is 0 or 1."""
        value = self.integer(name, int(default))
        if value not in (0, 1):
            raise self.refuse(f"the attribute {name!r} is {value}, neither 0 nor 1")
        return value == 1

    def number(self, name: str, default: float) -> float:
        """A float32 attribute; the default is rounded to float32, as everywhere in ONNX."""
        value = self._attribute(name, float)
        if value is None:
            return float(np.float32(default))
        if not math.isfinite(value):
            raise self.refuse(f"the attribute {name!r} is {value}")
        return value

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        value = self._attribute(name, str)
        return default if value is None else value

    def tensor(self, name: str) -> Constant | None:
        """A tensor attribute, None if left out."""
        return self._attribute(name, Constant)

    def sequence(self, name: str) -> tuple[int, ...] | None:
        """An attribute that is a list of integers, None if left out."""
        value = self._attribute(name, tuple)
        if value is not None and not all(isinstance(item, int) for item in value):
            raise self.refuse(f"the attribute {name!r} has the wrong type")
        return value

    def listed(self, name: str, place: int, since: int) -> tuple[int, ...] | None:
        """Integers that are an attribute before opset `since` and an input from there on."""
        if self.opset < since:
            return self.sequence(name)
        return self.integers(place) if self.has(place) else None


Lowering = Callable[[Call], Sequence[Value]]


@dataclass(frozen=True, slots=True)
class OnnxRow:
    """One operator of the standard.

    Attributes:
        name: its kind.
        make: how it is lowered: a function, or where one is that is imported when it is needed
            ("module.function"). If `is_plain`, one of `verifai.load.lower` that takes a builder,
            all inputs and the options; else a reader of calls in this folder.
        rounding: how a float32 program rounds its results.
        meaning: a few words for the documentation.
        is_plain: whether inputs and options are all there is to read.
        options: of a plain one: attributes with their defaults, whose type they have.
        ignored: attributes that have no influence on what is computed.
        typed: which attributes state the element type of the result, where no input does: "to" by
            its number, those whose names begin with "value" by what they hold (float if none is
            given).
    """

    name: str
    make: str | Callable[..., Any]
    rounding: Rounding
    meaning: str
    is_plain: bool = False
    options: Mapping[str, float | str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    typed: str = ""

    def lower(self, call: Call) -> Sequence[Value]:
        """The operator's results.

        Raises:
            InputError: the operator cannot be lowered.
        """
        call.ignore(*self.ignored)
        if not self.is_plain:
            read: Sequence[Value] = self.function()(call)
            return read
        inputs = [call.value(i) if call.has(i) else None for i in range(len(call.inputs))]
        options = {name: _option(call, name, value) for name, value in self.options.items()}
        made = self.function()(call.builder, *inputs, **options)
        results: Sequence[Value] = made if isinstance(made, list) else [made]
        return results

    def function(self) -> Callable[..., Any]:
        """The function that `make` is or names."""
        return named(self.make, "lower" if self.is_plain else "onnx")


def _option(call: Call, name: str, default: float | str) -> float | str:
    """An attribute of the type of its default."""
    if isinstance(default, str):
        return call.text(name, default)
    return call.integer(name, default) if isinstance(default, int) else call.number(name, default)


def plain(
    name: str,
    make: str | Callable[..., Any],
    rounding: Rounding,
    meaning: str,
    **options: float | str,
) -> OnnxRow:
    """The row of an operator whose inputs and options are all there is to read."""
    return OnnxRow(name, make, rounding, meaning, is_plain=True, options=options)
