"""Numbers, values and conditions of a query as short text for pages.

May import: kernel. Must not know: pages, verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flint import fmpq

from verifai.kernel.context import Row, row_of
from verifai.kernel.network import Network
from verifai.kernel.number import nearest
from verifai.kernel.query import Atom
from verifai.kernel.statement import readable

LONG = 16  # characters of an exact number that is not rounded for reading
MAX_EXACT = 400  # characters of one that is shown in full beside
MAX_TERMS = 6
Terms = Sequence[tuple[int, fmpq]]  # values with their factors
_TURNED = {"<": ">", "≤": "≥"}  # of two values the larger one is said first
TINY = 1e-100  # floats below it are what rounding left
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Shown:
    """A number for reading, and exactly where that differs and is not too long."""

    text: str
    exact: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def plain(self) -> str:
        """Without the mark of a rounded number, for places that say so once for all."""
        return self.text.removeprefix("≈ ")


def shown(value: fmpq | float) -> Shown:
    """The number, rounded to six digits and marked "≈" where it is long.

    >>> str(shown(fmpq(1, 3))), str(shown(fmpq(-10, 7 ** 20))), str(shown(0.5))
    ('1/3', '≈ −1.25325·10⁻¹⁶', '0.5')
    """
    if isinstance(value, fmpq):
        text = readable(value)
        if len(text) <= LONG and not text.startswith("≈"):
            return Shown(text.replace("-", "−"))
        exact, near = str(value), nearest(value)
        if math.isfinite(near) and (near or not value):
            text = f"≈ {_rounded(near)}"
        return Shown(text, exact if len(exact) <= MAX_EXACT else "")
    if not math.isfinite(value):
        return Shown("∞" if value > 0 else "−∞" if value < 0 else "undefined")
    if abs(value) < TINY:
        return Shown("≈ 0" if value else "0")
    is_short = float(f"{value:.6g}") == value
    return Shown(_rounded(value) if is_short else f"≈ {_rounded(value)}", repr(float(value)))


def _rounded(value: float) -> str:
    """Six digits, a power of ten as people write it."""
    size, _, power = f"{value:.6g}".replace("-", "−").partition("e")
    if not power:
        return size
    raised = str(int(power.replace("−", "-"))).translate(_RAISED)
    return f"{size}·10{raised}"


def condition(net: Network, row: Row, *, plain: bool = True) -> str:
    """A row as people write it: its first value positive, its constant on the right.

    >>> from verifai.kernel.network import Input
    >>> net = Network((Input("x", (2,)),), (0,))
    >>> condition(net, Row([0, 1], [fmpq(-1), fmpq(2)], fmpq(3), strict=True))
    'x[0] − 2·x[1] > 3'

    Args:
        net: it names the values.
        row: the condition.
        plain: whether rounded numbers are not marked.
    """
    flip = bool(row.factors) and row.factors[0] < 0
    terms = [(v, -c if flip else c) for v, c in zip(row.values, row.factors, strict=True)]
    signs = (">", "≥") if flip else ("<", "≤")
    sign = "=" if row.free else signs[0] if row.strict else signs[1]
    text = compared(net, terms, sign, row.constant if flip else -row.constant)
    return text.replace("≈ ", "") if plain else text


def compared(net: Network, terms: Terms, sign: str, right: fmpq) -> str:
    """Σ factor·value, a sign and a constant; two values against each other where it is that."""
    if len(terms) == 2 and right == 0 and terms[0][1] == -terms[1][1]:
        names = [net.describe(value) for value, _ in terms]
        if terms[0][1] < 0:
            names.reverse()
        if sign in _TURNED:
            names, sign = names[::-1], _TURNED[sign]
        return f"{names[0]} {sign} {names[1]}"
    return f"{form(net, terms)} {sign} {shown(right)}"


def many(count: int, noun: str, plural: str = "") -> str:
    """A number and a noun.

    >>> many(1, "leaf"), many(2, "leaf", "leaves"), many(1200, "node")
    ('1 leaf', '2 leaves', '1,200 nodes')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def atom_words(net: Network, atom: Atom) -> str:
    """An atom as `condition` says a row."""
    return condition(net, row_of(atom), plain=False)


def form(net: Network, terms: Terms) -> str:
    """Σ factor·value; the first terms of a long one."""
    text = ""
    for value, factor in terms[:MAX_TERMS]:
        size = "" if abs(factor) == 1 else f"{shown(abs(factor))}·"
        sign = "−" if factor < 0 else "+" if text else ""
        text += (f" {sign} " if text else sign) + size + net.describe(value)
    if len(terms) > MAX_TERMS:
        text += f" + … ({len(terms)} terms)"
    return text or "0"
