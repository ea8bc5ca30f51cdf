"""One row of the table of ATen operators: what an operator means, and what is said of it.

May import: lower/named, call. Must not know: which operators there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verifai.load.lower.named import named
from verifai.load.torch.call import AtenCall, Result


@dataclass(frozen=True, slots=True)
class Row:
    """One ATen operator.

    Attributes:
        name: its kind, such as aten.add.Tensor.
        make: how it is lowered: a function, or where one is that is imported when it is needed
            ("module.function"). If `is_plain`, one of `verifai.load.lower` that takes a builder
            and the arguments `takes` and `numbers`; else a reader in this folder, which takes the
            call and the words `takes`.
        meaning: what it becomes, in a few words for the documentation.
        takes: names of arguments that are tensors, or words that the reader understands.
        numbers: names of arguments that are numbers.
        is_plain: whether these are all there is to read.
        gives_truth: whether it makes truth values of numbers.
    """

    name: str
    make: str | Callable[..., Any]
    meaning: str
    takes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    is_plain: bool = False
    gives_truth: bool = False

    def lower(self, call: AtenCall) -> Result:
        """The operator's results.

        Raises:
            InputError: the operator cannot be lowered.
        """
        if not self.is_plain:
            read: Result = self.function()(call, *self.takes)
            return read
        values = [call.value(name) for name in self.takes]
        numbers = [call.number(name) for name in self.numbers]
        made: Result = self.function()(call.builder, *values, *numbers)
        return made

    def function(self) -> Callable[..., Any]:
        """The function that `make` is or names."""
        return named(self.make, "lower" if self.is_plain else "torch")


def plain(
    name: str, make: str | Callable[..., Any], meaning: str, takes: str = "self", numbers: str = ""
) -> Row:
    """The row of an operator whose tensors and numbers (names in one string) are all to read."""
    return Row(name, make, meaning, tuple(takes.split()), tuple(numbers.split()), is_plain=True)
