"""The float32 semantics: what it proves and refuses, and that no error term can be left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from flint import fmpq
from onnx import TensorProto, helper

import verifai as vf
from tests.load.models import Weights, model, runtime, single
from verifai.graph.formulas import atom, conjunction
from verifai.graph.merge import merge
from verifai.kernel.errors import InputError, Rejection
from verifai.kernel.network import Affine
from verifai.kernel.number import exact
from verifai.kernel.query import Query
from verifai.load.float32 import builder as float32_builder
from verifai.load.float32 import sum as float32_sum
from verifai.load.float32.network import Float32Network, load_float32
from verifai.load.float32.query import float32_query, least_binary32
from verifai.load.onnx.execution import shows_violation
from verifai.original.look import Misread

Y_AT_MOST_HALF = """
(declare-const X_0 Real)
(declare-const Y_0 Real)
(assert (>= X_0 1.0))
(assert (<= X_0 1.5))
(assert (<= Y_0 {}))
"""


def numbers(*values: float) -> Any:
    return np.array(values, dtype=np.float32)


def written(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def there_and_back() -> onnx.ModelProto:
    """y = (x + 2^25) - 2^25, which is x over the reals and 0 in float32 for x near 1."""
    nodes = [
        helper.make_node("Add", ["x", "big"], ["1"]),
        helper.make_node("Sub", ["1", "big"], ["y"]),
    ]
    return model(nodes, {"x": [1, 1]}, {"big": numbers(2.0**25)})


def posed(folder: Path, semantics: str, limit: str = "0.5") -> tuple[Path, Query]:
    path, text = written(there_and_back(), folder), folder / "property.vnnlib"
    text.write_text(Y_AT_MOST_HALF.format(limit))
    return path, vf.query_from(path, text, semantics=semantics)


def test_what_is_true_over_the_reals_and_false_in_onnxruntime_is_not_verified(
    tmp_path: Path,
) -> None:
    path, real = posed(tmp_path, "real")
    assert shows_violation(path, real, [fmpq(1)])
    proved = vf.verify(real, nodes=50)
    assert isinstance(proved, vf.Verified)
    assert "assuming" not in proved.statement
    _, deployed = posed(tmp_path, "float32")
    assert isinstance(vf.verify(deployed, nodes=50), vf.Unknown)
    with pytest.raises(Rejection, match="digest"):
        vf.check(deployed, proved.certificate)


def test_what_float32_cannot_reach_is_verified_and_checked(tmp_path: Path) -> None:
    _, query = posed(tmp_path, "float32", "-10")
    proved = vf.verify(query, nodes=50)
    assert isinstance(proved, vf.Verified)
    assert "every float32 program" in proved.statement
    assert "fused multiply-add" in proved.statement
    assert vf.check(query, proved.certificate).leaves >= 1
    assert vf.check(query, proved.certificate, exact=True).leaves >= 1
    with pytest.raises(Rejection, match="digest"):
        vf.check(posed(tmp_path, "real", "-10")[1], proved.certificate)


def test_a_counterexample_is_a_float32_input_that_every_program_violates(tmp_path: Path) -> None:
    proto = single("Add", {"x": [1, 1]}, {"b": numbers(0.1)})
    net = vf.load(written(proto, tmp_path), semantics="float32")
    assert isinstance(net, Float32Network)
    found = vf.verify(vf.in_range(net, [("0.3", "0.7")], upper="0.6"), nodes=50)
    assert isinstance(found, vf.Falsified)
    (x,) = found.counterexample.inputs
    assert exact(float(np.float32(float(x.p) / float(x.q)))) == x
    y = runtime(proto.SerializeToString(), {"x": numbers(float(x.p) / float(x.q))[None]})[0]
    assert y > 0.6


def test_an_interval_without_float32_numbers_is_the_nearest_one(tmp_path: Path) -> None:
    proto = single("Relu", {"x": [1, 1]})
    net = vf.load(written(proto, tmp_path), semantics="float32")
    query = vf.in_range(net, [("0.1", "0.1")], upper=0)
    assert float32_query(query).lower == (exact(float(np.float32(0.1))),)
    assert float32_query(query).upper == float32_query(query).lower
    assert isinstance(vf.verify(query, nodes=50), vf.Falsified)


def test_an_empty_box_stays_empty(tmp_path: Path) -> None:
    net = vf.load(written(single("Relu", {"x": [1, 1]}), tmp_path), semantics="float32")
    verdict = vf.verify(vf.in_range(net, [("0.2", "0.1")], upper=0, allow_empty=True), nodes=50)
    assert isinstance(verdict, vf.Verified)
    assert verdict.vacuous


def test_ends_of_a_box_are_the_float32_numbers_inside(tmp_path: Path) -> None:
    net = load_float32(written(single("Relu", {"x": [1, 1]}), tmp_path))
    query = Query(net, (fmpq(1, 10),), (fmpq(1, 3),), conjunction([atom({1: fmpq(1)}, fmpq(0))]))
    ready = float32_query(query)
    for end, near in zip((*ready.lower, *ready.upper), (0.1, 1 / 3), strict=True):
        assert abs(end - exact(near)) < fmpq(1, 2**25)
        assert exact(float(np.float32(float(end.p) / float(end.q)))) == end
    assert query.lower[0] < ready.lower[0] <= ready.upper[0] < query.upper[0]
    assert float32_query(ready) == ready


@pytest.mark.parametrize("value", ["0", "1/3", "-1/3", "1", "1e-46", "-1e-46", "16777217"])
def test_the_least_float32_number_above(value: str) -> None:
    from verifai.kernel.number import rational

    q = rational(value)
    found = least_binary32(q)
    double = float(found.p) / float(found.q)
    assert float(np.float32(double)) == double
    before = exact(float(np.nextafter(np.float32(double), np.float32(-np.inf))))
    assert before < q <= found


def reach(proto: onnx.ModelProto, folder: Path, x: Any, **meaning: Any) -> tuple[fmpq, fmpq]:
    """The proved ends of the only output at one input."""
    net = vf.load(written(proto, folder), semantics="float32", **meaning)
    (ends,) = vf.bounds(net, [(float(v), float(v)) for v in np.ravel(x)])
    return ends


def holds(ends: tuple[fmpq, fmpq], value: float) -> bool:
    return ends[0] <= exact(float(value)) <= ends[1]


def one_after_the_other(values: Any) -> float:
    total = np.float32(0)
    for value in values:
        total = np.float32(total + np.float32(value))
    return float(total)


def test_every_rounding_of_a_sum_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = numbers(1, *[2.0**-24] * 400)  # each further term is lost
    proto = single("MatMul", {"x": [1, 401]}, {"w": np.ones((401, 1), np.float32)})
    lost = one_after_the_other(x)
    assert lost == 1
    assert holds(reach(proto, tmp_path, x), lost)
    monkeypatch.setattr(float32_sum, "UNIT", float32_sum.UNIT * 0.99)
    assert not holds(reach(proto, tmp_path, x), lost)


def test_underflow_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proto = single("Mul", {"x": [1, 1]}, {"w": numbers(2.0**-80)})
    x = numbers(2.0**-75)
    assert float(x[0] * np.float32(2.0**-80)) == 0
    assert holds(reach(proto, tmp_path, x), 0.0)
    monkeypatch.setattr(float32_sum, "TINY", 0.0)
    assert not holds(reach(proto, tmp_path, x), 0.0)


def test_constants_that_cancel_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = numbers(1)
    (y,) = runtime(there_and_back().SerializeToString(), {"x": x[None]})[0].ravel()
    assert y == 0
    assert holds(reach(there_and_back(), tmp_path, x), y)
    monkeypatch.setattr(float32_builder, "weighed", lambda total, one: total)
    with pytest.raises(Misread, match="onnxruntime gives 0"):  # without, the model itself objects
        reach(there_and_back(), tmp_path, x)


def test_a_bias_may_be_added_first(tmp_path: Path) -> None:
    """onnxruntime makes one Gemm of MatMul and Add; with 2^24 first, every 1 after it is lost."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["1"]),
        helper.make_node("Add", ["1", "b"], ["y"]),
    ]
    ones = np.ones((5, 1), np.float32)
    proto = model(nodes, {"x": [1, 5]}, {"w": ones, "b": numbers(2.0**25)})
    x = np.ones(5, np.float32)
    assert one_after_the_other([2.0**25, *x]) == 2.0**25
    assert holds(reach(proto, tmp_path, x), 2.0**25)


