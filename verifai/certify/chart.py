"""Certified and attacked shares over the radius as a small SVG image.

Two lines: what is certified, and what no counterexample is known for. Between them lies what is
undecided; where everything is decided they are one.

May import: the standard library, ball, kernel. Must not know: where the shares come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from verifai.certify.ball import shown
from verifai.kernel.number import nearest, rational

if TYPE_CHECKING:
    from verifai.certify.report import Shares

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 400, 60, 170, 20, 50
_CERTIFIED, _ATTACKED, _BAND, _GREY = "#1b6ca8", "#d1495b", "#e8d9a8", "#666666"
Pairs = list[tuple[float, float]]


def chart(shares: Sequence[Shares]) -> str:
    """An SVG image; the horizontal axis is the radius, from zero, the vertical one a share."""
    radii = [nearest(rational(s.eps)) for s in shares]
    most = max(radii, default=0.0) or 1.0
    xs = [_x(radius / most) for radius in radii]
    certified = [(x, _y(s.certified / s.total)) for x, s in zip(xs, shares, strict=True)]
    possible = [(x, _y(1 - _lost(s))) for x, s in zip(xs, shares, strict=True)]
    clean = shares[0].clean / shares[0].total if shares else 0.0
    zero = [(_x(0.0), _y(clean))]
    band = " ".join(_points([*zero, *possible, *reversed(certified)]))
    ticks = [(x, shown(s.eps)) for x, s in zip(xs, shares, strict=True)]
    parts = [
        *_axes(ticks),
        f'<polygon fill="{_BAND}" points="{band}"/>',
        _line([*zero, (_x(1.0), _y(clean))], _GREY, "4 4"),
        _line([*zero, *possible], _ATTACKED),
        _line([*zero, *certified], _CERTIFIED),
        *_dots(possible, _ATTACKED),
        *_dots(certified, _CERTIFIED),
        *_legend(),
    ]
    return _svg("Certified accuracy over the radius", parts)


def _svg(title: str, parts: list[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12" role="img">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def step_chart(lower: Sequence[float], upper: Sequence[float | None]) -> str:
    """An SVG image of radii: the shares of inputs that are certified, and that none attacks.

    Args:
        lower: certified radii, one for each input.
        upper: distances of counterexamples; None: none is known.
    """
    count = len(lower)
    most = max([*lower, *(end for end in upper if end is not None)], default=0.0) or 1.0
    certified = _steps([end for end in lower if end > 0], most, count)
    far = [math.inf if end is None else end for end in upper]
    possible = _steps([end for end in far if end > 0], most, count)
    band = " ".join(_points([*possible, *reversed(certified)]))
    ticks = [(_x(i / 4), f"{most * i / 4:.3g}") for i in range(5)]
    clean = possible[0][1] if possible else _y(0.0)
    parts = [
        *_axes(ticks),
        f'<polygon fill="{_BAND}" points="{band}"/>',
        _line([(_x(0.0), clean), (_x(1.0), clean)], _GREY, "4 4"),
        _line(possible, _ATTACKED),
        _line(certified, _CERTIFIED),
        *_legend(),
    ]
    return _svg("Certified radii of a data set", parts)


def _steps(ends: list[float], most: float, count: int) -> Pairs:
    """How the share of ends that are at least a radius falls with it, as a line of steps."""
    pairs, left = [(_x(0.0), _y(len(ends) / count))], len(ends)
    for end in sorted(end for end in ends if end <= most):
        pairs.append((_x(end / most), _y(left / count)))
        left -= 1
        pairs.append((_x(end / most), _y(left / count)))
    return [*pairs, (_x(1.0), _y(left / count))]


def _lost(shares: Shares) -> float:
    """The share of inputs that are classified wrongly, or whose ball has a counterexample."""
    return (shares.total - shares.clean + shares.attacked) / shares.total


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _points(pairs: Pairs) -> list[str]:
    return [f"{x:.1f},{y:.1f}" for x, y in pairs]


def _line(pairs: Pairs, colour: str, dashes: str = "") -> str:
    how = f' stroke-dasharray="{dashes}"' if dashes else ""
    points = " ".join(_points(pairs))
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.8"{how} points="{points}"/>'


def _dots(pairs: Pairs, colour: str) -> list[str]:
    return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in pairs]


def _axes(ticks: list[tuple[float, str]]) -> list[str]:
    parts = []
    for percent in range(0, 101, 20):
        y = _y(percent / 100)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>'
        )
    last = -1e9
    for x, name in ticks:
        if x - last >= 7 * len(name) + 8:
            last = x
            parts.append(
                f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{name}</text>'
            )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">radius of the ball</text>'
    )
    return parts


def _legend() -> list[str]:
    names = ("clean", "not attacked", "undecided", "certified")
    colours = (_GREY, _ATTACKED, _BAND, _CERTIFIED)
    x = _WIDTH - _RIGHT + 16
    return [
        f'<rect x="{x}" y="{_TOP + 22 * i}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{x + 18}" y="{_TOP + 10 + 22 * i}">{name}</text>'
        for i, (name, colour) in enumerate(zip(names, colours, strict=True))
    ]
