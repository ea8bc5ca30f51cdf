"""Small drawings as SVG inside a page: their colours are classes, which the page's style knows.

May import: markupsafe, tree. Must not know: templates, verdicts.
"""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from verifai.report.tree import Tree

WIDTH, ROW, TALL, SHALLOW = 1000.0, 15.0, 24.0, 6
LEAST = 0.6  # a narrower rectangle is not drawn


def svg(box: str, label: str, parts: list[Markup], kind: str = "plot") -> Markup:
    """An image with a name for those who do not see it.

    Args:
        box: its view box.
        label: the name.
        parts: what is in it.
        kind: its class.
    """
    head = Markup('<svg class="{}" viewBox="{}" role="img" aria-label="{}">')
    return head.format(kind, box, label) + Markup("").join(parts) + Markup("</svg>")


def in_script(data: Any) -> Markup:
    """Data as JSON that a page can hold: no text in it ends the script."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)


def icicle(tree: Tree) -> Markup:
    """The tree from its root downwards: each node as wide as it has leaves."""
    ends: list[float] = [0.0] * (max(i.level for i in tree.items) + 2)
    total = tree.items[0].leaves
    parts, deepest = [], 1
    row = TALL if max(i.level for i in tree.items) <= SHALLOW else ROW
    for item in tree.items:
        left = ends[item.level]
        width = WIDTH * item.leaves / total
        ends[item.level] = left + width
        ends[item.level + 1] = left
        if width < LEAST:
            continue
        deepest = max(deepest, item.level)
        kind = item.kind if not item.hidden else "more"
        parts.append(
            Markup(
                '<rect class="n-{}" data-at="{}" x="{:.1f}" y="{:g}" width="{:.1f}" height="{:g}">'
                "<title>{}</title></rect>"
            ).format(
                kind,
                item.position,
                left,
                (item.level - 1) * row,
                max(width - 0.5, 0.3),
                row - 1,
                f"{item.branch or 'the whole domain'}: {item.words}",
            )
        )
    label = f"The proof's tree: {tree.nodes} nodes, {total} leaves, depth {tree.depth}"
    return svg(f"0 0 {WIDTH:g} {deepest * row:g}", label, parts, "icicle")
