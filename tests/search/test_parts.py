"""Searches on the part of a network that matters: their proofs are of the whole network."""

import numpy as np
import pytest

from tests.bounds.nets import residual_conv
from tests.bounds.test_focus import box, image_network
from tests.search.test_paths import beyond, kinds, proof_of
from verifai.bounds.compiled import Compiled, compile_network
from verifai.bounds.crown import refine
from verifai.bounds.focus import focus
from verifai.bounds.interval import Bounds, interval
from verifai.bounds.kinds.codes import DEFAULT_CODE
from verifai.kernel.files.certificate import Kind
from verifai.proof.record import Block
from verifai.search import driver, wide
from verifai.search import lift as lifting
from verifai.search.close.leaf import LeafSolver
from verifai.search.goals import Goals
from verifai.search.lift import Lift, lift_of
from verifai.search.split import phases
from verifai.search.split.phases import BoundEffort, PhaseSearch


def tight(compiled: Compiled, width: float) -> Bounds:
    """CROWN's bounds of a box around zero."""
    end = np.full((1, compiled.width), width / 2)
    return refine(compiled, interval(compiled, -end, end)).bounds


def goals_above(threshold: float) -> Goals:
    """To refute: the first output of the image network is at most so much."""
    form = np.zeros((1, 1, 3))
    form[0, 0, 0] = 1
    return Goals({5: form}, np.array([[-threshold]]), np.zeros(1), (((0, 1.0),),))


def begun(threshold: float) -> PhaseSearch:
    """A search of halves by ascents alone that has visited its root."""
    compiled = compile_network(image_network(bias=0.0))
    bounds, goals = tight(compiled, 0.5), goals_above(threshold)
    closer = LeafSolver(compiled, lambda: np.inf)
    search = PhaseSearch(compiled, goals, effort=BoundEffort(20, every=0), closer=closer)
    search.add(search.roots(bounds, np.arange(1), stale=False))
    search.proposals = None
    search.advance()
    return search


def test_names_of_a_part_are_those_of_the_whole() -> None:
    compiled = compile_network(image_network())
    bounds = refine(compiled, box(compiled, 0.1)).bounds
    part = focus(compiled, bounds, {5: np.arange(3)})
    lift, offsets = Lift(compiled, part), compiled.network.offsets
    assert 0 < len(part.kept[4]) < 216
    value, alive = part.compiled.network.offsets[3], int(part.kept[3][0])
    codes = np.full(sum(part.compiled.sizes[i] for i in (2, 4)), DEFAULT_CODE, dtype=np.uint8)
    codes[part.compiled.sizes[2]] = 7  # of the first value of node 4
    block = Block(((0, 1.0),), ((value, 0.5),), ((value, 1, 0.25),), codes.tobytes())
    lifted = lift.block(block)
    assert lifted.rows == block.rows
    assert lifted.ends == ((offsets[3] + alive, 0.5),)
    assert lifted.slopes == ((offsets[3] + alive, 1, 0.25),)
    whole = np.frombuffer(lifted.codes, dtype=np.uint8)
    assert len(whole) == 144 + 216
    assert np.flatnonzero(whole != DEFAULT_CODE).tolist() == [144 + int(part.kept[4][0])]


def test_small_networks_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compile_network(image_network())
    bounds = refine(compiled, box(compiled, 0.1)).bounds
    assert lift_of(compiled, goals_above(0.0), bounds) is None
    monkeypatch.setattr(lifting, "LEAST_WORK", 0.0)
    found = lift_of(compiled, goals_above(0.0), bounds)
    assert found is not None
    assert sum(found.part.compiled.sizes) < sum(compiled.sizes)


def test_halves_start_no_worse_than_their_parents() -> None:
    least = begun(-100.0)
    assert not least.open  # refuted at once
    search = begun(5.0)
    (halves,) = search.open
    assert len(halves) == 2 and halves.depth.tolist() == [1, 1]
    parent = float(halves.value[0])
    before = search.effort
    search.effort = BoundEffort(0, every=0)  # no step: the start itself
    search.advance()
    children = [group.value for group in search.open]
    assert np.concatenate(children).min() >= parent - 1e-9
    assert before.steps == 20


@pytest.mark.parametrize("uses_programs", [True, False])
def test_proofs_on_parts_are_accepted(uses_programs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made, given = list[bool](), lifting.lift_of

    def noted(compiled: Compiled, goals: Goals, bounds: Bounds) -> Lift | None:
        made.append((found := given(compiled, goals, bounds)) is not None)
        return found

    monkeypatch.setattr(lifting, "LEAST_WORK", 0.0)
    monkeypatch.setattr(lifting, "lift_of", noted)
    monkeypatch.setattr(driver, "FEW_INPUTS", 0)
    monkeypatch.setattr(wide, "FEW_BOXES", np.inf)
    monkeypatch.setattr(driver, "ATTACK_SECONDS", 0.02)
    monkeypatch.setattr(wide, "PATIENT_SECONDS", 0.02)
    if not uses_programs:
        monkeypatch.setattr(phases, "is_reducible", lambda *_: False)
    proof = proof_of(beyond(residual_conv(0), 0.1, 1.0))
    assert any(made)
    assert Kind.SPLIT in kinds(proof)
