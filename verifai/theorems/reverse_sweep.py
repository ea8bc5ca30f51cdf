"""Programs of elementary operations, run forward and differentiated backward, each step counted.

May import: nothing of ours. Must not know: which numbers it computes with, claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KINDS = ("+", "-", "*", "/", "relu")
Step = tuple[str, int, int]  # kind and the places of its arguments


@dataclass(slots=True)
class Counter:
    """Arithmetic that counts its operations."""

    count: int = 0

    def done(self, kind: str, a: Any, b: Any) -> Any:
        """One operation."""
        self.count += 1
        if kind == "+":
            return a + b
        if kind == "-":
            return a - b
        if kind == "*":
            return a * b
        return a / b


def forward(program: Sequence[Step], inputs: Sequence[Any], counter: Counter) -> list[Any]:
    """All values, the inputs first.

    Raises:
        ZeroDivisionError: a divisor is 0.
    """
    values = list(inputs)
    for kind, a, b in program:
        if kind == "relu":
            counter.count += 1
            values.append(values[a] if values[a] > 0 else values[a] * 0)
        else:
            values.append(counter.done(kind, values[a], values[b]))
    return values


def reverse(
    program: Sequence[Step], inputs: Sequence[Any], counter: Counter, one: Any
) -> list[Any]:
    """The derivatives of the last value by the inputs: one sweep forward, one back."""
    values = forward(program, inputs, counter)
    adjoint: list[Any] = [one * 0] * len(values)
    adjoint[-1] = one
    for place in range(len(values) - 1, len(inputs) - 1, -1):
        kind, a, b = program[place - len(inputs)]
        bar = adjoint[place]
        if kind == "relu":
            counter.count += 1  # a choice
            adjoint[a] = counter.done("+", adjoint[a], bar if values[a] > 0 else bar * 0)
        elif kind in "+-":
            adjoint[a] = counter.done("+", adjoint[a], bar)
            adjoint[b] = counter.done(kind, adjoint[b], bar)
        elif kind == "*":
            for here, other in ((a, b), (b, a)):
                part = counter.done("*", bar, values[other])
                adjoint[here] = counter.done("+", adjoint[here], part)
        else:
            part = counter.done("/", bar, values[b])
            adjoint[a] = counter.done("+", adjoint[a], part)
            less = counter.done("*", part, values[place])
            adjoint[b] = counter.done("-", adjoint[b], less)
    return adjoint[: len(inputs)]
