"""VNN-LIB 2 queries: what a document says at a point is what the query says there."""

import random
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from flint import fmpq
from onnx import TensorProto, helper

import verifai as vf
from tests.load.models import model
from tests.load.vnnlib2_documents import Drawn, document, relu_model, save, value
from verifai.kernel.network import Input, Product, Square
from verifai.kernel.query import And, Atom, Formula, Or, Relation
from verifai.kernel.replay import evaluate, replay
from verifai.load.errors import LoadError
from verifai.load.onnx.read import load_onnx
from verifai.load.vnnlib.sexpr import Source
from verifai.load.vnnlib.version2 import Posed, pose


def posed(text: str, models: Any) -> Posed:
    return pose(Source("query.vnnlib", text), models)


def files(drawn: Drawn, folder: Path, seed: int) -> dict[str, Path]:
    """A model for every network that wants one, with all tensors of the declared shapes."""
    made = {}
    for number, (name, tensors) in enumerate(drawn.networks.items()):
        if drawn.relations.get(name, ("",))[0] != "equal-to":
            proto = relu_model(10 * seed + number, tensors[-1][2], "batch")
            made[name] = save(folder / f"{name}.onnx", proto)
    return made


def at(drawn: Drawn, models: Mapping[str, Path], inputs: Mapping[str, Fraction]) -> dict[str, Any]:
    """The values of all entries where the inputs have these, network by network."""
    point: dict[str, Any] = dict(inputs)
    for name, tensors in drawn.networks.items():
        kind, other = drawn.relations.get(name, ("", ""))
        network = load_onnx(models[other if kind == "equal-to" else name])
        given = [inputs[f"X{name}[0,{i}]"] for i in range(2)]
        values, _ = evaluate(network, [fmpq(q.numerator, q.denominator) for q in given])
        for tensor, of, shape in tensors:
            node = network.positions[{"input": "x", "hidden": "pre", "output": "y"}[of]]
            start = network.offsets[node]
            assert network.sizes[node] == np.prod(shape)
            names = drawn.entries(of)
            own = [entry for entry in names if entry.startswith(f"{tensor}[")]
            for i, entry in enumerate(own):
                q = values[start + i]
                point[entry] = Fraction(int(q.p), int(q.q))
    return point


def holds(part: Formula, values: Any) -> bool:
    if isinstance(part, And):
        return all(holds(child, values) for child in part.parts)
    if isinstance(part, Or):
        return any(holds(child, values) for child in part.parts)
    total = sum((c * values[v] for v, c in part.terms), part.constant)
    if part.relation is Relation.EQUAL:
        return bool(total == 0)
    return bool(total < 0) if part.relation is Relation.LESS else bool(total <= 0)


def test_random_documents_mean_what_they_say(tmp_path: Path) -> None:
    rng, true, points, shared = random.Random(1), 0, 0, 0
    for seed in range(60):
        drawn = document(seed)
        models = files(drawn, tmp_path, seed)
        found = posed(drawn.text, models)
        query = found.query
        entries = drawn.entries()
        numbers = [v for variable in found.variables for v in variable.values]
        where = dict(zip(entries, numbers, strict=True))
        equalities = [a for a in drawn.assertions if a[0] == "==" and str(a[1])[0] == "X"]
        equal = [a for a in equalities if isinstance(a[2], str) and a[2][0] == "X"]
        shared += len(equal)
        for _ in range(12):
            inputs = {e: Fraction(rng.randint(-9, 13), 8) for e in drawn.entries("input")}
            for _, left, right in equal if rng.random() < 0.9 else []:
                first, last = sorted((left, right), key=entries.index)
                inputs[last] = inputs[first]
            point = at(drawn, models, inputs)
            expected = all(value(each, point) for each in drawn.assertions)
            true, points = true + expected, points + 1
            if any(inputs[a] != inputs[b] for _, a, b in equal):
                assert not expected
                continue
            values = {where[e]: fmpq(q.numerator, q.denominator) for e, q in inputs.items()}
            ends = zip(query.input_values, query.lower, query.upper, strict=True)
            in_box = all(low <= values[v] <= high for v, low, high in ends)
            everything, _ = evaluate(query.network, [values[v] for v in query.input_values])
            for entry, q in point.items():
                assert everything[where[entry]] == fmpq(q.numerator, q.denominator), entry
            said = in_box and all(holds(row, everything) for row in query.domain)
            assert (said and holds(query.unsafe, everything)) == expected, drawn.text
    print(f"{points} points of 60 documents, {true} satisfying, {shared} inputs shared")
    assert true > 20
    assert shared > 20


