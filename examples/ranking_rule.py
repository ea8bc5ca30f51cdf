"""A ranking rule of your own: which neuron is split next, in one function.

The rule is given M open subproblems with C values to split, and gives a score for each of them.
Whatever it says, the kernel checks the proof: a bad rule costs time, never a wrong verdict.
"""

from pathlib import Path

import numpy as np

import verifai as vf

DATA = Path(vf.__file__).parent / "data"


def balanced(splits):
    """Neurons as often on as off, as far as their intervals say, weighed by the bound's slope."""
    if splits.kind == "inputs":
        return np.full(splits.at.shape, np.nan)  # no opinion: the default rule decides
    balance = np.minimum(-splits.lower, splits.upper)
    return balance * np.abs(splits.gaps.coefficients)


def careless(splits):
    """The first value that comes, whatever it is."""
    return np.broadcast_to(-np.arange(splits.at.shape[1]), splits.at.shape)


net = vf.load(DATA / "digits_mlp.onnx")
with np.load(DATA / "digits_test.npz") as file:
    pixels, label = file["images"][0] / 16, int(file["labels"][0])
query = vf.robust(net, pixels, eps="1/20", label=label, clip=(0, 1))

for rule in (None, "babsr", "widest", balanced, careless):
    name = rule if isinstance(rule, str) else getattr(rule, "__name__", "default")
    verdict = vf.verify(query, timeout=60, workers=1, rank=rule)
    print(f"{name:9s} {verdict.status} after {verdict.effort.nodes} subproblems")
