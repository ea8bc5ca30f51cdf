"""Exported scripts against the kernel: the same values, the same answers, text that both read."""

from __future__ import annotations

import numpy as np
import pytest
import z3
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solvers.nets import random_network, random_point
from verifai.graph.formulas import atom
from verifai.graph.nodes import affine, pwl, relu
from verifai.kernel.errors import InputError
from verifai.kernel.network import Input, Network, Pwl, Smooth, Square
from verifai.kernel.operator import Dense, Gather
from verifai.kernel.query import And, Or, Query, Relation
from verifai.kernel.replay import evaluate
from verifai.solvers.rows import affine_rows, pieces
from verifai.solvers.smt import EngineReply, Status, race
from verifai.solvers.smt_worker import engine_named
from verifai.solvers.smtlib import Script, literal, write_smtlib
from verifai.solvers.z3 import Z3


def fixed(script: Script, inputs: list[fmpq]) -> Script:
    """The script with its inputs fixed, whose model then is the evaluation."""
    for symbol, x in zip(script.inputs, inputs, strict=True):
        script = script.pinned(symbol, x, x)
    return script


def values_in_z3(script: Script) -> dict[str, fmpq]:
    solver = z3.Solver()
    solver.from_string(script.body)
    assert solver.check() == z3.sat
    model = solver.model()
    found = {d.name(): model[d] for d in model.decls()}
    return {
        name: fmpq(v.numerator_as_long(), v.denominator_as_long())
        for name, v in found.items()
        if z3.is_rational_value(v)
    }


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_models_at_fixed_inputs_are_the_kernels_evaluation(seed: int) -> None:
    net, inputs = random_network(seed), random_point(seed, 3)
    script = write_smtlib(net)
    found = values_in_z3(fixed(script, inputs))
    low, high = evaluate(net, inputs)
    out = net.nodes[net.outputs[0]].name
    first = net.offsets[net.outputs[0]]
    for k in range(3):
        assert low[first + k] == high[first + k] == found[f"{out}[{k}]"]
    assert found["y1[2]"] == low[net.offsets[net.positions["y1"]] + 2]


@pytest.mark.parametrize("seed", range(4))
def test_cvc5_reads_the_same_values(seed: int) -> None:
    net, inputs = random_network(seed, kinds="relu pwl wide sign"), random_point(seed, 3)
    low, _ = evaluate(net, inputs)
    value = net.offsets[-1] - 1
    is_value = And((atom({value: fmpq(1)}, -low[value], Relation.EQUAL),))
    is_more = And((atom({value: fmpq(-1)}, low[value], Relation.LESS),))
    for unsafe, status in ((is_value, Status.SAT), (is_more, Status.UNSAT)):
        query = Query(net, tuple(inputs), tuple(inputs), unsafe)
        assert engine_named("cvc5").check(write_smtlib(query)).status is status
        assert engine_named("z3").check(write_smtlib(query)).status is status


def formula_query() -> Query:
    """Two integers and a real; equality, strictness, nesting and an empty conjunction."""
    net = random_network(1, kinds="relu")
    first = net.offsets[-1] - 3
    either = Or(
        (
            atom({first: fmpq(1), 0: fmpq(-1, 3)}, fmpq(-9), Relation.LESS),
            And((atom({first: fmpq(1)}, fmpq(-1, 7)), atom({}, fmpq(-1)), And(()))),
        )
    )
    domain = (atom({0: fmpq(1), 1: fmpq(1)}, fmpq(-1), Relation.EQUAL),)
    ends = (fmpq(-5, 2),) * 3, (fmpq(7, 2),) * 3
    return Query(net, *ends, And((either,)), domain, frozenset({0, 1}))


def test_models_lie_in_the_domain_and_on_integers() -> None:
    query = formula_query()
    for name in ("z3", "cvc5"):
        found = engine_named(name).check(write_smtlib(query))
        assert found.status is Status.SAT
        x = [low for low, _ in found.ends]
        assert x[0].q == x[1].q == 1
        assert x[0] + x[1] == 1
        assert all(fmpq(-5, 2) <= q <= fmpq(7, 2) for q in x)


def test_logics() -> None:
    assert write_smtlib(formula_query()).logic == "QF_LIRA"
    assert write_smtlib(random_network(0, kinds="relu sign")).logic == "QF_LRA"
    assert write_smtlib(random_network(0, kinds="square")).logic == "QF_NRA"


def test_every_assertion_is_named_and_names_differ() -> None:
    lines = write_smtlib(formula_query()).text.splitlines()
    asserted = [line for line in lines if line.startswith("(assert")]
    names = [line.split(":named ")[1] for line in asserted]
    assert len(names) == len(set(names)) > 20
    assert lines[-1] == "(check-sat)"


def test_awkward_names_are_quoted_apart() -> None:
    names = ["a|b", "a\\b", "a_b", "@x", "größe", "y[0] is defined", "x\ny"]
    nodes = (*(Input(name, (1,)) for name in names), affine("out", (1,), ((0, Gather.of(1)),)))
    script = write_smtlib(Network(nodes, (len(names),)))
    assert len(set(script.inputs)) == len(names)
    assert engine_named("z3").check(script).status is Status.SAT
    assert engine_named("cvc5").check(script).status is Status.SAT


