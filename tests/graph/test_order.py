"""Comparisons of results of rising functions become those of their arguments, of nothing else."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flint import fmpq
from onnx import helper

import verifai as vf
from tests.load.models import load, model, single
from verifai.api import query_from
from verifai.graph import order, ways
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, pwl
from verifai.graph.order import by_order
from verifai.kernel.network import Input, Network, Smooth
from verifai.kernel.operator import Gather
from verifai.kernel.query import And, Atom, Or, Query, Relation
from verifai.kernel.replay import evaluate
from verifai.kernel.statement import statement
from verifai.verdict import Falsified, Unknown, Verdict, Verified

SEARCH = Path(__file__).parents[2] / ".." / "shared" / "cases" / "search"
ONE = fmpq(1)


def comparing(network: Network, *pairs: tuple[int, int], box: int = 2) -> Query:
    """The query whether an output is at most another, for one of some pairs of values."""
    count = len(network.input_values)
    start = network.offsets[network.outputs[0]]
    atoms = tuple(atom({start + a: ONE, start + b: -ONE}, fmpq(0)) for a, b in pairs)
    return Query(network, (fmpq(-box),) * count, (fmpq(box),) * count, And((Or(atoms),)))


def pairs_of(query: Query) -> list[tuple[str, str]]:
    """The values that the atoms compare, the one said to be no greater first."""
    (part,) = query.unsafe.parts
    atoms = part.parts if isinstance(part, Or) else (part,)
    found = []
    for each in atoms:
        assert isinstance(each, Atom) and each.constant == 0
        low, high = sorted(each.terms, key=lambda term: -term[1])
        assert (low[1], high[1]) == (1, -1)
        found.append((query.network.describe(low[0]), query.network.describe(high[0])))
    return found


def chain(folder: Path, *kinds: str, shape: tuple[int, ...] = (1, 4), **attributes: Any) -> Network:
    """x through Relu, then these operators."""
    nodes, constants = [helper.make_node("Relu", ["x"], ["logits"])], {}
    names = ["logits", *(f"t{i}" for i in range(len(kinds) - 1)), "y"]
    for i, kind in enumerate(kinds):
        op, _, constant = kind.partition(" ")
        inputs = [names[i], f"c{i}"] if constant else [names[i]]
        constants |= {f"c{i}": np.float32(constant)} if constant else {}
        own = attributes if op in ("Softmax", "LogSoftmax", "Transpose") else {}
        nodes.append(helper.make_node(op, inputs, [names[i + 1]], **own))
    return load(model(nodes, {"x": list(shape)}, constants), folder)


@pytest.mark.parametrize(
    "kinds",
    [
        ("Softmax",),
        ("LogSoftmax",),
        ("Sigmoid",),
        ("Tanh",),
        ("Erf",),
        ("Div 3", "Softmax"),
        ("Softmax", "Mul 100"),
        ("Mul 0.1", "LogSoftmax", "Add 7"),
        ("Tanh", "Softmax"),
        ("Softmax", "Sigmoid"),
        ("LeakyRelu",),
        ("Softmax", "Softmax"),
    ],
)
def test_rising_functions_keep_the_order_of_their_arguments(
    kinds: tuple[str, ...], tmp_path: Path
) -> None:
    network = chain(tmp_path, *kinds)
    query = comparing(network, (0, 1), (3, 2))
    found = by_order(query)
    assert found.stated == query.unsafe and found.network is network
    assert pairs_of(found) == [("logits[0]", "logits[1]"), ("logits[3]", "logits[2]")]
    assert by_order(found) is found
    said = statement(found)
    assert "y[0] - y[1] ≤ 0" in said and "logits[0] - logits[1] ≤ 0" in said
    assert "which was decided on values that are in the same order:" in said


@pytest.mark.parametrize(
    ("kinds", "box"),
    [(("Relu",), 2), (("Sign",), 2), (("Neg",), 2), (("Exp", "Reciprocal"), 2), (("Square",), 2)],
)
def test_other_functions_are_compared_themselves(
    kinds: tuple[str, ...], box: int, tmp_path: Path
) -> None:
    if kinds == ("Square",):
        network = load(single("Mul", {"x": [1, 4]}, order=["x", "x"]), tmp_path)
    else:
        network = chain(tmp_path, *kinds)
    query = comparing(network, (0, 1), box=box)
    assert by_order(query) is query


def test_two_classes(tmp_path: Path) -> None:
    for op_type in ("Softmax", "LogSoftmax"):
        network = chain(tmp_path, op_type, shape=(1, 2))
        assert pairs_of(by_order(comparing(network, (1, 0)))) == [("logits[1]", "logits[0]")]


def test_rows_and_axes(tmp_path: Path) -> None:
    network = chain(tmp_path, "Softmax", shape=(2, 3), axis=0)
    entry = {(i, j): 3 * i + j for i in range(2) for j in range(3)}
    found = by_order(comparing(network, (entry[1, 2], entry[0, 2])))
    assert pairs_of(found) == [("logits[5]", "logits[2]")]
    for axis, shape in ((0, (3, 3)), (1, (3, 3)), (1, (2, 3, 2))):
        network = chain(tmp_path, "Softmax", shape=shape, axis=axis)
        numbers = np.arange(int(np.prod(shape))).reshape(shape)
        along = np.moveaxis(numbers, axis, -1).reshape(-1, shape[axis])
        for row in along.tolist():
            query = by_order(comparing(network, *permutations(row, 2)))
            names = [(f"logits[{a}]", f"logits[{b}]") for a, b in permutations(row, 2)]
            assert pairs_of(query) == names


def holds(query: Query, formula: And, x: list[float]) -> bool:
    """Whether a disjunction of comparisons holds at an input."""
    low, high = evaluate(query.network, [fmpq(*float(v).as_integer_ratio()) for v in x])
    (part,) = formula.parts
    assert isinstance(part, Or)
    found = []
    for each in part.parts:
        assert isinstance(each, Atom)
        (a, c), (b, _) = each.terms
        assert c > 0 or each.terms[1][1] > 0
        smaller, larger = (a, b) if c > 0 else (b, a)
        middle = [(low[v] + high[v]) / 2 for v in (smaller, larger)]
        close = abs(middle[0] - middle[1]) <= 2 * max(high[v] - low[v] for v in (smaller, larger))
        is_strict = each.relation is Relation.LESS
        found.append((not is_strict) if close else middle[0] < middle[1])
    return any(found)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "Sigmoid"])
def test_the_formula_holds_at_the_same_inputs(op_type: str, tmp_path: Path) -> None:
    """Of different rows too, where the sums count; ties are drawn often."""
    rng = np.random.default_rng(3)
    seen = set()
    across = ((2, 2), [(0, 3)]), ((2, 3), [(1, 4), (5, 0)])  # rows have sums of their own
    for shape, pairs in (((1, 3), [(0, 1), (2, 1)]), *across):
        if op_type == "LogSoftmax" and shape[0] > 1:
            continue
        attributes = {} if op_type == "Sigmoid" else {"axis": 1}
        network = load(single(op_type, {"x": list(shape)}, **attributes), tmp_path)
        for relation in (Relation.AT_MOST, Relation.LESS):
            query = comparing(network, *pairs)
            (part,) = query.unsafe.parts
            assert isinstance(part, Or)
            atoms = [Atom(p.terms, p.constant, relation) for p in part.parts if isinstance(p, Atom)]
            query = Query(network, query.lower, query.upper, And((Or(tuple(atoms)),)))
            found = by_order(query)
            assert found.stated is not None
            for _ in range(25):
                x = rng.integers(-2, 3, int(np.prod(shape))).astype(float)
                right = holds(query, query.unsafe, x.tolist())
                assert holds(found, found.unsafe, x.tolist()) is right
                seen.add(right)
    assert seen == {False, True}


def test_what_is_compared_must_not_be_spoken_of_otherwise(tmp_path: Path) -> None:
    network = chain(tmp_path, "Softmax")
    start = network.offsets[network.outputs[0]]
    less = atom({start: ONE, start + 1: -ONE}, fmpq(0))
    likely = atom({start + 2: -ONE}, fmpq(1, 2))
    by_much = atom({start: ONE, start + 1: -ONE}, fmpq(1, 8))
    unequal = atom({start: ONE, start + 1: fmpq(-2)}, fmpq(0))
    ends = (fmpq(-1),) * 4, (fmpq(1),) * 4
    for more in (likely, by_much, unequal):
        query = Query(network, *ends, And((Or((And((less, more)), less)),)))
        assert by_order(query) is query
    bound = atom({0: ONE}, fmpq(-1, 2), Relation.LESS)  # of an input
    query = by_order(Query(network, *ends, And((bound, less))))
    assert query.stated is not None and query.unsafe.parts[0] == bound


def test_rounding_programs_are_compared_themselves(tmp_path: Path) -> None:
    proto = single("Sigmoid", {"x": [1, 3]})
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    network = vf.load(tmp_path / "m.onnx", semantics="float32", assume_ulp=4)
    query = comparing(network, (0, 1))
    assert by_order(query) is query


@pytest.mark.parametrize("change", ["left out", "scaled", "shifted", "knot"])
def test_an_entry_must_be_below_what_is_taken_off(change: str) -> None:
    """min(x - m, 0) of two entries keeps their order only if m is at least both."""
    x = Input("x", (3,))

    def taken(name: str, index: list[int], scale: list[float], source: int) -> Any:
        return affine(
            name, (len(index),), ((source, Gather.of(3 if source == 0 else 1, index, scale)),)
        )

    gap = affine("gap", (1,), ((0, Gather.of(3, [1])), (0, Gather.of(3, [0], -1.0))))
    rise = pwl("rise", (1,), 1, [0.0], [0.0, 1.0])
    base = 2 if change == "left out" else 0
    factor = 0.5 if change == "scaled" else 1.0
    shift = -1.0 if change == "shifted" else 0.0
    terms = ((0, Gather.of(3, [base])), (2, Gather.of(1, [0], factor)))
    top = affine("top", (1,), terms, bias=shift)
    falls = affine("falls", (2,), ((0, Gather.of(3, [0, 1])), (3, Gather.of(1, [0, 0], -1.0))))
    knot = -1.0 if change == "knot" else 0.0
    low = pwl("low", (2,), 4, [knot], [1.0, 0.0], knot)
    y = Smooth("y", (2,), 5, "exp")
    network = Network((x, gap, rise, top, falls, low, y), (6,))
    query = by_order(comparing(network, (0, 1)))
    assert pairs_of(query) == [("low[0]", "low[1]")]  # exp rises, and no step further is allowed
    right = affine("top", (1,), ((0, Gather.of(3, [0])), (2, Gather.of(1, [0]))))
    low = pwl("low", (2,), 4, [0.0], [1.0, 0.0])
    network = Network((x, gap, rise, right, falls, low, y), (6,))
    assert pairs_of(by_order(comparing(network, (0, 1)))) == [("x[0]", "x[1]")]


def test_a_torch_module_with_a_final_softmax() -> None:
    torch.manual_seed(0)
    body = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.ReLU(), torch.nn.Linear(6, 4))
    for head in (torch.nn.Softmax(dim=1), torch.nn.LogSoftmax(dim=1)):
        net = vf.load(torch.nn.Sequential(body, head).eval(), torch.zeros(1, 3))
        plain = vf.load(body.eval(), torch.zeros(1, 3))
        for eps in ("1/100", "2"):
            verdicts = [
                vf.verify(vf.robust(n, [0, 0, 0], eps=eps), timeout=60, workers=1)
                for n in (net, plain)
            ]
            assert type(verdicts[0]) is type(verdicts[1]) is not Unknown
            if isinstance(verdicts[0], Falsified) and isinstance(head, torch.nn.Softmax):
                total = sum(low for low, _ in verdicts[0].counterexample.outputs)
                assert abs(total - 1) < fmpq(1, 1000)  # the outputs are the module's


def verdict_of(model_path: Path, text: str, folder: Path) -> tuple[Query, Verdict]:
    path = folder / "p.vnnlib"
    path.write_text(text, "utf-8")
    query = query_from(model_path, path)
    return query, vf.verify(query, timeout=60, workers=1)


BOX = "".join(
    f"(declare-const {v}_{i} Real)\n" for v, n in (("X", 2), ("Y", 3)) for i in range(n)
) + "".join(f"(assert (and (>= X_{i} -100) (<= X_{i} 100)))\n" for i in range(2))


def test_a_property_file_gets_the_verdict_of_the_logits(tmp_path: Path) -> None:
    """Also where exponentials of logits would overflow, and where the search has work to do."""
    rng = np.random.default_rng(0)
    kinds = set()
    for trial in range(8):
        scale = 40.0 if trial % 2 else 1.0
        weights = {
            "a": rng.normal(size=(2, 5)).astype(np.float32),
            "c": (9 * rng.normal(size=5)).astype(np.float32),
            "b": (scale * rng.normal(size=(5, 3))).astype(np.float32),
        }
        nodes = [
            helper.make_node("Gemm", ["x", "a", "c"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("MatMul", ["r", "b"], ["l"]),
            helper.make_node("Softmax", ["l"], ["y"], axis=1),
        ]
        whole, logits = (tmp_path / f"{name}.onnx" for name in ("whole", "logits"))
        shapes: dict[str, list[Any]] = {"x": [1, 2]}
        whole.write_bytes(model(nodes, shapes, weights).SerializeToString())
        logits.write_bytes(model(nodes[:3], shapes, weights, outputs=("l",)).SerializeToString())
        first, second, third = rng.permutation(3).tolist()
        text = BOX + f"(assert (and (< Y_{first} Y_{second}) (<= Y_{second} Y_{third})))"
        if trial > 2:
            text += f"(assert (>= X_0 {60 if trial > 3 else 0}))(assert (>= X_1 90))"
        query, verdict = verdict_of(whole, text, tmp_path)
        _, right = verdict_of(logits, text, tmp_path)
        assert query.stated is not None
        assert type(verdict) is type(right) is not Unknown, trial
        kinds.add(type(verdict))
        if isinstance(verdict, Verified):
            vf.check(query_from(whole, tmp_path / "p.vnnlib"), verdict.certificate, exact=True)
    assert kinds == {Verified, Falsified}


@pytest.mark.skipif(not SEARCH.is_dir(), reason="the cases are not beside the repository")
def test_cases_of_large_logits_and_of_a_hundred_classes() -> None:
    for name in ("softmax_large_logits", "large_logits", "softmax_100"):
        rule = "softmax_large_logits" if "large" in name else name
        query = query_from(SEARCH / f"{name}.onnx", SEARCH / f"{rule}.vnnlib")
        assert (query.stated is None) is (name == "large_logits")
        verdict = vf.verify(query, timeout=30, workers=1)
        assert isinstance(verdict, Verified), name


def test_constants_of_rows_are_read() -> None:
    """y = x + c for different c is in another order than x."""
    x = Input("x", (2,))
    shifted = affine("s", (2,), ((0, Gather.of(2)),), bias=[0.0, 1.0])
    network = Network((x, shifted, Smooth("y", (2,), 1, "tanh")), (2,))
    assert pairs_of(by_order(comparing(network, (0, 1)))) == [("s[0]", "s[1]")]
    halves = affine("s", (2,), ((0, Gather.of(2)),), divisor=[1.0, 2.0])
    network = Network((x, halves, Smooth("y", (2,), 1, "tanh")), (2,))
    assert pairs_of(by_order(comparing(network, (0, 1)))) == [("s[0]", "s[1]")]
    loose = affine("s", (2,), ((0, Gather.of(2)),), radius=0.25)
    network = Network((x, loose, Smooth("y", (2,), 1, "tanh")), (2,))
    assert pairs_of(by_order(comparing(network, (0, 1)))) == [("s[0]", "s[1]")]
    turned = affine("s", (2,), ((0, Gather.of(2, None, -2.0)),))
    network = Network((x, turned, Smooth("y", (2,), 1, "tanh")), (2,))
    assert pairs_of(by_order(comparing(network, (0, 1)))) == [("x[1]", "x[0]")]


def test_what_rises_is_said_by_the_kernels_table() -> None:
    assert {"sigmoid", "tanh", "exp", "log", "sqrt", "erf"} == ways.RISING
    assert ways.RISING - {"log", "sqrt"} == order.RISING
