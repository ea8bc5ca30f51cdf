"""What happens on the straight way from a reference to a counterexample, in floating point.

May import: numpy, kernel, chart, evaluator, views. Must not know: templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from verifai.kernel.operator import Array
from verifai.report.chart import Chart, ChartAxes, DrawnCurve
from verifai.report.evaluator import Evaluator
from verifai.report.views import InputLayout

STEPS = 100
MAX_OUTPUTS = 10
MAX_PIXELS = 3 * 64 * 64  # of an image that follows the slider


@dataclass(frozen=True, slots=True)
class WayThere:
    """What happens on the way from the reference to the counterexample.

    Attributes:
        data: for the page's script: names, places from 0 to 1, outputs, margins, an image.
        chart: the outputs over the way.
        begins: from which place on the property is violated to the end; None: nowhere.
    """

    data: dict[str, Any]
    chart: Markup
    begins: float | None


def way(
    evaluator: Evaluator, before: Array, after: Array, image: InputLayout | None = None
) -> WayThere:
    """The outputs on the straight line from one input to another.

    Args:
        evaluator: of the query.
        before: the first input, as floats.
        after: the second one.
        image: the image's layout, which is drawn along; None: none.
    """
    net = evaluator.network
    t = np.linspace(0, 1, STEPS + 1)
    points = before + t[:, None] * (after - before)
    outputs, margins = evaluator.batches(points, net.output_values)
    chosen = _chosen(outputs)
    names = [net.describe(net.output_values[k]) for k in chosen]
    data: dict[str, Any] = {
        "names": names,
        "outputs": [_digits(outputs[:, k]) for k in chosen],
        "margins": _digits(margins),
    }
    if image is not None and image.stop - image.start <= MAX_PIXELS:
        data["image"] = {
            "name": image.name,
            "shape": list(image.shape),
            "before": _digits(before[image.start : image.stop]),
            "after": _digits(after[image.start : image.stop]),
            "low": image.low,
            "high": image.high,
        }
    series = [
        DrawnCurve(name, tuple(zip(t.tolist(), outputs[:, k].tolist(), strict=True)))
        for name, k in zip(names, chosen, strict=True)
    ]
    label = "Outputs on the way from the reference, at 0, to the counterexample, at 1"
    chart = Chart(label, ChartAxes("place on the way", "output"), series, cursor=True)
    data["span"] = chart.span()
    safe = np.flatnonzero(margins < 0)
    begins = float(t[min(safe[-1] + 1, STEPS)]) if len(safe) else 0.0
    return WayThere(data, chart.draw(), begins if margins[-1] >= 0 else None)


def _chosen(outputs: Array) -> list[int]:
    """The outputs that are shown: all, or the largest ones on the way."""
    count = outputs.shape[1]
    if count <= MAX_OUTPUTS:
        return list(range(count))
    return sorted(np.argsort(-outputs.max(axis=0))[:MAX_OUTPUTS].tolist())


def _digits(values: Array) -> list[float | None]:
    """Five digits are enough to draw."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values.tolist()]
