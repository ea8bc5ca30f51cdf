"""Grey images: as text, as SVG, as an array.

May import: kernel. Must not know: verdicts, files, colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any, NamedTuple

from flint import fmpq

from verifai.kernel.number import nearest

RAMP = " .:-=+*#%@"  # from the least value to the greatest
LEAST_SQUARE = 16  # inputs, from which on a vector of so many is taken for a square
PIXEL = 12  # of a drawing


class Sides(NamedTuple):
    """How many rows and columns an image has."""

    rows: int
    columns: int


def sides_of(shape: tuple[int, ...]) -> Sides | None:
    """Rows and columns of an input of this shape, if it is one grey image or a square vector.

    >>> sides_of((1, 1, 28, 20)), sides_of((1, 3, 8, 8)), sides_of((5,))
    (Sides(rows=28, columns=20), None, None)
    """
    long = [length for length in shape if length > 1]
    if len(long) == 2:
        return Sides(long[0], long[1])
    if len(long) == 1 and long[0] >= LEAST_SQUARE and isqrt(long[0]) ** 2 == long[0]:
        return Sides(isqrt(long[0]), isqrt(long[0]))
    return None


@dataclass(frozen=True, slots=True)
class Image:
    """Rows of grey values from 0, the least, to 1, the greatest; printed, it is text.

    Attributes:
        rows: the values.
    """

    rows: tuple[tuple[float, ...], ...]

    @classmethod
    def between(cls, values: Sequence[fmpq], columns: int, least: fmpq, most: fmpq) -> Image:
        """The image of exact values, of which `least` is drawn as 0 and `most` as 1."""
        span = most - least
        grey = [nearest((v - least) / span) if span else 0.0 for v in values]
        return cls(tuple(tuple(grey[i : i + columns]) for i in range(0, len(grey), columns)))

    def to_numpy(self) -> Any:
        """The values, (rows, columns)."""
        import numpy as np

        return np.array(self.rows)

    def __str__(self) -> str:
        def mark(value: float) -> str:
            return 2 * RAMP[min(max(int(value * len(RAMP)), 0), len(RAMP) - 1)]

        return "\n".join("".join(map(mark, row)).rstrip() for row in self.rows)

    def __repr__(self) -> str:
        return f"Image({len(self.rows)}×{len(self.rows[0]) if self.rows else 0})"

    def _repr_svg_(self) -> str:
        height, width = len(self.rows), len(self.rows[0]) if self.rows else 0
        cells = [
            f'<rect x="{x}" y="{y}" width="1" height="1" fill="rgb({g},{g},{g})"/>'
            for y, row in enumerate(self.rows)
            for x, g in ((x, round(255 * min(max(v, 0.0), 1.0))) for x, v in enumerate(row))
        ]
        size = f'width="{PIXEL * width}" height="{PIXEL * height}" viewBox="0 0 {width} {height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} shape-rendering="crispEdges">'
        return f"{head}{''.join(cells)}</svg>"