def test_the_rounding_of_values_before_is_kept_when_sums_are_folded(tmp_path: Path) -> None:
    net = load_float32(written(there_and_back(), tmp_path))
    sums = [n for n in net.nodes if isinstance(n, Affine) and n.radius is not None]
    assert len(sums) == 1
    radius = sums[0].radius
    assert radius is not None
    assert radius.min() >= 2 * 2.0**-24


def test_smooth_operators_need_a_declared_accuracy(tmp_path: Path) -> None:
    proto = single("Sigmoid", {"x": [1, 1]})
    with pytest.raises(InputError, match="assume-ulp"):
        load_float32(written(proto, tmp_path))
    tight, wide = (reach(proto, tmp_path, numbers(0.3), assume_ulp=k) for k in (1, 1000))
    y = float(runtime(proto.SerializeToString(), {"x": numbers(0.3)[None]})[0].ravel()[0])
    assert holds(wide, y)
    ulp = 2.0**-24  # of a number between 1/2 and 1
    assert 1 <= float((tight[1] - tight[0]).p) / float((tight[1] - tight[0]).q) / (2 * ulp) < 3
    assert float((wide[1] - wide[0]).p) / float((wide[1] - wide[0]).q) / (2 * ulp) > 1000
    said = load_float32(written(proto, tmp_path), 7).assumptions
    assert any("7 units in the last place" in line for line in said)


