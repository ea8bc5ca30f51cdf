"""Nonsense in the place of every hint: no false claim is accepted, and true ones are only rejected.

The rejections that follow are those of bounds that are too loose, never another answer.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from tests.kernel.adversarial import Target, shifted, smooth_target, target, valid_tree
from tests.kernel.distance import BOTH
from tests.kernel.proofs import decide
from tests.kernel.test_exact_alone import no_false_claim_is_accepted
from verifai.kernel import hints
from verifai.kernel.errors import Rejection
from verifai.kernel.operator import Array
from verifai.kernel.query import Or

HINTS = [f.name for f in ast.parse(inspect.getsource(hints)).body if isinstance(f, ast.FunctionDef)]
HINTS = [name for name in HINTS if not name.startswith("_")]
LARGE = np.random.default_rng(0)
NONSENSE: dict[str, Callable[[Array], object]] = {
    "random": lambda hint: LARGE.normal(size=hint.shape) * 10.0 ** LARGE.integers(-5, 6),
    "huge": lambda hint: np.full(hint.shape, 1e308) * LARGE.choice([-1.0, 1.0], hint.shape),
    "not a number": lambda hint: np.full(hint.shape, np.nan),
    "infinite": lambda hint: np.full(hint.shape, -np.inf),
    "the other way": lambda hint: ~hint if hint.dtype == bool else -hint,
    "too few": lambda hint: hint[..., :-1],
    "too many": lambda hint: np.concatenate([hint, hint], axis=-1),
    "one for all": lambda _: np.array(1.5),
    "words": lambda hint: np.full(hint.shape, "steep"),
    "nothing": lambda _: None,
}


@pytest.fixture(params=NONSENSE)
def nonsense(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every hint is wrong in one way; where truth values are asked for, by chance."""
    wrong = NONSENSE[request.param]

    def spoilt(name: str) -> Callable[..., object]:
        right = getattr(hints, name)

        def hint(*arguments: object) -> object:
            found = right(*arguments)
            if isinstance(found, tuple):
                return tuple(wrong(each) for each in found)
            answer = wrong(found)
            if found.dtype == bool and np.shape(answer) == found.shape:
                return LARGE.random(found.shape) < 0.5
            return answer

        return hint

    for name in HINTS:
        monkeypatch.setattr(hints, name, spoilt(name))


def test_every_hint_is_spoilt() -> None:
    assert HINTS == ["slopes", "touching", "settled", "misses"]


@BOTH
def test_with_nonsense_no_false_claim_is_accepted(nonsense: None, exact: bool) -> None:
    no_false_claim_is_accepted(exact=exact)


def claims() -> list[Target]:
    return [make(seed) for make in (target, smooth_target) for seed in range(10)]


def accepted(claim: Target) -> bool:
    """Whether the claim is proved where its threshold is moved to the side that makes it true."""
    ors = tuple(p for p in claim.query.unsafe.parts if isinstance(p, Or))
    rows = len(claim.query.unsafe.parts) - len(ors)
    tree = valid_tree(Random(0), claim, ors, rows, 1)
    try:
        decide(shifted(claim, 10**5), tree, exact=False)
    except Rejection as rejection:
        if rejection.rule not in ("close", "finite"):
            raise
        return False
    return True


def test_with_nonsense_true_claims_are_accepted_or_rejected(nonsense: None) -> None:
    assert {accepted(claim) for claim in claims()} <= {True, False}


def test_the_claims_are_true_and_hints_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sum(map(accepted, claims()))
    assert before >= 6
    right = hints.slopes
    monkeypatch.setattr(hints, "slopes", lambda *a: tuple(1e6 * s + 1e6 for s in right(*a)))
    assert sum(map(accepted, claims())) < before
