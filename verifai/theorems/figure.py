"""A plot as an SVG file's bytes.

May import: claim; matplotlib. Must not know: any particular theorem.
"""

from __future__ import annotations

import io

from verifai.theorems.claim import Plot


def drawn(plot: Plot) -> bytes:
    """The plot as SVG; equal plots give equal bytes under one version of matplotlib.

    Raises:
        ImportError: matplotlib is missing.
    """
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for curve in plot.curves:
        style = "o-" if curve.is_joined else "x"
        axes.plot(*zip(*curve.points, strict=True), style, label=curve.label, markersize=4)
    axes.set(title=plot.title, xlabel=plot.x_label, ylabel=plot.y_label)
    if plot.is_log_x:
        axes.set_xscale("log")
    if plot.is_log_y:
        axes.set_yscale("log")
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    target = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": plot.title}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()
