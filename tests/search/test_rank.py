"""Ranking rules: what they are given and give, and that no rule makes a verdict wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.bounds.nets import dense
from tests.search.cases import make_case
from tests.search.test_paths import beyond, proof_of, split_nodes
from tests.search.test_team import long
from verifai.bounds.compiled import compile_network
from verifai.bounds.crown import refine
from verifai.bounds.interval import interval
from verifai.kernel.errors import InputError
from verifai.search import driver, wide
from verifai.search.attack.witness import Witnesses
from verifai.search.loop import frontier, team
from verifai.search.rank import babsr, fsb, gap, smear, widest
from verifai.search.rank.protocol import Gaps, Rank, Splits
from verifai.search.rank.select import RULES, choose, rank_of
from verifai.verdict import Falsified, Unknown, Verified
from verifai.verify import Options, verify

SMALL = dense((3, 24, 24, 1))
WIDE = dense((16, 12, 8, 1))
QUERIES = {"inputs": beyond(SMALL, 1.0, 0.05), "phases": beyond(WIDE, 0.6, 0.15)}
SPLIT = {"inputs": {"Input"}, "phases": {"Affine"}}


@pytest.fixture(autouse=True)
def short_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "ATTACK_SECONDS", 0.02)
    monkeypatch.setattr(wide, "PATIENT_SECONDS", 0.02)


def asked(rank: str | Rank, workers: int = 1) -> Options:
    return Options(timeout=120, workers=workers, rank=rank)


class Noted:
    """A rule that keeps what it was given."""

    def __init__(self, rule: Rank) -> None:
        self.rule, self.seen = rule, list[Splits]()

    def __call__(self, splits: Splits) -> np.ndarray:
        self.seen.append(splits)
        return self.rule(splits)


@pytest.mark.parametrize("kind", QUERIES)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_proves(name: str, kind: str) -> None:
    rule = Noted(rank_of(name))
    proof = proof_of(QUERIES[kind], asked(rule))
    assert split_nodes(QUERIES[kind], proof) == SPLIT[kind]
    assert kind in {splits.kind for splits in rule.seen}


@pytest.mark.parametrize("kind", QUERIES)
def test_what_a_rule_is_given(kind: str) -> None:
    rule = Noted(widest.rank)
    assert isinstance(verify(QUERIES[kind], asked(rule)), Verified)
    for splits in (s for s in rule.seen if s.kind == kind):
        shape = splits.at.shape
        assert shape == (len(splits.bound), len(splits.values))
        for array in (splits.lower, splits.upper, splits.can_split, splits.gaps.below):
            assert array.shape == shape
        assert splits.biases.shape == shape[1:]
        inside = (splits.lower < splits.at) & (splits.at < splits.upper)
        assert inside[splits.can_split].all() and splits.can_split.any()
        assert all(len(a) == shape[0] for a in splits.forms.values())
        owners = {
            type(splits.network.nodes[splits.network.owner(int(v))[0]]).__name__
            for v in splits.values[splits.can_split.any(axis=0)]
        }
        assert owners == SPLIT[kind]


@pytest.mark.parametrize("kind", QUERIES)
def test_trying_halves_gives_bounds_that_hold(kind: str) -> None:
    tried = []

    def rule(splits: Splits) -> np.ndarray:
        which, columns = np.nonzero(splits.can_split)
        if splits.kind == kind:
            pair = splits.halves(which, columns)
            assert pair.shape == (len(which), 2)
            tried.append(pair.max(axis=1) - splits.bound[which])
        return np.full(splits.at.shape, np.nan)

    assert isinstance(verify(QUERIES[kind], asked(rule)), Verified)
    gains = np.concatenate(tried)
    assert gains.min() > -1e-6 and gains.max() > 1e-3  # multipliers start no worse


NONSENSE: dict[str, Callable[[Splits], np.ndarray]] = {
    "random": lambda s: np.random.default_rng(0).normal(size=s.at.shape),
    "nan": lambda s: np.full(s.at.shape, np.nan),
    "no opinion": lambda s: np.full(s.at.shape, -np.inf),
    "infinite": lambda s: np.full(s.at.shape, np.inf),
    "the same for all": lambda s: np.zeros(s.at.shape),
    "narrowest": lambda s: s.lower - s.upper,
    "half of it nan": lambda s: np.where(np.indices(s.at.shape)[1] % 2, np.nan, -1.0),
    "what cannot be split": lambda s: np.where(s.can_split, -1.0, 1e300),
    "integers": lambda s: np.arange(s.at.size).reshape(s.at.shape),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_proved_and_refuted_all_the_same(name: str) -> None:
    for net in (dense((2, 6, 6, 1)), dense((13, 5, 4, 1))):
        proof_of(beyond(net, 0.5, 0.1), asked(NONSENSE[name]))
        assert isinstance(verify(beyond(net, 0.5, -0.3), asked(NONSENSE[name])), Falsified)


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_makes_no_verdict_wrong(name: str) -> None:
    decided = 0
    for seed in range(8):
        query = make_case(seed).query
        usual = verify(query, Options(timeout=60, nodes=400, workers=1))
        other = verify(query, Options(timeout=60, nodes=400, workers=1, rank=NONSENSE[name]))
        assert {type(usual), type(other)} != {Verified, Falsified}, seed
        decided += not isinstance(other, Unknown)
    assert decided > 4


def spoils(splits: Splits) -> np.ndarray:
    """Overwrites what it is given."""
    for side in (*splits.bounds.lower, *splits.bounds.upper):
        side[:] = side.mean(axis=0)
    for array in (splits.gaps.coefficients, splits.at, splits.bound):
        if array.flags.writeable:
            array[:] = 0.0
    return np.zeros(splits.at.shape)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", [*NONSENSE, "spoils"])
def test_what_is_false_is_never_verified(
    name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for blind in ("attack", "try_points", "confirm"):
        monkeypatch.setattr(Witnesses, blind, lambda *_: None)
    called = Noted(spoils if name == "spoils" else NONSENSE[name])
    query = beyond(dense(((3, 14)[seed % 2], 8, 6, 1), seed=seed), 1.0, -0.02)
    found = verify(query, Options(timeout=60, nodes=120, workers=1, rank=called))
    assert not isinstance(found, Verified)
    assert called.seen


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (lambda s: np.zeros(3), r"shape \(3,\).*shape \(\d+, \d+\)"),
        (lambda s: np.zeros((*s.at.shape, 1)), "gave scores of shape"),
        (lambda s: 1.0, r"shape \(\)"),
        (lambda s: None, "gave no array of numbers|shape"),
        (lambda s: "high", "gave no array of numbers"),
        (lambda s: [[1.0], [1.0, 2.0]], "gave no array of numbers"),
    ],
)
def test_what_is_no_score_for_each_value_is_refused(rule: Rank, says: str) -> None:
    with pytest.raises(InputError, match=says):
        verify(QUERIES["inputs"], asked(rule))


def test_unknown_rules_are_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'best'.*babsr, fsb, gap, smear, widest"):
        Options(rank="best")
    with pytest.raises(InputError, match="a name or a function, not of type int"):
        Options(rank=7)  # type: ignore[arg-type]


def untried(which: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Nothing is known of halves."""
    return np.full((len(which), 2), np.nan)


