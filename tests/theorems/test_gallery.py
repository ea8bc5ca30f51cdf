"""Every theorem of the gallery holds with small parameters, and each has a control."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

import verifai.theorems
from verifai.theorems.claim import Role, Theorem, limits_of
from verifai.theorems.registry import MODULES, THEOREMS, theorem
from verifai.theorems.run import run

SMALL: dict[str, dict[str, int]] = {
    "yarotsky_square": {"certified": 3, "depth": 5, "trained": 1, "seeds": 1, "steps": 20},
    "parity_bits": {"bits": 6, "small": 4, "clamp": 4, "trained": 3, "steps": 20},
    "sawtooth_depth": {"depth": 2, "seeds": 1, "steps": 20, "solver_width": 1},
    "linear_regions": {"networks": 1},
    "parity_integers": {"folds": 3, "most": 4, "width": 4, "seeds": 1, "steps": 20, "digits": 1},
    "smooth_functions": {"certified": 3, "enclosed": 4, "steps": 20},
    "universal_step": {"pieces": 2, "widths": 1, "seeds": 1, "steps": 20},
    "yarotsky_product": {"certified": 1, "depth": 3},
    "stable_exists": {"points": 4, "steps": 100},
    "finite_precision": {"digits": 3, "solver": 2},
    "equivariance": {"length": 4, "tokens": 3, "pixels": 4},
    "resnet_invertible": {"steps": 40, "inverses": 2, "trajectories": 1},
    "digits_robustness": {"images": 1, "epochs": 2},
    "false_structure": {"size": 16, "steps": 200},
    "linear_networks": {"most": 3},
    "linear_convolutions": {"steps": 3},
    "polynomial_networks": {"points": 1},
    "polynomial_activation": {"width": 2},
    "lightning_attention": {},
    "gradient_descent": {"steps": 5},
    "neural_tangent_kernel": {"points": 3, "steps": 3},
    "double_descent": {},
    "tensor_networks": {},
    "in_context_learning": {"dimension": 2, "length": 3, "shifts": 3},
    "matrix_completion": {"masks": 2, "least": 2, "seen": 160},
    "parity_recurrent": {},
    "backpropagation": {"programs": 4},
    "gromov_hyperbolicity": {"trees": 1, "spaces": 2, "points": 5},
    "poincare_ball": {},
    "heat_trace": {"points": 3, "determined": 4},
    "alignment_limit": {"models": 2},
    "claimed_identities": {"side": 2},
    "homology": {"folds": 1, "drawn": 1, "seeds": 1, "steps": 40},
}


@pytest.mark.parametrize("each", THEOREMS, ids=lambda each: each.name)
def test_it_holds_with_small_parameters(each: Theorem[Any]) -> None:
    report = run(each, dataclasses.replace(each.defaults, **SMALL[each.name]))
    assert report.problems == ()
    assert report.holds


@pytest.mark.slow
@pytest.mark.parametrize("each", THEOREMS, ids=lambda each: each.name)
def test_it_holds_with_its_defaults(each: Theorem[Any]) -> None:
    assert run(each).problems == ()


LONGER = {"digits_robustness": {"order", "reverse"}}  # of long training; test_digits_robustness


@pytest.mark.parametrize("each", THEOREMS, ids=lambda each: each.name)
def test_small_parameters_run_every_kind_of_claim(each: Theorem[Any]) -> None:
    """Names that differ in numbers are of one kind."""

    def kinds(parameters: Any) -> set[str]:
        return {re.sub(r"\d+", "#", claim.name) for claim in each.claims(parameters)}

    small = kinds(dataclasses.replace(each.defaults, **SMALL[each.name]))
    assert kinds(each.defaults) - small == LONGER.get(each.name, set())


def test_every_module_is_registered_under_its_own_name() -> None:
    folder = Path(verifai.theorems.__file__).parent
    texts = {path.stem: path.read_text("utf-8") for path in folder.glob("*.py")}
    names = {name for name, text in texts.items() if "\nTHEOREM = " in text}
    registered = {module.__name__.rpartition(".")[2] for module in MODULES}
    assert names == registered == {each.name for each in THEOREMS} == set(SMALL)
    assert all(theorem(name).name == name for name in names)


@pytest.mark.parametrize("each", THEOREMS, ids=lambda each: each.name)
def test_it_says_what_it_claims(each: Theorem[Any]) -> None:
    small = dataclasses.replace(each.defaults, **SMALL[each.name])
    claims = list(each.claims(small))
    assert {Role.CLAIM, Role.CONTROL} <= {claim.role for claim in claims}
    assert len({claim.name for claim in claims}) == len(claims)
    texts = (each.title, each.statement, each.proposal, each.source, each.example)
    assert all(texts) and all(claim.text for claim in claims)
    assert all(limits.words for limits in limits_of(each.defaults).values())
