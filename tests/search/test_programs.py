"""Linear programs over inputs and unstable neurons: their duals are multipliers worth as much."""

import numpy as np
import pytest

from verifai.bounds.compiled import Compiled, compile_network
from verifai.bounds.crown import refine, relaxed
from verifai.bounds.dual import DualProblem, Rows
from verifai.bounds.interval import Bounds, interval
from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network, Node
from verifai.kernel.operator import Dense
from verifai.search.close.columns import every_value, is_reducible, substitute, units_of
from verifai.search.close.formulation import Formulation
from verifai.search.close.kept import KeptFormulation
from verifai.search.close.programs import Programs
from verifai.search.goals import Goals
from verifai.solvers.linear_program import Simplex, SparseRows

INPUTS = 6


def network(seed: int) -> Network:
    """Two hidden layers of eight neurons and a sum with the inputs, two outputs."""
    rng, nodes = np.random.default_rng(seed), list[Node]([Input("x", (INPUTS,))])
    last = 0
    for name in "ab":
        weight = Dense.of(rng.normal(size=(8, 8 if last else INPUTS)))
        nodes.append(affine(f"y{name}", (8,), ((last, weight),), bias=rng.normal(size=8)))
        nodes.append(relu(f"z{name}", (8,), len(nodes) - 1))
        last = len(nodes) - 1
    terms = tuple((s, Dense.of(rng.normal(size=(2, n)))) for s, n in ((last, 8), (0, INPUTS)))
    nodes.append(affine("out", (2,), terms))
    return Network(tuple(nodes), (len(nodes) - 1,))


def boxed(seed: int) -> tuple[Compiled, Bounds, Goals]:
    """The network over a box of radius 1, and the goal that both outputs are at most -1."""
    compiled = compile_network(network(seed))
    bounds = refine(
        compiled, interval(compiled, -np.ones((1, INPUTS)), np.ones((1, INPUTS)))
    ).bounds
    last = len(compiled.network.nodes) - 1
    forms = {last: np.eye(2)[None]}
    goals = Goals(forms, np.ones((1, 2)), np.full(1, 1e-9), (((0, 1.0), (1, 1.0)),))
    return compiled, bounds, goals


def built(seed: int) -> tuple[Compiled, Bounds, Programs, KeptFormulation]:
    compiled, bounds, goals = boxed(seed)
    units = units_of(compiled, bounds)
    assert is_reducible(compiled, units)
    programs = Programs(compiled, goals, bounds, units)
    rows = goals.rows(np.array([0]))
    substituted = substitute(programs.columns, bounds, goals.forms)
    program = KeptFormulation(substituted, units, rows)
    return compiled, bounds, programs, program


def halved(bounds: Bounds, source: int, index: int, *, active: bool) -> Bounds:
    """One half of a region."""
    lower, upper = (tuple(a.copy() for a in side) for side in (bounds.lower, bounds.upper))
    (lower if active else upper)[source][0, index] = 0.0
    return Bounds(lower, upper)


def value(programs: Programs, bounds: Bounds, proof: object) -> float:
    """What multipliers are worth by backward elimination."""
    base, rows = relaxed(programs.compiled, bounds), programs.goals.rows(np.array([0]))
    point = programs.point(base, [proof])  # type: ignore[list-item]
    problem = DualProblem(programs.compiled, base, rows, 1, {}, {})
    return float(problem.plane(point)[0].value[0])


@pytest.mark.parametrize("seed", range(12))
def test_duals_are_worth_the_optimum(seed: int) -> None:
    """In the box, and in a chain of halves that are entered, fixed and loosened in between."""
    _, bounds, programs, program = built(seed)
    units, rng = programs.units, np.random.default_rng(seed)
    for neuron in rng.permutation(len(units))[:5].tolist():
        program.visit(bounds)
        solved = program.simplex.solve(5000)
        assert solved.is_optimal
        assert value(programs, bounds, program.duals()) == pytest.approx(solved.value, abs=1e-6)
        (low,), (high,) = units.ends(bounds)
        for active in (False, True):
            half = halved(
                bounds, int(units.source[neuron]), int(units.index[neuron]), active=active
            )
            program.fix(neuron, low[neuron], high[neuron], active=active)
            fixed = program.simplex.solve(5000)
            if fixed.is_optimal:
                following = half
                assert fixed.value >= solved.value - 1e-7
                assert value(programs, half, program.duals()) == pytest.approx(
                    fixed.value, abs=1e-6
                )
            program.loosen(neuron, low[neuron], high[neuron])
        assert program.simplex.solve(5000).value == pytest.approx(solved.value, abs=1e-7)
        bounds = following


