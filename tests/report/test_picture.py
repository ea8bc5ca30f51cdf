"""Which inputs are drawn as images, and what the images show."""

from flint import fmpq

from verifai.graph.formulas import atom, conjunction
from verifai.graph.nodes import affine
from verifai.kernel.network import Input, Network
from verifai.kernel.operator import Dense
from verifai.kernel.query import Query
from verifai.report.picture import WIDE, drawn, images
from verifai.report.terminal import words
from verifai.verdict import Counterexample, Falsified

HALF = fmpq(1, 2)


def query(shape: tuple[int, ...], size: int) -> Query:
    nodes = (Input("x", shape), affine("y", (1,), ((0, Dense.of([[1.0] * size])),)))
    unsafe = conjunction([atom({size: fmpq(1)}, fmpq(0))])
    return Query(Network(nodes, (1,)), (fmpq(0),) * size, (fmpq(1),) * size, unsafe)


def test_only_images_are_drawn_unless_a_size_is_given() -> None:
    assert images(query((1, 1, 4, 8), 32), None) == [(0, 4, 8)]
    assert images(query((1, 32), 32), None) == []
    assert images(query((1, 2, 4, 4), 32), None) == []
    assert images(query((1, 32), 32), (4, 8)) == [(0, 4, 8)]
    assert images(query((1, 32), 32), (4, 9)) == []


def test_grey_values_run_from_the_least_to_the_greatest_value_of_the_box() -> None:
    asked = query((1, 1, 4, 4), 16)
    inputs = (fmpq(0), HALF, fmpq(1), *[HALF] * 13)
    title, first, *_, last = drawn(asked, inputs, (0, 4, 4))
    assert title.startswith("as an image")
    assert first.split() == ["++@@++", "--..++.."]
    assert last.split() == ["++++++++", "........"]


def test_a_wide_image_stands_above_its_marks() -> None:
    asked = query((1, 1, 4, 40), 160)
    lines = drawn(asked, (HALF,) * 160, (0, 4, 40))
    assert len(lines) == 2 * (1 + 4)
    assert max(map(len, lines)) <= WIDE


def test_a_fixed_box_is_drawn_without_marks() -> None:
    asked = query((1, 1, 4, 4), 16)
    fixed = Query(asked.network, (HALF,) * 16, (HALF,) * 16, asked.unsafe)
    assert drawn(fixed, (HALF,) * 16, (0, 4, 4))[1:] == [""] * 4


def test_the_words_of_a_counterexample_hold_the_image() -> None:
    found = Counterexample((HALF,) * 32, ((fmpq(0), fmpq(0)),), fmpq(0), None)
    flat = query((1, 32), 32)
    assert "as an image" not in words(Falsified(found, "it fails"), flat, seconds=1)
    assert "  ++++++++++++++++    ................" in words(
        Falsified(found, "it fails"), flat, seconds=1, sides=(4, 8)
    )
