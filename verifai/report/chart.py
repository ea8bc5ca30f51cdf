"""Curves over two axes as SVG inside a page.

May import: markupsafe, drawings. Must not know: where the numbers come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from verifai.report.drawings import svg

WIDTH, HEIGHT = 660.0, 340.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 165.0, 14.0, 46.0
GAP = 15.0  # between labels
COLOURS = 10
MAX_NAME = 22
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DrawnCurve:
    """A curve: its name, its points in order, how it is drawn, and which colour it has."""

    name: str
    points: tuple[Point, ...]
    how: str = "line"  # "line", "step", "dots", "dashed", or "marked": a line with dots
    note: str = ""
    colour: int | None = None  # None: by its place


@dataclass(frozen=True, slots=True)
class Area:
    """What is drawn between two curves over the same places."""

    name: str
    lower: tuple[Point, ...]
    upper: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ChartAxes:
    """What the axes say; ends are those of the points, unless they are given."""

    x: str
    y: str
    is_log_y: bool = False
    x_ends: Point | None = None
    y_ends: Point | None = None


@dataclass(slots=True)
class Chart:
    """A drawing over axes."""

    label: str
    axes: ChartAxes
    series: Sequence[DrawnCurve]
    band: Area | None = None
    cursor: bool = False
    zero: bool = False
    _x: Point = field(init=False)
    _y: Point = field(init=False)

    def __post_init__(self) -> None:
        every = [p for s in self.series for p in s.points if _finite(p)]
        if self.band is not None:
            every += [*self.band.lower, *self.band.upper]
        xs, ys = [p[0] for p in every] or [0.0, 1.0], [p[1] for p in every] or [0.0, 1.0]
        if self.zero:
            ys.append(0.0)
        self._x = self.axes.x_ends or _ends(xs)
        if self.axes.is_log_y:
            powers = [math.log10(max(y, 1e-12)) for y in ys]
            self._y = _ends([math.floor(min(powers)), math.ceil(max(powers))])
        else:
            self._y = self.axes.y_ends or _padded(_ends(ys))

    def x(self, value: float) -> float:
        """Where a value stands from the left."""
        low, high = self._x
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value stands from the top."""
        if self.axes.is_log_y:
            value = math.log10(max(value, 1e-12))
        low, high = self._y
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def draw(self) -> Markup:
        """The chart as SVG."""
        parts = [*self._grid(), *self._band(), *self._curves(), *self._labels()]
        if self.cursor:
            line = '<line class="cursor" x1="{0:.1f}" x2="{0:.1f}" y1="{1:g}" y2="{2:g}"/>'
            at = self.x(self._x[0])
            parts.append(Markup(line).format(at, TOP, HEIGHT - BOTTOM))
        return svg(f"0 0 {WIDTH:g} {HEIGHT:g}", self.label, parts)

    def span(self) -> Point:
        """Where the horizontal axis begins and ends, from the left."""
        return self.x(self._x[0]), self.x(self._x[1])

    def _grid(self) -> list[Markup]:
        parts = []
        right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
        for value in _ticks(self._x):
            at = self.x(value)
            text = '<text x="{:.1f}" y="{:g}" text-anchor="middle">{}</text>'
            parts.append(Markup(text).format(at, floor + 18, _number(value)))
        for value in _ticks(self._y, whole=self.axes.is_log_y):
            name = _number(10**value) if self.axes.is_log_y else _number(value)
            at = self.y(10**value if self.axes.is_log_y else value)
            line = '<line class="grid" x1="{:g}" x2="{:g}" y1="{:.1f}" y2="{:.1f}"/>'
            parts.append(Markup(line).format(LEFT, right, at, at))
            text = '<text x="{:g}" y="{:.1f}" text-anchor="end">{}</text>'
            parts.append(Markup(text).format(LEFT - 8, at + 4, name))
        axis = '<line class="axis" x1="{:g}" x2="{:g}" y1="{:g}" y2="{:g}"/>'
        parts.append(Markup(axis).format(LEFT, right, floor, floor))
        if self._y[0] < 0 < self._y[1] and not self.axes.is_log_y:
            parts.append(Markup(axis).format(LEFT, right, self.y(0), self.y(0)))
        middle = (LEFT + right) / 2
        text = '<text class="name" x="{:g}" y="{:g}" text-anchor="middle"{}>{}</text>'
        parts.append(Markup(text).format(middle, HEIGHT - 8, "", self.axes.x))
        at = (TOP + floor) / 2
        turn = Markup(' transform="rotate(-90 14 {:g})"').format(at)
        parts.append(Markup(text).format(14, at, turn, self.axes.y))
        return parts

    def _band(self) -> list[Markup]:
        if self.band is None:
            return []
        around = [*self.band.upper, *reversed(self.band.lower)]
        points = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in around)
        shape = '<polygon class="band" points="{}"><title>{}</title></polygon>'
        return [Markup(shape).format(points, self.band.name)]

    def _curves(self) -> list[Markup]:
        parts = []
        for number, series in enumerate(self.series):
            kind = f"s{_colour(series, number)}{' dashed' if series.how == 'dashed' else ''}"
            points = [p for p in series.points if _finite(p)]
            if series.how in ("dots", "marked"):
                dot = '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="3.2"/>'
                parts += [Markup(dot).format(kind, self.x(x), self.y(y)) for x, y in points]
            if series.how == "dots":
                continue
            if series.how == "step":
                points = _steps(points)
            path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
            line = '<polyline class="{}" points="{}"><title>{}</title></polyline>'
            parts.append(Markup(line).format(kind, path, series.name))
        return parts

    def _labels(self) -> list[Markup]:
        """Names beside the ends of curves, moved apart."""
        ends = [
            (self.y(s.points[-1][1]) if s.points and _finite(s.points[-1]) else TOP, number, s)
            for number, s in enumerate(self.series)
        ]
        ends.sort(key=lambda end: end[0])
        places, last = list[float](), TOP - 4
        for wanted, _, _ in ends:
            last = max(wanted + 4, last + GAP)
            places.append(last)
        over = max(0.0, (places[-1] if places else 0.0) - (HEIGHT - BOTTOM + 8))
        text = '<text class="label t{}" x="{:g}" y="{:.1f}">{}<title>{}</title></text>'
        return [
            Markup(text).format(
                _colour(series, number),
                WIDTH - RIGHT + 8,
                place - over,
                _cut(series.name, series.note),
                series.name,
            )
            for place, (_, number, series) in zip(places, ends, strict=True)
        ]


def _colour(series: DrawnCurve, number: int) -> int:
    return (number if series.colour is None else series.colour) % COLOURS


def _finite(point: Point) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])


def _steps(points: list[Point]) -> list[Point]:
    found: list[Point] = []
    for x, y in points:
        if found:
            found.append((x, found[-1][1]))
        found.append((x, y))
    return found


def _ends(values: Sequence[float]) -> Point:
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _padded(ends: Point) -> Point:
    low, high = ends
    room = (high - low) * 0.05
    return low - room, high + room


def _ticks(ends: Point, *, whole: bool = False) -> list[float]:
    """Some six round numbers between the ends."""
    low, high = ends
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    if whole:
        step = max(1.0, round(step))
    first = math.ceil(low / step - 1e-9)
    count = math.floor((high - first * step) / step + 1e-9) + 1
    return [(first + k) * step for k in range(count)]


def _number(value: float) -> str:
    return f"{round(value, 12):g}".replace("-", "−")


def _cut(name: str, note: str) -> str:
    """A name with its note, short enough for the margin."""
    note = f" {note}" if note else ""
    most = MAX_NAME - len(note)
    return (name if len(name) <= most else f"{name[: most - 1]}…") + note
