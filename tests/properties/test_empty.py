"""A domain without a point is refused, unless it is asked for: any property would hold on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import verifai as vf
from tests.properties.nets import mlp

DATA = Path(vf.__file__).parent / "data"
NET = mlp([[[1.0, 0.0], [0.0, 1.0]]], [[0.0, 0.0]])  # the identity of two inputs
BOX = [(0, 1), (1, 0)]


def builders(**options: Any) -> dict[str, Callable[[], vf.Verdict]]:
    sympy = pytest.importorskip("sympy")
    x, y = sympy.symbols("x y")
    region = vf.Domain((0, 1), (1, 0))
    return {
        "in_range": lambda: vf.in_range(NET, BOX, upper=-5, **options),
        "in_range of a Domain": lambda: vf.in_range(NET, region, upper=-5, **options),
        "monotone": lambda: vf.monotone(NET, BOX, input=0, direction=-1, **options),
        "equivalent": lambda: vf.equivalent(NET, NET, BOX, **options),
        "approximates": lambda: vf.approximates(NET, x, 0, BOX, variables=(x, y), **options),
        "domain": lambda: vf.in_range(NET, vf.domain(NET, BOX, **options), upper=-5, **options),
        "robust": lambda: vf.robust(NET, [0, "1/2"], eps=0, label=0, clip=(1, 1), **options),
    }


@pytest.mark.parametrize("name", builders())
def test_every_builder_refuses_and_takes_it_when_asked(name: str) -> None:
    with pytest.raises(vf.InputError, match=r"the domain is empty: input . .* allow_empty=True"):
        builders()[name]()
    verdict = vf.verify(builders(allow_empty=True)[name](), timeout=60, workers=1)
    assert verdict.status == "verified"
    assert isinstance(verdict, vf.Verified)
    assert verdict.vacuous


@pytest.mark.parametrize(
    "call",
    [
        lambda: vf.maximize(NET, 0, BOX),
        lambda: vf.radius(NET, [0, -3], clip=(0, 1)),
        lambda: vf.certify(NET, [[0, -3]], [0], eps=1, clip=(0, 1), jobs=1),
        lambda: vf.certify(NET, [[0, 3], [0, -3]], [0, 0], eps=1, clip=(0, 1), jobs=2),
        lambda: vf.approximation_property("x", BOX, tolerance=1).queries(NET),
    ],
)
def test_a_function_that_cannot_take_it_does_not_say_so(call: Callable[[], Any]) -> None:
    with pytest.raises(vf.InputError, match="the domain is empty") as caught:
        call()
    assert "allow_empty" not in str(caught.value)


def test_certify_says_what_to_do_about_an_empty_ball() -> None:
    said = r"^X\[0\]: the domain is empty: .* let clip hold every input, or scale the inputs"
    with pytest.raises(vf.InputError, match=said):
        vf.certify(NET, [[0, -3]], [0], eps=1, clip=(0, 1), jobs=1)


def test_an_image_of_bytes_under_a_clip_of_units_is_refused_by_name() -> None:
    net = vf.load(DATA / "digits_mlp.onnx")
    with np.load(DATA / "digits_test.npz") as file:
        image, label = file["images"][0] * 15.0, int(file["labels"][0])
    with pytest.raises(vf.InputError, match="is the image in 0…255") as caught:
        vf.robust(net, image, eps="1/100", label=label, clip=(0, 1))
    first = int(np.flatnonzero(image.reshape(-1) > 1.01)[0])
    least = image.reshape(-1)[first] - 0.01
    assert f"input {first} would lie between {least:.6g} and 1 " in str(caught.value)
    vf.robust(net, image / 255, eps="1/100", label=label, clip=(0, 1))
    vf.robust(net, image, eps="1/100", label=label, clip=(0, 255))


def test_the_guess_is_about_what_is_there() -> None:
    with pytest.raises(vf.InputError, match="are the ends the wrong way round"):
        vf.in_range(NET, BOX, upper=1)
    for eps in (0, 1):
        with pytest.raises(vf.InputError, match="the ends of clip the wrong way round"):
            vf.robust(NET, [0, 0], eps=eps, label=0, clip=(1, 0))
    with pytest.raises(vf.InputError, match="x is -3 there: does clip fit the data"):
        vf.robust(NET, [0, -3], eps=1, label=0, clip=(0, 1))
    with pytest.raises(vf.InputError, match=r"between 0\.25 and 0\.75 .where there is no integer"):
        vf.domain(NET, [("1/4", "3/4"), (0, 1)], integers=[0])


@pytest.mark.parametrize(
    "row",
    [
        ([(0, 1), (1, 1)], ">", 2),
        ({0: 1}, "<=", -1),
        ({0: -1}, ">", 0),
        ({0: 1, 1: -2}, "==", 2),
        ({0: 1, 1: -2}, "=", -3),
        ({}, "<", 0),
    ],
)
def test_a_row_that_holds_nowhere_in_the_box_is_named(row: Any) -> None:
    rows = [({0: 1}, "<=", 1), row]
    with pytest.raises(vf.InputError, match="the domain is empty: row 1 holds nowhere"):
        vf.domain(NET, [(0, 1), (0, 1)], rows=rows)
    assert vf.domain(NET, [(0, 1), (0, 1)], rows=rows, allow_empty=True).empty_row() == 1


@pytest.mark.parametrize(
    "row", [([(0, 1), (1, 1)], ">=", 2), ({0: 1, 1: -2}, "=", 1), ({}, "=", 0)]
)
def test_a_row_that_holds_at_one_point_is_taken(row: Any) -> None:
    assert vf.domain(NET, [(0, 1), (0, 1)], rows=[row]).empty_row() is None
