"""The table of seeds leaves out no theorem, and the lectures' own examples are there literally."""

from __future__ import annotations

import re
from pathlib import Path

from verifai.theorems.claimed_identities import FALSE_NORM
from verifai.theorems.linear_regions import SHAPES, bound
from verifai.theorems.network_sweeps import backward_nn, forward_nn
from verifai.theorems.parity_integers import LECTURE
from verifai.theorems.registry import THEOREMS

PAGE = (Path(__file__).parents[2] / "docs" / "theorems.md").read_text("utf-8")
TABLE = PAGE.partition("## From the seeds to what is checked")[2]
CELL = r"((?:[^|\\]|\\\|)+)"
ROWS = re.findall(rf"^\| {CELL} \| {CELL} \| `(\w+)` \| ([\w, ]+) \|$", TABLE, re.MULTILINE)
TRUST = {"certified", "exact", "solver", "proved"}


def test_every_theorem_stands_in_the_table_once() -> None:
    assert sorted(row[2] for row in ROWS) == sorted(each.name for each in THEOREMS)
    assert all(seed.strip() and statement.strip() for seed, statement, *_ in ROWS)


def test_every_theorem_stands_in_a_section_once() -> None:
    sections = PAGE.partition("## From the seeds")[0]
    named = re.findall(r"^\| `(\w+)` \|", sections, re.MULTILINE)
    gallery = [name for name in named if name not in TRUST | {"sampled"}]
    assert sorted(gallery) == sorted(each.name for each in THEOREMS)


def test_trust_is_as_the_gallery_says() -> None:
    for *_, name, trust in ROWS:
        words = trust.split(", ")
        assert set(words) <= TRUST and len(set(words)) == len(words)
        proved = next(each.proved for each in THEOREMS if each.name == name)
        assert ("proved" in words) == (proved is not None), name


def test_the_lectures_own_examples_are_there() -> None:
    assert LECTURE == (2, 365, 1, 4, 14, 42, 77, 1255559)
    assert ", ".join(map(str, LECTURE)) in PAGE
    assert (3, 4, 3, 3, 2) in SHAPES and bound((3, 4, 3, 3, 2)) == 960
    assert FALSE_NORM == "sqrt(sum(S∘S + T∘T))" and "√Σ(S² + T²)" in PAGE
    assert (forward_nn.__name__, backward_nn.__name__) == ("forward_nn", "backward_nn")
    assert "`ForwardNN` and `BackwardNN`" in PAGE
