"""Formal verification of neural networks: whatever proposes, a small exact kernel checks.

This module lists the public interface and loads each part when it is first used, so that
`import verifai` costs nothing. The functions `load`, `verify` and `bounds` share their names with
subpackages: as attributes the functions win, and modules are reached by
`from verifai.load.onnx.read import load_onnx`.

May import: the standard library at load time; the rest on demand.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verifai.api import bounds, check, load, query_from, verify
    from verifai.exact import (
        ask,
        counterexamples,
        exact_lipschitz,
        pieces,
        regions,
        to_smtlib,
        to_sympy,
        to_z3,
    )
    from verifai.kernel.errors import InputError, Rejection
    from verifai.optimum.lipschitz import LipschitzBound, lipschitz
    from verifai.optimum.maximize import Maximum, maximize
    from verifai.optimum.sup_error import sup_error
    from verifai.properties.approximates import approximates
    from verifai.properties.domain import Domain, domain
    from verifai.properties.equivalent import equivalent
    from verifai.properties.in_range import in_range
    from verifai.properties.monotone import monotone
    from verifai.properties.robust import robust
    from verifai.train.loop import train_until_verified
    from verifai.train.properties import (
        TrainingProperty,
        approximation_property,
        robust_property,
    )
    from verifai.train.report import Round, TrainingOptions, TrainingReport
    from verifai.verdict import Counterexample, Falsified, Unknown, Verdict, Verified

__version__ = "0.1.0"

__all__ = [
    "load",
    "query_from",
    "robust",
    "in_range",
    "monotone",
    "equivalent",
    "approximates",
    "domain",
    "Domain",
    "verify",
    "check",
    "bounds",
    "maximize",
    "lipschitz",
    "Maximum",
    "LipschitzBound",
    "ask",
    "to_sympy",
    "to_smtlib",
    "to_z3",
    "pieces",
    "regions",
    "exact_lipschitz",
    "counterexamples",
    "sup_error",
    "train_until_verified",
    "robust_property",
    "approximation_property",
    "TrainingProperty",
    "TrainingOptions",
    "TrainingReport",
    "Round",
    "Verdict",
    "Verified",
    "Falsified",
    "Unknown",
    "Counterexample",
    "InputError",
    "Rejection",
]

_HOMES = {
    "load": "verifai.api",
    "query_from": "verifai.api",
    "verify": "verifai.api",
    "check": "verifai.api",
    "bounds": "verifai.api",
    "maximize": "verifai.optimum.maximize",
    "lipschitz": "verifai.optimum.lipschitz",
    "Maximum": "verifai.optimum.maximize",
    "LipschitzBound": "verifai.optimum.lipschitz",
    "robust": "verifai.properties.robust",
    "in_range": "verifai.properties.in_range",
    "monotone": "verifai.properties.monotone",
    "equivalent": "verifai.properties.equivalent",
    "approximates": "verifai.properties.approximates",
    "domain": "verifai.properties.domain",
    "Domain": "verifai.properties.domain",
    "ask": "verifai.exact",
    "to_sympy": "verifai.exact",
    "to_smtlib": "verifai.exact",
    "to_z3": "verifai.exact",
    "pieces": "verifai.exact",
    "regions": "verifai.exact",
    "exact_lipschitz": "verifai.exact",
    "counterexamples": "verifai.exact",
    "sup_error": "verifai.optimum.sup_error",
    "train_until_verified": "verifai.train.loop",
    "robust_property": "verifai.train.properties",
    "approximation_property": "verifai.train.properties",
    "TrainingProperty": "verifai.train.properties",
    "TrainingOptions": "verifai.train.report",
    "TrainingReport": "verifai.train.report",
    "Round": "verifai.train.report",
    "Verdict": "verifai.verdict",
    "Verified": "verifai.verdict",
    "Falsified": "verifai.verdict",
    "Unknown": "verifai.verdict",
    "Counterexample": "verifai.verdict",
    "InputError": "verifai.kernel.errors",
    "Rejection": "verifai.kernel.errors",
}


def __getattr__(name: str) -> Any:
    """The public object of this name, imported now (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'verifai' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        from verifai.entry import missing_package

        raise missing_package(error) from error


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]


class _Front(ModuleType):
    """This module, whose public names importing a subpackage does not hide."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Front
