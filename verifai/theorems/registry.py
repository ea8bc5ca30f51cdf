"""The gallery's theorems, in the order in which they are told.

A new module is added here and nowhere else.

May import: every theorem's module. Must not know: how they are run.
"""

from __future__ import annotations

from typing import Any

from verifai.kernel.errors import InputError
from verifai.theorems import (
    digits_robustness,
    equivariance,
    false_structure,
    finite_precision,
    linear_regions,
    parity_bits,
    parity_integers,
    resnet_invertible,
    sawtooth_depth,
    smooth_functions,
    stable_exists,
    universal_step,
    yarotsky_product,
    yarotsky_square,
)
from verifai.theorems.claim import Theorem

MODULES = (
    yarotsky_square,
    yarotsky_product,
    smooth_functions,
    parity_bits,
    parity_integers,
    sawtooth_depth,
    universal_step,
    linear_regions,
    stable_exists,
    finite_precision,
    equivariance,
    resnet_invertible,
    digits_robustness,
    false_structure,
)
THEOREMS: tuple[Theorem[Any], ...] = tuple(module.THEOREM for module in MODULES)


def theorem(name: str) -> Theorem[Any]:
    """The theorem of this name.

    Raises:
        InputError: there is none.
    """
    for each in THEOREMS:
        if each.name == name:
            return each
    raise InputError(f"no theorem {name!r} (see verifai theorem list)")
