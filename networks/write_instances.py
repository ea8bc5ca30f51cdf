"""Write VNN-LIB 1.0 properties of the shipped networks, with a list for `verifai bench`.

    python networks/write_instances.py --out build/instances
    verifai bench build/instances/instances.csv

Each instance asks whether a network keeps its answer in an L∞ ball around a shipped digit (cut off
at 0 and 1), or around a sequence of the attention task. `expected.csv` holds the verdicts known so
far: unsat where a certificate was accepted, sat where a counterexample was replayed.

May import: numpy, verifai.files. Must not know: how verdicts are found.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np

from verifai.files import write_atomically

DATA = Path(__file__).parents[1] / "verifai" / "data"
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Ball:
    """A question about robustness.

    Attributes:
        network: the file's stem.
        centre: which shipped digit, or which of SEQUENCES.
        radius: a decimal.
        verdict: unsat, sat, or empty where nobody knows.
    """

    network: str
    centre: int
    radius: str
    verdict: str


SEQUENCES = (
    ("0.2 -0.4 -0.8 -0.9  0.6 0.7 0.2 0.4  0.1 0.8 0.6 -0.9", 1),
    ("-0.7 0.6 0.5 -0.5  0.7 -0.8 -0.3 -0.6  -0.1 0.5 -0.5 -0.8", 0),
    ("-0.2 0.4 0.4 0.8  -0.7 0.4 0.8 0.8  -0.9 0.7 0.9 0.8", 1),
)

BALLS = (
    Ball("digits_residual", 0, "0.03125", "unsat"),
    Ball("digits_residual", 0, "0.05", "unsat"),
    Ball("digits_residual", 0, "0.0625", ""),
    Ball("digits_residual", 3, "0.1", "unsat"),
    Ball("digits_residual", 11, "0.1", "unsat"),
    Ball("digits_residual", 1, "0.1", "unsat"),
    Ball("digits_residual", 5, "0.0625", "sat"),
    Ball("digits_residual", 10, "0.1", "sat"),
    Ball("digits_maxpool", 0, "0.03125", "unsat"),
    Ball("digits_maxpool", 1, "0.0625", "unsat"),
    Ball("digits_maxpool", 5, "0.0625", "unsat"),
    Ball("digits_maxpool", 0, "0.0625", "sat"),
    Ball("digits_sigmoid", 0, "0.03125", "unsat"),
    Ball("digits_sigmoid", 4, "0.0625", "unsat"),
    Ball("digits_sigmoid", 0, "0.0625", "sat"),
    Ball("digits_tanh", 0, "0.015625", "unsat"),
    Ball("digits_tanh", 4, "0.0625", "unsat"),
    Ball("digits_tanh", 0, "0.03125", "sat"),
    Ball("digits_sign", 0, "0.01", "unsat"),
    Ball("digits_sign", 0, "0.03125", "unsat"),
    Ball("digits_sign", 4, "0.0625", "unsat"),
    Ball("digits_sign", 1, "0.0625", "sat"),
    Ball("attention", 0, "0.05", "unsat"),
    Ball("attention", 0, "0.125", "unsat"),
    Ball("attention", 1, "0.125", "unsat"),
    Ball("attention", 2, "0.5", "sat"),
)


def decimal(number: Fraction) -> str:
    """The number in decimals.

    Raises:
        ValueError: it has no finite decimals, or very many.
    """
    text = format(Decimal(number.numerator) / Decimal(number.denominator), "f")
    if Fraction(text) != number:
        raise ValueError(f"{number} has no short decimals")
    return text


def box_of(ball: Ball) -> tuple[list[tuple[Fraction, Fraction]], int, int]:
    """The ends of every input, the label, and the number of outputs."""
    radius = Fraction(ball.radius)
    if ball.network == "attention":
        text, label = SEQUENCES[ball.centre]
        numbers = [Fraction(part) for part in text.split()]
        return [(x - radius, x + radius) for x in numbers], label, 2
    with np.load(DATA / "digits_test.npz") as file:
        levels, label = file["images"][ball.centre].tolist(), int(file["labels"][ball.centre])
    pixels = [Fraction(level, 16) for level in levels]
    ends = [(max(x - radius, Fraction(0)), min(x + radius, Fraction(1))) for x in pixels]
    return ends, label, 10


def lines(ends: Sequence[tuple[Fraction, Fraction]], label: int, outputs: int) -> Iterator[str]:
    """The property: some output is as large as the label's."""
    yield from (f"(declare-const X_{i} Real)" for i in range(len(ends)))
    yield from (f"(declare-const Y_{i} Real)" for i in range(outputs))
    for i, (low, high) in enumerate(ends):
        yield f"(assert (>= X_{i} {decimal(low)}))"
        yield f"(assert (<= X_{i} {decimal(high)}))"
    others = [i for i in range(outputs) if i != label]
    yield "(assert (or " + " ".join(f"(and (>= Y_{i} Y_{label}))" for i in others) + "))"


def main() -> None:
    """Write the properties, instances.csv and expected.csv."""
    parser = argparse.ArgumentParser(description="Write properties of the shipped networks.")
    parser.add_argument("--out", type=Path, required=True, help="folder, made if need be")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    instances, expected = [], []
    for ball in BALLS:
        network = os.path.relpath(DATA / f"{ball.network}.onnx", folder)
        name = f"{ball.network}_{ball.centre}_{ball.radius}.vnnlib"
        text = "\n".join(lines(*box_of(ball))) + "\n"
        write_atomically(folder / name, text.encode())
        instances.append((network, name, SECONDS))
        if ball.verdict:
            expected.append((network, name, ball.verdict))
    for table, rows in (("instances", instances), ("expected", expected)):
        table_text = io.StringIO()
        csv.writer(table_text, lineterminator="\n").writerows(rows)
        write_atomically(folder / f"{table}.csv", table_text.getvalue().encode())
    print(f"{len(instances)} instances in {folder}")


if __name__ == "__main__":
    main()