def splits_of(widths: tuple[int, ...] = (4, 6, 1)) -> Splits:
    """The splits of one box at the first layer of ReLUs, with any coefficients."""
    compiled, rng = compile_network(dense(widths)), np.random.default_rng(1)
    end = np.ones((1, widths[0]))
    bounds = refine(compiled, interval(compiled, -end, end)).bounds
    low, high = bounds.lower[1], bounds.upper[1]
    values = np.arange(*compiled.network.offsets[1:3])
    crosses = (low < 0) & (high > 0)
    chord = np.where(crosses, -low * high / (high - low), 0.0)
    gaps = Gaps(rng.normal(size=low.shape), chord, chord)
    at, bound = np.where(crosses, 0.0, np.nan), np.full(1, -1.0)
    return Splits("phases", compiled, bounds, values, at, bound, {}, gaps, untried)


def test_babsr_is_the_formula_of_the_paper() -> None:
    splits = splits_of()
    scores = babsr.rank(splits)[0]
    assert splits.can_split.sum() > 2
    for k in np.flatnonzero(splits.can_split[0]).tolist():
        l, u = float(splits.lower[0, k]), float(splits.upper[0, k])
        a, b = float(splits.gaps.coefficients[0, k]), float(splits.biases[k])
        slope = u / (u - l)
        active, inactive = a * b - slope * a * b, -slope * a * b
        expected = max(-active, -inactive) - slope * l * min(a, 0.0)
        assert scores[k] == pytest.approx(abs(expected))


def test_rules_for_other_splits_have_no_opinion() -> None:
    splits = splits_of()
    assert np.isnan(smear.rank(splits)).all()
    inputs = Splits(
        "inputs",
        *(getattr(splits, f) for f in ("compiled", "bounds")),
        np.arange(4),
        np.zeros((1, 4)),
        splits.bound,
        {},
        splits.gaps,
        untried,
    )
    for rule in (gap.rank, fsb.rank, babsr.rank):
        assert np.isnan(rule(inputs)).all()


def test_the_greatest_score_is_split_and_the_default_fills_in() -> None:
    splits = splits_of()
    can = np.flatnonzero(splits.can_split[0])
    for k in can.tolist():
        scores = np.where(np.arange(len(splits.values)) == k, -1e9, np.nan)
        assert choose(lambda _, s=scores: s[None], splits).tolist() == [k]
    assert choose(NONSENSE["nan"], splits).tolist() == choose(None, splits).tolist()
    assert choose(NONSENSE["what cannot be split"], splits)[0] in can


def test_helpers_use_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "PATIENCE", 0.0)
    monkeypatch.setattr(frontier, "BATCH_VALUES", 1 << 10)
    parent = os.getpid()

    def rule(splits: Splits) -> np.ndarray:
        return widest.rank(splits) if os.getpid() == parent else np.zeros(2)

    with pytest.raises(InputError, match=r"the ranking rule rule gave scores of shape \(2,\)"):
        verify(long(), asked(rule, workers=2))
    assert isinstance(verify(long(), asked("widest", workers=2)), Verified)


def test_a_package_adds_a_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def oldest(splits):\n    return splits.upper - splits.lower\n"
    (tmp_path / "ranks_of_mine.py").write_text(text)
    info = tmp_path / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    lines = (
        "[verifai.ranks]",
        "oldest = ranks_of_mine:oldest",
        "none = ranks_of_mine:missing",
        "number = ranks_of_mine:__name__",
    )
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(verify(QUERIES["inputs"], asked("oldest")), Verified)
    assert rank_of("oldest").__module__ == "ranks_of_mine"
    with pytest.raises(InputError, match=r"babsr.*none, number, oldest"):
        rank_of("youngest")
    with pytest.raises(InputError, match="none cannot be loaded"):
        rank_of("none")
    with pytest.raises(InputError, match="cannot be called"):
        rank_of("number")
    sys.modules.pop("ranks_of_mine")
