"""The counterexample: an exact input that violates a property, and how people look at it.

May import: kernel, image. Must not know: how it was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flint import fmpq

from verifai.kernel.errors import InputError
from verifai.kernel.number import nearest
from verifai.kernel.query import Query

if TYPE_CHECKING:
    from verifai.image import Image

MAX_SHOWN = 8  # numbers of a counterexample where it is only named


@dataclass(frozen=True, slots=True, repr=False)
class Counterexample:
    """An exact input in the domain that violates the property, as the kernel replayed it.

    Attributes:
        inputs: exact, one for each input value in the order of values.
        outputs: enclosures (lower, upper) of the network's outputs, exact where they coincide.
        margin: how far the unsafe formula holds at least, in output units (0 where it is tight).
        is_float32: whether float32 execution shows the violation too (None: not tried).
        query: what it violates, where that is known.
    """

    inputs: tuple[fmpq, ...]
    outputs: tuple[tuple[fmpq, fmpq], ...]
    margin: fmpq
    is_float32: bool | None = None
    query: Query | None = field(default=None, compare=False)

    @property
    def exact(self) -> tuple[fmpq, ...]:
        """The inputs as they are; what is printed, `to_numpy` and `to_torch` are rounded."""
        return self.inputs

    @property
    def label(self) -> int | None:
        """The index of the output that is strictly the largest for certain; None: none is."""
        best = max(range(len(self.outputs)), key=lambda i: self.outputs[i][0])
        rivals = (high for i, (_, high) in enumerate(self.outputs) if i != best)
        return best if all(high < self.outputs[best][0] for high in rivals) else None

    def to_numpy(self) -> Any:
        """The doubles nearest to the inputs, in the shape of the network's input.

        One vector of all inputs where the network has several, or is not known.
        """
        import numpy as np

        return np.array([nearest(x) for x in self.inputs]).reshape(self._shape())

    def to_torch(self) -> Any:
        """As `to_numpy`, as a tensor of torch's default type.

        Raises:
            InputError: torch is not installed.
        """
        from verifai.entry.sentences import missing_package

        try:
            import torch
        except ImportError as error:
            raise missing_package(error) from None
        return torch.from_numpy(self.to_numpy()).to(torch.get_default_dtype())

    def image(self, sides: Sequence[int] | None = None) -> Image:
        """The input as grey values, to print, or to be shown by a notebook.

        Args:
            sides: rows and columns; None: as the input's shape says, or a square.

        Raises:
            InputError: the input is no image of such sides, or has several channels.
        """
        from verifai.image import Image, sides_of

        sides = sides_of(self._shape()) if sides is None else sides
        count = len(self.inputs)
        if sides is None or len(sides) != 2 or sides[0] * sides[1] != count:
            raise InputError(f"sides: rows and columns of the {count} inputs are wanted")
        query = self.query
        ends = (self.inputs, self.inputs) if query is None else (query.lower, query.upper)
        return Image.between(self.inputs, sides[1], min(ends[0]), max(ends[1]))

    def _shape(self) -> tuple[int, ...]:
        if self.query is not None and len(self.query.network.inputs) == 1:
            (node,) = self.query.network.inputs
            return self.query.network.nodes[node].shape
        return (len(self.inputs),)

    def __repr__(self) -> str:
        shown = [f"{nearest(x):.6g}" for x in self.inputs[:MAX_SHOWN]]
        hidden = len(self.inputs) - len(shown)
        more = f", … {hidden} more" if hidden else ""
        label = "" if self.label is None or len(self.outputs) == 1 else f", label {self.label}"
        margin = f"{nearest(self.margin):.6g}"
        return f"Counterexample([{', '.join(shown)}{more}]{label}, margin {margin})"
