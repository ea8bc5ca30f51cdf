"""What the ONNX standard and onnxruntime read differently is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from tests.load.models import check_against_runtime, load, runtime, single
from verifai.load.errors import LoadError

X: dict[str, list[Any]] = {"x": [2, 3]}
LINE: dict[str, list[Any]] = {"x": [1, 1, 6]}
EMPTY = {"a": np.array([], np.int64)}
TAP = {"w": np.ones((1, 1, 1), np.float32)}
TAPS = {"w": np.ones((1, 1, 3), np.float32)}


def pool(op_type: str, mode: str = "NOTSET", **attributes: Any) -> onnx.ModelProto:
    shown = {} if mode == "NOTSET" else {"auto_pad": mode}
    return single(op_type, LINE, opset=19, **shown, **attributes)


def conv(op_type: str = "Conv", **attributes: Any) -> onnx.ModelProto:
    return single(op_type, LINE, TAPS, **attributes)


def sliced(start: int, end: int, step: int) -> onnx.ModelProto:
    numbers = {"b": start, "e": end, "a": 0, "s": step}
    return single("Slice", {"x": [4, 2]}, {n: np.array([v]) for n, v in numbers.items()})


REFUSED = [
    ("Squeeze.*an empty list of axes", single("Squeeze", {"x": [1, 3]}, EMPTY)),
    ("an axis twice", single("Squeeze", {"x": [1, 3]}, {"a": np.array([0, -2])})),
    ("SAME_UPPER where.*out", pool("AveragePool", "SAME_UPPER", kernel_shape=[1], strides=[3])),
    ("SAME_LOWER where.*out", pool("MaxPool", "SAME_LOWER", kernel_shape=[1], strides=[3])),
    (
        "SAME_UPPER where.*out",
        single("Conv", {"x": [1, 1, 8]}, TAP, auto_pad="SAME_UPPER", strides=[4]),
    ),
    ("with dilations", pool("MaxPool", "SAME_UPPER", kernel_shape=[2], dilations=[2])),
    ("with dilations", pool("AveragePool", "SAME_LOWER", kernel_shape=[2], dilations=[2])),
    ("output_padding", conv("ConvTranspose", output_padding=[1], strides=[1])),
    (
        "padding from both output_shape and output_padding",
        conv("ConvTranspose", output_padding=[1], strides=[2], output_shape=[13]),
    ),
    (
        "ceil_mode with auto_pad VALID",
        pool("MaxPool", "VALID", kernel_shape=[3], strides=[2], ceil_mode=1),
    ),
    (
        "two or more beyond the padding",
        pool("AveragePool", kernel_shape=[4], strides=[4], ceil_mode=1),
    ),
    ("a slice from -7 to", sliced(-7, -9, -1)),
    ("a slice from 2 to", sliced(2, (1 << 63) - 1, -1)),
    ("a slice from 2 to", sliced(2, (1 << 31) - 1, -1)),
    ("axis -1 of a tensor", single("Flatten", X, opset=9, axis=-1)),
    ("the lower bound 1.0 is above", single("Clip", X, opset=10, min=1.0, max=-1.0)),
]


@pytest.mark.parametrize(("message", "proto"), REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_what_is_read_in_two_ways_is_refused(
    message: str, proto: onnx.ModelProto, tmp_path: Path
) -> None:
    with pytest.raises(LoadError, match=message):
        load(proto, tmp_path)


def test_same_with_a_window_as_long_as_its_step_is_read(tmp_path: Path) -> None:
    for mode in ("SAME_UPPER", "SAME_LOWER"):
        for op_type in ("AveragePool", "MaxPool"):
            for kernel, stride in ((3, 2), (2, 2), (3, 3), (4, 1)):
                proto = pool(op_type, mode, kernel_shape=[kernel], strides=[stride])
                check_against_runtime(proto, tmp_path)


def test_convolutions_of_one_tap_in_steps_of_two_are_read(tmp_path: Path) -> None:
    for mode in ("SAME_UPPER", "SAME_LOWER"):
        for length in (5, 6):
            proto = single("Conv", {"x": [1, 1, length]}, TAP, auto_pad=mode, strides=[2])
            check_against_runtime(proto, tmp_path)


def test_a_maximum_over_windows_of_one_value_is_that_value(tmp_path: Path) -> None:
    proto = pool("MaxPool", kernel_shape=[2], strides=[3], dilations=[6], pads=[1, 1])
    check_against_runtime(proto, tmp_path)


def windows() -> list[dict[str, Any]]:
    """Every pool of a small range of attributes."""
    found = []
    for kernel in (1, 2, 3):
        for stride in (1, 2, 3, 4):
            for dilation in (1, 2):
                for ceil in (0, 1):
                    plain = {"kernel_shape": [kernel], "strides": [stride], "ceil_mode": ceil}
                    plain |= {"dilations": [dilation]} if dilation > 1 else {}
                    modes = ("VALID", "SAME_UPPER", "SAME_LOWER")
                    found += [plain | {"auto_pad": mode} for mode in modes]
                    ends = [pads for pads in ([0, 0], [1, 0], [1, 1]) if max(pads) < kernel]
                    found += [plain | {"pads": pads} for pads in ends]
    return found


@pytest.mark.parametrize("op_type", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("length", [5, 6])
def test_a_pool_that_is_read_is_what_onnxruntime_computes(
    op_type: str, length: int, tmp_path: Path
) -> None:
    read = 0
    for attributes in windows():
        proto = single(op_type, {"x": [1, 1, length]}, opset=19, **attributes)
        try:
            load(proto, tmp_path)
        except LoadError:
            continue
        check_against_runtime(proto, tmp_path)
        read += 1
    assert read > 100


def test_slices_are_cut_as_the_standard_and_onnxruntime_cut_them(tmp_path: Path) -> None:
    ends = (-9, -3, -1, 0, 1, 3, 9, (1 << 63) - 1, -(1 << 63))
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    for start in ends[:-1]:
        for end in ends:
            for step in (1, 2, -1, -2):
                if step < 0 and (start < -4 or end > 1 << 30):
                    continue  # refused, see above
                proto = sliced(start, end, step)
                kept = ReferenceEvaluator(proto).run(None, {"x": x})[0]
                assert (runtime(proto.SerializeToString(), {"x": x})[0] == kept).all()
                if kept.size:
                    check_against_runtime(proto, tmp_path)


@pytest.mark.parametrize("versions", [(13, 11), (11, 13), (12, 9), (14, 7)])
@pytest.mark.parametrize("alias", ["", "ai.onnx"])
def test_several_opsets_must_mean_the_same(
    versions: tuple[int, int], alias: str, tmp_path: Path
) -> None:
    """onnxruntime takes the one that comes last, other readers the highest."""

    def imported(op_type: str, shape: list[Any]) -> onnx.ModelProto:
        proto = single(op_type, {"x": shape})
        del proto.opset_import[:]
        proto.opset_import.add(domain="", version=versions[0])
        proto.opset_import.add(domain=alias, version=versions[1])
        return proto

    check_against_runtime(imported("Relu", [2, 3, 2]), tmp_path)
    if max(versions) >= 13:
        several = rf"opsets {max(versions)} and {min(versions)} are imported.*another one in each"
        with pytest.raises(LoadError, match=several):
            load(imported("Softmax", [2, 3, 2]), tmp_path)
    check_against_runtime(imported("Softmax", [1, 3]), tmp_path)


def test_outputs_without_values_are_refused(tmp_path: Path) -> None:
    proto = single("Tile", X, {"r": np.array([0, 1])})
    with pytest.raises(LoadError, match=r"the output 'y' has no values: its shape is \(0, 3\)"):
        load(proto, tmp_path)
