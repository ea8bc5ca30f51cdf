"""The gallery's theorems, in the order in which they are told.

A new module is added here and nowhere else.

May import: every theorem's module. Must not know: how they are run.
"""

from __future__ import annotations

from typing import Any

from verifai.kernel.errors import InputError
from verifai.theorems import (
    alignment_limit,
    backpropagation,
    claimed_identities,
    digits_robustness,
    double_descent,
    equivariance,
    false_structure,
    finite_precision,
    gradient_descent,
    gromov_hyperbolicity,
    heat_trace,
    homology,
    in_context_learning,
    lightning_attention,
    linear_convolutions,
    linear_networks,
    linear_regions,
    matrix_completion,
    neural_tangent_kernel,
    parity_bits,
    parity_integers,
    parity_recurrent,
    poincare_ball,
    polynomial_activation,
    polynomial_networks,
    resnet_invertible,
    sawtooth_depth,
    smooth_functions,
    stable_exists,
    tensor_networks,
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
    linear_networks,
    linear_convolutions,
    polynomial_networks,
    polynomial_activation,
    lightning_attention,
    gradient_descent,
    neural_tangent_kernel,
    double_descent,
    tensor_networks,
    in_context_learning,
    matrix_completion,
    parity_recurrent,
    backpropagation,
    gromov_hyperbolicity,
    poincare_ball,
    heat_trace,
    alignment_limit,
    homology,
    claimed_identities,
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
