"""Constants made of constants: no jump is decided by numbers that a program rounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from tests.load.models import check_against_runtime, load, model, single
from verifai.load.errors import LoadError

NODE = helper.make_node
A = {name: np.float32(value) for name, value in {"a": 0.7, "b": 10, "c": 0.1, "d": 0.2}.items()}
A |= {"e": np.float32(0.3), "f": np.float32(5)}
SEVEN = NODE("Mul", ["a", "b"], ["p"])  # 7 in float32, below it over the reals
NOUGHT = [NODE("Add", ["c", "d"], ["s"]), NODE("Sub", ["s", "e"], ["p"])]  # 0 in float32
JUMPS = [
    [SEVEN, NODE("Cast", ["p"], ["q"], to=7)],
    [SEVEN, NODE("Floor", ["p"], ["q"])],
    [NODE("Mul", ["c", "b"], ["p"]), NODE("Ceil", ["p"], ["q"])],
    [NODE("Mul", ["c", "f"], ["p"]), NODE("Round", ["p"], ["q"])],
    [SEVEN, NODE("Mod", ["p", "a"], ["q"], fmod=1)],
    [SEVEN, NODE("Range", ["a", "p", "a"], ["r"]), NODE("ReduceSum", ["r"], ["q"])],
    [*NOUGHT, NODE("Sign", ["p"], ["q"])],
    [*NOUGHT, NODE("Cast", ["p"], ["q"], to=9)],
    *(
        [NODE("Add", ["c", "d"], ["p"]), NODE(name, ["p", "e"], ["q"])]
        for name in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
    ),
    [SEVEN, NODE("Identity", ["p"], ["r"]), NODE("Floor", ["r"], ["q"])],
    [NODE("Sum", ["c", "d"], ["p"]), NODE("Floor", ["p"], ["q"])],
]


def added(nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
    """x plus what the nodes make of constants."""
    ends = [NODE("Cast", ["q"], ["z"], to=1), NODE("Add", ["x", "z"], ["y"])]
    return model([*nodes, *ends], {"x": [1]}, A)


@pytest.mark.parametrize("nodes", JUMPS, ids=[each[-1].op_type for each in JUMPS])
def test_a_jump_of_constants_that_a_program_rounds_is_refused(
    nodes: list[onnx.NodeProto], tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match="it jumps, and the program rounds the constant"):
        load(added(nodes), tmp_path)


def test_an_exponent_that_a_program_rounds_is_refused(tmp_path: Path) -> None:
    nodes = [NODE("Div", ["a", "c"], ["p"]), NODE("Pow", ["x", "p"], ["y"])]
    with pytest.raises(LoadError, match="it jumps"):
        load(model(nodes, {"x": [1]}, A), tmp_path)


@pytest.mark.parametrize(
    "weights",
    [{"a": np.float32(2.5), "b": np.float32(3)}, {"a": np.float32(-7), "b": np.float32(0.25)}],
)
def test_a_jump_of_constants_that_no_program_rounds_is_read(
    weights: dict[str, np.ndarray], tmp_path: Path
) -> None:
    for last in ("Floor", "Ceil", "Round", "Sign"):
        nodes = [NODE("Mul", ["a", "b"], ["p"]), NODE(last, ["p"], ["q"])]
        ends = [NODE("Add", ["x", "q"], ["y"])]
        check_against_runtime(model([*nodes, *ends], {"x": [1]}, weights), tmp_path)


def test_a_jump_far_from_which_a_program_rounds_is_read(tmp_path: Path) -> None:
    for last in ("Floor", "Ceil", "Round"):
        nodes = [NODE("Mul", ["c", "e"], ["p"]), NODE("Div", ["p", "d"], ["r"])]
        check_against_runtime(added([*nodes, NODE(last, ["r"], ["q"])]), tmp_path)


def test_the_shape_of_rounded_constants_is_read(tmp_path: Path) -> None:
    nodes = [SEVEN, NODE("Size", ["p"], ["q"])]
    check_against_runtime(added(nodes), tmp_path)


def test_constants_that_overflow_their_type_are_refused(tmp_path: Path) -> None:
    weights = {"a": np.float32(1e38), "b": np.float32(10)}
    nodes = [NODE("Mul", ["a", "b"], ["p"]), NODE("Div", ["x", "p"], ["y"])]
    with pytest.raises(LoadError, match="too large for its type, float32"):
        load(model(nodes, {"x": [1]}, weights), tmp_path)


@pytest.mark.parametrize("pads", [[2, -4], [-4, 2], [-4, 5], [3, -5], [5, -6]])
def test_pads_that_cut_more_than_there_is_are_refused(pads: list[int], tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="cut more than 3 off an axis of 3"):
        load(single("Pad", {"x": [3]}, {"p": np.array(pads)}), tmp_path)


@pytest.mark.parametrize("pads", [[2, -3], [-3, 1], [-1, -1], [-2, 4], [1, -2]])
def test_pads_that_cut_what_there_is_are_read(pads: list[int], tmp_path: Path) -> None:
    check_against_runtime(single("Pad", {"x": [3]}, {"p": np.array(pads)}), tmp_path)