@pytest.mark.parametrize("seed", range(12))
def test_the_optimum_lies_below_every_point(seed: int) -> None:
    compiled, bounds, _, program = built(seed)
    program.visit(bounds)
    points = np.random.default_rng(seed).uniform(-1, 1, size=(2000, INPUTS))
    worst = (compiled.forward(points)[-1] + 1).max(axis=1).min()
    assert program.simplex.solve(5000).value <= worst + 1e-7


def test_an_empty_region_is_refuted_by_a_ray() -> None:
    """Regions in which every neuron of the first layer is at its greatest hold no point."""
    found = 0
    for seed in range(12):
        _, bounds, programs, program = built(seed)
        _, (high,) = programs.units.ends(bounds)
        source = int(programs.units.source[0])
        first = np.flatnonzero(programs.units.source == source)
        lower, upper = (tuple(a.copy() for a in side) for side in (bounds.lower, bounds.upper))
        for j in first.tolist():  # every neuron of the layer at its greatest
            lower[source][0, programs.units.index[j]] = 0.99 * high[j]
        region = Bounds(lower, upper)
        program.visit(region)
        solved = program.simplex.solve(5000)
        if solved.value == np.inf:
            assert solved.ray is not None
            proofs = program.proofs_of(solved.ray)
            assert max(value(programs, region, proof) for proof in proofs) > 1e-6
            assert programs.decide(0, region).proofs
            found += 1
    assert found >= 6


def test_crossed_ends_are_empty() -> None:
    _, bounds, programs, _ = built(0)
    source, index = int(programs.units.source[0]), int(programs.units.index[0])
    lower = tuple(a.copy() for a in bounds.lower)
    lower[source][0, index] = bounds.upper[source][0, index] + 1
    assert programs.decide(0, Bounds(lower, bounds.upper)).is_empty


def test_halves_said_to_be_refuted_are() -> None:
    """Whatever a decision claims of its halves, backward elimination confirms."""
    claims = 0
    for seed in range(40):
        _, bounds, programs, program = built(seed)
        program.visit(bounds)
        shift = program.simplex.solve(5000).value
        goals = programs.goals
        raised = Goals(goals.forms, goals.constant - shift - 1e-3, goals.margin, goals.names)
        programs = Programs(programs.compiled, raised, bounds, programs.units)
        decision = programs.decide(0, bounds)
        assert decision.neuron >= 0
        assert decision.value == pytest.approx(-1e-3, abs=1e-6)
        units = programs.units
        source, index = int(units.source[decision.neuron]), int(units.index[decision.neuron])
        for active, proofs in zip((False, True), decision.halves, strict=True):
            half = halved(bounds, source, index, active=active)
            if proofs:
                assert max(value(programs, half, proof) for proof in proofs) > 1e-9
                claims += 1
    assert claims >= 40


@pytest.mark.parametrize("seed", range(6))
def test_both_choices_of_columns_have_one_optimum(seed: int) -> None:
    """Over every value too; ends that give way change its size, not its sign."""
    compiled, bounds, programs, program = built(seed)
    program.visit(bounds)
    least = program.simplex.solve(5000).value
    rows, nodes = programs.goals.rows(np.array([0])), range(len(compiled.network.nodes))
    every = substitute(every_value(compiled), bounds, nodes)
    assert len(every.columns) == sum(compiled.sizes) > len(program.columns)
    for wanted in (1.0, -1.0):
        moved = Rows(rows.forms, rows.constant + wanted - least)
        for is_elastic in (False, True):
            other = Formulation(every, moved, once, is_elastic=is_elastic)
            other.enter(bounds)
            value = other.simplex.solve(5000).value
            assert np.sign(value) == wanted
            assert abs(value) <= 1 + 1e-6 if is_elastic else value == pytest.approx(wanted)


def once(cost: np.ndarray, rows: SparseRows) -> Simplex:
    return Simplex(cost, rows, lambda: np.inf, presolve=True)
