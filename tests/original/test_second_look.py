"""A wrong reading of a model never becomes a verdict: its own runtime is asked first."""

from __future__ import annotations

import builtins
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import fmpq
from onnx import TensorProto, helper

import verifai as vf
from tests.load.models import model, single
from verifai.cli import run
from verifai.graph.reading import Loaded, readings_of
from verifai.graph.values import Activation
from verifai.kernel.errors import InputError
from verifai.kernel.query import And, Query
from verifai.load.lower.rounding import UNKNOWN
from verifai.load.onnx.call import Call, OnnxRow
from verifai.load.onnx.operators import ROWS
from verifai.original.look import Misread, SecondLook

Out = pytest.CaptureFixture[str]
RNG = np.random.default_rng(3)
AGREES = "and agrees with what was read from it"


def box(net: Any, low: int = -1, high: int = 1) -> Query:
    count = len(net.input_values)
    return Query(net, (fmpq(low),) * count, (fmpq(high),) * count, And(()))


def looked(query: Query) -> tuple[str, ...]:
    look = SecondLook(query)
    look.at_domain()
    return look.said


def save(proto: Any, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def weights(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def mlp(outputs: tuple[str, ...] = ("y",)) -> Any:
    """x ↦ relu(Wx + b), and twice that as a second output."""
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["y"]),
        helper.make_node("Add", ["y", "y"], ["z"]),
    ]
    return model(nodes, {"x": [1, 3]}, {"w": weights(3, 4), "b": weights(4)}, outputs=outputs)


def property_file(folder: Path, inputs: int, outputs: int, unsafe: str = "(>= Y_0 1e6)") -> str:
    lines = [f"(declare-const X_{i} Real)" for i in range(inputs)]
    lines += [f"(declare-const Y_{i} Real)" for i in range(outputs)]
    lines += [f"(assert (>= X_{i} -1))(assert (<= X_{i} 1))" for i in range(inputs)]
    path = folder / "property.vnnlib"
    path.write_text("\n".join([*lines, f"(assert {unsafe})"]))
    return str(path)


def put(monkeypatch: pytest.MonkeyPatch, op_type: str, lowering: Callable[[Call], Any]) -> None:
    """Give an operator another meaning."""
    monkeypatch.setitem(ROWS, op_type, OnnxRow(op_type, lowering, UNKNOWN, "something else"))


def wrongly(change: Callable[[Call], Call | None], op_type: str) -> Callable[[Call], Any]:
    """The operator's lowering of a changed call; None: its first input as it is."""
    right = ROWS[op_type].lower

    def lowered(call: Call) -> Any:
        call.seen.update([*range(len(call.inputs)), *call.attributes])
        changed = change(call)
        return [call.inputs[0]] if changed is None else right(changed)

    return lowered


def without_bias(call: Call) -> Call:
    return Call(
        call.name, call.op_type, call.opset, call.inputs[:2], 1, call.attributes, call.builder
    )


def permuted(call: Call) -> Call:
    x = call.inputs[0]
    assert isinstance(x, Activation)
    turned = Activation(x.node, x.index.ravel()[::-1].reshape(x.shape))
    rest = (turned, *call.inputs[1:])
    return Call(call.name, call.op_type, call.opset, rest, 1, call.attributes, call.builder)


def leaky(call: Call) -> Any:
    call.seen.update(range(len(call.inputs)))
    x = call.activation(0)
    slopes = [np.array(0.125), np.array(1.0)]
    return [call.builder.piecewise(x, [np.array(0.0)], slopes, np.array(0.0))]


WRONG = {
    "Gemm without bias": ("Gemm", wrongly(without_bias, "Gemm")),
    "Gemm of a permuted input": ("Gemm", wrongly(permuted, "Gemm")),
    "Relu that leaks": ("Relu", leaky),
    "Relu left out": ("Relu", wrongly(lambda call: None, "Relu")),
}


