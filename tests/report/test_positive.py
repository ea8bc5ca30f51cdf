"""The sentence beside the kernel's statement says positively what holds."""

from __future__ import annotations

import numpy as np
import pytest

import verifai as vf
from verifai.graph.nodes import affine, relu
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.report.terminal import words


@pytest.fixture(scope="module")
def net() -> Network:
    """Twelve outputs y[i] = relu(x)."""
    wide = affine("wide", (12,), ((0, Dense.of(np.ones((12, 1)))),), bias=np.eye(12)[5])
    return Network((Input("x", (1,)), wide, relu("y", (12,), 1)), (2,))


NAMES = ["zero", "one", "two", "three", "four", "five"] + [f"other {i}" for i in range(6)]


def test_robustness_in_one_sentence(net: Network) -> None:
    query = vf.robust(net, [1], eps="1/2")
    assert vf.in_words(query) == "for every x in the box: y[5] > y[j] for all j other than 5"
    named = "for every x in the box: y[5] (five) > y[j] for all j other than 5"
    assert vf.in_words(query, NAMES) == named
    targeted = vf.robust(net, [1], eps="1/2", target=10)
    assert vf.in_words(targeted, NAMES) == "for every x in the box: y[5] (five) > y[10] (other 4)"


def test_every_part_is_the_negation_of_what_is_unsafe(net: Network) -> None:
    s = vf.symbols(net)
    query = vf.always(
        net, given=s.x[0] > 1, then=(s.y[1] <= "1/3") & (s.y[2] >= 0), domain=[(0, 2)]
    )
    assert vf.in_words(query).splitlines() == [
        "for every x in the box:",
        "  at least one of these holds:",
        "    x[0] ≤ 1",
        "    each of these holds:",
        "      y[1] ≤ 1/3",
        "      y[2] ≥ 0",
    ]
    region = vf.domain(net, [(0, 2)], integers=[0], rows=[([(0, 1)], "<=", 1)])
    said = vf.in_words(vf.in_range(net, region, upper=9))
    assert said == (
        "for every x in the box, 1 entry of it whole, that fulfils 1 linear condition: y[0] ≤ 9"
    )


def test_a_long_formula_is_abridged(net: Network) -> None:
    s = vf.symbols(net)
    query = vf.always(net, then=[s.y[0] * i <= i * i + 1 for i in range(1, 99)], domain=[(0, 1)])
    said = vf.in_words(query).splitlines()
    assert len(said) < 20
    assert "abridged" in said[-1]


def test_the_sentence_stands_beside_the_statement(net: Network) -> None:
    held = vf.robust(net, [1], eps="1/2")
    verdict = vf.verify(held, workers=1)
    text = words(verdict, held, seconds=0, classes=NAMES)
    assert isinstance(verdict, vf.Verified)
    assert verdict.statement in text
    assert "in short, for every x in the box: y[5] (five) > y[j]" in text
    broken = vf.in_range(net, [(0, 1)], upper=0)
    text = words(vf.verify(broken, workers=1), broken, seconds=0)
    assert "in short, this is not so: for every x in the box: y[0] ≤ 0" in text


def test_as_many_classes_as_outputs(net: Network) -> None:
    with pytest.raises(vf.InputError, match="2 classes for 12 outputs"):
        vf.in_words(vf.robust(net, [1], eps="1/2"), ["cat", "dog"])
