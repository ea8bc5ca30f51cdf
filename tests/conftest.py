"""Hypothesis without clocks: a busy machine fails no test; each run draws the same examples."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "same everywhere",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same everywhere")