HEAD = """(vnnlib-version <2.0>)
(declare-network f
  (declare-input X real [1,2]) (declare-hidden H real [1,3] "pre") (declare-output Y real [1,2]))
(declare-network g (isomorphic-to f)
  (declare-input U real [1,2]) (declare-output V real [1,2]))
"""
BOX = "".join(
    f"(assert (and (>= {name}[0,{i}] -1.0) (<= {name}[0,{i}] 1.0)))\n"
    for name in "X"
    for i in (0, 1)
)
SAME = "(assert (== X[0,0] U[0,0]))\n(assert (== U[0,1] X[0,1]))\n"


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    return {n: save(tmp_path / f"{n}.onnx", relu_model(i)) for i, n in enumerate("fg", 1)}


@pytest.mark.parametrize(("bound", "kind"), [("400.0", vf.Verified), ("1.0", vf.Falsified)])
def test_a_polynomial_query_about_two_networks_and_a_hidden_tensor_is_decided(
    models: dict[str, Path], tmp_path: Path, bound: str, kind: type
) -> None:
    left = "(+ (* (- Y[0,0] V[0,0]) (- Y[0,0] V[0,0])) (* H[0,0] X[0,1]) (* Y[0,1] V[0,1] V[0,1]))"
    path = tmp_path / "query.vnnlib"
    path.write_text(HEAD + BOX + SAME + f"(assert (>= {left} {bound}))")
    query = vf.query_from(models, path)
    verdict = vf.verify(query, timeout=120)
    assert isinstance(verdict, kind), verdict
    if isinstance(verdict, vf.Verified):
        assert vf.check(query, verdict.certificate, exact=True).leaves > 0
        rng = random.Random(0)
        drawn = [[fmpq(rng.randint(-8, 8), 8) for _ in range(2)] for _ in range(50)]
        assert not any(replay(query, point).violates for point in drawn)
    if isinstance(verdict, vf.Falsified):
        assert replay(query, verdict.counterexample.inputs).violates


def test_equal_inputs_are_one_input(models: dict[str, Path]) -> None:
    found = posed(HEAD + BOX + SAME, models)
    assert [n.name for n in found.query.network.nodes if isinstance(n, Input)] == ["f/x"]
    assert not found.query.domain
    assert not found.query.unsafe.parts
    assert found.variables[0].values == found.variables[3].values


def test_partly_equal_inputs_leave_the_rest_free(models: dict[str, Path]) -> None:
    text = HEAD + BOX + SAME.splitlines()[0] + "(assert (<= U[0,1] (+ X[0,1] 0.25)))"
    with pytest.raises(LoadError, match=re.escape("the input U[0,1] is not bounded below")):
        posed(text, models)
    text += "(assert (>= (* 2.0 U[0,1]) (- (* 2.0 X[0,1]) 0.5)))"
    query = posed(text, models).query
    assert query.lower == (-1, -1, fmpq(-5, 4))
    assert query.upper == (1, 1, fmpq(5, 4))
    assert len(query.domain) == 2


def test_an_equality_below_an_or_is_no_sharing(models: dict[str, Path]) -> None:
    text = HEAD + BOX + BOX.replace("X", "U") + "(assert (or (== X[0,0] U[0,0]) (<= Y[0,0] 0.0)))"
    assert len(posed(text, models).query.lower) == 4


def test_equal_networks_on_equal_inputs_are_there_once(models: dict[str, Path]) -> None:
    text = HEAD.replace("isomorphic-to", "equal-to") + BOX + SAME
    found = posed(text + "(assert (> Y[0,0] V[0,0]))", {"f": models["f"]})
    plain = load_onnx(models["f"])
    assert len(found.query.network.nodes) == len(plain.nodes)
    (false,) = found.query.unsafe.parts
    assert isinstance(false, Atom)
    assert (false.terms, false.constant) == ((), 1)
    assert isinstance(vf.verify(found.query), vf.Verified)


def test_contradicting_conditions_do_not_hide_the_bounds(models: dict[str, Path]) -> None:
    query = posed(HEAD + BOX + SAME + "(assert (< (* X[0,0] Y[0,0] 0.0) 0.0))", models).query
    assert query.lower == (-1, -1)