REFUSED: list[tuple[str, dict[str, list[Any]], Weights, dict[str, Any], str]] = [
    ("Softmax", {"x": [1, 3]}, {}, {}, "rounding is not known"),
    ("Cast", {"x": [1, 1]}, {}, {"to": TensorProto.FLOAT16}, "other than float32"),
    ("Add", {"x": [1, 1]}, {"w": numbers(1e30)}, {}, r"above 2\^40"),
    ("Pow", {"x": [1, 1]}, {"w": numbers(5)}, {}, "exponents 2 and 3"),
    ("Cast", {"x": [1, 1]}, {}, {"to": TensorProto.DOUBLE}, "other than float32"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_what_is_not_known_is_refused_by_name(case: Any, tmp_path: Path) -> None:
    kind, shapes, weights, attributes, reason = case
    proto = single(kind, shapes, weights, **attributes)
    with pytest.raises(InputError, match=reason) as error:
        load_float32(written(proto, tmp_path))
    assert kind in str(error.value)


def test_inputs_of_another_type_are_refused(tmp_path: Path) -> None:
    proto = single("Relu", {"x": [1, 1]})
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    with pytest.raises(InputError, match="float32"):
        load_float32(written(proto, tmp_path))


def test_constants_fold_as_float32_does(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mul", ["a", "b"], ["c"]),
        helper.make_node("Mul", ["x", "c"], ["y"]),
    ]
    a, b = numbers(0.1), numbers(0.3)
    net = load_float32(written(model(nodes, {"x": [1, 1]}, {"a": a, "b": b}), tmp_path))
    scales = [op.scale for n in net.nodes if isinstance(n, Affine) for _, op in n.terms]  # type: ignore[union-attr]
    assert any(float((a * b)[0]) in scale for scale in scales)


@pytest.mark.parametrize("wide", [np.float64, np.float16])
def test_constants_folded_in_another_type_are_refused(wide: Any, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Div", ["one", "three"], ["a"]),
        helper.make_node("Mul", ["a", "seven"], ["b"]),
        helper.make_node("Cast", ["b"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "c"], ["y"]),
    ]
    weights = {"one": wide(1), "three": wide(3), "seven": wide(7)}
    with pytest.raises(InputError, match="the float32 value of this constant is not known here"):
        load_float32(written(model(nodes, {"x": [1, 1]}, weights), tmp_path))


def test_the_slack_of_a_declared_accuracy_is_rounded_with_the_sum() -> None:
    total = float32_sum.Sum((), np.zeros(1), np.ones(1), 3, 1.0, 2.0**-7)
    assert exact(total.relative) >= (1 + fmpq(1, 1 << 7)) * (1 + fmpq(1, 1 << 24)) ** 3 - 1


def test_a_program_is_no_function_to_compare_or_differentiate(tmp_path: Path) -> None:
    net = load_float32(written(there_and_back(), tmp_path))
    box = [(0, 1)] * len(net.inputs)
    for ask in (
        lambda: vf.monotone(net, box, input=0),
        lambda: vf.maximize(net, 0, box, tolerance=1),
        lambda: vf.lipschitz(net, box, tolerance=1),
        lambda: vf.equivalent(net, net, box),
        lambda: merge([("one", net), ("two", net)]),
    ):
        with pytest.raises(InputError, match=r"float32 program.*load (it|them) as real"):
            ask()


def test_a_box_on_which_values_may_overflow_is_refused(tmp_path: Path) -> None:
    proto = single("Mul", {"x": [1, 1]}, {"w": numbers(2.0**30)})
    net = load_float32(written(proto, tmp_path))
    with pytest.raises(InputError, match="overflow"):
        vf.bounds(net, [(0, 2**20)])
    assert vf.bounds(net, [(0, 1)])


def test_a_node_that_an_operator_divides_keeps_its_rounding(tmp_path: Path) -> None:
    x = numbers(1, *[2.0**-24] * 99)
    proto = single("ReduceMean", {"x": [1, 100]}, axes=[1])
    lost = float(np.float32(one_after_the_other(x)) / np.float32(100))
    assert holds(reach(proto, tmp_path, x), lost)
    low, high = reach(proto, tmp_path, x)
    assert high - low < fmpq(1, 10**5)


def test_unknown_semantics_are_refused(tmp_path: Path) -> None:
    path = written(there_and_back(), tmp_path)
    with pytest.raises(InputError, match="semantics"):
        vf.load(path, semantics="float16")
    with pytest.raises(InputError, match="float32 only"):
        vf.load(path, assume_ulp=4)
    with pytest.raises(InputError, match="assume_ulp: an integer that is at least 1"):
        vf.load(path, semantics="float32", assume_ulp=0)


def test_a_product_of_values_is_rounded(tmp_path: Path) -> None:
    x = numbers(1 + 2.0**-23)
    proto = single("Mul", {"x": [1, 1]}, order=["x", "x"])
    (y,) = runtime(proto.SerializeToString(), {"x": x[None]})[0].ravel()
    assert exact(float(y)) != exact(float(x[0])) ** 2
    assert holds(reach(proto, tmp_path, x), y)


def test_the_scaling_of_a_sum_is_rounded_too(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    x, w = random.uniform(1, 2, (2, 100_000)).astype(np.float32)
    y = (x + np.float32(1)) * w
    off = np.abs(y - (x.astype(np.float64) + 1) * w) / ((x.astype(np.float64) + 1) * w)
    worst = int(off.argmax())
    assert off[worst] > 1.5 * 2.0**-24
    nodes = [
        helper.make_node("Add", ["x", "one"], ["1"]),
        helper.make_node("Mul", ["1", "w"], ["y"]),
    ]
    proto = model(nodes, {"x": [1, 1]}, {"one": numbers(1), "w": w[worst : worst + 1]})
    assert holds(reach(proto, tmp_path, x[worst]), y[worst])
