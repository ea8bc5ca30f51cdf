"""Certificates of format 1 are upgraded by code that nobody need believe, and judged as before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import verifai
from tests.kernel.proofs import ANY
from verifai.kernel.__main__ import main as alone
from verifai.kernel.check import check
from verifai.kernel.errors import Rejection
from verifai.kernel.files.certificate import MAGIC, decode_certificate
from verifai.kernel.files.container import unpack
from verifai.proof.__main__ import main
from verifai.proof.container import pack
from verifai.proof.files import Files
from verifai.proof.upgrade import upgraded

MODEL = Path(verifai.__file__).parent / "data" / "yarotsky_4.onnx"
HERE = Path(__file__).parent / "format_1"
CORPUS = HERE.parents[1] / "kernel" / "corpus"
ROOT = HERE.parents[2]
FILES = Files((CORPUS / "network").read_bytes(), (CORPUS / "query").read_bytes())
SMOOTH = Files((CORPUS / "smooth.network").read_bytes(), (CORPUS / "smooth.query").read_bytes())
ACCEPT = sorted((HERE / "accept").glob("*.certificate"))
REJECT = sorted((HERE / "reject").glob("*.certificate"))
GOOD = (HERE / "accept" / "derive-close.certificate").read_bytes()


def checked(data: bytes, files: Files = FILES) -> bytes:
    new = upgraded(data, files)
    check(files.network, files.query, new)
    return new


@pytest.mark.parametrize("path", ACCEPT, ids=lambda path: path.stem)
def test_kept_certificates_are_accepted(path: Path) -> None:
    assert checked(path.read_bytes()).startswith(MAGIC)


def test_one_with_slopes_and_a_split_is_accepted() -> None:
    old = (HERE / "smooth.certificate").read_bytes()
    new = checked(old, SMOOTH)
    assert new == (CORPUS / "smooth.certificate").read_bytes()
    assert upgraded(new, SMOOTH) == new
    assert len(new) <= len(old)


def test_the_kept_ones_are_there() -> None:
    assert len(ACCEPT) >= 3
    assert len(REJECT) >= 60


@pytest.mark.parametrize("path", REJECT, ids=lambda path: path.stem)
def test_what_was_rejected_is(path: Path) -> None:
    with pytest.raises(Rejection):
        checked(path.read_bytes())


@pytest.mark.parametrize("name", sorted(unpack(GOOD, max_header=1 << 16)[1]))
@pytest.mark.parametrize("change", ["absent", "longer", "shorter", "type", "axes"])
def test_an_array_that_does_not_fit_is_rejected(name: str, change: str) -> None:
    metadata, given = unpack(GOOD, max_header=1 << 16)
    array, arrays = given[name], dict(given)
    arrays[name] = {
        "longer": np.concatenate([array, array[-1:]]),
        "shorter": array[:-1],
        "type": array.astype(np.int64),
        "axes": array[None],
    }.get(change, array)
    if change == "absent":
        del arrays[name]
    if (name, change) == ("codes", "absent"):
        arrays["block_codes"] = np.array([-1], np.int32)
        checked(pack(metadata, arrays))
        return
    with pytest.raises(Rejection):
        checked(pack(metadata, arrays))


def packed(code: list[int], mask: list[list[int]]) -> bytes:
    metadata, arrays = unpack(GOOD, max_header=1 << 16)
    rest = {name: array for name, array in arrays.items() if name != "codes"}
    rest["code_mask"], rest["code"] = np.array(mask, np.uint8), np.array(code, np.uint8)
    return pack(metadata, rest)


def test_packed_codes_are_those_that_they_stand_for() -> None:
    new = checked(packed([128], [[0], [0x80]]))
    assert decode_certificate(new, *FILES.digests).codes.tolist() == [[255, 128]]


@pytest.mark.parametrize(
    ("code", "mask"),
    [
        ([], [[0], [0x80]]),
        ([128, 0], [[0], [0x80]]),
        ([128], [[0], [0xC0]]),
        ([128], [[0, 0], [0x80, 0]]),
        ([128], [[0], [0], [0x80]]),
    ],
)
def test_codes_that_do_not_fit_their_bits_are_rejected(
    code: list[int], mask: list[list[int]]
) -> None:
    with pytest.raises(Rejection):
        checked(packed(code, mask))


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"", r" \(there is nothing in it\)"),
        (MODEL.read_bytes(), r" \(it looks like an ONNX file\)"),
        (b"; a comment\n(declare-const X_0 Real)", r" \(it looks like a VNN-LIB file\)"),
        (b"\n (assert (<= X_0 1))", r" \(it looks like a VNN-LIB file\)"),
        (FILES.query, r" \(it is the file of the query, which lies beside one\)"),
        (FILES.network, r" \(it is the file of the network, which lies beside one\)"),
        (b"\x08", ""),
        (b"PK\x03\x04", ""),
    ],
)
def test_what_is_no_certificate_is_called_so(data: bytes, seen: str) -> None:
    with pytest.raises(Rejection, match=f"^format: this is no certificate{seen}$"):
        upgraded(data, FILES)


def test_one_of_a_newer_format_is_left_to_the_kernel() -> None:
    assert upgraded(b"verifai9", FILES) == b"verifai9"


def test_about_another_statement_it_is_rejected() -> None:
    with pytest.raises(Rejection, match="digest"):
        checked(GOOD, SMOOTH)
    assert FILES.digests != ANY


def test_the_command_writes_what_the_kernel_alone_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(CORPUS / "smooth.network"), str(CORPUS / "smooth.query")]
    old, out = str(HERE / "smooth.certificate"), str(tmp_path / "new")
    assert alone([*files, old]) == 1
    assert "python -m verifai.proof" in capsys.readouterr().out
    assert main([*files, old, out]) == 0
    assert alone([*files, out]) == 0
    assert main([*files, str(REJECT[0]), out]) == 1
    assert main([*files, str(tmp_path / "none"), out]) == 4
    assert main([*files[::-1], old, out]) == 4
    assert main([*files, old]) == 4


def test_one_about_a_query_that_did_not_say_what_it_assumes_is_upgraded() -> None:
    assuming = Files.of(replace(FILES.question, assumptions=("sums in any order",)))
    assert assuming.digests != FILES.digests
    data = checked(GOOD, assuming)
    found = check(assuming.network, assuming.query, data)
    assert found.query.semantics == "float32"
    with pytest.raises(Rejection, match="digest"):
        check(FILES.network, FILES.query, data)
