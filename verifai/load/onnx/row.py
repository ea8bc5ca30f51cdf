"""One row of the table of ONNX operators: what one means, how it rounds, what is said of it.

May import: values, lower/named, lower/rounding, call. Must not know: which operators there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from verifai.graph.values import Value
from verifai.load.lower.named import named
from verifai.load.lower.rounding import Rounding
from verifai.load.onnx.call import Call


@dataclass(frozen=True, slots=True)
class Row:
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
    """

    name: str
    make: str | Callable[..., Any]
    rounding: Rounding
    meaning: str
    is_plain: bool = False
    options: Mapping[str, float | str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

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
) -> Row:
    """The row of an operator whose inputs and options are all there is to read."""
    return Row(name, make, rounding, meaning, is_plain=True, options=options)