@pytest.fixture(params=WRONG)
def wrong(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    op_type, lowering = WRONG[request.param]
    put(monkeypatch, op_type, lowering)
    return str(request.param)


@pytest.mark.parametrize("outputs", [("y",), ("z", "y"), ("h", "y", "z")])
def test_a_wrong_lowering_ends_in_an_error(
    wrong: str, outputs: tuple[str, ...], tmp_path: Path, capsys: Out
) -> None:
    path = save(mlp(outputs), tmp_path)
    asked = property_file(tmp_path, 3, 4 * len(outputs))
    assert run(["verify", str(path), asked]) == 4
    err = capsys.readouterr().err
    assert "the output '" in err
    assert f"{path.name} at index" in err
    assert "onnxruntime gives" in err
    assert "rounding" in err


def test_right_lowerings_are_said_to_agree(tmp_path: Path, capsys: Out) -> None:
    path = save(mlp(("h", "y", "z")), tmp_path)
    proof = tmp_path / "proof.cert"
    asked = property_file(tmp_path, 3, 12)
    assert run(["verify", str(path), asked, "--certificate", str(proof)]) == 0
    assert f"second reader: {path.name} was run in onnxruntime at 12 points" in (
        capsys.readouterr().out
    )
    assert run(["check", str(path), asked, str(proof)]) == 0
    assert AGREES in capsys.readouterr().out
    false = property_file(tmp_path, 3, 12, "(>= Y_4 0)")
    assert run(["verify", str(path), false]) == 1
    assert AGREES in capsys.readouterr().out


def test_check_and_a_counterexample_of_a_wrong_reading_are_errors(
    tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(mlp(), tmp_path)
    asked = property_file(tmp_path, 3, 4)
    put(monkeypatch, "Relu", leaky)
    query = vf.query_from(path, asked)
    with monkeypatch.context() as blind:
        blind.setattr(SecondLook, "readings", ())
        verdict = vf.verify(query)
    assert isinstance(verdict, vf.Verified)
    with pytest.raises(Misread, match=r"the output 'y' of model\.onnx at index"):
        vf.check(query, verdict.certificate)
    proof = tmp_path / "proof.cert"
    proof.write_bytes(verdict.certificate)
    assert run(["check", str(path), asked, str(proof)]) == 4
    false = property_file(tmp_path, 3, 4, "(<= Y_0 -0.01)")  # only what leaks is negative
    result = tmp_path / "result.txt"
    assert run(["verify", str(path), false]) == 4
    assert run(["vnncomp", "v1", "any", str(path), false, str(result), "20"]) == 4
    assert result.read_text() == "error\n"
    assert "reads the model wrongly" in capsys.readouterr().err


def two_networks(folder: Path, hidden: str = "") -> tuple[str, dict[str, str]]:
    files = {}
    for name in ("f", "g"):
        (folder / name).mkdir()
        files[name] = str(save(mlp(), folder / name))
    declared = "".join(
        f"(declare-network {name} (declare-input X{name} float32 [1,3]) "
        + (f"(declare-hidden H{name} float32 [1,4] {hidden}) " if hidden else "")
        + f"(declare-output Y{name} float32 [1,4]))\n"
        for name in files
    )
    boxed = "".join(
        f"(assert (>= X{n}[0,{i}] -1.0))(assert (<= X{n}[0,{i}] 1.0))\n"
        for n in files
        for i in range(3)
    )
    tied = "(assert (== Xf[0,0] Xg[0,0]))\n"
    far = "(assert (>= (+ Yf[0,0] Yg[0,1]) 1000000.0))\n"
    path = folder / "query.vnnlib"
    path.write_text(f"(vnnlib-version <2.0>)\n{declared}{boxed}{tied}{far}")
    return str(path), files


def test_queries_of_two_networks(tmp_path: Path, capsys: Out) -> None:
    path, files = two_networks(tmp_path)
    command = ["verify", path, *(f"--network={name}={file}" for name, file in files.items())]
    assert run(command) == 0
    captured = capsys.readouterr()
    assert captured.out == "unsat\n"
    assert captured.err.count(AGREES) >= 1


def test_a_wrong_lowering_in_a_query_of_two_networks(
    wrong: str, tmp_path: Path, capsys: Out
) -> None:
    path, files = two_networks(tmp_path)
    command = ["verify", path, *(f"--network={name}={file}" for name, file in files.items())]
    assert run(command) == 4
    assert "onnxruntime gives" in capsys.readouterr().err


def test_hidden_tensors_are_compared_too(
    tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, files = two_networks(tmp_path, hidden='"h"')
    command = ["verify", path, *(f"--network={name}={file}" for name, file in files.items())]
    assert run(command) == 0
    assert AGREES in capsys.readouterr().err

    def below(call: Call) -> Any:
        """A Gemm that is wrong where only the hidden tensor shows it: where the ReLU is 0."""
        (right,) = gemm(call)
        low = call.builder.piecewise(
            right, [np.array(0.0)], [np.array(2.0), np.array(1.0)], np.array(0.0)
        )
        return [low]

    gemm = ROWS["Gemm"].lower
    put(monkeypatch, "Gemm", below)
    assert run(command) == 4
    assert "the output 'h'" in capsys.readouterr().err


def test_builders_keep_the_models(tmp_path: Path, wrong: str) -> None:
    net = vf.load(save(mlp(), tmp_path))
    ends = [(-1, 1)] * 3
    for query in (
        vf.in_range(net, ends, upper=10**6),
        vf.robust(net, [0, 0, 0], eps=1, label=0),
        vf.monotone(net, ends, input=0),
        vf.equivalent(net, net, ends, tolerance=10**6),
    ):
        assert readings_of(query.network)
        with pytest.raises(Misread):
            looked(query)


def test_builders_of_right_readings_agree(tmp_path: Path) -> None:
    net = vf.load(save(mlp(), tmp_path))
    (tmp_path / "other").mkdir()
    other = vf.load(save(mlp(), tmp_path / "other"), shrink=True)
    ends = [(-1, 1)] * 3
    for query in (
        vf.in_range(net, ends, upper=10**6),
        vf.monotone(net, ends, input=0),
        vf.equivalent(net, other, ends, tolerance=10**6),
        vf.equivalent(net, vf.load(tmp_path / "model.onnx"), ends),
    ):
        said = looked(query)
        assert said
        assert all(AGREES in line for line in said)


def test_bounds_of_a_wrong_reading_are_an_error(wrong: str, tmp_path: Path) -> None:
    net = vf.load(save(mlp(), tmp_path))
    with pytest.raises(Misread):
        vf.bounds(net, [(-1, 1)] * 3)


def test_initialized_inputs_and_copies(tmp_path: Path, capsys: Out) -> None:
    nodes = [helper.make_node("Mul", ["x", "k"], ["h"]), helper.make_node("Relu", ["h"], ["y"])]
    proto = model(nodes, {"x": [1, 2]}, {"k": weights(1, 2)})
    proto.graph.input.append(helper.make_tensor_value_info("k", TensorProto.FLOAT, [1, 2]))
    path, query = save(proto, tmp_path), tmp_path / "query.vnnlib"
    boxed = "".join(
        f"(assert (>= {n}[0,{i}] -1.0))(assert (<= {n}[0,{i}] 1.0))" for n in "XU" for i in (0, 1)
    )
    query.write_text(
        "(vnnlib-version <2.0>)"
        "(declare-network f (declare-input X float32 [1,2]) "
        "(declare-input K float32 [1,2] initialized) "
        '(declare-hidden H float32 [1,2] "h") (declare-output Y float32 [1,2]))'
        "(declare-network g (equal-to f) (declare-input U float32 [1,2]) "
        "(declare-input V float32 [1,2] initialized) (declare-output W float32 [1,2]))"
        f"{boxed}(assert (>= (+ Y[0,0] H[0,1] W[0,1]) 1000.0))"
    )
    assert run(["verify", str(query), f"--network=f={path}"]) == 0
    assert AGREES in capsys.readouterr().err


def test_float32_semantics(tmp_path: Path) -> None:
    net = vf.load(save(mlp(), tmp_path), semantics="float32")
    verdict = vf.verify(vf.in_range(net, [(-1, 1)] * 3, upper=10**6))
    assert isinstance(verdict, vf.Verified)
    assert AGREES in verdict.statement


def test_a_network_of_our_own_has_no_second_reader(tmp_path: Path) -> None:
    loaded = vf.load(save(mlp(), tmp_path))
    assert isinstance(loaded, Loaded)
    assert looked(box(type(loaded)(loaded.nodes, loaded.outputs))) == ()
    again = pickle.loads(pickle.dumps(loaded))
    assert readings_of(again) == ()


def test_without_onnxruntime_the_statement_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = vf.load(save(mlp(), tmp_path))
    real = builtins.__import__

    def blocked(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "onnxruntime":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **more)

    for name in [each for each in sys.modules if each.partition(".")[0] == "onnxruntime"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", blocked)
    verdict = vf.verify(vf.in_range(net, [(-1, 1)] * 3, upper=10**6))
    assert isinstance(verdict, vf.Verified)
    assert "was not run (onnxruntime is not installed)" in verdict.statement


def test_a_model_that_onnxruntime_refuses_is_said(tmp_path: Path) -> None:
    path = save(mlp(), tmp_path)
    net = vf.load(path)
    path.write_bytes(b"no model")
    (said,) = looked(box(net))
    assert "was not run (onnxruntime:" in said


def test_points_at_which_nothing_is_defined(tmp_path: Path) -> None:
    net = vf.load(save(single("Log", {"x": [1, 2]}), tmp_path))
    (said,) = looked(box(net, -2, -1))
    assert "no point could be compared" in said
    (said,) = looked(box(net, -1, 3))
    assert AGREES in said


def test_onnxruntime_says_nothing(tmp_path: Path, capfd: Out) -> None:
    net = vf.load(save(mlp(), tmp_path))
    (tmp_path / "model.onnx").write_bytes(b"no model")
    looked(box(net))
    assert capfd.readouterr() == ("", "")


def test_float16_and_double_models(tmp_path: Path) -> None:
    for kind, name in ((TensorProto.FLOAT16, "half"), (TensorProto.DOUBLE, "double")):
        wide = helper.tensor_dtype_to_np_dtype(kind)
        proto = model([helper.make_node("Gemm", ["x", "w"], ["y"])], {"x": [1, 3]}, {})
        proto.graph.input[0].type.tensor_type.elem_type = kind
        proto.graph.output[0].type.tensor_type.elem_type = kind
        values = RNG.normal(size=(3, 2)).astype(wide)
        proto.graph.initializer.append(
            helper.make_tensor("w", kind, [3, 2], values.tobytes(), raw=True)
        )
        (tmp_path / name).mkdir()
        (said,) = looked(box(vf.load(save(proto, tmp_path / name))))
        assert AGREES in said


def test_a_double_model_is_compared_in_double(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto = model([helper.make_node("Gemm", ["x", "w"], ["y"])], {"x": [1, 3]}, {})
    for entry in (*proto.graph.input, *proto.graph.output):
        entry.type.tensor_type.elem_type = TensorProto.DOUBLE
    values = RNG.normal(size=(3, 2))
    proto.graph.initializer.append(
        helper.make_tensor("w", TensorProto.DOUBLE, [3, 2], values.tobytes(), raw=True)
    )
    gemm = ROWS["Gemm"].lower

    def nearly(call: Call) -> Any:
        (right,) = gemm(call)
        return [call.builder.linear([(right, np.array(1 + 2.0**-36))])]

    put(monkeypatch, "Gemm", nearly)
    with pytest.raises(Misread):
        looked(box(vf.load(save(proto, tmp_path))))


@pytest.mark.parametrize("seed", range(5))
def test_signs_at_their_jump_are_no_false_alarm(seed: int, tmp_path: Path) -> None:
    """Sums that are zero but for rounding: float32 may fall on either side of the sign's jump."""
    third = np.array([[1 / 3], [1 / 3], [-2 / 3]], dtype=np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["s"]),
        helper.make_node("Sign", ["s"], ["h"]),
        helper.make_node("MatMul", ["h", "v"], ["y"]),
    ]
    tied = np.repeat(third, 8, axis=1) * RNG.normal(size=8).astype(np.float32)
    net = vf.load(save(model(nodes, {"x": [1, 3]}, {"w": tied, "v": weights(8, 2)}), tmp_path))
    look = SecondLook(box(net), seed=seed)
    look.at([np.full(3, x) for x in np.random.default_rng(seed).uniform(-1, 1, 40)])


def test_the_errors_are_input_errors() -> None:
    assert issubclass(Misread, InputError)
