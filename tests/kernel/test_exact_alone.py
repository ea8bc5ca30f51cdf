"""Exact arithmetic believes nothing of rounded arithmetic: however wrong that is, no false claim.

Products of matrices, bounds, intervals of the rounded root are replaced by wrong ones. The probe is
taken away too, so that nothing else stands in the way of a false claim.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from flint import fmpq

from tests.kernel.adversarial import (
    Target,
    encoded,
    random_tree,
    smooth_target,
    target,
    valid_tree,
)
from tests.kernel.distance import ABS, SIDE, D, at_least, below_zero, far, query_of
from tests.kernel.false_claims import EVERY, chain, on
from tests.kernel.proofs import ANY, Block, Close, Derive, Split, decide, plan_of
from tests.kernel.test_alone import REJECT, failures
from verifai.graph.nodes import affine
from verifai.kernel import derive
from verifai.kernel.arithmetic import Rounded
from verifai.kernel.bound import Root, rounded_root
from verifai.kernel.check import check
from verifai.kernel.checker import Checker, judge
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import decode_certificate
from verifai.kernel.forward import Machine
from verifai.kernel.network import Affine
from verifai.kernel.operator import Array, Dense
from verifai.kernel.query import Or, Relation

Wrong = Callable[[Array], Array]
WRONG: dict[str, Wrong] = {
    "zero": lambda product: product * 0,
    "negated": lambda product: -product,
    "doubled": lambda product: 2 * product,
    "halved": lambda product: product / 2,
    "off by a thousandth": lambda product: product * 1.001,
    "off by a billionth": lambda product: product * (1 - 1e-9),
    "off by one": lambda product: product + 1,
    "reversed": lambda product: product[::-1],
    "far above": lambda product: product * 0 + 1e9,
    "far below": lambda product: product * 0 - 1e9,
    "infinite": lambda product: product + np.inf,
    "not a number": lambda product: product * np.nan,
}


@pytest.fixture(params=WRONG)
def broken_products(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every product of float64 matrices is wrong in one way, and the probe does not look."""
    wrong, weights = WRONG[request.param], Root._weights
    right_product, right_inner = Rounded.matmul, Rounded.inner

    def product(self: Rounded, left: Array, right: Array) -> Array:
        return np.asarray(wrong(right_product(self, left, right)))

    def without_probe(self: Root, i: int, node: Affine) -> object:
        found = weights(self, i, node)
        if found.probe is None:
            return found
        return replace(found, probe=np.full(found.probe.shape, np.inf))

    def inner(self: Rounded, a: Array, b: Array) -> Array:
        return np.asarray(wrong(right_inner(self, a, b)))

    monkeypatch.setattr(Rounded, "matmul", product)
    monkeypatch.setattr(Rounded, "inner", inner)
    monkeypatch.setattr(Root, "_weights", without_probe)
    monkeypatch.setattr("verifai.kernel.arithmetic.LARGEST", np.inf)


@pytest.fixture(params=["nowhere", "everywhere"])
def broken_bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every interval and bound of rounded arithmetic says the most, or nothing at all."""
    is_less = request.param == "nowhere"
    right_image, right_bounds = Machine.image, derive.bounds_and_errors

    def image(self: Machine, i: int, sources: list[tuple[Array, Array]], batch: int) -> object:
        low, high = right_image(self, i, sources, batch)
        if not self.ar.rounds:
            return low, high
        return (low + 1e6, high - 1e6) if is_less else (low - 1e6, high + 1e6)

    def bounds(root: Root, *rest: object) -> object:
        found, errors = right_bounds(root, *rest)  # type: ignore[arg-type]
        return (found + (1e6 if is_less else -1e6) if root.ar.rounds else found), errors

    monkeypatch.setattr(Machine, "image", image)
    monkeypatch.setattr(derive, "bounds_and_errors", bounds)


def no_false_claim_is_accepted(*, exact: bool = True) -> None:
    wrong = failures(lambda *a, **k: check(*a, exact=exact, **k))
    assert not [name for name in wrong if name.endswith(": accepted")]
    assert len(REJECT) >= 50
    for name, claim in EVERY.items():
        with pytest.raises(Rejection):
            raise AssertionError(f"{name}: {decide(claim.query, claim.tree, exact=exact)}")
    for make, seeds in ((target, range(8)), (smooth_target, range(4))):
        for seed in seeds:
            attack(make(seed), seed, exact=exact)


def attack(claim: Target, seed: int, *, exact: bool) -> None:
    random = Random(seed)
    ors = tuple(p for p in claim.query.unsafe.parts if isinstance(p, Or))
    rows = len(claim.query.unsafe.parts) - len(ors)
    trees = [valid_tree(random, claim, ors, rows, depth) for depth in (0, 1, 1)]
    trees += [random_tree(random, claim, 2, rows, ors) for _ in range(4)]
    for tree in trees:
        with pytest.raises(Rejection):
            must_reject(claim, encoded(tree), exact=exact)


def must_reject(claim: Target, data: bytes, *, exact: bool) -> None:
    found = judge(claim.query, decode_certificate(data, *ANY), exact=exact)
    raise AssertionError(f"accepted: {found}")


def test_with_wrong_products_no_false_claim_is_accepted(broken_products: None) -> None:
    no_false_claim_is_accepted()


def test_with_wrong_bounds_no_false_claim_is_accepted(broken_bounds: None) -> None:
    no_false_claim_is_accepted()


def test_with_wrong_bounds_true_claims_still_are(broken_bounds: None) -> None:
    strict = query_of(ABS, below_zero(fmpq(0), Relation.LESS))
    assert decide(strict, Split(D, 0.0, SIDE, SIDE), exact=True).nodes == 3
    plan = Derive(plan_of(ABS), Close(Block(rows=((0, 1.0),))))
    assert decide(query_of(ABS, far(3)), plan, exact=True).leaves == 1


def test_a_wrong_product_does_accept_in_rounded_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the tests above break something that matters."""
    query = on(chain(affine("y", (1,), ((0, Dense.of([[1.0]])),))), 0, 1, at_least(1, fmpq(1)))
    right = Rounded.matmul
    monkeypatch.setattr(Rounded, "matmul", lambda *a: right(*a) / 2)
    assert decide(query, Close(), exact=False).leaves == 1
    with pytest.raises(Rejection, match="close"):
        decide(query, Close(), exact=True)


