"""The input that a domain stands around: the centre of a ball, or the middle of a box.

May import: kernel. Must not know: pages, verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import fmpq

from verifai.kernel.query import Query

ZERO = fmpq(0)
MANY = 8  # inputs that change, from which on a box is taken for a ball
SHARE = 8  # one in so many of them must be uncut


@dataclass(frozen=True, slots=True)
class Reference:
    """An input to compare with.

    Attributes:
        inputs: one exact number for each input value.
        words: what it is.
        radius: of the L∞ ball that the box is, cut to what inputs can be; None: it is no ball.
        clip: what a ball is cut to; None: it is whole.
    """

    inputs: tuple[fmpq, ...]
    words: str
    radius: fmpq | None = None
    clip: tuple[fmpq, fmpq] | None = None


def reference_of(query: Query) -> Reference:
    """The centre of the ball that the domain's box is, or else the middle of the box.

    A ball that is cut to an interval is known by its widest sides, which nothing has cut, and by
    the common ends of the others. Inputs that may not change belong to any ball.
    """
    lower, upper = query.lower, query.upper
    widths = [high - low for low, high in zip(lower, upper, strict=True)]
    radius = max(widths, default=ZERO) / 2
    middle = tuple(_whole(query, i, (l + u) / 2) for i, (l, u) in enumerate(_box(query)))
    least = min((l for l, w in zip(lower, widths, strict=True) if w), default=ZERO)
    most = max((u for u, w in zip(upper, widths, strict=True) if w), default=ZERO)
    centre = []
    for low, high in _box(query):
        if low == high or high - low == 2 * radius:
            centre.append((low + high) / 2)
        elif low == least and high != most:
            centre.append(high - radius)
        elif high == most and low != least:
            centre.append(low + radius)
        else:
            return Reference(middle, "the middle of the domain's box")
    inside = all(l <= x <= u for (l, u), x in zip(_box(query), centre, strict=True))
    moving = [w for w in widths if w]
    uncut = sum(w == 2 * radius for w in moving)
    if len(moving) < MANY or not inside or SHARE * uncut < len(moving) or query.integers:
        return Reference(middle, "the middle of the domain's box")
    words = "the centre of the ball that the domain is"
    clip = (least, most) if uncut < len(moving) else None
    return Reference(tuple(centre), words, radius, clip)


def _box(query: Query) -> list[tuple[fmpq, fmpq]]:
    return list(zip(query.lower, query.upper, strict=True))


def _whole(query: Query, place: int, value: fmpq) -> fmpq:
    return fmpq(value.floor()) if query.input_values[place] in query.integers else value
