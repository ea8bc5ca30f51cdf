"""Queries as VNN-LIB: read again with their model they are the same query, or they are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import verifai as vf
from verifai.kernel.query import And, Atom, Or, Relation
from verifai.load.vnnlib.version2 import load_vnnlib2

DATA = Path(vf.__file__).parent / "data"
DIGITS, WAVE = DATA / "digits_mlp.onnx", DATA / "wave.onnx"
NET, TWO = (vf.load(path, shrink=True) for path in (DIGITS, WAVE))
BOX = [(-1, 1), ("-1/4", "3/8")]
(X0, X1), (Y0,) = TWO.input_values, TWO.output_values
with np.load(DATA / "digits_test.npz") as file:
    IMAGE, LABEL = file["images"][0] / 16, int(file["labels"][0])


def region() -> vf.Domain:
    rows = [({0: 1, 1: "-1/2"}, "<=", "1/4"), ({0: 3, 1: 1}, "=", "0.5")]
    return vf.domain(TWO, BOX, rows=rows)


QUERIES: dict[str, tuple[Path, Callable[[], vf.Query]]] = {
    "robust": (DIGITS, lambda: vf.robust(NET, IMAGE, eps="1/50", label=LABEL, clip=(0, 1))),
    "range": (WAVE, lambda: vf.in_range(TWO, BOX, lower="-3/2", upper="0.7")),
    "rows": (WAVE, lambda: vf.in_range(TWO, region(), upper=2)),
    "formula": (
        WAVE,
        lambda: vf.never(
            TWO,
            BOX,
            vf.disjunction(
                [
                    vf.conjunction([vf.atom({Y0: 1}, ">", 1), vf.atom({X0: 2, X1: -1}, "<", 0)]),
                    vf.atom({Y0: "-1/8", X1: 1}, "=", 3),
                ]
            ),
        ),
    ),
    "empty": (WAVE, lambda: vf.in_range(TWO, [(1, 0), (0, 1)], upper=1, allow_empty=True)),
}


def back(query: vf.Query, model: Path, folder: Path, version: str) -> vf.Query:
    query.to_vnnlib(folder / "p.vnnlib", version)
    return vf.query_from(model, folder / "p.vnnlib")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("name", QUERIES)
def test_what_is_written_is_read_as_the_same_query(name: str, version: str, tmp_path: Path) -> None:
    model, pose = QUERIES[name]
    query = pose()
    again = back(query, model, tmp_path, version)
    assert again.digest == query.digest
    assert again.stated == query.stated


def test_a_softmax_is_written_as_it_was_posed(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    weights = onnx.numpy_helper.from_array(np.array([[1, 2], [3, -1]], np.float32), "W")
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["h"]),
        helper.make_node("Softmax", ["h"], ["y"], axis=1),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "soft", ends[:1], ends[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, tmp_path / "soft.onnx")
    query = vf.robust(vf.load(tmp_path / "soft.onnx", shrink=True), [1, 0], eps="1/8", label=1)
    assert query.stated is not None
    for version in ("1.0", "2.0"):
        again = back(query, tmp_path / "soft.onnx", tmp_path, version)
        assert again.digest == query.digest


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_fractions_that_are_no_decimals_are_said_exactly(version: str, tmp_path: Path) -> None:
    query = vf.never(TWO, [("-1/3", "1/7"), (0, 1)], vf.atom({Y0: "1/3", X0: 1}, ">=", "5/7"))
    again = back(query, WAVE, tmp_path, version)
    assert (again.lower, again.upper) == (query.lower, query.upper)
    (atom,), (before,) = again.unsafe.parts, query.unsafe.parts
    assert isinstance(atom, Atom) and isinstance(before, Atom)
    factor = atom.terms[0][1] / before.terms[0][1]
    assert factor > 0 and atom.relation is before.relation
    assert atom.constant == factor * before.constant
    assert atom.terms == tuple((value, factor * c) for value, c in before.terms)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_parts_that_always_or_never_hold(version: str, tmp_path: Path) -> None:
    base = QUERIES["range"][1]()
    zero = base.lower[0] - base.lower[0]
    above = Atom(((Y0, zero + 1),), zero - 1)
    always, never = Atom((), zero), Atom((), zero, Relation.LESS)
    for unsafe, same in (
        (And((above, always, And(()))), And((above,))),
        (And((Or((above, never)),)), And((above,))),
    ):
        again = back(replace(base, unsafe=unsafe), WAVE, tmp_path, version)
        assert again.digest == replace(base, unsafe=same).digest


def test_two_networks_are_said_in_version_2(tmp_path: Path) -> None:
    rounded = DATA / "wave_16bit.onnx"
    other = vf.load(rounded, shrink=True)
    query = vf.equivalent(TWO, other, BOX, tolerance="1/100")
    query.to_vnnlib(tmp_path / "two.vnnlib", "2.0")
    posed = load_vnnlib2(tmp_path / "two.vnnlib", {"N1": WAVE, "N2": rounded})
    assert (posed.query.lower, posed.query.upper) == (query.lower, query.upper)
    for asked in (query, posed.query):
        assert isinstance(vf.verify(asked, timeout=120, workers=1), vf.Verified)
    same = vf.equivalent(TWO, TWO, BOX, tolerance="1/100")
    same.to_vnnlib(tmp_path / "one.vnnlib", "2.0")
    assert "(equal-to N1)" in (tmp_path / "one.vnnlib").read_text()
    posed = load_vnnlib2(tmp_path / "one.vnnlib", {"N1": WAVE})
    assert isinstance(vf.verify(posed.query, timeout=120, workers=1), vf.Verified)
    with pytest.raises(vf.InputError, match="about 2 networks"):
        query.to_vnnlib(tmp_path / "p.vnnlib")


def test_the_standards_own_parser_reads_it(tmp_path: Path) -> None:
    vnnlib = pytest.importorskip("vnnlib")
    for _, pose in QUERIES.values():
        pose().to_vnnlib(tmp_path / "p.vnnlib", "2.0")
        vnnlib.parse_query_file(str(tmp_path / "p.vnnlib"))


def hidden() -> vf.Query:
    value = TWO.offsets[1] if 1 not in TWO.outputs else TWO.offsets[2]
    return vf.never(TWO, BOX, vf.atom({value: 1}, ">=", 0))


def whole() -> vf.Query:
    return vf.in_range(TWO, vf.domain(TWO, BOX, integers=[0]), upper=1)


def float32() -> vf.Query:
    from verifai.api import ready

    return ready(vf.in_range(vf.load(WAVE, semantics="float32"), BOX, upper=1))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    ("pose", "said"),
    [(hidden, "is a hidden value"), (whole, "is an integer"), (float32, "float32 programs")],
)
def test_what_cannot_be_said_is_refused_by_name(
    pose: Callable[[], vf.Query], said: str, version: str, tmp_path: Path
) -> None:
    with pytest.raises(vf.InputError, match=rf"VNN-LIB {version} cannot say this: .*{said}"):
        pose().to_vnnlib(tmp_path / "p.vnnlib", version)
    assert not (tmp_path / "p.vnnlib").exists()


def test_a_step_between_two_copies_is_refused(tmp_path: Path) -> None:
    query = vf.monotone(vf.load(DATA / "credit_free.onnx"), [(0, 1)] * 3, input=0)
    with pytest.raises(vf.InputError, match="cannot say this"):
        query.to_vnnlib(tmp_path / "p.vnnlib", "2.0")


def test_wrong_words_are_refused(tmp_path: Path) -> None:
    query = QUERIES["range"][1]()
    with pytest.raises(vf.InputError, match="version"):
        query.to_vnnlib(tmp_path / "p.vnnlib", "3.0")
    with pytest.raises(vf.InputError, match="No such file"):
        query.to_vnnlib(tmp_path / "none" / "p.vnnlib")
