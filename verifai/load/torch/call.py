"""One ATen operator of a program as its lowering sees it, and the row that says what it means.

A call remembers what was read of it: an argument that a lowering overlooks is an error.
Numbers stay the doubles they are.

May import: numpy, flint, kernel, values, builder, lower/constants, lower/named; torch
when called. Must not know: graphs, which operators there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import fmpq

from verifai.graph.builder import Builder
from verifai.graph.rational import narrow, objects
from verifai.graph.values import Activation, Constant, Masked, Value
from verifai.kernel.operator import Array
from verifai.load.errors import LoadError
from verifai.load.lower.constants import known, reals
from verifai.load.lower.named import named

_PLACEMENT = frozenset({"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking"})
_JUMPS = {
    "aten.pow.Tensor_Tensor": frozenset({"exponent"}),
    "aten.sign.default": frozenset({"self"}),
}  # of those that make floats: which arguments decide
Result = Value | tuple[Value | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class AtenCall:
    """An operator with its tensors lowered.

    Attributes:
        name: the node's name.
        op_type: its kind, such as aten.add.Tensor.
        function: torch's own operator.
        arguments: by their names in the operator's schema, defaults filled in.
        given: the names of those that are not at their default.
        dtype: torch's type of the (first) result.
        types: torch's types of the arguments that are tensors, by name.
        rounded: the names of those that are constants which the program rounds.
        builder: where the nodes go.
        seen: what was read so far.
    """

    name: str
    op_type: str
    function: Any
    arguments: Mapping[str, Any]
    given: frozenset[str]
    dtype: Any
    types: Mapping[str, Any]
    rounded: frozenset[str]
    builder: Builder
    seen: set[str] = field(default_factory=set)

    @property
    def truths(self) -> frozenset[str]:
        """The names of arguments that are tensors of truth values."""
        return frozenset(n for n, dtype in self.types.items() if str(dtype) == "torch.bool")

    @property
    def is_truth(self) -> bool:
        """Whether the result holds truth values."""
        return str(self.dtype) == "torch.bool"

    @property
    def is_float(self) -> bool:
        """Whether the result holds floats."""
        return bool(self.dtype.is_floating_point)

    @property
    def is_known(self) -> bool:
        """Whether it makes integers or truth values of constants alone."""
        given = list(self.arguments.values())
        entries = [e for v in given for e in (v if isinstance(v, list | tuple) else (v,))]
        return not self.is_float and not any(isinstance(entry, Activation) for entry in entries)

    def refuse(self, reason: str) -> LoadError:
        """The error to raise when the operator cannot be lowered."""
        return LoadError(reason, node=self.name, op_type=self.op_type)

    def check_jump(self) -> None:
        """LoadError if a constant that the program rounds decides on which side of a jump it is."""
        asked = _JUMPS.get(self.op_type, frozenset(self.rounded if self.is_known else ()))
        for name in sorted(self.rounded & asked):
            raise self.refuse(
                f"it jumps, and the program rounds {name!r}, which is made of constants: "
                "compute it once in the module's __init__ and register it as a buffer"
            )

    def check_all_read(self) -> None:
        """LoadError if an argument that matters was not read."""
        for name in sorted(self.given - self.seen - _PLACEMENT):
            raise self.refuse(f"the argument {name!r} is not understood here")

    def argument(self, name: str) -> Any:
        """An argument as it is."""
        self.seen.add(name)
        return self.arguments[name]

    def value(self, name: str) -> Value:
        """A tensor or number; integers that meet floats become reals.

        Raises:
            LoadError: it is left out, or no tensor and no number.
        """
        value = self.argument(name)
        if isinstance(value, bool | int | float):
            value = constant(value, name)
        value = self.tensor(name, value)
        if isinstance(value, Constant) and value.is_integer and self.is_float:
            is_truth = value.array.dtype.kind == "b"
            array = value.array.astype(np.float64) if is_truth else reals(value)
            return Constant(array, value.name)
        return value

    def tensor(self, name: str, value: Any) -> Value:
        """A part of an argument, which must be a tensor of numbers.

        Raises:
            LoadError: it is none, or holds minus infinity.
        """
        if isinstance(value, Masked):
            raise self.refuse(f"{name!r} holds -infinity, which only softmax understands")
        if not isinstance(value, Constant | Activation):
            raise self.refuse(f"the argument {name!r} is {value!r}, no tensor")
        return value

    def optional(self, name: str) -> Value | None:
        """A tensor or number, None where it is left out."""
        return None if self.argument(name) is None else self.value(name)

    def number(self, name: str) -> float:
        """A finite number, as the double it is.

        Raises:
            LoadError: it is no number.
        """
        value = self.argument(name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(f"the argument {name!r} is {value!r}, no finite number")
        return float(value)

    def integer(self, name: str) -> int:
        """An integer.

        Raises:
            LoadError: it is none.
        """
        value = self.argument(name)
        if not isinstance(value, int):
            raise self.refuse(f"the argument {name!r} is {value!r}, no integer")
        return value

    def integers(self, name: str, count: int = 0) -> tuple[int, ...]:
        """A list of integers; a single one is repeated `count` times.

        Raises:
            LoadError: it is none.
        """
        value = self.argument(name)
        listed = [value] if isinstance(value, int) else value
        if not isinstance(listed, list | tuple) or not all(isinstance(n, int) for n in listed):
            raise self.refuse(f"the argument {name!r} is {value!r}, no list of integers")
        return tuple(listed) * (count if len(listed) == 1 and count else 1)

    def known(self, name: str) -> Array:
        """A tensor that does not depend on the input, as float64 or rationals.

        Raises:
            InputError: it does, or it holds NaN or infinity.
        """
        return known(self.value(name), f"the argument {name!r}")


def constant(value: float | fmpq | tuple[int, ...], name: str) -> Constant:
    """A number of the program, exactly, or a list of integers."""
    if isinstance(value, tuple):
        return Constant(np.array(value, dtype=np.int64), name)
    if isinstance(value, float):
        return Constant(np.array(value), name)
    return Constant(narrow(objects([fmpq(value)], ())), name)


def as_torch(value: Constant) -> Any:
    """A constant as a torch tensor of the same numbers.

    Raises:
        LoadError: it holds rationals that are no doubles.
    """
    import torch

    if value.array.dtype == object:
        raise LoadError(f"the constant {value.name!r} holds numbers that are no doubles")
    return torch.from_numpy(np.array(value.array))


@dataclass(frozen=True, slots=True)
class AtenRow:
    """One ATen operator.

    Attributes:
        name: its kind, such as aten.add.Tensor.
        make: how it is lowered: a function, or where one is that is imported when it is needed
            ("module.function"). If `is_plain`, one of `verifai.load.lower` that takes a builder
            and the arguments `takes` and `numbers`; else a reader in this folder, which takes the
            call and the words `takes`.
        meaning: what it becomes, in a few words for the documentation.
        takes: names of arguments that are tensors, or words that the reader understands; by spaces.
        numbers: names of arguments that are numbers.
        is_plain: whether these are all there is to read.
        gives_truth: whether it makes truth values of numbers.
    """

    name: str
    make: str | Callable[..., Any]
    meaning: str
    takes: str = ""
    numbers: str = ""
    is_plain: bool = False
    gives_truth: bool = False

    @property
    def is_moved(self) -> bool:
        """Whether it only moves entries, or torch computes it: nothing that is exact is rounded."""
        return isinstance(self.make, str) and self.make.startswith(("moves.", "known."))

    def lower(self, call: AtenCall) -> Result:
        """The operator's results.

        Raises:
            InputError: the operator cannot be lowered.
        """
        if not self.is_plain:
            read: Result = self.function()(call, *self.takes.split())
            return read
        values = [call.value(name) for name in self.takes.split()]
        numbers = [call.number(name) for name in self.numbers.split()]
        made: Result = self.function()(call.builder, *values, *numbers)
        return made

    def function(self) -> Callable[..., Any]:
        """The function that `make` is or names."""
        return named(self.make, "lower" if self.is_plain else "torch")


def plain(
    name: str, make: str | Callable[..., Any], meaning: str, takes: str = "self", numbers: str = ""
) -> AtenRow:
    """The row of an operator whose tensors and numbers (names in one string) are all to read."""
    return AtenRow(name, make, meaning, takes, numbers, is_plain=True)
