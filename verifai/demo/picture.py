"""An 8×8 digit and its counterexample as text.

May import: kernel, report. Must not know: networks, files, colours.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

from verifai.kernel.number import nearest, rational, text
from verifai.report.picture import beside, rows
from verifai.report.picture import picture as image

__all__ = ["beside", "changes", "describe_change", "float_text", "picture"]

SIDE = 8


def picture(pixels: Sequence[fmpq]) -> list[str]:
    """Eight lines, two characters a pixel; pixels lie in 0 … 1."""
    return image(pixels, SIDE)


def changes(before: Sequence[fmpq], after: Sequence[fmpq]) -> list[str]:
    """Eight lines: ++ where a pixel became lighter, -- darker, a dot where it stayed."""
    pairs = zip(before, after, strict=True)
    return rows([" ." if b == a else "++" if a > b else "--" for b, a in pairs], SIDE)


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