@pytest.mark.parametrize(
    "last",
    [
        "(and {bound} (== 1.0 2.0))",
        "(and (== 1.0 2.0) {bound})",
        "(and (and {bound} (== 1.0 2.0)) (<= 0.0 1.0))",
        "(or (and {bound} (== 1.0 2.0)))",
        "(or (and {bound} (< 1.0 1.0)) (and {bound} (> 0.0 1.0)))",
        "(and (or (and {bound} (< 1.0 1.0)) (and (<= X[0,1] 0.5) (> 0.0 1.0))) {bound})",
    ],
)
def test_a_false_atom_does_not_hide_the_bounds_beside_it(
    models: dict[str, Path], last: str
) -> None:
    *rest, bound = re.findall(r"\([<>]=[^()]*\)", BOX)
    text = HEAD + "".join(f"(assert {each})" for each in rest) + SAME
    query = posed(text + f"(assert {last.format(bound=bound)})", models).query
    assert (query.lower, query.upper) == ((-1, -1), (1, 1))
    assert isinstance(vf.verify(query), vf.Verified)
    other = text + f"(assert (or {last.format(bound=bound)} {bound}))"
    assert isinstance(vf.verify(posed(other, models).query), vf.Falsified)


def test_products_are_squares_products_and_powers(models: dict[str, Path]) -> None:
    text = "(assert (<= (+ (* X[0,0] X[0,0] X[0,0] X[0,0]) (* X[0,0] X[0,1])) (* 0.1 Y[0,0])))"
    query = posed(HEAD + BOX + SAME + text, models).query
    made = query.network.nodes[len(posed(HEAD + BOX + SAME, models).query.network.nodes) :]
    assert [type(node) for node in made if isinstance(node, Square | Product)] == [
        *(Square, Product),
        Square,
    ]
    values, _ = evaluate(query.network, [fmpq(1, 3), fmpq(-1, 2)])
    (part,) = query.unsafe.parts
    assert isinstance(part, Atom)
    form = sum((c * values[v] for v, c in part.terms), part.constant)
    y = values[query.network.offsets[query.network.outputs[0]]]
    assert form == fmpq(1, 81) - fmpq(1, 6) - y / 10


def test_numbers_are_exact(models: dict[str, Path]) -> None:
    digits = "0.1000000000000000055511151231257827021181583404541015626"
    text = HEAD + BOX + SAME + f"(assert (<= (* {digits} X[0,0] (- Y[0,0] {digits})) 1e-3))"
    (part,) = posed(text, models).query.unsafe.parts
    assert isinstance(part, Atom)
    exact = fmpq(int(digits[2:]), 10 ** len(digits[2:]))
    assert sorted(c for _, c in part.terms) == sorted([exact, -exact * exact])
    assert part.constant == fmpq(-1, 1000)


def test_one_model_needs_no_name(models: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "query.vnnlib"
    path.write_text(HEAD.replace("isomorphic-to", "equal-to") + BOX + SAME)
    query = vf.query_from(models["f"], path)
    assert query.lower == (-1, -1)
    path.write_text(HEAD + BOX + SAME)
    with pytest.raises(vf.InputError, match="models of the networks f, g are wanted"):
        vf.query_from(models["f"], path)
    path.write_text("(declare-const X_0 Real)")
    with pytest.raises(vf.InputError, match="VNN-LIB 2 only"):
        vf.query_from(models, path)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("X real [1,2]", "X real [2,2]", 3, "X has shape [2, 2], 'x' has [1, 2]"),
        ("X real [1,2]", "X real [1,3]", 3, "X has shape [1, 3], 'x' has [1, 2]"),
        ("Y real [1,2]", "Y real [2]", 3, "Y has shape [2], the model's has [1, 2]"),
        ("H real [1,3]", "H real [3]", 3, "H has shape [3], the model's has [1, 3]"),
        ('"pre"', '"post"', 3, "H is 'post', which is no tensor of the model"),
        ("X real [1,2])", "X real [1,2] initialized)", 3, "the model has no value for it"),
        ("X real [1,2])", "X real [1,2]) (declare-input Z real [1])", 2, "2 inputs are declared"),
        ("Y real [1,2])", "Y real [1,2]) (declare-output Z real [1])", 2, "the model has 1: y"),
        ("real", "float64", 3, "X is declared float64, but 'x' is float32"),
    ],
)
def test_a_model_that_does_not_fit_its_declaration_is_refused_with_the_line(
    models: dict[str, Path], old: str, new: str, line: int, reason: str
) -> None:
    head = HEAD.split("(declare-network g")[0]
    text = head.replace(old, new) if old == "real" else head.replace(old, new, 1)
    assert text != head
    with pytest.raises(LoadError, match=re.escape(reason)) as caught:
        posed(text + BOX, {"f": models["f"]})
    assert caught.value.node == f"query.vnnlib line {line}", str(caught.value)


