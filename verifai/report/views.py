"""Inputs for the eye: images, curves; what is drawn of an input before and after a change.

May import: numpy, kernel, chart. Must not know: verdicts, templates.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from verifai.kernel.number import nearest
from verifai.kernel.operator import Array
from verifai.kernel.query import Query
from verifai.report.chart import Chart, ChartAxes, DrawnCurve

MIN_SQUARE = 36  # a vector of a square number of values is an image from here on
MIN_LINE = 24  # a vector is drawn as a curve from here on
SIDES = range(4, 513)
MAX_CURVES = 6
RED, BLUE, NONE = np.array([178, 24, 43]), np.array([33, 102, 172]), np.array([247, 247, 247])


@dataclass(frozen=True, slots=True)
class InputLayout:
    """How the values of one input node are looked at.

    Attributes:
        start, stop: where they stand among all input values.
        kind: "image", "curve" or "table".
        shape: channels, rows and columns of an image; channels and places of curves.
        low, high: what is black and what is white.
    """

    name: str
    start: int
    stop: int
    kind: str
    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One image, as an address that holds it, with its title and what it shows in words."""

    title: str
    address: str
    words: str


@dataclass(frozen=True, slots=True)
class View:
    """What is drawn of one input node: pictures beside each other, or a chart."""

    name: str
    pictures: tuple[Picture, ...] = ()
    chart: Markup | None = None


def layouts(query: Query, sides: tuple[int, ...] | None = None) -> list[InputLayout]:
    """How every input node is looked at.

    Args:
        query: its inputs have shapes, and its box says what is black and white.
        sides: rows and columns of images, or channels, rows and columns; None: as shapes say.
    """
    net, found = query.network, []
    for node, part in zip(net.inputs, net.input_slices, strict=True):
        name, shape = net.nodes[node].name, net.nodes[node].shape
        kind, drawn = _layout(shape, sides)
        low, high = (nearest(x) for x in (min(query.lower[part]), max(query.upper[part])))
        found.append(InputLayout(name, part.start, part.stop, kind, drawn, low, high))
    return found


def _layout(shape: tuple[int, ...], sides: tuple[int, ...] | None) -> tuple[str, tuple[int, ...]]:
    size, inner = math.prod(shape), tuple(n for n in shape if n > 1)
    if sides is not None and math.prod(sides) == size:
        return "image", sides if len(sides) == 3 else (1, *sides)
    if len(shape) == 4 and shape[0] == 1 and shape[1] in (1, 3) and _fits(shape[2:]):
        return "image", shape[1:]
    if len(inner) == 3 and inner[0] == 3 and _fits(inner[1:]):
        return "image", inner
    if len(inner) == 2 and inner[0] == inner[1] and _fits(inner):
        return "image", (1, *inner)
    if len(inner) == 2 and len(shape) <= 3:
        return "curve", (inner[1], inner[0])  # (time, channels)
    root = math.isqrt(size)
    if root * root == size >= MIN_SQUARE and len(inner) <= 1:
        return "image", (1, root, root)
    if size >= MIN_LINE and len(inner) == 1:
        return "curve", (1, size)
    return "table", (size,)


def _fits(sides: tuple[int, ...]) -> bool:
    return all(side in SIDES for side in sides)


def view(layout: InputLayout, before: Array, after: Array) -> View | None:
    """What is drawn of an input node; None of one that a table shows best.

    Args:
        layout: how it is looked at.
        before: all input values of the reference, as floats.
        after: those of the counterexample.
    """
    part = slice(layout.start, layout.stop)
    before, after = before[part], after[part]
    if layout.kind == "image":
        return View(layout.name, _images(layout, before, after))
    if layout.kind == "curve":
        return View(layout.name, chart=_curves(layout, before, after))
    return None


def _images(layout: InputLayout, before: Array, after: Array) -> tuple[Picture, ...]:
    shape, low, high = layout.shape, layout.low, layout.high
    span = (high - low) or 1.0
    pairs = [(before - low) / span, (after - low) / span]
    greys = [np.clip(p, 0, 1).reshape(shape).transpose(1, 2, 0) * 255 for p in pairs]
    pictures = [np.repeat(g, 3, axis=2) if shape[0] == 1 else g for g in greys]
    change = (after - before).reshape(shape).mean(axis=0)
    most = float(abs(change).max())
    share = (change / most if most else change)[:, :, None]
    tint = NONE + np.maximum(share, 0) * (RED - NONE) + np.maximum(-share, 0) * (BLUE - NONE)
    factor = f"difference, amplified ×{span / most:.3g}" if most else "difference: none"
    size = f"{shape[1]} by {shape[2]} pixels"
    return (
        Picture("reference", png(pictures[0]), f"the reference input, {size}"),
        Picture("counterexample", png(pictures[1]), f"the counterexample, {size}"),
        Picture(factor, png(tint), "red where the counterexample is larger, blue where smaller"),
    )


def _curves(layout: InputLayout, before: Array, after: Array) -> Markup:
    channels, places = layout.shape
    series = []
    if channels == 1:
        rows = [before[None], after[None]]
    else:
        rows = [a.reshape(places, channels).T for a in (before, after)]
    for channel in range(min(channels, MAX_CURVES)):
        for name, values in zip(("reference", "counterexample"), rows, strict=True):
            label = name if channels == 1 else f"{name} {channel}"
            points = tuple((float(k), float(v)) for k, v in enumerate(values[channel]))
            how = "dashed" if name == "reference" else "line"
            series.append(DrawnCurve(label, points, how, colour=channel))
    label = f"{layout.name}: the reference and the counterexample as curves"
    return Chart(label, ChartAxes("place", "value"), series).draw()


def png(pixels: Array) -> str:
    """An image of (rows, columns, 3) values from 0 to 255 as an address that holds it."""
    data = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    rows, columns, _ = data.shape
    lines = b"".join(b"\0" + line.tobytes() for line in data)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")
    body = b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in chunks
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()
