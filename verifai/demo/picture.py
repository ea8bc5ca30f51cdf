"""An 8×8 digit and its counterexample as text.

May import: the standard library, python-flint. Must not know: networks, files, colours.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

from verifai.kernel.number import nearest, rational, text

SIDE = 8
RAMP = " .:-=+*#%@"  # from black to white


def picture(pixels: Sequence[fmpq]) -> list[str]:
    """Eight lines, two characters a pixel; pixels lie in 0 … 1.

    >>> picture([fmpq(i % 8, 7) for i in range(64)])[0]
    '  ..::==++##%%@@'
    """
    marks = [2 * RAMP[int(p * len(RAMP)) if p < 1 else -1] for p in pixels]
    return _rows(marks)


def changes(before: Sequence[fmpq], after: Sequence[fmpq]) -> list[str]:
    """Eight lines: ++ where a pixel became lighter, -- darker, a dot where it stayed."""
    pairs = zip(before, after, strict=True)
    return _rows([" ." if b == a else "++" if a > b else "--" for b, a in pairs])


def _rows(marks: list[str]) -> list[str]:
    return ["".join(marks[i : i + SIDE]) for i in range(0, len(marks), SIDE)]


def beside(titles: Sequence[str], pictures: Sequence[list[str]], gap: int = 4) -> list[str]:
    """Pictures next to each other under their titles."""
    columns = [[title, *rows] for title, rows in zip(titles, pictures, strict=True)]
    widths = [max(map(len, column)) + gap for column in columns]
    lines = zip(*columns, strict=True)
    return [
        "".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def describe_change(before: Sequence[fmpq], after: Sequence[fmpq]) -> str:
    """How many pixels changed and by how much at most, exactly."""
    moves = [abs(a - b) for b, a in zip(before, after, strict=True)]
    moved = sum(move != 0 for move in moves)
    where = moves.index(max(moves))
    at = f"row {where // SIDE}, column {where % SIDE}"
    sizes = f"the largest change, at {at}, from {text(before[where])} to {text(after[where])}"
    return f"{moved} of {len(moves)} pixels changed, by at most {float_text(max(moves))}; {sizes}"


def float_text(value: fmpq) -> str:
    """An exact number as people read it, ≈ in front where it had to be rounded."""
    short = f"{nearest(value):.6g}"
    return short if rational(short) == value else f"≈ {short}"