def test_models_are_given_for_just_the_networks_that_want_one(models: dict[str, Path]) -> None:
    with pytest.raises(LoadError, match="no model is given for the network g"):
        posed(HEAD + BOX, {"f": models["f"]})
    with pytest.raises(LoadError, match="a model is given for h"):
        posed(HEAD + BOX, models | {"h": models["f"]})
    with pytest.raises(LoadError, match="a model is given for g"):
        posed(HEAD.replace("isomorphic-to", "equal-to") + BOX, models)


def test_models_with_other_operators_are_not_isomorphic(
    models: dict[str, Path], tmp_path: Path
) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["y"])]
    other = save(tmp_path / "neg.onnx", model(nodes, {"x": [1, 2]}))
    reason = r"line 4: g is not isomorphic to f: .*'Gemm', 'MatMul', 'Neg', 'Relu'"
    with pytest.raises(LoadError, match=reason):
        posed(HEAD + BOX, {"f": models["f"], "g": other})


@pytest.mark.parametrize("label", ["pre", "act", "first", "x", "y", "w"])
def test_hidden_tensors_are_found_by_name_wherever_they_are(
    models: dict[str, Path], label: str
) -> None:
    shape = {"x": "[1,2]", "y": "[1,2]", "w": "[2,3]"}.get(label, "[1,3]")
    head = HEAD.split("(declare-network g")[0].replace("[1,3]", shape).replace("pre", label)
    found = posed(head + BOX, {"f": models["f"]})
    values, _ = evaluate(found.query.network, [fmpq(1, 2), fmpq(-1, 4)])
    network = load_onnx(models["f"])
    plain, _ = evaluate(network, [fmpq(1, 2), fmpq(-1, 4)])
    hidden = [values[v] for v in found.variables[1].values]
    node = network.positions.get({"first": "pre"}.get(label, label))
    if node is None:
        weights = onnx.load(models["f"]).graph.initializer
        kept = onnx.numpy_helper.to_array(next(w for w in weights if w.name == label))
        assert hidden == [fmpq(*float(q).as_integer_ratio()) for q in kept.ravel()]
    else:
        start = network.offsets[node]
        assert hidden == list(plain[start : start + network.sizes[node]])


def test_unknown_lengths_are_as_declared(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    path = save(tmp_path / "relu.onnx", model(nodes, {"x": ["a", "b", 2]}))
    text = "(vnnlib-version <2.0>)(declare-network f (declare-input X real [1,3,2])"
    text += "(declare-output Y real [1,3,2]))"
    for i in range(6):
        text += f"(assert (and (<= X[0,{i // 2},{i % 2}] 1.0) (>= X[0,{i // 2},{i % 2}] 0.0)))"
    assert len(posed(text, path).query.lower) == 6


def test_an_initialized_input_is_the_models_value(tmp_path: Path) -> None:
    proto = model(
        [helper.make_node("Add", ["x", "c"], ["y"])],
        {"x": [2]},
        {"c": np.array([0.5, -1.5], dtype=np.float32)},
    )
    proto.graph.input.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, [2]))
    path = save(tmp_path / "add.onnx", proto)
    text = """(vnnlib-version <2.1>)
(declare-network f (declare-input X real [2])
  (declare-input C real [2] initialized) (declare-output Y real [2]))
(assert (and (<= X[0] 1.0) (<= X[1] 1.0) (>= X[0] C[1]) (>= (- X[1] C[1]) (* C[0] C[0]))))
(assert (<= (* Y[0] C[0]) 0.0))"""
    found = posed(text, path)
    assert found.variables[1].values == (fmpq(1, 2), fmpq(-3, 2))
    assert found.query.lower == (fmpq(-3, 2), fmpq(-5, 4))
    (part,) = found.query.unsafe.parts
    assert isinstance(part, Atom)
    assert part.terms[0][1] == fmpq(1, 2)
    with pytest.raises(LoadError, match="line 2: X is initialized, but the model has no value"):
        posed(text.replace("X real [2]", "X real [2] initialized"), path)
    free = text.replace("C real [2] initialized", "C real [2]")
    with pytest.raises(LoadError, match="line 3: C has a default value in the model"):
        posed(free, path)
    without = re.sub(r"\n  \(declare-input C[^)]*\)", "", text).replace("C[1]", "0.0")
    assert len(posed(without.replace("C[0]", "1.0"), path).query.lower) == 2


def test_float_types_are_told(models: dict[str, Path]) -> None:
    text = (HEAD + BOX + SAME).replace("real", "float32")
    assert posed(text, models).types == ("float32",)
    assert posed(HEAD + BOX + SAME, models).types == ("real",)
