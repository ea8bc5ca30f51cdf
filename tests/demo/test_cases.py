"""The demo's queries say what their words say: judged point by point in exact arithmetic."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

from verifai.demo.cases import DATA, cases, parity_query, read_digits, square_query
from verifai.kernel.errors import InputError
from verifai.kernel.replay import Replayer
from verifai.load.onnx.read import load_onnx


def test_parity_query_is_unsafe_exactly_where_the_output_is_not_the_parity() -> None:
    query, in_domain = parity_query(load_onnx(DATA / "parity_8.onnx"), fmpq(1, 2)), 0
    replayer = Replayer(query)
    for bits in product((0, 1), repeat=8):
        for half, parity in product(range(5), range(2)):
            found = replayer.replay([fmpq(v) for v in (*bits, half, parity)])
            assert found.in_domain == (sum(bits) == 2 * half + parity)
            assert found.violates is False
            assert (found.margin > 0) == (parity != sum(bits) % 2)  # in the domain or not
            in_domain += found.in_domain
    assert in_domain == 256


@pytest.mark.parametrize("share", [fmpq(1), fmpq(3, 4)])
def test_square_query_is_unsafe_exactly_where_the_error_is_too_large(share: fmpq) -> None:
    replayer = Replayer(square_query(load_onnx(DATA / "yarotsky_4.onnx"), share / 1024))
    violations = 0
    for i in range(129):
        error = fmpq(i % 8, 128) * fmpq(8 - i % 8, 128)
        found = replayer.replay([fmpq(i, 128)])
        assert found.violates == (error > share / 1024)
        violations += found.violates is True
    assert (violations > 0) == (share < 1)


def test_cases_have_names_of_their_own_and_both_answers() -> None:
    found = cases(None)
    assert len({case.name for case in found}) == len(found)
    assert {case.expected for case in found} == {"verified", "falsified"}


def test_a_network_of_ones_own_need_only_be_decided(tmp_path: Path) -> None:
    for name in ("digits_mlp.onnx", "digits_test.npz"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    assert {case.expected for case in cases(tmp_path) if case.digit} == {"decided"}


def test_a_missing_folder_and_a_broken_image_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        cases(tmp_path / "none")
    (tmp_path / "digits_test.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match="digits_test"):
        read_digits(tmp_path / "digits_test.npz")
    np.savez(tmp_path / "digits_test.npz", images=np.zeros((2, 3)), labels=np.zeros(2))
    with pytest.raises(InputError, match=r"\(2, 3\)"):
        read_digits(tmp_path / "digits_test.npz")
