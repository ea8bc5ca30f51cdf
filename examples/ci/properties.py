"""A property for verifai.toml: any function without arguments that returns a query."""

from pathlib import Path

import verifai as vf

HERE = Path(__file__).parent


def small_step() -> vf.Query:
    """The credit score never exceeds 100 where income and age are small."""
    net = vf.load(HERE / "credit_monotone.onnx")
    return vf.in_range(net, [(0, "1/4"), (0, "1/4"), (0, 1)], upper=100)
