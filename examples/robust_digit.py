"""Robustness of a handwritten digit, and how to read a counterexample.

Pixels are grey levels 0 … 16 divided by 16. Numbers given as text are exact: "1/32" is one half of
a grey level.
"""

from pathlib import Path

import numpy as np

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "digits_mlp.onnx")
with np.load(DATA / "digits_test.npz") as file:
    pixels, label = file["images"][0] / 16, int(file["labels"][0])

for eps in ("1/32", "1/10"):
    query = vf.robust(net, pixels, eps=eps, label=label, clip=(0, 1))
    verdict = vf.verify(query, timeout=60)
    if isinstance(verdict, vf.Verified):
        print(f"no change of every pixel by up to {eps} makes this {label} another digit")
    elif isinstance(verdict, vf.Falsified):
        found = verdict.counterexample
        # Inputs are exact rationals, outputs are exact intervals (here of width zero).
        scores = [low for low, _ in found.outputs]
        moved = sum(after != before for after, before in zip(found.inputs, pixels, strict=True))
        print(f"a change of {moved} pixels by up to {eps} makes this {label} a", end=" ")
        print(max(range(10), key=lambda digit: scores[digit]))
        print(f"first pixel that differs: {next(p for p in found.inputs if p != 0)} exactly")
        print(f"wins by {float(found.margin.p) / float(found.margin.q):.4f}")
    else:
        print("unknown:", verdict.reason)
