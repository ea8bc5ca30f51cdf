"""What an original model says of itself, and how it is run.

May import: numpy, kernel. Must not know: files, runtimes, networks, queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from verifai.kernel.operator import Array


class CannotRun(Exception):
    """The original cannot be run here; the text says why."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How an original computes.

    Attributes:
        unit: unit roundoff of the coarsest type that it computes in.
        tiny: the smallest normal number of that type.
        factor: how much more than a sum of products an operation may stray; 1 where all
            operations have a proved bound.
        converts: whether even a selection may round, since types of floats are converted.
    """

    unit: float
    tiny: float
    factor: float = 1.0
    converts: bool = False


FLOAT16 = Precision(2.0**-11, 2.0**-14)
FLOAT32 = Precision(2.0**-24, 2.0**-126)
FLOAT64 = Precision(2.0**-53, 2.0**-1022)


class Original(Protocol):
    """A model that is no network of ours, and what runs it."""

    @property
    def name(self) -> str:
        """What people call the model."""
        ...

    @property
    def runtime(self) -> str:
        """What runs it."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the results, in order."""
        ...

    @property
    def precision(self) -> Precision:
        """How it computes."""
        ...

    def types(self) -> tuple[np.dtype[Any], ...]:
        """The floating type of every input, in order.

        Raises:
            CannotRun: the model cannot be run here.
        """
        ...

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """The results, in order, of one run.

        Args:
            inputs: numbers of each input's type, in its shape.

        Raises:
            CannotRun: this run failed.
        """
        ...
