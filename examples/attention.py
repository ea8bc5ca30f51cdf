"""An attention block over a box of sequences: does its answer hold, and how far do scores reach?

The network reads three tokens (key, value, and two numbers that do not matter) and says whether
the token with the largest key has a positive value.
"""

from fractions import Fraction
from pathlib import Path

import verifai as vf

DATA = Path(vf.__file__).parent / "data"

net = vf.load(DATA / "attention.onnx")
tokens = ["0.2", "-0.4", "-0.8", "-0.9"]
tokens += ["0.6", "0.7", "0.2", "0.4"]  # the largest key; its value is positive
tokens += ["0.1", "0.8", "0.6", "-0.9"]

for eps in ("0.05", "0.5"):
    verdict = vf.verify(vf.robust(net, tokens, eps=eps, label=1), timeout=60)
    print(f"within {eps} of every number: {type(verdict).__name__.lower()}")

radius = Fraction("0.05")
box = [(Fraction(x) - radius, Fraction(x) + radius) for x in tokens]
for low, high in vf.bounds(net, box):
    print(f"a score lies between {float(low.p) / float(low.q):.3f}", end=" ")
    print(f"and {float(high.p) / float(high.q):.3f}")

# One pass gives bounds that are not tight; a query about tighter ones is searched.
query = vf.in_range(net, box, lower="6.5", upper="8.4", output=1)
verdict = vf.verify(query, timeout=60)
print(f"the second score stays in [6.5, 8.4]: {type(verdict).__name__.lower()}")
