"""`to_z3`: values by name, the solver's answers, and an optimiser's exact optimum."""

from __future__ import annotations

import pytest
from flint import fmpq

import verifai as vf
from verifai.graph.nodes import relu
from verifai.kernel.network import Input, Network, Square

z3 = pytest.importorskip("z3")


def hat() -> Network:
    """relu(x) - 2 relu(x - 1/2), the tent of height 1/2."""
    from verifai.theorems.construction import relu_network

    return relu_network([([[1.0], [1.0]], [0.0, -0.5]), ([[1.0, -2.0]], [0.0])])


def test_values_are_named_and_fixed_by_the_inputs() -> None:
    net = hat()
    form = vf.to_z3(net)
    assert (len(form.inputs), len(form.outputs)) == (1, 1)
    names = {node.name for i, node in enumerate(net.nodes) if i not in net.inputs + net.outputs}
    assert set(form.hidden) == names
    form.solver.add(form.inputs[0] == z3.Q(3, 4))
    assert form.check() == z3.sat
    assert form.model()[form.outputs[0]] == z3.Q(1, 4)
    active = [form.model()[each] for values in form.hidden.values() for each in values]
    assert z3.Q(1, 4) in active and z3.Q(3, 4) in active


def test_the_optimiser_finds_the_exact_maximum() -> None:
    form = vf.to_z3(hat())
    best = form.optimize()
    best.add(form.inputs[0] >= 0, form.inputs[0] <= 1)
    highest = best.maximize(form.outputs[0])
    assert best.check() == z3.sat
    assert best.upper(highest) == z3.Q(1, 2)
    assert best.model()[form.inputs[0]] == z3.Q(1, 2)


@pytest.mark.parametrize(("upper", "answer"), [(fmpq(1, 2), z3.unsat), (fmpq(49, 100), z3.sat)])
def test_a_query_has_a_model_where_it_has_a_counterexample(upper: fmpq, answer: object) -> None:
    query = vf.in_range(hat(), [(0, 1)], upper=upper)
    form = vf.to_z3(query)
    assert form.check() == answer
    assert form.optimize().check() == answer


def test_integer_inputs_are_integers() -> None:
    net = Network((Input("n", (2,)), relu("r", (2,), 0), Square("s", (2,), 1)), (2,))
    box = vf.domain(net, [(0, 3)] * 2, integers=[0, 1])
    form = vf.to_z3(vf.in_range(net, box, upper=8))
    assert all(each.sort() == z3.IntSort() for each in form.inputs)
    assert form.check() == z3.sat
    assert list(form.hidden) == ["r"]
