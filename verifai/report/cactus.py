"""A cactus plot as a small SVG file: how many instances each solver answers within a time.

May import: the standard library. Must not know: where the times come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 440, 60, 50, 20, 170
_COLOURS = ("#1b6ca8", "#d1495b", "#3a7d44", "#8a5a9e", "#b7791f", "#444444")
_Place = Callable[[float], float]


def cactus(times: Mapping[str, Sequence[float]], *, title: str) -> str:
    """An SVG image; one step line for each name, over the sorted seconds of what it solved.

    Args:
        times: for every solver the seconds of each instance that it solved.
        title: what was run.
    """
    most = max(1, *(len(values) for values in times.values())) if times else 1
    seconds = [max(t, 1e-3) for values in times.values() for t in values] or [1.0]
    low = math.floor(math.log10(min(seconds)))
    high = max(math.ceil(math.log10(max(seconds))), low + 1)

    def x(count: float) -> float:
        return _LEFT + count / most * (_WIDTH - _LEFT - _RIGHT)

    def y(second: float) -> float:
        share = (math.log10(max(second, 10**low)) - low) / (high - low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    parts = [_axes(most, range(low, high + 1), x, y)]
    for position, (name, values) in enumerate(times.items()):
        colour = _COLOURS[position % len(_COLOURS)]
        points = [(x(i), y(t)) for i, t in enumerate(sorted(values), 1)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        label_y = _TOP + 16 + 18 * position
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{path}"/>\n'
            f'<text x="{_WIDTH - _RIGHT + 12}" y="{label_y}" fill="{colour}">'
            f"{escape(name)} ({len(values)})</text>"
        )
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n<title>{escape(title)}</title>\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def _axes(most: int, decades: range, x: _Place, y: _Place) -> str:
    lines = []
    step = max(1, 10 ** math.floor(math.log10(most)) // 2)
    for count in range(0, most + 1, step):
        px = x(count)
        lines.append(
            f'<text x="{px:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{count}</text>'
        )
    for decade in decades:
        py = y(10.0**decade)
        lines.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{py:.1f}" y2="{py:.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{py + 4:.1f}" text-anchor="end">{10.0**decade:g}</text>'
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    lines.append(
        f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">instances solved</text>'
        f'<text x="14" y="{_HEIGHT / 2}" text-anchor="middle" '
        f'transform="rotate(-90 14 {_HEIGHT / 2})">seconds each, with start-up</text>'
    )
    return "\n".join(lines)
