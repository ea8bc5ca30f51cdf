"""Hypothesis without clocks: a busy machine fails no test; each run draws the same examples.

onnxruntime, which tests import themselves, neither writes down nor sends that they ran.
"""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
settings.register_profile(
    "same everywhere",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same everywhere")
