"""Images as text: grey values as marks of different darkness, pictures beside each other.

May import: the standard library, kernel. Must not know: verdicts, files, colours.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

from verifai.kernel.query import Query

RAMP = " .:-=+*#%@"  # from the least value to the greatest
WIDE = 100  # columns of a line, as far as pictures stand beside each other
SIDES = range(4, 65)  # what is drawn without being asked for


def picture(pixels: Sequence[fmpq], columns: int) -> list[str]:
    """One line a row, two characters a pixel; pixels lie in 0 … 1.

    >>> picture([fmpq(i % 8, 7) for i in range(16)], 8)
    ['  ..::==++##%%@@', '  ..::==++##%%@@']
    """
    return rows([2 * RAMP[int(p * len(RAMP)) if p < 1 else -1] for p in pixels], columns)


def rows(marks: Sequence[str], columns: int) -> list[str]:
    """The marks of an image as lines."""
    return ["".join(marks[i : i + columns]) for i in range(0, len(marks), columns)]


def beside(titles: Sequence[str], pictures: Sequence[list[str]], gap: int = 4) -> list[str]:
    """Pictures next to each other under their titles."""
    columns = [[title, *lines] for title, lines in zip(titles, pictures, strict=True)]
    widths = [max(map(len, column)) + gap for column in columns]
    lines = zip(*columns, strict=True)
    return [
        "".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def images(query: Query, sides: tuple[int, int] | None) -> list[tuple[int, int, int]]:
    """What inputs are drawn: first input value (counted from 0), rows, columns.

    Args:
        query: its input nodes are looked at in order.
        sides: rows and columns of the images; None: only inputs of shape 1×1×rows×columns, and
            only those that are worth it.
    """
    net, found = query.network, []
    for node, part in zip(net.inputs, net.input_slices, strict=True):
        shape, start = net.nodes[node].shape, part.start
        if sides is not None:
            if sides[0] * sides[1] == net.sizes[node]:
                found.append((start, *sides))
        elif len(shape) == 4 and shape[:2] == (1, 1) and all(s in SIDES for s in shape[2:]):
            found.append((start, shape[2], shape[3]))
    return found


def drawn(query: Query, inputs: Sequence[fmpq], image: tuple[int, int, int]) -> list[str]:
    """An input as an image, and where in its interval every pixel lies.

    Args:
        query: its box says what is black and what is white.
        inputs: a value for each input value of the query.
        image: as `images` gives it.
    """
    start, height, columns = image
    part = slice(start, start + height * columns)
    values, lower, upper = inputs[part], query.lower[part], query.upper[part]
    least, span = min(lower), max(upper) - min(lower)
    grey = [(v - least) / span if span else fmpq(0) for v in values]
    places = [_place(*pixel) for pixel in zip(lower, values, upper, strict=True)]
    titles = ["as an image", "++ at its upper end, -- at its lower end, .. between"]
    pictures = [picture(grey, columns), rows(places, columns)]
    if 2 * (2 * columns) + 4 <= WIDE:
        return beside(titles, pictures)
    return [line for pair in zip(titles, pictures, strict=True) for line in (pair[0], *pair[1])]


def _place(low: fmpq, value: fmpq, high: fmpq) -> str:
    if low == high:
        return "  "
    return "++" if value == high else "--" if value == low else ".."