@pytest.mark.parametrize("shift", [0.0, 1e-18, -1e-18, 0.25, -0.25, 1e9, -1e9, np.inf, np.nan])
def test_an_exact_root_takes_a_proposed_end_only_where_it_lies_outside(shift: float) -> None:
    query = on(chain(affine("y", (2,), ((0, Dense.of([[0.1], [-0.7]])),))), fmpq(1, 3), fmpq(2, 3))
    proposed = rounded_root(query)
    own = Checker(query, exact=True).root
    assert own.sharp is not None
    proposed.low, proposed.high = proposed.low + shift, proposed.high - shift
    root = Root(query, own.ar, proposed)
    for value in range(3):
        least, most = own.sharp[0][value], own.sharp[1][value]
        low, high = root.low[value], root.high[value]
        assert fmpq(*float(low).as_integer_ratio()) <= least
        assert fmpq(*float(high).as_integer_ratio()) >= most
        lies_outside = proposed.low[value] < own.low[value]
        if lies_outside and np.isfinite(proposed.low[value]):
            assert low == proposed.low[value]
        elif not np.isfinite(shift) or shift > 0.1:
            assert low == Root(query, own.ar).low[value]


BROKEN_LIBRARY = """
#include <stdint.h>
typedef int64_t n;
#define WRONG(x) (FACTOR * (x) + OFFSET)
static double dot(n k, const double *a, n s, const double *b, n t) {
    double total = 0;
    for (n i = 0; i < k; i++) total += a[i * s] * b[i * t];
    return WRONG(total);
}
double scipy_cblas_ddot64_(n k, const double *a, n s, const double *b, n t) {
    return dot(k, a, s, b, t);
}
void scipy_cblas_dgemv64_(int order, int turned, n rows, n columns, double alpha, const double *a,
        n lead, const double *x, n s, double beta, double *y, n t) {
    n down = order == 101 ? lead : 1, across = order == 101 ? 1 : lead;
    int is_turned = turned != 111;
    for (n i = 0; i < (is_turned ? columns : rows); i++)
        y[i * t] = is_turned ? dot(rows, a + i * across, down, x, s)
                             : dot(columns, a + i * down, across, x, s);
}
void scipy_cblas_dgemm64_(int order, int left, int right, n rows, n columns, n inner, double alpha,
        const double *a, n leada, const double *b, n leadb, double beta, double *c, n leadc) {
    int by_row = order == 101;
    n ai = (left == 111) == by_row ? leada : 1, ak = (left == 111) == by_row ? 1 : leada;
    n bk = (right == 111) == by_row ? leadb : 1, bj = (right == 111) == by_row ? 1 : leadb;
    n ci = by_row ? leadc : 1, cj = by_row ? 1 : leadc;
    for (n i = 0; i < rows; i++)
        for (n j = 0; j < columns; j++)
            c[i * ci + j * cj] = dot(inner, a + i * ai, ak, b + j * bj, bk);
}
void scipy_cblas_dsyrk64_(int order, int part, int turned, n size, n inner, double alpha,
        const double *a, n lead, double beta, double *c, n leadc) {
    n ai = (turned == 111) == (order == 101) ? lead : 1;
    n ak = (turned == 111) == (order == 101) ? 1 : lead;
    for (n i = 0; i < size; i++)
        for (n j = 0; j < size; j++)
            c[i * leadc + j] = dot(inner, a + i * ai, ak, a + j * ai, ak);
}
"""
UNDER_IT = """
import numpy as np
import tests.kernel.test_exact_alone as exact_alone
from verifai.kernel import binary64
from verifai.kernel.errors import Unable
if (np.ones((8, 9)) @ np.ones((9, 7)) == 9).any() or np.ones(9) @ np.ones(9) == 9:
    print("not loaded")
else:
    try:
        binary64.require_binary64()
        print("not seen")
    except Unable:
        binary64._require_products = lambda: None
    exact_alone.no_false_claim_is_accepted()
    print("none accepted")
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(("factor", "offset"), [(0, 0), (-1, 0), (2, 0), (1, 1), (0.999999, 0)])
def test_with_a_wrong_library_no_false_claim_is_accepted(
    tmp_path: Path, factor: float, offset: float
) -> None:
    """The linear algebra that numpy loads is replaced; the kernel sees that, and is told not to."""
    source, library = tmp_path / "wrong.c", tmp_path / "wrong.so"
    source.write_text(BROKEN_LIBRARY)
    defined = [f"-DFACTOR={factor}", f"-DOFFSET={offset}"]
    command = ["cc", "-O1", "-shared", "-fPIC", *defined, "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    done = subprocess.run(
        [sys.executable, "-c", UNDER_IT],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stdout.strip() == "not loaded":
        pytest.skip("numpy's linear algebra is not loaded in a way that can be replaced")
    assert done.stdout.strip() == "none accepted", done.stdout + done.stderr