def test_a_radius_is_a_bounded_error_of_either_sign() -> None:
    """y = (2·x - x' + 1)/3 + δ with |δ| ≤ (2|x| + |x'| + 1)/8/3 at x = -1, x' = 2."""
    terms = ((0, Dense.of([[2.0, -1.0]])),)
    node = affine("y", (1,), terms, bias=1.0, divisor=3.0, radius=0.125)
    net = Network((Input("x", (2,)), node), (1,))
    x = (fmpq(-1), fmpq(2))
    low, high = evaluate(net, x)
    assert high[2] - low[2] == 2 * fmpq(5, 24)
    for shift, status in ((fmpq(0), Status.SAT), (fmpq(1, 10**9), Status.UNSAT)):
        above = Query(net, x, x, And((atom({2: fmpq(-1)}, high[2] + shift),)))
        below = Query(net, x, x, And((atom({2: fmpq(1)}, shift - low[2]),)))
        for query in (above, below):
            assert engine_named("z3").check(write_smtlib(query)).status is status
            assert engine_named("cvc5").check(write_smtlib(query)).status is status


def smooth(function: str) -> Network:
    return Network((Input("x", (1,)), Smooth("bent", (1,), 0, function)), (1,))


@pytest.mark.parametrize("function", ["exp", "sigmoid", "tanh", "sin", "cos", "log", "erf"])
def test_transcendental_functions_are_refused_by_node(function: str) -> None:
    with pytest.raises(InputError, match=f"'bent'.* {function}"):
        write_smtlib(smooth(function))


@pytest.mark.parametrize(
    ("function", "x", "y"), [("reciprocal", fmpq(-3, 2), fmpq(-2, 3)), ("sqrt", fmpq(4), fmpq(2))]
)
def test_algebraic_functions_need_no_dialect(function: str, x: fmpq, y: fmpq) -> None:
    script = write_smtlib(smooth(function))
    assert values_in_z3(script.pinned(script.inputs[0], x, x))["bent[0]"] == y


@pytest.mark.parametrize("function", ["exp", "sigmoid", "tanh", "sin", "cos", "log"])
def test_the_dialect_of_cvc5_has_transcendental_functions(function: str) -> None:
    """f(1) ≤ 3 is never contradicted, f(1) ≥ 100 always."""
    net, one = smooth(function), (fmpq(1),)
    for direction, limit in ((-1, 100), (1, -3)):
        unsafe = And((atom({1: fmpq(direction)}, fmpq(limit)),))
        script = write_smtlib(Query(net, one, one, unsafe), is_cvc5=True)
        assert script.logic == "QF_NRAT"
        (answer,) = race({"cvc5": script}, 120.0 if direction == -1 else 3.0)
        assert "failed" not in answer.reason
        assert (answer.status is Status.UNSAT) == (direction == -1)
    with pytest.raises(InputError, match="erf"):
        write_smtlib(smooth("erf"), is_cvc5=True)


def test_many_knots_do_not_nest_deeply() -> None:
    knots = np.arange(60.0)
    node = pwl("steps", (1,), 0, knots, np.arange(61.0) % 3, 1.0)
    net = Network((Input("x", (1,)), node), (1,))
    script = write_smtlib(net)
    for x in (fmpq(-1), fmpq(0), fmpq(201, 7), fmpq(58), fmpq(500)):
        at = values_in_z3(fixed(script, [x]))
        assert at["steps[0]"] == evaluate(net, [x])[0][1]
    line = next(line for line in script.text.splitlines() if "steps[0] is defined" in line)
    deepest = depth = 0
    for c in line:
        depth += (c == "(") - (c == ")")
        deepest = max(deepest, depth)
    assert deepest < 20


def test_a_script_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifai.solvers.smtlib.MAX_TERMS", 50)
    with pytest.raises(InputError, match="more than 50 terms"):
        write_smtlib(random_network(1))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_rows_and_pieces_are_the_kernels_evaluation(seed: int) -> None:
    net, inputs = random_network(seed, kinds="relu pwl wide"), random_point(seed, 3)
    low, _ = evaluate(net, inputs)
    for i, node in enumerate(net.nodes):
        first = net.offsets[i]
        if isinstance(node, Pwl):
            table, x = pieces(node), low[net.offsets[node.source] : net.offsets[node.source] + 3]
            for k in range(3):
                parts = table[k if len(table) > 1 else 0]
                here = next(p for p in parts if p.end is None or x[k] <= p.end)
                assert here.slope * x[k] + here.constant == low[first + k]
        elif not isinstance(node, Input | Square):
            for k, row in enumerate(affine_rows(net, i)):
                assert sum((c * low[v] for v, c in row.terms), row.constant) == low[first + k]


def test_literals_are_read_back() -> None:
    for value in (fmpq(0), fmpq(-7), fmpq(1, 3), fmpq(-5, 1 << 1074)):
        script = Script(
            f"(declare-const |x| Real)\n(assert (= |x| {literal(value)}))\n", ("|x|",), ""
        )
        assert Z3().check(script) == EngineReply(Status.SAT, ((value, value),))
        assert engine_named("cvc5").check(script) == EngineReply(Status.SAT, ((value, value),))


def test_relu_of_a_hidden_value_reads_that_value() -> None:
    net = Network((Input("x", (1,)), relu("r", (1,), 0)), (1,))
    script = write_smtlib(net)
    assert "(ite (<= |x[0]| 0.0) 0.0 |x[0]|)" in script.text
